//! How the trainings of an audit say how far they are, and how they are ended.

use simbias_report::Progress;
use simbias_train::{Flow, StepRecord, TrainError, TrainState, Watch};

/// Takes states of the audited network's training from which an audit can go on.
pub type KeepState<'a> = dyn FnMut(&TrainState) -> Result<(), TrainError> + 'a;

/// Steps between two looks at the loss, which waits for the device.
const REMARK_EVERY: u64 = 20;
/// Steps between two states that are kept.
const KEEP_EVERY: u64 = 200;

/// Says how far one training is, ends it on request, and hands out its states: now and then, and before an end on
/// request.
pub(crate) struct TrainingWatch<'a, 'k> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) keep: Option<&'a mut KeepState<'k>>,
}

impl Watch for TrainingWatch<'_, '_> {
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        if record.step.is_multiple_of(REMARK_EVERY) {
            let remark = format!("step {}, loss {:.4}", record.step, record.loss());
            self.progress.advance(record.step as usize, record.max_steps as usize, &remark);
        }
        let ends = self.progress.wants_stop();
        if let Some(keep) = &mut self.keep
            && (ends || record.step.is_multiple_of(KEEP_EVERY))
        {
            keep(state)?;
        }
        Ok(if ends { Flow::Stop } else { Flow::Continue })
    }
}
