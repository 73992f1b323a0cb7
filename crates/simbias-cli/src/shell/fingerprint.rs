//! Content hashes of what was read.

use std::path::Path;

use simbias_data::Dataset;
use simbias_report::InputFingerprint;

use super::Failure;

/// The rows and labels of a data set.
pub(crate) fn of_dataset(path: &Path, dataset: &Dataset) -> InputFingerprint {
    InputFingerprint {
        name: path.display().to_string(),
        fingerprint: format!("rows:{}", dataset.fingerprint()),
    }
}

/// The bytes of a file.
pub(crate) fn of_file(path: &Path) -> Result<InputFingerprint, Failure> {
    let mut hasher = blake3::Hasher::new();
    std::fs::File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|_| ()))
        .map_err(|error| Failure::input(format!("cannot read {path:?}: {error}")))?;
    Ok(InputFingerprint {
        name: path.display().to_string(),
        fingerprint: format!("blake3:{}", &hasher.finalize().to_hex()[..32]),
    })
}
