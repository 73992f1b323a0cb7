//! Everything that training changes.

use serde::{Deserialize, Serialize};
use simbias_nn::{Architecture, Device, Init, Network, Precision, Tensor};
use simbias_stats::Seed;

use super::evaluate::{Evaluate, Evaluation, Score};
use super::hooks::LayerRates;
use super::keep::{KeepBest, Kept};
use super::{FitConfig, Keep};
use crate::TrainError;
use crate::objective::Objective;
use crate::optimizer::{OptimizerState, RateRule};
use crate::step::PLAIN;

/// Everything that training changes; a checkpoint is this and nothing else.
///
/// All random draws are addressed by seed, epoch and step. A run continued from a saved state therefore equals one that
/// was never interrupted, bit for bit on the CPU.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// Current weights; the kept ones once [`fit`](crate::fit) has ended by itself.
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
    /// Score of `best` by the caller's criterion.
    pub(crate) kept: Option<Kept>,
    pub(crate) layer_rates: Option<EpochRates>,
    /// `None` for the loss of the settings and one pass per step.
    pub(crate) followed: Option<Followed>,
}

/// Multipliers for one epoch; a run that resumes within the epoch keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochRates {
    pub(crate) epoch: u64,
    /// [`LayerRates::name`] of what chose them.
    pub(crate) rule: String,
    /// One per parameter.
    pub(crate) multipliers: Vec<f64>,
}

/// What determines the steps of a run, beside its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Followed {
    /// [`Objective::name`].
    pub(crate) objective: String,
    /// [`StepRule::name`](crate::StepRule::name).
    pub(crate) rule: String,
    /// [`KeepBest::name`] of the caller's criterion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) criterion: Option<String>,
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
            kept: None,
            layer_rates: None,
            followed: None,
        }
    }

    /// A network with fresh weights in 32 bits and the state before its first step: `weights` is the seed of the
    /// weights, `training` that of all later draws.
    ///
    /// # Errors
    ///
    /// [`TrainError::Network`] for an architecture with invalid sizes.
    pub fn fresh(
        architecture: &Architecture,
        init: Init,
        device: &Device,
        weights: Seed,
        training: Seed,
    ) -> Result<Self, TrainError> {
        let network = Network::new(architecture.clone(), init, Precision::F32, weights, device)?;
        Ok(Self::new(network, training))
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

    /// Step of the best weights.
    pub(super) fn best_step(&self) -> Option<u64> {
        let of_criterion = self.kept.map(|kept| kept.step);
        of_criterion.or_else(|| self.best_evaluation().map(|evaluation| evaluation.step))
    }

    /// Records what determines the run; refuses to go on with anything else.
    pub(super) fn follow(
        &mut self,
        wanted: Followed,
        config: &FitConfig,
    ) -> Result<(), TrainError> {
        let plain = Followed { objective: config.loss.name(), rule: PLAIN.into(), criterion: None };
        if self.step > 0 {
            let before = self.followed.as_ref().unwrap_or(&plain);
            for (what, found, expected) in [
                ("objective", Some(&before.objective), Some(&wanted.objective)),
                ("step rule", Some(&before.rule), Some(&wanted.rule)),
                (
                    "criterion of the kept weights",
                    before.criterion.as_ref(),
                    wanted.criterion.as_ref(),
                ),
            ] {
                if found != expected {
                    let words = |name: Option<&String>| name.map_or("none".into(), String::clone);
                    let (found, expected) = (words(found), words(expected));
                    return Err(TrainError::OtherRun { what, found, expected });
                }
            }
        }
        self.followed = (wanted != plain).then_some(wanted);
        Ok(())
    }

    /// Refuses to go on with layer-wise rates of another name than before.
    pub(super) fn follow_rates(&self, wanted: Option<String>) -> Result<(), TrainError> {
        let before = self.layer_rates.as_ref().map(|rates| rates.rule.clone());
        if self.step > 0 && wanted != before {
            let words = |rule: Option<String>| rule.unwrap_or_else(|| "none".into());
            return Err(TrainError::OtherRun {
                what: "layer-wise rates",
                found: words(before),
                expected: words(wanted),
            });
        }
        Ok(())
    }

    /// Chooses the rates of layers for `epoch`, once.
    pub(super) fn renew_rates(
        &mut self,
        layer_rates: &mut dyn LayerRates,
        epoch: u64,
    ) -> Result<(), TrainError> {
        if self.layer_rates.as_ref().is_some_and(|rates| rates.epoch == epoch) {
            return Ok(());
        }
        let rules = layer_rates.renew(&self.network, epoch)?;
        let multipliers = RateRule::multipliers(&rules, &self.network)?;
        let rule = layer_rates.name();
        self.layer_rates = Some(EpochRates { epoch, rule, multipliers });
        Ok(())
    }

    /// Measures and remembers the current weights.
    pub(super) fn evaluate(
        &mut self,
        train: Option<&dyn Evaluate>,
        validation: Option<&dyn Evaluate>,
        objective: &dyn Objective,
        config: &FitConfig,
    ) -> Result<Evaluation, TrainError> {
        let network = &self.network;
        let on_train = config.goal.zip(train);
        let evaluation = Evaluation {
            step: self.step,
            train: on_train
                .map(|(goal, rows)| rows.score(network, objective, goal.n_rows))
                .transpose()?,
            validation: validation
                .map(|rows| rows.score(network, objective, rows.n_rows()))
                .transpose()?,
        };
        for score in [evaluation.train, evaluation.validation].into_iter().flatten() {
            if !score.loss.is_finite() {
                return Err(TrainError::Diverged {
                    step: self.step,
                    loss: score.loss,
                    learning_rate: config.schedule.at(self.step - 1),
                });
            }
        }
        self.evaluations.push(evaluation);
        Ok(evaluation)
    }

    /// Keeps the current weights if `evaluation`, the last one, is the best so far.
    pub(super) fn keep_if_best(
        &mut self,
        criterion: Option<&mut (dyn KeepBest + '_)>,
        evaluation: &Evaluation,
        keep: Keep,
    ) -> Result<(), TrainError> {
        let is_best = match criterion {
            Some(criterion) => {
                let score = criterion.score(self, evaluation)?;
                let is_best = !score.is_nan()
                    && self.kept.is_none_or(|kept| criterion.replaces(score, kept.score));
                if is_best {
                    self.kept = Some(Kept { step: self.step, score });
                }
                is_best
            }
            None => {
                keep == Keep::BestOnValidation
                    && self.best_evaluation().is_some_and(|best| best.step == self.step)
            }
        };
        if is_best {
            self.best = Some(self.network.values());
        }
        Ok(())
    }
}
