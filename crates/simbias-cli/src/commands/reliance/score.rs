//! `simbias reliance score`: the scores of a plan become a report.

use std::path::PathBuf;

use simbias_reliance::RelianceOptions;

use super::options::FigureArgs;
use super::{plan_files, run};
use crate::commands::influences_file;
use crate::shell::{Answer, Failure, Finished, Shell, of_file};

/// Turn the scores of a plan into a report.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance score --plan plan --scores scores.npy
  simbias reliance score --plan plan --scores scores.safetensors --metric accuracy --json")]
pub(crate) struct ScoreArgs {
    /// Directory that `simbias reliance plan` wrote
    #[arg(long, value_name = "DIR")]
    plan: PathBuf,
    /// Scores of all jobs, [jobs, rows] or [jobs, rows, outputs]: .npy, .npz, .safetensors or a table of numbers
    #[arg(long, value_name = "FILE")]
    scores: PathBuf,
    #[command(flatten)]
    figures: FigureArgs,
    /// New directory for report and result; runs/reliance-score-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ScoreArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let directory = shell.open_run(self.out.as_deref())?;
        let plan = plan_files::read(&self.plan)?;
        let complement = plan.document.jobs.iter().any(|job| job.complement);
        self.figures.check(plan.document.mode, complement)?;
        let (scores, hash) = plan_files::read_scores(&self.scores)?;
        let options = self.figures.set(RelianceOptions::default());
        let measurement = plan.evaluate(scores.view(), hash.as_deref(), &options)?;
        let is_bad = self.figures.is_bad(&measurement.outcome);
        if let Some(influences) = &measurement.influences {
            influences_file::write(&directory, influences)?;
        }
        let (report, result) = run::single(measurement)?;
        let inputs = vec![of_file(&self.plan.join("plan.json"))?, of_file(&self.scores)?];
        shell.close_run(directory, Answer { report, result, inputs })?;
        Ok(if is_bad { Finished::BadVerdict } else { Finished::Done })
    }
}
