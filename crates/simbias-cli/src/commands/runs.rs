//! `simbias runs`: what was measured so far.

use std::path::PathBuf;

use serde_json::json;
use simbias_run::{KeptRun, kept_runs};

use crate::shell::{Failure, Finished, Shell};

/// Where runs lie when `--out` does not say otherwise.
pub(super) const FOLDER: &str = "runs";
/// Runs that are listed without `--full`.
const MOST_SHOWN: usize = 7;

/// List the runs of this folder, the newest first: when, with which command, and what came out.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias runs
  simbias runs results/ --full
  simbias runs --json | jq -r '.runs[].headline'
  simbias open                 the newest one in a browser")]
pub(crate) struct RunsArgs {
    /// Folder with the runs
    #[arg(value_name = "DIR", default_value = FOLDER)]
    folder: PathBuf,
}

impl RunsArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let runs = kept_runs(&self.folder)?;
        if shell.wants_json() {
            shell.print_json(&json!({ "schema": "simbias.runs/1", "runs": runs }))?;
            return Ok(Finished::Done);
        }
        if runs.is_empty() {
            shell.note(&format!("there are no runs in {}", self.folder.display()));
            return Ok(Finished::Done);
        }
        let n_shown = if shell.wants_all() { runs.len() } else { runs.len().min(MOST_SHOWN) };
        let text: String = runs[..n_shown].iter().map(|run| entry(run, shell)).collect();
        shell.print(&text)?;
        if n_shown < runs.len() {
            shell.note(&format!("{} older runs: --full lists them", runs.len() - n_shown));
        }
        Ok(Finished::Done)
    }
}

/// Three lines: where and when, the command, the first sentence of the answer.
fn entry(run: &KeptRun, shell: &Shell) -> String {
    let headline = run.headline.as_deref().unwrap_or("(files, no report)");
    let lines = [
        format!("{}  {}", run.started, run.path.display()),
        format!("    {}", run.command),
        format!("    {headline}"),
    ];
    lines.map(|line| shell.one_line(&line) + "\n").concat()
}
