//! When training ends.

use serde::{Deserialize, Serialize};

use super::config::FitConfig;
use super::state::TrainState;

/// Relative change of the validation loss that still counts as a plateau.
const FLAT: f64 = 0.01;

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
/// Counting begins only once a validation loss has differed from the first one by more than one percent: a long flat
/// phase at the start is normal for hard features, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// Evaluations without a new best before stopping.
    pub evaluations: usize,
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
    /// A watcher said that training has reached its aim.
    Finished,
    /// A watcher stopped it; weights are those of the last step.
    Watcher,
}

impl StopReason {
    /// The reason in words; completes "training ended: …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Goal => "training loss below the goal",
            Self::MaxSteps => "all steps taken",
            Self::Patience => "no further improvement on the validation rows",
            Self::Finished => "learned",
            Self::Watcher => "stopped",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Why it ended.
    pub reason: StopReason,
    /// Steps done.
    pub steps: u64,
    /// Step whose weights the network now has.
    pub kept_step: u64,
}

/// Why `state` needs no further step; `None` if it needs one.
pub(super) fn stop_reason(state: &TrainState, config: &FitConfig) -> Option<StopReason> {
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
