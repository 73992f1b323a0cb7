//! `simbias spectrum track`: a training, checkpoint by checkpoint.

use std::path::PathBuf;

use simbias_report::Report;
use simbias_spectra::document::series_section;
use simbias_spectra::{RateOptions, track};

use super::MeasuringArgs;
use crate::shell::{Answer, Failure, Finished, Shell, of_checkpoint};

/// Follow the exponents of every layer over several checkpoints of one training, in the order in which they are named.
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
    /// New directory for report and result; runs/spectrum-track-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl TrackArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        if let Some(wrong) = self.base_lr.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            return Err(Failure::input(format!(
                "--base-lr {wrong} is no learning rate: give a number above 0"
            )));
        }
        let run = shell.open_run(self.out.as_deref())?;
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
        let report = Report::new(format!("Weight spectra of {} checkpoints", tables.len()))
            .section(series_section(&series));
        shell.close_run(run, Answer { report, result: series, inputs })?;
        Ok(Finished::Done)
    }
}
