//! `simbias spectrum track`: a training, checkpoint by checkpoint.

use std::path::PathBuf;

use simbias_run::of_checkpoint;
use simbias_spectra::{RateOptions, track};

use super::MeasuringArgs;
use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Follow the exponents of every layer over several checkpoints of one training, in the order given.
///
/// With --base-lr the rates that TempBalance's map would give after every checkpoint go into result.json.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias spectrum track epoch1.safetensors epoch2.safetensors epoch3.safetensors
  simbias spectrum track checkpoints/*.safetensors --base-lr 0.1 --include conv")]
pub(crate) struct TrackArgs {
    /// Two or more checkpoints
    #[arg(value_name = "MODEL", required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// The scheduler's rate, for the rates of layers
    #[arg(long, value_name = "RATE")]
    base_lr: Option<f64>,
    #[command(flatten)]
    measuring: MeasuringArgs,
    #[command(flatten)]
    out: OutArgs,
}

impl TrackArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        if let Some(wrong) = self.base_lr.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            return Err(Failure::input(format!(
                "--base-lr {wrong} is not a learning rate: give a number above 0"
            )));
        }
        let run = self.out.open(shell)?;
        let mut tables = Vec::new();
        let mut inputs = Vec::new();
        for model in &self.models {
            let (checkpoint, table) = self.measuring.scan(model, shell)?;
            inputs.push(of_checkpoint(&checkpoint)?);
            tables.push(table);
        }
        let mut series = track(&tables)?;
        if let Some(base) = self.base_lr {
            series = series.with_learning_rates(&tables, &RateOptions::new(base))?;
        }
        shell.close_run(run, &series, inputs)?;
        Ok(Finished::Done)
    }
}
