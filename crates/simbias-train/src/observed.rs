//! A training as a stage of larger work: it reports its progress, ends on request and hands out its states.

use simbias_report::Progress;

use crate::TrainError;
use crate::fit::{Flow, StepRecord, TrainState, Watch};

/// Takes a state that a run can go on from.
pub type KeepState<'a> = dyn FnMut(&TrainState) -> Result<(), TrainError> + 'a;

/// Steps between two readings of the loss, each of which waits for the device.
const REMARK_EVERY: u64 = 20;

/// Tells a [`Progress`] how far training is and ends it when the progress wants to stop; the run then ends with
/// [`StopReason::Watcher`](crate::StopReason::Watcher). Hands out states now and then, and before such an end.
pub struct Observed<'a> {
    progress: &'a dyn Progress,
    keep: Option<(u64, &'a mut KeepState<'a>)>,
    remark: String,
}

impl<'a> Observed<'a> {
    /// Observed by `progress`; hands out no states.
    pub fn new(progress: &'a dyn Progress) -> Self {
        Self { progress, keep: None, remark: String::new() }
    }

    /// Gives `keep` a state every `every` steps, and before an end on request.
    #[must_use]
    pub fn keeping(self, every: u64, keep: &'a mut KeepState<'a>) -> Self {
        Self { keep: Some((every.max(1), keep)), ..self }
    }
}

impl Watch for Observed<'_> {
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        if record.step.is_multiple_of(REMARK_EVERY) {
            self.remark = format!("step {}, loss {:.4}", record.step, record.loss());
        }
        self.progress.advance(record.step as usize, record.max_steps as usize, &self.remark);
        let ends = self.progress.wants_stop();
        if let Some((every, keep)) = &mut self.keep
            && (ends || record.step.is_multiple_of(*every))
        {
            keep(state)?;
        }
        Ok(if ends { Flow::Stop } else { Flow::Continue })
    }
}

/// Ends a training when its progress wants to stop, and reports no progress. The run then ends with
/// [`StopReason::Watcher`](crate::StopReason::Watcher).
#[derive(Clone, Copy)]
pub struct StopOnRequest<'a>(pub &'a dyn Progress);

impl Watch for StopOnRequest<'_> {
    fn after_step(&mut self, _: &TrainState, _: &StepRecord<'_>) -> Result<Flow, TrainError> {
        Ok(if self.0.wants_stop() { Flow::Stop } else { Flow::Continue })
    }
}
