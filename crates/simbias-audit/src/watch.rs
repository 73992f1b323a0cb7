//! What an audit tells whoever watches, and how it is told to stop.

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
