//! Which weights are worth keeping.

use serde::{Deserialize, Serialize};

use super::evaluate::Evaluation;
use super::state::TrainState;
use crate::TrainError;

/// The caller's criterion for the weights that remain at the end. Closures of a state and its evaluation are criteria.
pub trait KeepBest {
    /// Name and settings; a run can only be continued with the same ones. By default the name of the type.
    fn name(&self) -> String {
        std::any::type_name::<Self>().into()
    }

    /// Score of the weights of `state`, asked for at each evaluation: higher is better, NaN is never kept.
    ///
    /// # Errors
    ///
    /// Any error of the criterion; it ends training.
    fn score(&mut self, state: &TrainState, evaluation: &Evaluation) -> Result<f64, TrainError>;

    /// Whether weights of score `new` replace those of score `best`. By default the earliest of equals remains.
    fn replaces(&self, new: f64, best: f64) -> bool {
        best < new
    }
}

impl<F> KeepBest for F
where
    F: FnMut(&TrainState, &Evaluation) -> Result<f64, TrainError>,
{
    fn score(&mut self, state: &TrainState, evaluation: &Evaluation) -> Result<f64, TrainError> {
        self(state, evaluation)
    }
}

/// Where the best weights so far come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) step: u64,
    pub(crate) score: f64,
}
