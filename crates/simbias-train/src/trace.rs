//! Loss and logits of every example over the course of training.

use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use simbias_checkpoint::write_whole;
use simbias_data::Dataset;

use crate::TrainError;
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

    /// Takes over the records up to `step` (that of a resumed state) of the file that [`save`](Self::save) wrote
    /// for the same rows. Later ones are left out: training records them again.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`] for anything but the trace of as many rows.
    pub fn resume(&mut self, path: &Path, step: u64) -> Result<(), TrainError> {
        let failed = |message: String| TrainError::File { path: path.into(), message };
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|error| failed(format!("not a trace: {error}")))?;
        let tensor = |name: &str, dtype: Dtype, n_axes: usize| {
            let view =
                file.tensor(name).map_err(|error| failed(format!("not a trace: {error}")))?;
            if view.dtype() == dtype && view.shape().len() == n_axes {
                return Ok(view);
            }
            Err(failed(format!("{name:?} is {:?} of shape {:?}", view.dtype(), view.shape())))
        };
        let steps = tensor("step", Dtype::I64, 1)?;
        let (losses, logits) = (tensor("loss", Dtype::F32, 2)?, tensor("logits", Dtype::F32, 3)?);
        let n_records = steps.shape()[0];
        let n_rows = self.data.n_rows();
        let n_outputs = logits.shape()[2];
        if losses.shape() != [n_records, n_rows] || logits.shape()[..2] != [n_records, n_rows] {
            return Err(failed(format!(
                "losses of shape {:?} and logits of shape {:?} are no trace of {n_records} records of \
                 {n_rows} rows",
                losses.shape(),
                logits.shape()
            )));
        }
        let (steps, _) = steps.data().as_chunks::<8>();
        let steps = steps.iter().map(|&bytes| i64::from_le_bytes(bytes));
        self.steps = steps.take_while(|&recorded| recorded as u64 <= step).collect();
        self.n_outputs = n_outputs;
        self.losses = first_f32(&losses, self.steps.len() * n_rows);
        self.logits = first_f32(&logits, self.steps.len() * n_rows * n_outputs);
        Ok(())
    }

    /// Writes [`to_safetensors`](Self::to_safetensors) under a temporary name and renames it.
    ///
    /// # Errors
    ///
    /// [`TrainError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        Ok(write_whole(path, |writer| writer.write_all(&self.to_safetensors()))?)
    }
}

fn first_f32(view: &TensorView<'_>, n: usize) -> Vec<f32> {
    let (values, _) = view.data().as_chunks::<4>();
    values[..n].iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
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
