//! `simbias spectrum compare`: before and after.

use std::path::PathBuf;

use simbias_checkpoint::Checkpoint;
use simbias_report::Progress;
use simbias_run::of_checkpoint;
use simbias_spectra::{compare, have_common_layer, scan_difference};

use super::MeasuringArgs;
use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

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
    #[command(flatten)]
    out: OutArgs,
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
        let run = self.out.open(shell)?;
        let (first, before) = self.measuring.scan(&self.before, shell)?;
        let (second, after) = self.measuring.scan(&self.after, shell)?;
        let progress = shell.progress("spectra of the differences");
        let wants = |name: &str| self.measuring.choice.wants(name);
        let options = self.measuring.options(shell);
        let difference = scan_difference(&first, &second, &options, &wants, &progress)?;
        progress.keep_going()?;
        drop(progress);
        let found = compare(&before, &after)?.with_difference(&before, &difference);
        shell.close_run(run, &found, vec![of_checkpoint(&first)?, of_checkpoint(&second)?])?;
        Ok(Finished::Done)
    }
}
