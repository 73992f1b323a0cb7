//! Settings of a run.

use serde::{Deserialize, Serialize};

use super::stop::{LossGoal, Patience};
use crate::TrainError;
use crate::objective::Loss;
use crate::optimizer::{Optimizer, RateRule};
use crate::schedule::Schedule;

/// Which weights remain at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the best evaluation on the validation set; without such a set, the last ones.
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
    /// The loss on a data set, for [`fit_plain`](crate::fit_plain) and [`Recipe`](crate::Recipe); [`fit`](crate::fit) takes
    /// an objective instead.
    pub loss: Loss,
    /// Rows per batch, likewise; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// Steps after which training ends in any case.
    pub max_steps: u64,
    /// Steps between evaluations.
    pub evaluate_every: u64,
    /// Stop on a small training loss.
    pub goal: Option<LossGoal>,
    /// Stop on a stale validation score.
    pub patience: Option<Patience>,
    /// Which weights remain, unless [`Hooks::keep`](crate::Hooks::keep) has a criterion of its own.
    pub keep: Keep,
}

impl FitConfig {
    /// Plain settings: cross-entropy, batches of 256, an evaluation every 250 steps and no early stop, as in
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

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let wrong =
            |field, found: String, expected| Err(TrainError::Setting { field, found, expected });
        if self.batch_size == 0 {
            return wrong("batch size", "0".into(), "at least 1 row");
        }
        if self.evaluate_every == 0 {
            return wrong("evaluation interval", "0".into(), "at least 1 step");
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
