//! Results of earlier runs, read back.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;
use simbias_reliance::{Influences, RelianceOutcome};

use crate::RunError;

/// The measurement in `result.json` of a run that measured the reliance of one model, or that of an audit before its
/// remedies.
///
/// # Errors
/// [`RunError::Read`], [`RunError::Result`] for anything else.
pub fn read_outcome(path: &Path) -> Result<RelianceOutcome, RunError> {
    let path = &result_file(path);
    let text = std::fs::read_to_string(path).map_err(|error| RunError::read(path, error))?;
    let found = RelianceOutcome::from_json(&measured_by_audit(&text).unwrap_or(text));
    found.map_err(|error| RunError::Result { path: path.into(), source: Box::new(error) })
}

/// The file with the result that `path` means: itself, or the one in the directory of a run.
pub fn result_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("result.json") } else { path.into() }
}

/// The measurement of the audited model, if `text` is the result of an audit.
fn measured_by_audit(text: &str) -> Option<String> {
    let result: Value = serde_json::from_str(text).ok()?;
    // Results of older versions call this key `version`.
    let schema = result.get("schema").or_else(|| result.get("version"))?.as_str()?;
    schema.starts_with("simbias.audit/").then(|| result["reliance"].to_string())
}

/// The influences beside the result at `result`; `None` if there are none.
///
/// # Errors
/// [`RunError::Influences`] for a damaged file.
pub fn read_influences(result: &Path) -> Result<Option<Influences>, RunError> {
    let path = result_file(result).with_file_name(Influences::FILE);
    let bad = |problem: String| RunError::Influences { path: path.clone(), problem };
    match std::fs::read(&path) {
        Ok(bytes) => match Influences::from_safetensors(&bytes) {
            Ok(influences) => Ok(Some(influences)),
            Err(error) => Err(bad(error.to_string())),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(error.to_string())),
    }
}
