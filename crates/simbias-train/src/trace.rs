//! Loss and logits of every example over the course of training.

use std::path::Path;

use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};
use simbias_data::Dataset;

use crate::TrainError;
use crate::checkpoint::write_whole;
use crate::fit::{Flow, StepRecord, TrainState, Watch};
use crate::loss::Loss;
use crate::predict::row_losses;

/// Records, every `every` steps, the loss and the logits of each row of a data set, in evaluation mode.
#[derive(Clone, Debug)]
pub struct TraceRecorder<'a> {
    data: &'a Dataset,
    loss: Loss,
    every: u64,
    n_outputs: usize,
    steps: Vec<i64>,
    losses: Vec<f32>,
    logits: Vec<f32>,
}

impl<'a> TraceRecorder<'a> {
    /// An empty trace over the rows of `data`; memory is 4 bytes × rows × (1 + outputs) a record.
    pub fn new(data: &'a Dataset, loss: Loss, every: u64) -> Self {
        Self {
            data,
            loss,
            every: every.max(1),
            n_outputs: 0,
            steps: Vec::new(),
            losses: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// Steps at which a record was taken.
    pub fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// Losses, `[n_records, n_rows]` in C order.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// Takes a record now.
    pub fn record(&mut self, state: &TrainState) {
        let network = &state.network;
        self.n_outputs = network.n_outputs();
        self.steps.push(state.step as i64);
        row_losses(network, self.data, self.data.n_rows(), self.loss, |_, losses, logits, _| {
            self.losses.extend_from_slice(losses);
            self.logits.extend_from_slice(logits);
        });
    }

    /// `step` i64 `[n_records]`, `loss` f32 `[n_records, n_rows]`, `logits` f32
    /// `[n_records, n_rows, n_outputs]` as a safetensors file image.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let (n_records, n_rows) = (self.steps.len(), self.data.n_rows());
        let steps: Vec<u8> = self.steps.iter().flat_map(|step| step.to_le_bytes()).collect();
        let losses: Vec<u8> = self.losses.iter().flat_map(|loss| loss.to_le_bytes()).collect();
        let logits: Vec<u8> = self.logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
        let tensors = [
            ("step", Dtype::I64, vec![n_records], &steps),
            ("loss", Dtype::F32, vec![n_records, n_rows], &losses),
            ("logits", Dtype::F32, vec![n_records, n_rows, self.n_outputs], &logits),
        ];
        let views = tensors.into_iter().map(|(name, dtype, shape, bytes)| {
            match TensorView::new(dtype, shape, bytes) {
                Ok(view) => (name, view),
                Err(error) => unreachable!("a trace holds as many values as it says: {error}"),
            }
        });
        match serialize(views, None) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("three plain tensors serialize: {error}"),
        }
    }

    /// Writes [`to_safetensors`](Self::to_safetensors) under a temporary name and renames it.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`].
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        write_whole(path, &self.to_safetensors())
    }
}

impl Watch for TraceRecorder<'_> {
    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        if record.step.is_multiple_of(self.every) {
            self.record(state);
        }
        Ok(Flow::Continue)
    }
}
