//! `simbias train`: one of the networks of the checks on a user's own rows, resumable.

use std::cell::RefCell;
use std::path::PathBuf;

use clap::value_parser;
use simbias_audit::{AuditOptions, NetworkChoice, Recipe, Standardization, training_settings};
use simbias_data::{Dataset, read_splits};
use simbias_nn::{Device, device_from_str};
use simbias_reliance::Truth;
use simbias_run::{TrainingCheckpoint, of_dataset};
use simbias_train::{
    FitConfig, Hooks, LayerRates, Observed, Optimizer, Plain, Schedule, ShuffledEpochs,
    SpectralRates, StopReason, TraceRecorder, TrainState, TrainingAnswer, Watch, evaluate, fit,
};

use super::arguments::{ReadingArgs, SplitArgs};
use crate::shell::{Failure, Finished, Shell};

/// Train a network on labelled rows, with validation, traces and exact resume.
///
/// Weights are chosen by their score on validation rows, never on test rows. A run that is killed can continue
/// from its checkpoint and ends with the same weights, bit for bit on the CPU.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias train table.csv --labels outcome
  simbias train photos/ --image-size 64x64 --network cnn --optimizer momentum --learning-rate 0.05
  simbias train table.csv --labels outcome --out runs/a --resume runs/a.checkpoint

The run directory holds network.safetensors (PyTorch's parameter names), network.json (architecture,
standardisation, columns with their categories, classes), traces.safetensors (loss and logits of every validation row at each
evaluation), the report and the result.")]
pub(crate) struct TrainArgs {
    /// Rows with labels
    #[arg(value_name = "DATA")]
    data: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
    #[arg(long, value_name = "NAME", default_value = "auto", help = format!("Network: {}", NetworkChoice::known()))]
    network: NetworkChoice,
    /// Update rule; the audit's recipe when not given
    #[arg(long, value_enum)]
    optimizer: Option<OptimizerWord>,
    /// Learning rate; the recipe's when not given
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Weight decay, biases included; the recipe's when not given, or 5e-5 with --optimizer
    #[arg(long, value_name = "FACTOR", value_parser = factor, allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// Rates of layers from their weight spectra, updated every epoch: farms (windows of one shape) or tempbalance
    #[arg(long, value_enum, value_name = "RULE")]
    layer_rates: Option<LayerRatesWord>,
    /// Rows per step; the recipe's when not given
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Maximum number of steps
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = value_parser!(u64).range(1..))]
    max_steps: u64,
    /// Steps between evaluations
    #[arg(long, value_name = "N", default_value_t = 50)]
    evaluate_every: u64,
    /// Steps between checkpoints
    #[arg(long, value_name = "N", default_value_t = 100)]
    checkpoint_every: u64,
    #[command(flatten)]
    split: SplitArgs,
    /// Continue from this checkpoint; give the other flags as before
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// New directory for the network and the report; runs/train-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum LayerRatesWord {
    /// Exponents of windows, factors .1 to 1.9
    Farms,
    /// Exponents of whole layers, factors .6 to 1.4
    Tempbalance,
}

impl From<LayerRatesWord> for SpectralRates {
    fn from(word: LayerRatesWord) -> Self {
        match word {
            LayerRatesWord::Farms => Self::FARMS,
            LayerRatesWord::Tempbalance => Self::TEMP_BALANCE,
        }
    }
}

/// Weight decay of an optimizer that the user names: that of Shah et al.'s code.
const WEIGHT_DECAY: f64 = 5e-5;

fn factor(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|factor: &f64| factor.is_finite() && *factor >= 0.0)
        .ok_or_else(|| "give a number from 0 up".into())
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum OptimizerWord {
    /// Plain gradient descent
    Sgd,
    /// Gradient descent with momentum .9, no dampening
    Momentum,
    /// The same, looking ahead
    Nesterov,
    /// Adam, weight decay added to the gradient
    Adam,
    /// Adam with decoupled weight decay
    Adamw,
    /// RMSProp
    Rmsprop,
}

impl OptimizerWord {
    fn optimizer(self, weight_decay: f64) -> Optimizer {
        match self {
            Self::Sgd => Optimizer::sgd(weight_decay),
            Self::Momentum => Optimizer::momentum(0.9, weight_decay),
            Self::Nesterov => Optimizer::Sgd { momentum: 0.9, nesterov: true, weight_decay },
            Self::Adam => Optimizer::adam(weight_decay),
            Self::Adamw => Optimizer::adamw(weight_decay),
            Self::Rmsprop => Optimizer::rmsprop(weight_decay),
        }
    }
}

impl TrainArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(self.out.as_deref())?;
        let device = device_from_str(shell.device())?;
        let options = self.reading.all_parts("training")?;
        let split = read_splits(shell.source(&self.data)?, &options, &self.split.options(shell))?;
        shell.caveats(&split.notes());
        // One class alone teaches nothing.
        Truth::of(&split.train.0.target)?;
        let inputs = vec![of_dataset(&self.data, &split.train.0)];
        let standardization = Standardization::of_table(&split.train.0);
        let split = match &standardization {
            Some(standardization) => standardization.split(&split),
            None => split,
        };
        let (train, validation, test) = (&split.train.0, &split.validation.0, &split.test.0);
        let (recipe, config) = self.settings(train, &device)?;
        let checkpoint = TrainingCheckpoint::beside(&run);
        let (mut state, trace) = self.start(&recipe, &config, train, validation, shell)?;

        let progress = shell.progress("training");
        let trace = RefCell::new(trace);
        let mut keep = |state: &TrainState| {
            // Traces first: records after the state's step are recorded again.
            trace.borrow().save(&TrainingCheckpoint::traces(checkpoint.path()))?;
            checkpoint.save(state, &config, train)
        };
        let observed = Observed::new(&progress).keeping(self.checkpoint_every, &mut keep);
        let mut watch: Vec<Box<dyn Watch + '_>> = vec![Box::new(&trace), Box::new(observed)];
        let mut spectral: Option<SpectralRates> = self.layer_rates.map(Into::into);
        let hooks = Hooks {
            layer_rates: spectral.as_mut().map(|rates| rates as &mut dyn LayerRates),
            ..Hooks::new(&mut watch).validated(Some(validation))
        };
        let weights = train.mean_one_weights();
        let mut batches = ShuffledEpochs::new(train, config.batch_size);
        if let Some(weights) = &weights {
            batches = batches.weighted(weights);
        }
        let outcome = fit(&mut state, &mut batches, &config.loss, &mut Plain, &config, hooks)?;
        drop(watch);
        drop(progress);
        if outcome.reason == StopReason::Watcher {
            return shell.tell_how_to_resume(&checkpoint, Err(Failure::Interrupted));
        }

        let score = evaluate(&state.network, test, test.n_rows(), config.loss)?;
        let answer = TrainingAnswer::new(state, standardization, outcome, config.loss, score)
            .notes(split.notes())
            .learned_from(train)
            .traces(trace.into_inner().to_safetensors());
        let closed = shell.close_run(run, &answer, inputs);
        shell.tell_how_to_resume(&checkpoint, closed)?;
        checkpoint.remove();
        Ok(Finished::Done)
    }

    /// The audit's recipe with the user's changes.
    fn settings(&self, train: &Dataset, device: &Device) -> Result<(Recipe, FitConfig), Failure> {
        let options = AuditOptions {
            network: self.network,
            max_steps: self.max_steps,
            device: device.clone(),
            ..AuditOptions::default()
        };
        let (recipe, mut config) = training_settings(train, &options)?;
        config.evaluate_every = self.evaluate_every;
        if let Some(word) = self.optimizer {
            config.optimizer = word.optimizer(WEIGHT_DECAY);
        }
        if let Some(factor) = self.weight_decay {
            config.optimizer = config.optimizer.with_weight_decay(factor);
        }
        if let Some(rate) = self.learning_rate {
            config.schedule = Schedule::constant(rate);
        }
        if let Some(batch_size) = self.batch_size {
            config.batch_size = batch_size;
        }
        Ok((recipe, config))
    }

    /// A fresh network without traces, or the saved state with the traces up to it.
    fn start<'a>(
        &self,
        recipe: &Recipe,
        config: &FitConfig,
        train: &Dataset,
        validation: &'a Dataset,
        shell: &Shell,
    ) -> Result<(TrainState, TraceRecorder<'a>), Failure> {
        let mut trace = TraceRecorder::new(validation, config.loss, self.evaluate_every);
        let Some(path) = &self.resume else {
            let seed = shell.seed().child("train", 0);
            return Ok((recipe.start(seed, seed)?, trace));
        };
        let state =
            TrainingCheckpoint::load(path, &recipe.device, &recipe.architecture, config, train)?;
        let traces = TrainingCheckpoint::traces(path);
        if traces.is_file() {
            trace.resume(&traces, state.step)?;
        } else {
            shell.note(&format!(
                "there is no {traces:?}: the traces begin after step {}",
                state.step
            ));
        }
        Ok((state, trace))
    }
}
