//! What an audit tells whoever watches, and how it is told to stop.

use std::sync::{Mutex, PoisonError};

use simbias_train::{Flow, StepRecord, TrainError, TrainState, Watch};

/// Watches an audit.
pub trait AuditWatch: Sync {
    /// A stage begins: its name, its place among all stages.
    fn stage(&self, name: &str, index: usize, n_stages: usize);

    /// Share of the stage that is done, in `[0, 1]`, with a short remark such as the loss.
    fn progress(&self, share: f64, remark: &str);

    /// Whether to stop as soon as possible.
    fn should_stop(&self) -> bool {
        false
    }

    /// A state of the audited model's training that can be continued; called now and then and before an
    /// interrupt.
    fn checkpoint(&self, _state: &TrainState) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Watches nothing.
pub struct Silent;

impl AuditWatch for Silent {
    fn stage(&self, _name: &str, _index: usize, _n_stages: usize) {}

    fn progress(&self, _share: f64, _remark: &str) {}
}

/// A part of a stage, told as if it were the whole.
pub(crate) struct PartOfStage<'a> {
    pub(crate) audit: &'a dyn AuditWatch,
    /// Shares of the stage where the part begins and ends.
    pub(crate) span: (f64, f64),
}

impl AuditWatch for PartOfStage<'_> {
    fn stage(&self, name: &str, index: usize, n_stages: usize) {
        self.audit.stage(name, index, n_stages);
    }

    fn progress(&self, share: f64, remark: &str) {
        let (from, to) = self.span;
        self.audit.progress(from + (to - from) * share, remark);
    }

    fn should_stop(&self) -> bool {
        self.audit.should_stop()
    }

    fn checkpoint(&self, state: &TrainState) -> Result<(), TrainError> {
        self.audit.checkpoint(state)
    }
}

/// A stage of several pieces of work that go on side by side.
pub(crate) struct SharedStage<'a> {
    audit: &'a dyn AuditWatch,
    shares: Mutex<Vec<f64>>,
}

impl<'a> SharedStage<'a> {
    /// A stage of `n` equal pieces.
    pub(crate) fn new(audit: &'a dyn AuditWatch, n: usize) -> Self {
        Self { audit, shares: Mutex::new(vec![0.0; n]) }
    }

    /// One piece.
    pub(crate) fn piece(&self, index: usize) -> Piece<'_> {
        Piece { stage: self, index }
    }
}

/// One piece of a [`SharedStage`], told as if it were the whole.
pub(crate) struct Piece<'a> {
    stage: &'a SharedStage<'a>,
    index: usize,
}

impl AuditWatch for Piece<'_> {
    fn stage(&self, name: &str, index: usize, n_stages: usize) {
        self.stage.audit.stage(name, index, n_stages);
    }

    fn progress(&self, share: f64, remark: &str) {
        let mut shares = self.stage.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares[self.index] = share;
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        self.stage.audit.progress(mean, remark);
    }

    fn should_stop(&self) -> bool {
        self.stage.audit.should_stop()
    }

    fn checkpoint(&self, state: &TrainState) -> Result<(), TrainError> {
        self.stage.audit.checkpoint(state)
    }
}

/// Steps between two looks at the loss, which waits for the device.
const REMARK_EVERY: u64 = 20;
/// Steps between two checkpoints.
const CHECKPOINT_EVERY: u64 = 200;

/// Passes the steps of one training on to the watcher of the audit.
pub(crate) struct TrainingWatch<'a> {
    pub(crate) audit: &'a dyn AuditWatch,
    /// Whether states are handed out for checkpoints.
    pub(crate) checkpoints: bool,
    /// The part of the stage that this training is: from, to.
    pub(crate) span: (f64, f64),
    pub(crate) interrupted: bool,
}

impl<'a> TrainingWatch<'a> {
    pub(crate) fn new(audit: &'a dyn AuditWatch, span: (f64, f64)) -> Self {
        Self { audit, checkpoints: false, span, interrupted: false }
    }
}

impl Watch for TrainingWatch<'_> {
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        if record.step.is_multiple_of(REMARK_EVERY) {
            let share = record.step as f64 / record.max_steps.max(1) as f64;
            let (from, to) = self.span;
            let remark = format!("step {}, loss {:.4}", record.step, record.loss());
            self.audit.progress(from + (to - from) * share, &remark);
        }
        self.interrupted = self.audit.should_stop();
        if self.checkpoints && (self.interrupted || record.step.is_multiple_of(CHECKPOINT_EVERY)) {
            self.audit.checkpoint(state)?;
        }
        Ok(if self.interrupted { Flow::Stop } else { Flow::Continue })
    }
}
