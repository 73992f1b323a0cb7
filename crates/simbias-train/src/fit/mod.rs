//! The loop: batches, an objective, a step rule, an optimiser, stop rules and watchers.

mod config;
mod evaluate;
mod hooks;
mod keep;
mod state;
mod stop;

use simbias_data::Dataset;
use simbias_nn::Tensor;

pub use self::config::{FitConfig, Keep};
pub use self::evaluate::{Evaluate, Evaluation, FixedBatches, Score, evaluate};
pub(crate) use self::evaluate::{HostRows, visit_rows};
use self::hooks::Shown;
pub use self::hooks::{Flow, Hooks, LayerRates, NoWatch, StepRecord, Watch};
pub use self::keep::KeepBest;
pub(crate) use self::keep::Kept;
pub use self::state::TrainState;
pub(crate) use self::state::{EpochRates, Followed};
use self::stop::stop_reason;
pub use self::stop::{LossGoal, Outcome, Patience, StopReason};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::batches::{Batches, Drawn, Place, ShuffledEpochs};
use crate::objective::Objective;
use crate::optimizer::RateRule;
use crate::step::{Plain, StepRule};

/// Trains `state` until a stop rule or a watcher ends it. `rule` turns each batch of `batches` into gradients of
/// `objective`, and the optimiser of `config` takes the step.
///
/// Epoch `e` draws from its own streams, step `s` from the stream `train/step`, `s`. A run that goes on from a saved state
/// therefore equals one that was never interrupted, bit for bit on the CPU.
///
/// # Errors
///
/// Invalid settings, batches that do not fit the network, a loss that is no longer finite (checked at each
/// evaluation), a state of a run with another objective, rule or layer-wise rates, and errors of rules and hooks.
pub fn fit(
    state: &mut TrainState,
    batches: &mut dyn Batches,
    objective: &dyn Objective,
    rule: &mut dyn StepRule,
    config: &FitConfig,
    hooks: Hooks<'_>,
) -> Result<Outcome, TrainError> {
    let Hooks { validation, mut layer_rates, mut keep, watch } = hooks;
    config.check()?;
    batches.check(&state.network, objective)?;
    if let Some(validation) = validation {
        validation.check(&state.network, objective)?;
    }
    if config.goal.is_some() && batches.training_rows().is_none() {
        return Err(TrainError::Setting {
            field: "goal",
            found: "a loss on training rows".into(),
            expected: "none, as this source of batches keeps no rows to look at",
        });
    }
    let multipliers = RateRule::multipliers(&config.rates, &state.network)?;
    let criterion = keep.as_ref().map(|criterion| criterion.name());
    state.follow(Followed { objective: objective.name(), rule: rule.name(), criterion }, config)?;
    state.follow_rates(layer_rates.as_deref().map(|rates| rates.name()))?;
    let steps_per_epoch = batches.steps_per_epoch();

    let reason = loop {
        if let Some(reason) = stop_reason(state, config) {
            break reason;
        }
        let place = Place::new(state.seed, state.step, steps_per_epoch);
        if let Some(layer_rates) = layer_rates.as_deref_mut() {
            state.renew_rates(layer_rates, place.epoch)?;
        }
        let batch = match batches.draw(&state.network, place)? {
            Drawn::Host(batch) => DeviceBatch::new(&batch, &state.network),
            Drawn::Device(batch) => batch,
        };
        let values = state.network.values();
        let gradients =
            rule.gradients(&state.network, &values, objective, &batch, place.step_seed())?;
        // The optimiser overwrites in place whatever nothing else holds.
        drop(values);
        let learning_rate = config.schedule.at(state.step);
        let mut rates: Vec<f64> = multipliers.iter().map(|factor| factor * learning_rate).collect();
        if let Some(of_epoch) = &state.layer_rates {
            rates.iter_mut().zip(&of_epoch.multipliers).for_each(|(rate, factor)| *rate *= factor);
        }
        let shown = Shown {
            loss: gradients.loss,
            gradients: watch.wants_gradients().then(|| gradients.values.clone()),
            rows: watch.wants_rows().then_some(gradients.rows),
        };
        let network = &mut state.network;
        config.optimizer.step(&mut state.optimizer, network, gradients.values, &rates);
        for (index, value) in gradients.statistics {
            network.set_value(index, value);
        }
        state.step += 1;

        let mut flow = Flow::Continue;
        if state.step.is_multiple_of(config.evaluate_every) || state.step == config.max_steps {
            let loss = read_scalar(&shown.loss);
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step: state.step, loss, learning_rate });
            }
            let train = batches.training_rows();
            let evaluation = state.evaluate(train, validation, objective, config)?;
            state.keep_if_best(keep.as_deref_mut(), &evaluation, config.keep)?;
            flow = watch.after_evaluation(state, &evaluation)?;
        }
        let record = StepRecord {
            step: state.step,
            max_steps: config.max_steps,
            epoch: place.epoch,
            ends_epoch: steps_per_epoch == Some(place.within_epoch + 1),
            learning_rate,
            batch: &batch,
            shown: &shown,
        };
        match flow.and(watch.after_step(state, &record)?) {
            Flow::Continue => {}
            Flow::Finish => break StopReason::Finished,
            Flow::Stop => break StopReason::Watcher,
        }
    };

    let mut kept_step = state.step;
    let keeps_best = keep.is_some() || config.keep == Keep::BestOnValidation;
    if reason != StopReason::Watcher
        && keeps_best
        && let Some(best) = &state.best
    {
        state.network.set_values(best.clone());
        kept_step = state.best_step().unwrap_or(kept_step);
    }
    Ok(Outcome { reason, steps: state.step, kept_step })
}

/// [`fit`] on shuffled epochs of a data set, with the loss and batch size of `config`, one pass per step and no hooks.
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
    let mut batches = ShuffledEpochs::new(train, config.batch_size);
    let mut watch = NoWatch;
    let hooks = Hooks::new(&mut watch).validated(validation);
    fit(state, &mut batches, &config.loss, &mut Plain, config, hooks)
}

/// The number on the device; waits for it.
pub(crate) fn read_scalar(value: &Tensor<1>) -> f64 {
    value.to_data().iter::<f64>().next().unwrap_or(f64::NAN)
}
