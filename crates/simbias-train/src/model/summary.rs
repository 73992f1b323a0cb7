//! How a training went.

use crate::fit::{Outcome, TrainState};

/// How a training went.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSummary {
    /// Steps taken.
    pub steps: u64,
    /// Step whose weights were kept.
    pub kept_step: u64,
    /// Why it ended, in words.
    pub ended: &'static str,
    /// Step, loss and accuracy of each evaluation on the validation rows.
    pub curve: Vec<(u64, f64, Option<f64>)>,
}

impl TrainingSummary {
    /// The summary of the run that left `state` and ended with `outcome`.
    pub fn new(state: &TrainState, outcome: Outcome) -> Self {
        Self {
            steps: outcome.steps,
            kept_step: outcome.kept_step,
            ended: outcome.reason.words(),
            curve: state
                .evaluations
                .iter()
                .filter_map(|evaluation| {
                    let score = evaluation.validation?;
                    Some((evaluation.step, score.loss, score.accuracy))
                })
                .collect(),
        }
    }
}
