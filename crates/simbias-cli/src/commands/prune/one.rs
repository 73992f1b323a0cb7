//! `simbias prune MODEL`: one pruned checkpoint.

use std::path::{Path, PathBuf};

use simbias_checkpoint::Checkpoint;
use simbias_language::allocation::{Allocation, read_ratios};
use simbias_language::document::{Passes, PruningAnswer};
use simbias_language::prune::{
    Amount, AmountOptions, Method, PruneRequest, prune_by_data, prune_by_statistics,
};
use simbias_language::{LanguageModel, StatisticsFile};
use simbias_nn::device_from_str;
use simbias_run::{RunDirectory, RunError, of_checkpoint, of_file};
use simbias_spectra::SparsityOptions;
use simbias_spectra::prune::Pattern;

use super::super::layer_choice::LayerChoice;
use super::super::perplexity::{TokenArgs, file_name};
use super::{CalibrationArgs, MethodWord};
use crate::shell::{Failure, Finished, Shell};

/// Name of the written checkpoint inside the run's directory.
const CHECKPOINT: &str = "checkpoint";

#[derive(clap::Args, Debug)]
pub(super) struct OneArgs {
    /// .safetensors, its index, a folder of shards, .pt, .npz or .gguf
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    /// How weights are chosen
    #[arg(long, value_enum, default_value_t = MethodWord::Magnitude)]
    method: MethodWord,
    /// Share of zeros among the weights of the pruned layers
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    sparsity: Option<f64>,
    /// N zeros of every M neighbouring inputs, such as 2:4, instead of --sparsity
    #[arg(long, value_name = "N:M", value_parser = pattern, conflicts_with_all = ["sparsity", "allocation"])]
    pattern: Option<Pattern>,
    /// How the share is spread: uniform, alpha, farms, owl, or a file (sparsities.json, or CSV with layer,ratio)
    #[arg(long, value_name = "HOW", default_value = "uniform")]
    allocation: String,
    /// Half the width of the range of scores; 0 is uniform
    #[arg(long, value_name = "E", default_value_t = SparsityOptions::new(0.5).epsilon)]
    epsilon: f64,
    /// Statistics of the layers' inputs from another program, .npz or .safetensors, instead of --calibration
    #[arg(long, value_name = "FILE", conflicts_with = "calibration")]
    statistics: Option<PathBuf>,
    #[command(flatten)]
    choice: LayerChoice,
    /// Text that the model predicts before and after pruning
    #[arg(long, value_name = "TEXT")]
    evaluate: Option<PathBuf>,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    tokens: TokenArgs,
    /// New directory for the report and, under `checkpoint`, the pruned files; runs/prune-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let numbers = text
        .split_once(':')
        .and_then(|(zeros, of)| Some((zeros.parse::<usize>().ok()?, of.parse::<usize>().ok()?)));
    match numbers {
        Some((zeros, of)) if zeros > 0 && zeros < of => Ok(Pattern::Groups { zeros, of }),
        _ => Err("write N:M with 0 < N < M, such as 2:4".into()),
    }
}

impl OneArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        // Optional for the parser, which cannot tell `prune MODEL` from `prune compare` otherwise.
        let Some(path) = &self.model else {
            return Err(Failure::input("no model is named")
                .hint("`simbias prune MODEL --sparsity 0.5`; see --help"));
        };
        let amount = self.amount()?;
        if !(0.0..1.0).contains(&self.epsilon) {
            return Err(Failure::input(format!("--epsilon {} is not in [0, 1)", self.epsilon)));
        }
        let run = shell.open_run(self.out.as_deref())?;
        let checkpoint = Checkpoint::open(path)?;
        let method: Method = self.method.into();
        let needs_forward = (method.needs_data() && self.statistics.is_none())
            || self.evaluate.is_some()
            || amount.needs_data();
        if needs_forward {
            let model = LanguageModel::new(checkpoint, &device_from_str(shell.device())?)?;
            self.with_model(&model, method, amount, run, shell)
        } else {
            shell.computes_on_cpu();
            self.by_layer(&checkpoint, method, amount, run, shell)
        }
    }

    fn amount(&self) -> Result<Amount, Failure> {
        if let Some(pattern) = self.pattern {
            return Ok(Amount::Everywhere(pattern));
        }
        let allocation = Allocation::ALL
            .into_iter()
            .find(|allocation| allocation.name() == self.allocation && !allocation.is_control());
        let Some(allocation) = allocation else {
            let file = Path::new(&self.allocation);
            if !file.is_file() {
                return Err(Failure::input(format!(
                    "--allocation {:?} is neither uniform, alpha, farms, owl nor a file",
                    self.allocation
                )));
            }
            if self.sparsity.is_some() {
                return Err(Failure::input(
                    "--sparsity and a file of ratios contradict each other",
                )
                .hint("the file decides; leave --sparsity out"));
            }
            return Ok(Amount::Given(read_ratios(file)?));
        };
        let Some(sparsity) = self.sparsity else {
            return Err(Failure::input("the share to prune is missing")
                .hint("give --sparsity 0.5, --pattern 2:4, or --allocation FILE"));
        };
        if !(0.0..1.0).contains(&sparsity) {
            return Err(Failure::input(format!(
                "--sparsity {sparsity} is not a share of zeros: give a number of at least 0 and below 1"
            )));
        }
        Ok(match allocation {
            Allocation::Uniform => Amount::Everywhere(Pattern::Share(sparsity)),
            other => Amount::Dealt { allocation: other, target: sparsity },
        })
    }

    fn name(&self) -> String {
        self.model.as_deref().map(file_name).unwrap_or_default()
    }

    fn settings(&self, shell: &Shell, method: Method) -> serde_json::Value {
        serde_json::json!({
            "method": method,
            "sparsity": self.sparsity,
            "pattern": self.pattern,
            "allocation": self.allocation,
            "epsilon": self.epsilon,
            "calibration": self.calibration.calibration.as_ref().map(|path| serde_json::json!({
                "text": path.display().to_string(),
                "fingerprint": of_file(path).ok().map(|found| found.fingerprint),
                "sequences": self.calibration.sequences,
                "length": self.calibration.length,
            })),
            "statistics": self.statistics.as_ref().map(|path| path.display().to_string()),
            "seed": shell.seed().value(),
        })
    }

    fn asked(&self, method: Method) -> String {
        let how_much = match (self.pattern, self.sparsity) {
            (Some(Pattern::Groups { zeros, of }), _) => {
                format!("{zeros} zeros of every {of} inputs")
            }
            (_, Some(sparsity)) => {
                format!("{:.1} % of the weights, spread by {}", 100.0 * sparsity, self.allocation)
            }
            _ => format!("ratios of {}", file_name(Path::new(&self.allocation))),
        };
        format!("Pruned by {}: {how_much}", method.name())
    }

    /// With forward passes: only the matrices inside the blocks are pruned.
    fn with_model(
        &self,
        model: &LanguageModel,
        method: Method,
        amount: Amount,
        run: RunDirectory,
        shell: &Shell,
    ) -> Result<Finished, Failure> {
        let needs_calibration =
            (method.needs_data() && self.statistics.is_none()) || amount.needs_data();
        if self.statistics.is_some() && method.needs_data() {
            return Err(Failure::input("--evaluate and --statistics cannot be combined")
                .hint("prune first, then `simbias perplexity` on the written checkpoint"));
        }
        if needs_calibration && self.calibration.calibration.is_none() {
            return Err(Failure::input(format!(
                "{} looks at data, but none are given",
                method.name()
            ))
            .hint("give --calibration TEXT, or --statistics FILE from another program"));
        }
        let calibration = self.calibration.windows(model, &self.tokens, shell)?;
        let context = self.tokens.context(model);
        let evaluation =
            self.evaluate.as_ref().map(|path| self.tokens.read(path, model)).transpose()?;
        let progress = shell.progress("patterns of the layers");
        let wanted = |name: &str| self.choice.wants(name);
        let patterns =
            amount.of_model(model, &calibration, &self.amounts(&wanted, shell), &progress)?;
        let dense = evaluation
            .as_ref()
            .map(|text| {
                progress.begin("dense perplexity");
                let most = self.tokens.max_chunks();
                simbias_language::perplexity(model, text, context, most, &progress)
            })
            .transpose()?;
        progress.begin("pruning");
        let request = PruneRequest {
            method,
            patterns: &patterns,
            calibration: &calibration,
            evaluation: evaluation.as_ref().map(|text| (text, context, self.tokens.max_chunks())),
        };
        shell.note(&format!(
            "pruning needs about {} MB of memory and {} MB of disk beside the output",
            request.bytes_needed(model) >> 20,
            request.scratch_bytes(model) >> 20
        ));
        let out = run.place(CHECKPOINT)?;
        let settings = self.settings(shell, method);
        let (pruned, pruning) = prune_by_data(model, &request, &out, settings, &progress)?;
        drop(progress);
        let answer = PruningAnswer {
            model: self.name(),
            asked: self.asked(method),
            pruning,
            passes: Some(Passes { dense, pruned }),
        };
        let inputs = [&self.calibration.calibration, &self.evaluate];
        let inputs = inputs.into_iter().flatten().map(|path| of_file(path));
        let mut inputs = inputs.collect::<Result<Vec<_>, RunError>>()?;
        inputs.insert(0, of_checkpoint(model.checkpoint())?);
        shell.close_run(run, &answer, inputs)?;
        Ok(Finished::Done)
    }

    /// Layer by layer, for any checkpoint.
    fn by_layer(
        &self,
        checkpoint: &Checkpoint,
        method: Method,
        amount: Amount,
        run: RunDirectory,
        shell: &Shell,
    ) -> Result<Finished, Failure> {
        let statistics =
            self.statistics.as_ref().map(|path| StatisticsFile::open(path)).transpose()?;
        let progress = shell.progress("patterns of the layers");
        let wanted = |name: &str| self.choice.wants(name);
        let patterns =
            amount.of_checkpoint(checkpoint, &self.amounts(&wanted, shell), &progress)?;
        progress.begin("pruning");
        let out = run.place(CHECKPOINT)?;
        let pruning = prune_by_statistics(
            checkpoint,
            method,
            &patterns,
            statistics.as_ref(),
            &out,
            self.settings(shell, method),
            &progress,
        )?;
        drop(progress);
        let answer =
            PruningAnswer { model: self.name(), asked: self.asked(method), pruning, passes: None };
        shell.close_run(run, &answer, vec![of_checkpoint(checkpoint)?])?;
        Ok(Finished::Done)
    }

    /// Which layers are pruned, and how shares are spread over them.
    fn amounts<'a>(
        &self,
        wanted: &'a (dyn Fn(&str) -> bool + Sync),
        shell: &Shell,
    ) -> AmountOptions<'a> {
        AmountOptions {
            wanted,
            epsilon: self.epsilon,
            seed: shell.seed(),
            n_threads: Some(shell.threads()),
        }
    }
}
