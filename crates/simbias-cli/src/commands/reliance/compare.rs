//! `simbias reliance compare`: two results over the same rows and blocks.

use std::path::{Path, PathBuf};

use simbias_reliance::RelianceOutcome;
use simbias_reliance::document::ComparisonAnswer;
use simbias_run::{RunError, read_influences, read_outcome, result_file};

use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Compare two results: did a remedy make the model use more, or merely something else?
///
/// A higher metric without one block is not a success by itself: the model may have switched to another single
/// block. All blocks are compared, and "more diverse" is said only if at least two carry half of the skill alone.
/// Differences are paired over rows by the influences.safetensors that lies beside each result.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance compare runs/before/result.json runs/after/result.json
  simbias reliance compare runs/before runs/after
  simbias reliance compare before.json after.json --fail-on not-more-diverse")]
pub(crate) struct CompareArgs {
    /// Run of `reliance run`, `reliance score` or `audit` (what was measured before its remedies), its result.json, or -
    /// for standard input
    before: PathBuf,
    /// Run, or result.json, of the other model
    after: PathBuf,
    /// Exit with code 1 in this case
    #[arg(long, value_enum, value_name = "CASE")]
    fail_on: Option<BadCase>,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum BadCase {
    /// The model may not be called more diverse
    NotMoreDiverse,
}

impl CompareArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let before_file = result_file(shell.input(&self.before)?);
        let after_file = result_file(shell.input(&self.after)?);
        let (before, after) = (read(&before_file)?, read(&after_file)?);
        let influences = (read_influences(&before_file)?, read_influences(&after_file)?);
        let influences = influences.0.as_ref().zip(influences.1.as_ref());
        let answer = ComparisonAnswer::new(before, after, influences)?;
        if answer.comparison().n_sufficient.is_none() && self.fail_on.is_some() {
            return Err(Failure::input(format!(
                "donors were drawn {:?} and {:?}, so the results cannot say whether a model is more diverse",
                answer.before().mode.name(),
                answer.after().mode.name()
            ))
            .hint("measure both with --mode permute, or leave --fail-on out"));
        }
        shell.close_run(
            run,
            &answer,
            vec![
                shell.of_file(&result_file(&self.before))?,
                shell.of_file(&result_file(&self.after))?,
            ],
        )?;
        let is_bad = self.fail_on.is_some() && !answer.comparison().is_more_diverse();
        Ok(if is_bad { Finished::BadVerdict } else { Finished::Done })
    }
}

fn read(path: &Path) -> Result<RelianceOutcome, Failure> {
    read_outcome(path).map_err(|error| match error {
        RunError::Read { .. } => Failure::from(error).hint("check the path"),
        other => other.into(),
    })
}
