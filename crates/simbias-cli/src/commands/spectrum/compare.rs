//! `simbias spectrum compare`: before and after.

use std::path::PathBuf;

use simbias_data::checkpoint::Checkpoint;
use simbias_report::{Progress, Report};
use simbias_spectra::document::comparison_section;
use simbias_spectra::{compare, have_common_layer, scan_difference};

use super::MeasuringArgs;
use crate::shell::{Answer, Failure, Finished, Shell, of_checkpoint};

/// Compare two checkpoints layer by layer: exponents with errors, norms, and the spectrum of the difference.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias spectrum compare base.safetensors finetuned.safetensors
  simbias spectrum compare dense/ pruned/ --include mlp")]
pub(crate) struct CompareArgs {
    /// The checkpoint before
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The checkpoint after
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    #[command(flatten)]
    measuring: MeasuringArgs,
    /// New directory for report and result; runs/spectrum-compare-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl CompareArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let layers = self.measuring.options(shell).layers;
        let (first, second) = (Checkpoint::open(&self.before)?, Checkpoint::open(&self.after)?);
        if !have_common_layer(&first, &second, &layers) {
            return Err(Failure::input(format!(
                "{:?} and {:?} have no layer of the same name and shape",
                self.before, self.after
            )));
        }
        let run = shell.open_run(self.out.as_deref())?;
        let (first, before) = self.measuring.scan(&self.before, shell)?;
        let (second, after) = self.measuring.scan(&self.after, shell)?;
        let progress = shell.progress("spectra of the differences");
        let wants = |name: &str| self.measuring.choice.wants(name);
        let options = self.measuring.options(shell);
        let difference = scan_difference(&first, &second, &options, &wants, &progress)?;
        progress.keep_going()?;
        drop(progress);
        let found = compare(&before, &after)?.with_difference(&before, &difference);
        let report = Report::new(format!(
            "Weight spectra of {} and {}",
            before.checkpoint, after.checkpoint
        ))
        .section(comparison_section(&found));
        let result = serde_json::json!({
            "version": "simbias.spectrum-comparison/1",
            "comparison": found,
        });
        shell.close_run(
            run,
            Answer {
                report,
                result,
                inputs: vec![of_checkpoint(&first)?, of_checkpoint(&second)?],
            },
        )?;
        Ok(Finished::Done)
    }
}
