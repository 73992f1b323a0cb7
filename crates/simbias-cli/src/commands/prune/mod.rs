//! `simbias prune`: sets weights to zero, and shows which way of choosing them costs least.

mod compare;
mod one;

use std::path::PathBuf;

use clap::Subcommand;
use simbias_language::prune::Method;
use simbias_language::{Calibration, LanguageModel, Text};

use super::perplexity::{TokenArgs, USUAL_CONTEXT};
use crate::shell::{Failure, Finished, Shell};

/// Set weights of a checkpoint to zero and write it again under the same names and types.
///
/// `simbias prune compare` tries many ways on one model without writing any of them.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  simbias prune model.safetensors --sparsity 0.5
  simbias prune checkpoint/ --method wanda --sparsity 0.6 --allocation farms --calibration book.txt
  simbias prune checkpoint/ --method sparsegpt --pattern 2:4 --calibration book.txt --evaluate other.txt
  simbias prune model.pt --method wanda --sparsity 0.5 --statistics statistics.npz
  simbias prune compare model.gguf --calibration book.txt --evaluate other.txt"
)]
pub(crate) struct PruneArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    one: one::OneArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Try methods, sparsities and allocations on one model, controls included, and compare perplexities
    Compare(Box<compare::CompareArgs>),
}

impl PruneArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        match &self.command {
            Some(Command::Compare(arguments)) => arguments.run(shell),
            None => self.one.run(shell),
        }
    }
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum MethodWord {
    /// By absolute value; needs no data
    Magnitude,
    /// By absolute value times the size of the input
    Wanda,
    /// With an update of the remaining weights
    Sparsegpt,
}

impl From<MethodWord> for Method {
    fn from(word: MethodWord) -> Self {
        match word {
            MethodWord::Magnitude => Self::Magnitude,
            MethodWord::Wanda => Self::Wanda,
            MethodWord::Sparsegpt => Self::SparseGpt,
        }
    }
}

/// The text that a method is calibrated on.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Calibration")]
struct CalibrationArgs {
    /// Text (or tokens in .npy) to calibrate the methods that look at data
    #[arg(long, value_name = "TEXT")]
    calibration: Option<PathBuf>,
    /// Windows drawn from the text; the literature takes 128
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = crate::shell::at_least_one)]
    sequences: usize,
    /// Tokens per window, at most the model's context; the literature takes 2048
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = crate::shell::at_least_one)]
    length: usize,
}

impl CalibrationArgs {
    /// The windows, if a text is given.
    fn windows(
        &self,
        model: &LanguageModel,
        tokens: &TokenArgs,
        shell: &Shell,
    ) -> Result<Vec<Vec<u32>>, Failure> {
        let Some(path) = &self.calibration else { return Ok(Vec::new()) };
        let longest = model.decoder().context.min(USUAL_CONTEXT.max(self.length));
        let calibration =
            Calibration { n_sequences: self.sequences, length: self.length.min(longest) };
        let text: Text = tokens.read(path, model)?;
        Ok(text.windows(calibration, shell.seed())?)
    }
}
