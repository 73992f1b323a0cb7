//! A training that ends when whoever waits for it wishes so.

use simbias_report::Progress;

use crate::TrainError;
use crate::fit::{Flow, StepRecord, TrainState, Watch};

/// Ends a training when its progress wants to stop, and says nothing of how far it is.
///
/// [`fit`](crate::fit) then returns with [`StopReason::Watcher`](crate::StopReason::Watcher).
#[derive(Clone, Copy)]
pub struct StopOnRequest<'a>(pub &'a dyn Progress);

impl Watch for StopOnRequest<'_> {
    fn after_step(&mut self, _: &TrainState, _: &StepRecord<'_>) -> Result<Flow, TrainError> {
        Ok(if self.0.wants_stop() { Flow::Stop } else { Flow::Continue })
    }
}
