//! What callers can add to the loop.

use std::cell::RefCell;
use std::fmt;

use simbias_data::Dataset;
use simbias_nn::{Network, Tensor};

use super::evaluate::{Evaluate, Evaluation};
use super::keep::KeepBest;
use super::read_scalar;
use super::state::TrainState;
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::RowLosses;
use crate::optimizer::RateRule;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Take the next step.
    Continue,
    /// Training has reached its aim: end here with the kept weights.
    Finish,
    /// End here with the weights of the last step; the state can be continued later.
    Stop,
}

impl Flow {
    /// What two watchers want together: to stop if either wants to stop, else to finish if either wants to finish.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stop, _) | (_, Self::Stop) => Self::Stop,
            (Self::Finish, _) | (_, Self::Finish) => Self::Finish,
            (Self::Continue, Self::Continue) => Self::Continue,
        }
    }
}

/// What a step keeps for watchers.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) loss: Tensor<1>,
    pub(super) gradients: Option<Vec<Option<Tensor<1>>>>,
    pub(super) rows: Option<Vec<RowLosses>>,
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
    /// The batch, as the step rule saw it.
    pub batch: &'a DeviceBatch,
    pub(super) shown: &'a Shown,
}

impl StepRecord<'_> {
    /// Mean loss of the batch before the step. Waits for the device: ask every n-th step only.
    pub fn loss(&self) -> f64 {
        read_scalar(&self.shown.loss)
    }

    /// Gradients that the optimiser saw, one per parameter, `None` for running statistics; only for watchers that
    /// [want](Watch::wants_gradients) them.
    pub fn gradients(&self) -> Option<&[Option<Tensor<1>>]> {
        self.shown.gradients.as_deref()
    }

    /// Losses and outputs of the batch's rows before the step, in consecutive parts; only for watchers that
    /// [want](Watch::wants_rows) them, and empty for a rule without a pass at the network's own weights.
    pub fn rows(&self) -> Option<&[RowLosses]> {
        self.shown.rows.as_deref()
    }
}

/// Sees training happen: recorders, checkpoints, progress bars, interrupts.
pub trait Watch {
    /// Whether it looks at [`StepRecord::gradients`]; otherwise they are not kept beyond the step. Asked at every step.
    fn wants_gradients(&self) -> bool {
        false
    }

    /// Whether it looks at [`StepRecord::rows`]; likewise.
    fn wants_rows(&self) -> bool {
        false
    }

    /// Called after every step, and after the evaluation if one was due.
    ///
    /// # Errors
    ///
    /// Any error of the watcher; it ends training.
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError>;

    /// Called after every evaluation.
    ///
    /// # Errors
    ///
    /// As [`after_step`](Self::after_step).
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
    fn wants_gradients(&self) -> bool {
        self.iter().any(|watch| watch.wants_gradients())
    }

    fn wants_rows(&self) -> bool {
        self.iter().any(|watch| watch.wants_rows())
    }

    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        self.iter_mut()
            .try_fold(Flow::Continue, |flow, watch| Ok(flow.and(watch.after_step(state, record)?)))
    }

    fn after_evaluation(
        &mut self,
        state: &TrainState,
        evaluation: &Evaluation,
    ) -> Result<Flow, TrainError> {
        self.iter_mut().try_fold(Flow::Continue, |flow, watch| {
            Ok(flow.and(watch.after_evaluation(state, evaluation)?))
        })
    }
}

/// A watcher that its owner looks at meanwhile, such as a recorder whose file is saved with every state.
impl<W: Watch> Watch for &RefCell<W> {
    fn wants_gradients(&self) -> bool {
        self.borrow().wants_gradients()
    }

    fn wants_rows(&self) -> bool {
        self.borrow().wants_rows()
    }

    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        self.borrow_mut().after_step(state, record)
    }

    fn after_evaluation(
        &mut self,
        state: &TrainState,
        evaluation: &Evaluation,
    ) -> Result<Flow, TrainError> {
        self.borrow_mut().after_evaluation(state, evaluation)
    }
}

/// Chooses new rates of layers at the beginning of every epoch, from the weights at that time.
pub trait LayerRates {
    /// Name and settings; a run can only be continued with the same ones.
    fn name(&self) -> String;

    /// Multipliers of the scheduled rate, on top of those of [`FitConfig::rates`](crate::FitConfig::rates).
    ///
    /// # Errors
    ///
    /// Any error of the choice; it ends training.
    fn renew(&mut self, network: &Network, epoch: u64) -> Result<Vec<RateRule>, TrainError>;
}

/// What a caller can add to [`fit`](crate::fit), beside batches, objective and step rule.
pub struct Hooks<'a> {
    /// Rows that no step sees, used at each evaluation.
    pub validation: Option<&'a dyn Evaluate>,
    /// Renews the rates of layers every epoch.
    pub layer_rates: Option<&'a mut dyn LayerRates>,
    /// Chooses which weights remain at the end, in place of [`FitConfig::keep`](crate::FitConfig::keep).
    pub keep: Option<&'a mut dyn KeepBest>,
    /// Sees every step.
    pub watch: &'a mut dyn Watch,
}

impl<'a> Hooks<'a> {
    /// A watcher alone.
    pub fn new(watch: &'a mut dyn Watch) -> Self {
        Self { validation: None, layer_rates: None, keep: None, watch }
    }

    /// Hooks with the rows of a data set for validation.
    #[must_use]
    pub fn validated(self, rows: Option<&'a Dataset>) -> Self {
        Self { validation: rows.map(|rows| rows as &dyn Evaluate), ..self }
    }
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
