//! The loop: batches in a named random order, a step rule, an optimiser, stop rules and watchers.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use simbias_data::Dataset;
use simbias_nn::{Network, Tensor};
use simbias_stats::Seed;

use crate::TrainError;
use crate::batch::{Batch, epoch_order, gather};
use crate::loss::Loss;
use crate::optimizer::{Optimizer, OptimizerState, RateRule};
use crate::predict::row_losses;
use crate::schedule::Schedule;
use crate::step::{DeviceBatch, Plain, StepRule};

/// Relative change of the validation loss that still counts as a plateau.
const FLAT: f64 = 0.01;

/// Everything that training changes; a checkpoint is this and nothing else.
///
/// All random draws are addressed by seed, epoch and step, so that a run continued from a saved state is the
/// run that was never interrupted, bit for bit on the CPU.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// Current weights. After [`fit`] has ended by itself: those of [`FitConfig::keep`].
    pub network: Network,
    /// Memory of the optimiser.
    pub optimizer: OptimizerState,
    /// Root of all draws of this run.
    pub seed: Seed,
    /// Steps done.
    pub step: u64,
    /// Evaluations so far, by increasing step.
    pub evaluations: Vec<Evaluation>,
    pub(crate) best: Option<Vec<Tensor<1>>>,
    pub(crate) layer_rates: Option<EpochRates>,
}

/// Multipliers that hold for one epoch; a run that goes on in its middle goes on with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochRates {
    pub(crate) epoch: u64,
    /// [`LayerRates::name`] of what chose them.
    pub(crate) rule: String,
    /// One a parameter.
    pub(crate) multipliers: Vec<f64>,
}

impl TrainState {
    /// The state before the first step.
    pub fn new(network: Network, seed: Seed) -> Self {
        let optimizer = OptimizerState::new(&network);
        Self {
            network,
            optimizer,
            seed,
            step: 0,
            evaluations: Vec::new(),
            best: None,
            layer_rates: None,
        }
    }

    /// The best evaluation on the validation set so far, the earliest of equals.
    pub fn best_evaluation(&self) -> Option<&Evaluation> {
        let mut best: Option<(&Evaluation, Score)> = None;
        for evaluation in &self.evaluations {
            let Some(score) = evaluation.validation else { continue };
            if best.is_none_or(|(_, so_far)| score.is_better_than(so_far)) {
                best = Some((evaluation, score));
            }
        }
        best.map(|(evaluation, _)| evaluation)
    }
}

/// Mean loss and accuracy over some rows, in evaluation mode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean loss, unweighted.
    pub loss: f64,
    /// Share of rows whose largest logit is their class (ties: the lowest class); `None` for regression.
    pub accuracy: Option<f64>,
}

impl Score {
    /// Higher accuracy, then lower loss.
    fn is_better_than(self, other: Self) -> bool {
        let by_accuracy = match (self.accuracy, other.accuracy) {
            (Some(mine), Some(theirs)) => mine.total_cmp(&theirs),
            _ => Ordering::Equal,
        };
        by_accuracy.then(other.loss.total_cmp(&self.loss)) == Ordering::Greater
    }
}

/// What was measured at one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps done.
    pub step: u64,
    /// On the first training rows; see [`LossGoal`].
    pub train: Option<Score>,
    /// On the validation rows.
    pub validation: Option<Score>,
}

/// Stop once the training loss is small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossGoal {
    /// Stop below this mean loss.
    pub below: f64,
    /// Training rows to look at, from the first on.
    pub n_rows: usize,
}

impl Default for LossGoal {
    /// The stop rule of Shah et al. 2020, on 20 000 rows.
    fn default() -> Self {
        Self { below: 1e-2, n_rows: 20_000 }
    }
}

/// Stop when the validation score no longer improves.
///
/// Counting begins only when some validation loss has differed from the first one by more than one percent: a
/// long flat phase at the start is how hard features are learned, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// Evaluations without a new best before stopping.
    pub evaluations: usize,
}

/// Which weights remain at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the best evaluation on the validation set; without one, the last.
    #[default]
    BestOnValidation,
    /// Those after the last step.
    Last,
}

/// Settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitConfig {
    /// Update rule.
    pub optimizer: Optimizer,
    /// Learning rate by step.
    pub schedule: Schedule,
    /// Multipliers of the rate by parameter name.
    pub rates: Vec<RateRule>,
    /// What is minimised.
    pub loss: Loss,
    /// Rows a batch; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Steps after which training ends in any case.
    pub max_steps: u64,
    /// Steps between evaluations.
    pub evaluate_every: u64,
    /// Stop on a small training loss.
    pub goal: Option<LossGoal>,
    /// Stop on a stale validation score.
    pub patience: Option<Patience>,
    /// Which weights remain.
    pub keep: Keep,
}

impl FitConfig {
    /// Plain settings: cross-entropy, batches of 256, an evaluation each 250 steps and no early stop, as in
    /// the checks of Shah et al. 2020.
    pub fn new(optimizer: Optimizer, schedule: Schedule, max_steps: u64) -> Self {
        Self {
            optimizer,
            schedule,
            rates: Vec::new(),
            loss: Loss::CrossEntropy,
            batch_size: 256,
            max_steps,
            evaluate_every: 250,
            goal: None,
            patience: None,
            keep: Keep::default(),
        }
    }

    fn check(&self) -> Result<(), TrainError> {
        let wrong =
            |field, found: String, expected| Err(TrainError::Setting { field, found, expected });
        if self.batch_size == 0 {
            return wrong("batch_size", "0".into(), "at least 1 row");
        }
        if self.evaluate_every == 0 {
            return wrong("evaluate_every", "0".into(), "at least 1 step");
        }
        if !(self.schedule.base.is_finite() && self.schedule.base >= 0.0) {
            return wrong(
                "learning rate",
                self.schedule.base.to_string(),
                "a finite rate from 0 up",
            );
        }
        let weight_decay = self.optimizer.weight_decay();
        if !(weight_decay.is_finite() && weight_decay >= 0.0) {
            return wrong("weight decay", weight_decay.to_string(), "a finite factor from 0 up");
        }
        Ok(())
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Take the next step.
    Continue,
    /// End here; the state can be continued later.
    Stop,
}

/// One step as a watcher sees it.
#[derive(Debug)]
pub struct StepRecord<'a> {
    /// Steps done, this one included.
    pub step: u64,
    /// Steps after which training ends at the latest.
    pub max_steps: u64,
    /// Epoch of the step, counted from 0.
    pub epoch: u64,
    /// Whether it was the last step of its epoch.
    pub ends_epoch: bool,
    /// Scheduled learning rate.
    pub learning_rate: f64,
    loss: &'a Tensor<1>,
}

impl StepRecord<'_> {
    /// Mean loss of the batch before the step. Waits for the device: ask every n-th step only.
    pub fn loss(&self) -> f64 {
        read_scalar(self.loss)
    }
}

/// Sees training happen: recorders, checkpoints, progress bars, interrupts.
pub trait Watch {
    /// Called after every step, and after the evaluation if one was due.
    ///
    /// # Errors
    ///
    /// Whatever the watcher cannot cope with; training ends with it.
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError>;

    /// Called after every evaluation.
    ///
    /// # Errors
    ///
    /// As above.
    fn after_evaluation(
        &mut self,
        _state: &TrainState,
        _evaluation: &Evaluation,
    ) -> Result<Flow, TrainError> {
        Ok(Flow::Continue)
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWatch;

impl Watch for NoWatch {
    fn after_step(&mut self, _: &TrainState, _: &StepRecord<'_>) -> Result<Flow, TrainError> {
        Ok(Flow::Continue)
    }
}

impl Watch for Vec<Box<dyn Watch + '_>> {
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        let mut flow = Flow::Continue;
        for watch in self {
            if watch.after_step(state, record)? == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        Ok(flow)
    }

    fn after_evaluation(
        &mut self,
        state: &TrainState,
        evaluation: &Evaluation,
    ) -> Result<Flow, TrainError> {
        let mut flow = Flow::Continue;
        for watch in self {
            if watch.after_evaluation(state, evaluation)? == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        Ok(flow)
    }
}

/// May rewrite a batch before its step: augmentation, adversarial examples, block permutation.
pub trait PrepareBatch {
    /// Changes `batch` in place. `seed` belongs to this step alone.
    ///
    /// # Errors
    ///
    /// Whatever it cannot cope with; training ends with it.
    fn prepare(
        &mut self,
        network: &Network,
        batch: &mut Batch,
        seed: Seed,
    ) -> Result<(), TrainError>;
}

/// Chooses the rates of layers anew at the beginning of every epoch, from the weights as they are then.
pub trait LayerRates {
    /// Name and settings; a run can only be continued under the same.
    fn name(&self) -> String;

    /// Multipliers of the scheduled rate, on top of those of [`FitConfig::rates`].
    ///
    /// # Errors
    ///
    /// Whatever it cannot cope with; training ends with it.
    fn renew(&mut self, network: &Network, epoch: u64) -> Result<Vec<RateRule>, TrainError>;
}

/// The open ends of [`fit`].
pub struct Hooks<'a> {
    /// From batch to gradients.
    pub rule: &'a mut dyn StepRule,
    /// Rewrites batches.
    pub prepare: Option<&'a mut dyn PrepareBatch>,
    /// Renews the rates of layers every epoch.
    pub layer_rates: Option<&'a mut dyn LayerRates>,
    /// Factor on every training row's loss, `[n_rows]`; the batch mean divides by the number of rows.
    pub example_weights: Option<&'a [f32]>,
    /// Sees every step.
    pub watch: &'a mut dyn Watch,
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The training loss reached the goal.
    Goal,
    /// All steps done.
    MaxSteps,
    /// No improvement on the validation set.
    Patience,
    /// A watcher said so; weights are those of the last step.
    Watcher,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Why.
    pub reason: StopReason,
    /// Steps done.
    pub steps: u64,
    /// Step whose weights the network now has.
    pub kept_step: u64,
}

/// Trains `state` on `train` until a stop rule or a watcher ends it.
///
/// Epoch `e` visits the rows in the order of the stream `train/shuffle`, `e`; step `s` draws from the stream
/// `train/step`, `s`. Data stay on the host; batches are uploaded.
///
/// # Errors
///
/// Settings that cannot be, data that do not fit the network, a loss that is no longer finite (looked at with
/// each evaluation), and errors of hooks.
pub fn fit(
    state: &mut TrainState,
    train: &Dataset,
    validation: Option<&Dataset>,
    config: &FitConfig,
    hooks: Hooks<'_>,
) -> Result<Outcome, TrainError> {
    let Hooks { rule, mut prepare, mut layer_rates, example_weights, watch } = hooks;
    config.check()?;
    check_data(&state.network, train, config.loss)?;
    if let Some(validation) = validation {
        check_data(&state.network, validation, config.loss)?;
    }
    check_weights(example_weights, train.n_rows())?;
    let multipliers = RateRule::multipliers(&config.rates, &state.network)?;
    let wanted = layer_rates.as_ref().map(|rates| rates.name());
    let before = state.layer_rates.as_ref().map(|rates| rates.rule.clone());
    if state.step > 0 && wanted != before {
        let words = |rule: Option<String>| rule.unwrap_or_else(|| "none".into());
        return Err(TrainError::OtherRun {
            what: "layer-wise rates",
            found: words(before),
            expected: words(wanted),
        });
    }
    let n_rows = train.n_rows();
    let steps_per_epoch = n_rows.div_ceil(config.batch_size) as u64;
    let mut order: Option<(u64, Vec<u32>)> = None;

    let reason = loop {
        if let Some(reason) = stop_reason(state, config) {
            break reason;
        }
        let step = state.step;
        let (epoch, batch_idx) = (step / steps_per_epoch, (step % steps_per_epoch) as usize);
        let rows = match &order {
            Some((of, rows)) if *of == epoch => rows,
            _ => &order.insert((epoch, epoch_order(state.seed, epoch, n_rows))).1,
        };
        match layer_rates.as_deref_mut() {
            None => {}
            Some(_) if state.layer_rates.as_ref().is_some_and(|rates| rates.epoch == epoch) => {}
            Some(layer_rates) => {
                let rules = layer_rates.renew(&state.network, epoch)?;
                let multipliers = RateRule::multipliers(&rules, &state.network)?;
                let rule = layer_rates.name();
                state.layer_rates = Some(EpochRates { epoch, rule, multipliers });
            }
        }
        let start = batch_idx * config.batch_size;
        let indices = &rows[start..(start + config.batch_size).min(n_rows)];
        let mut batch = gather(train, example_weights, indices, step, epoch);
        let seed = state.seed.child("train/step", step);
        if let Some(prepare) = prepare.as_deref_mut() {
            prepare.prepare(&state.network, &mut batch, seed.child("prepare", 0))?;
        }

        let batch = DeviceBatch::new(&batch, &state.network);
        let gradients = rule.gradients(&state.network, &batch, config.loss, seed);
        let learning_rate = config.schedule.at(step);
        let mut rates: Vec<f64> = multipliers.iter().map(|factor| factor * learning_rate).collect();
        if let Some(of_epoch) = &state.layer_rates {
            rates.iter_mut().zip(&of_epoch.multipliers).for_each(|(rate, factor)| *rate *= factor);
        }
        let network = &mut state.network;
        config.optimizer.step(&mut state.optimizer, network, gradients.values, &rates);
        for (index, value) in gradients.statistics {
            network.set_value(index, value);
        }
        state.step += 1;

        let mut flow = Flow::Continue;
        if state.step.is_multiple_of(config.evaluate_every) || state.step == config.max_steps {
            let loss = read_scalar(&gradients.loss);
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step: state.step, loss, learning_rate });
            }
            let evaluation = evaluate_state(state, train, validation, config)?;
            flow = watch.after_evaluation(state, &evaluation)?;
        }
        let record = StepRecord {
            step: state.step,
            max_steps: config.max_steps,
            epoch,
            ends_epoch: batch_idx as u64 + 1 == steps_per_epoch,
            learning_rate,
            loss: &gradients.loss,
        };
        if watch.after_step(state, &record)? == Flow::Stop || flow == Flow::Stop {
            break StopReason::Watcher;
        }
    };

    let mut kept_step = state.step;
    if reason != StopReason::Watcher
        && config.keep == Keep::BestOnValidation
        && let Some(best) = &state.best
    {
        state.network.set_values(best.clone());
        kept_step = state.best_evaluation().map_or(kept_step, |evaluation| evaluation.step);
    }
    Ok(Outcome { reason, steps: state.step, kept_step })
}

/// [`fit`] with one pass a step and nothing watching.
///
/// # Errors
///
/// As [`fit`].
pub fn fit_plain(
    state: &mut TrainState,
    train: &Dataset,
    validation: Option<&Dataset>,
    config: &FitConfig,
) -> Result<Outcome, TrainError> {
    let hooks = Hooks {
        rule: &mut Plain,
        prepare: None,
        layer_rates: None,
        example_weights: None,
        watch: &mut NoWatch,
    };
    fit(state, train, validation, config, hooks)
}

/// Mean loss and accuracy of `network` on the first `n_rows` rows of `data`.
///
/// # Errors
///
/// [`TrainError::Mismatch`] if data, loss and network do not fit.
pub fn evaluate(
    network: &Network,
    data: &Dataset,
    n_rows: usize,
    loss: Loss,
) -> Result<Score, TrainError> {
    check_data(network, data, loss)?;
    Ok(score_rows(network, data, n_rows, loss))
}

fn score_rows(network: &Network, data: &Dataset, n_rows: usize, loss: Loss) -> Score {
    let n_rows = n_rows.min(data.n_rows());
    let mut sum = 0.0;
    let mut n_correct = 0_usize;
    row_losses(network, data, n_rows, loss, |_, losses, logits, classes| {
        sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        if let Some(classes) = classes {
            let rows = logits.chunks_exact(network.n_outputs());
            n_correct += rows.zip(classes).filter(|(row, class)| argmax(row) == **class).count();
        }
    });
    let accuracy = data.class_labels().map(|_| n_correct as f64 / n_rows as f64);
    Score { loss: sum / n_rows as f64, accuracy }
}

/// Index of the largest logit, the lowest of equals; a single logit is a score for class 1.
fn argmax(logits: &[f32]) -> u32 {
    if let [score] = logits {
        return u32::from(*score > 0.0);
    }
    let mut best = 0;
    for (index, &logit) in logits.iter().enumerate() {
        if logits[best] < logit {
            best = index;
        }
    }
    best as u32
}

fn evaluate_state(
    state: &mut TrainState,
    train: &Dataset,
    validation: Option<&Dataset>,
    config: &FitConfig,
) -> Result<Evaluation, TrainError> {
    let evaluation = Evaluation {
        step: state.step,
        train: config.goal.map(|goal| score_rows(&state.network, train, goal.n_rows, config.loss)),
        validation: validation
            .map(|data| score_rows(&state.network, data, data.n_rows(), config.loss)),
    };
    for score in [evaluation.train, evaluation.validation].into_iter().flatten() {
        if !score.loss.is_finite() {
            return Err(TrainError::Diverged {
                step: state.step,
                loss: score.loss,
                learning_rate: config.schedule.at(state.step - 1),
            });
        }
    }
    state.evaluations.push(evaluation);
    let is_best = state.best_evaluation().is_some_and(|best| best.step == state.step);
    if is_best && config.keep == Keep::BestOnValidation {
        state.best = Some(state.network.values());
    }
    Ok(evaluation)
}

fn stop_reason(state: &TrainState, config: &FitConfig) -> Option<StopReason> {
    if let Some(last) = state.evaluations.last()
        && last.step == state.step
    {
        if let (Some(goal), Some(train)) = (config.goal, last.train)
            && train.loss < goal.below
        {
            return Some(StopReason::Goal);
        }
        if let (Some(patience), Some(best)) = (config.patience, state.best_evaluation()) {
            let since_best = state.evaluations.iter().filter(|e| best.step < e.step).count();
            let mut losses = state.evaluations.iter().filter_map(|e| Some(e.validation?.loss));
            let left_plateau = losses
                .next()
                .is_some_and(|first| losses.any(|loss| FLAT * first.abs() < (loss - first).abs()));
            if left_plateau && patience.evaluations <= since_best {
                return Some(StopReason::Patience);
            }
        }
    }
    (config.max_steps <= state.step).then_some(StopReason::MaxSteps)
}

fn check_data(network: &Network, data: &Dataset, loss: Loss) -> Result<(), TrainError> {
    let mismatch =
        |what, found: String, expected: String| Err(TrainError::Mismatch { what, found, expected });
    if data.n_rows() == 0 {
        return mismatch("rows of the data", "0".into(), "at least 1".into());
    }
    if data.n_features() != network.n_features() {
        let (found, expected) = (data.n_features(), network.n_features());
        return mismatch("columns of the data", found.to_string(), expected.to_string());
    }
    let n_classes = data.class_labels().map_or(0, |labels| labels.n_classes());
    let first = crate::batch::select_target(&data.target, &[0]);
    loss.check(&first, network.n_outputs(), n_classes)
}

fn check_weights(weights: Option<&[f32]>, n_rows: usize) -> Result<(), TrainError> {
    let Some(weights) = weights else { return Ok(()) };
    let mismatch = |found: String, expected: String| {
        Err(TrainError::Mismatch { what: "example weights", found, expected })
    };
    if weights.len() != n_rows {
        return mismatch(weights.len().to_string(), format!("{n_rows}, one a row"));
    }
    match weights.iter().position(|weight| !(weight.is_finite() && 0.0 <= *weight)) {
        Some(row) => {
            mismatch(format!("{} at row {row}", weights[row]), "finite weights from 0 up".into())
        }
        None => Ok(()),
    }
}

fn read_scalar(value: &Tensor<1>) -> f64 {
    value.to_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_comes_before_loss() {
        let score = |accuracy, loss| Score { loss, accuracy: Some(accuracy) };
        assert!(score(0.9, 2.0).is_better_than(score(0.8, 1.0)));
        assert!(score(0.9, 1.0).is_better_than(score(0.9, 2.0)));
        assert!(!score(0.9, 1.0).is_better_than(score(0.9, 1.0)));
        let value = |loss| Score { loss, accuracy: None };
        assert!(value(1.0).is_better_than(value(2.0)));
    }

    #[test]
    fn ties_go_to_the_lowest_class() {
        assert_eq!(argmax(&[1.0, 1.0]), 0);
        assert_eq!(argmax(&[0.0, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[0.5]), 1);
        assert_eq!(argmax(&[0.0]), 0);
    }
}
