//! `simbias reliance score`: the scores of a plan become a report.

use std::path::PathBuf;

use simbias_reliance::RelianceOptions;
use simbias_reliance::document::RelianceAnswer;
use simbias_run::{of_file, read_plan, read_scores};

use super::options::FigureArgs;
use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Turn the scores of a plan into a report.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance score --plan plan --scores scores.npy
  python score.py plan | simbias reliance score --plan plan --scores -
  simbias reliance score --plan plan --scores scores.safetensors --metric accuracy --json")]
pub(crate) struct ScoreArgs {
    /// Directory that `simbias reliance plan` wrote
    #[arg(long, value_name = "DIR")]
    plan: PathBuf,
    /// Scores of all jobs, [jobs, rows] or [jobs, rows, outputs]: .npy, .npz, .safetensors or a table of numbers;
    /// - for standard input
    #[arg(long, value_name = "FILE")]
    scores: PathBuf,
    #[command(flatten)]
    figures: FigureArgs,
    #[command(flatten)]
    out: OutArgs,
}

impl ScoreArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let plan = read_plan(&self.plan)?;
        let complement = plan.document.jobs.iter().any(|job| job.complement);
        self.figures.check(plan.document.mode, complement)?;
        let (scores, hash) = read_scores(shell.input(&self.scores)?)?;
        let options = self.figures.set(RelianceOptions::default());
        let measurement = plan.evaluate(scores.view(), hash.as_deref(), &options)?;
        let inputs = vec![of_file(&self.plan.join("plan.json"))?, shell.of_file(&self.scores)?];
        let outcome = measurement.outcome.clone();
        shell.close_run(run, &RelianceAnswer::new("scores", measurement), inputs)?;
        Ok(self.figures.ending([&outcome]))
    }
}
