//! `simbias open`: the report of a run in a browser.

use std::path::{Path, PathBuf};

use serde_json::json;
use simbias_run::find_report;

use super::runs::FOLDER;
use crate::shell::{Failure, Finished, Shell, browser};

/// Show the report of a run in a browser; its path is printed where there is none.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias open                              the newest run under runs/
  simbias open runs/audit-20260131-130509-042
  simbias open 130509                       the run with this in its name
  scp server:$(simbias open --print) .      only the path")]
pub(crate) struct OpenArgs {
    /// Directory of a run, a file in it, or a part of its name under runs/; the newest run when not given
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Folder with the runs
    #[arg(long = "in", value_name = "DIR", default_value = FOLDER)]
    folder: PathBuf,
    /// Print the path of the report, and open nothing
    #[arg(long)]
    print: bool,
}

impl OpenArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let page = find_report(self.run.as_deref(), &self.folder)?;
        let page = absolute(&page)?;
        let is_open = !self.print && browser::open(&page);
        if shell.wants_json() {
            shell.print_json(&json!({
                "schema": "simbias.open/1",
                "report": page,
                "opened": is_open,
            }))?;
        } else if is_open {
            shell.note(&format!("opened {}", page.display()));
        } else {
            if !self.print {
                shell.note("no browser could be opened here; this is the report:");
            }
            shell.print(&format!("{}\n", page.display()))?;
        }
        Ok(Finished::Done)
    }
}

/// Browsers do not know this process's folder.
fn absolute(page: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(page)
        .map_err(|error| Failure::input(format!("cannot tell where {page:?} lies: {error}")))
}
