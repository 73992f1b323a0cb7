//! `simbias prune compare`: which allocation costs least, beside its controls.

use std::path::PathBuf;

use simbias_language::allocation::{Allocation, score_blocks};
use simbias_language::comparison::{CompareRequest, compare_allocations};
use simbias_language::document::ComparisonAnswer;
use simbias_language::prune::Method;
use simbias_run::{RunError, of_checkpoint, of_file};
use simbias_spectra::{ExponentKind, SparsityOptions};

use super::super::perplexity::{TokenArgs, file_name, open};
use super::{CalibrationArgs, MethodWord};
use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Prune one model in many ways, without writing any of them, and compare how well each still predicts a text.
///
/// Allocations by exponents stand beside controls that show what the exponents themselves contribute: the same scores
/// permuted at random, the same scores reversed, and the first block spared whatever the scores.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias prune compare model.gguf --calibration book.txt --evaluate other.txt
  simbias prune compare checkpoint/ --methods magnitude --sparsities 0.5,0.7 --evaluate book.txt --max-chunks 16")]
pub(super) struct CompareArgs {
    /// LLaMA, Mistral, Qwen2 or GPT-2: a folder or file with config.json beside it, or .gguf
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Text that every pruned model predicts
    #[arg(long, value_name = "TEXT")]
    evaluate: PathBuf,
    /// Methods, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [MethodWord::Magnitude, MethodWord::Wanda])]
    methods: Vec<MethodWord>,
    /// Shares of zeros, separated by commas
    #[arg(long, value_name = "SHARES", value_delimiter = ',', default_values_t = [0.5, 0.6, 0.7])]
    sparsities: Vec<f64>,
    /// Allocations, separated by commas: uniform, alpha, farms, owl, permuted, reversed, first-block
    #[arg(long, value_name = "HOW", value_delimiter = ',', value_parser = allocation, default_values = USUAL)]
    allocations: Vec<Allocation>,
    /// Random permutations behind "permuted"
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = crate::shell::at_least_one)]
    permutations: usize,
    /// Half the width of the range of scores
    #[arg(long, value_name = "E", default_value_t = SparsityOptions::new(0.5).epsilon)]
    epsilon: f64,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    tokens: TokenArgs,
    #[command(flatten)]
    out: OutArgs,
}

/// Allocations tried by default; OWL is not one of them because it needs data.
const USUAL: [&str; 6] = ["uniform", "alpha", "farms", "permuted", "reversed", "first-block"];

fn allocation(text: &str) -> Result<Allocation, String> {
    let names = Allocation::ALL.map(Allocation::name);
    Allocation::ALL
        .into_iter()
        .find(|allocation| allocation.name() == text)
        .ok_or_else(|| format!("choose from {}", names.join(", ")))
}

impl CompareArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        if let Some(wrong) = self.sparsities.iter().find(|s| !(0.0..1.0).contains(*s)) {
            return Err(Failure::input(format!(
                "--sparsities: {wrong} is not a share of zeros: give numbers of at least 0 and below 1"
            )));
        }
        let methods: Vec<Method> = self.methods.iter().map(|&word| word.into()).collect();
        let needs_data = methods.iter().any(|method| method.needs_data())
            || self.allocations.contains(&Allocation::Owl);
        if needs_data && self.calibration.calibration.is_none() {
            return Err(Failure::input(
                "Wanda, SparseGPT and OWL look at data, but none are given",
            )
            .hint("give --calibration TEXT, or --methods magnitude"));
        }
        let run = self.out.open(shell)?;
        let model = open(&self.model, shell)?;
        let evaluation = self.tokens.read(&self.evaluate, &model)?;
        let calibration = self.calibration.windows(&model, &self.tokens, shell)?;
        let progress = shell.progress("spectra of the blocks");
        let scores = score_blocks(&model, &|_| true, Some(shell.threads()), &progress)?;
        drop(progress);
        let request = CompareRequest {
            methods: &methods,
            sparsities: &self.sparsities,
            allocations: &self.allocations,
            n_permutations: self.permutations,
            epsilon: self.epsilon,
            controlled: ExponentKind::Windows,
            calibration: &calibration,
            evaluation: &evaluation,
            context: self.tokens.context(&model),
            max_chunks: self.tokens.max_chunks(),
            seed: shell.seed(),
        };
        let progress = shell.progress("ways to prune");
        let found = compare_allocations(&model, &scores, &request, &progress)?;
        drop(progress);
        let inputs = [Some(&self.evaluate), self.calibration.calibration.as_ref()];
        let inputs = inputs.into_iter().flatten().map(|path| of_file(path));
        let mut inputs = inputs.collect::<Result<Vec<_>, RunError>>()?;
        inputs.insert(0, of_checkpoint(model.checkpoint())?);
        let answer = ComparisonAnswer { model: file_name(&self.model), comparison: found };
        shell.close_run(run, &answer, inputs)?;
        Ok(Finished::Done)
    }
}
