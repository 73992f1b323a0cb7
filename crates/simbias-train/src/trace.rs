//! Loss and logits of every example over the course of training.

use std::fmt;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use simbias_checkpoint::write_whole;
use simbias_data::Dataset;

use crate::TrainError;
use crate::fit::{Flow, HostRows, StepRecord, TrainState, Watch, visit_rows};
use crate::objective::Objective;

/// Records the loss and the logits of each row of a data set at regular steps.
pub struct TraceRecorder<'a> {
    passes: Passes<'a>,
    n_rows: usize,
    every: u64,
    n_outputs: usize,
    steps: Vec<i64>,
    losses: Vec<f32>,
    logits: Vec<f32>,
}

/// Where losses come from.
enum Passes<'a> {
    /// A separate pass over these rows, in evaluation mode.
    Own(&'a Dataset, Box<dyn Objective + 'a>),
    /// The pass of the training step.
    Steps,
}

impl fmt::Debug for TraceRecorder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceRecorder")
            .field("n_rows", &self.n_rows)
            .field("every", &self.every)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl<'a> TraceRecorder<'a> {
    /// An empty trace over the rows of `data`, each record from a pass in evaluation mode after the step; memory is
    /// 4 bytes × rows × (1 + outputs) per record.
    pub fn new(data: &'a Dataset, objective: impl Objective + 'a, every: u64) -> Self {
        Self::with(Passes::Own(data, Box::new(objective)), data.n_rows(), every)
    }

    /// An empty trace of training on all of `n_rows` rows at every step ([`WholeSet`](crate::WholeSet)). Records are
    /// what the steps themselves computed, without a separate pass: losses before the step, in training mode. A record
    /// has the number of steps done before it; there is none of the weights after the last step.
    pub fn of_steps(n_rows: usize, every: u64) -> Self {
        Self::with(Passes::Steps, n_rows, every)
    }

    fn with(passes: Passes<'a>, n_rows: usize, every: u64) -> Self {
        Self {
            passes,
            n_rows,
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

    /// Adds more rows to the current record.
    fn add(&mut self, found: &HostRows) {
        self.n_outputs = found.outputs.len() / found.losses.len().max(1);
        self.losses.extend_from_slice(&found.losses);
        self.logits.extend_from_slice(&found.outputs);
    }

    /// What a step computed for all rows, in their order.
    fn add_step(&mut self, record: &StepRecord<'_>) -> Result<(), TrainError> {
        let in_order = record.batch.indices.iter().copied().eq(0..self.n_rows as u32);
        let rows = record.rows().filter(|rows| in_order && !rows.is_empty());
        let Some(rows) = rows else {
            return Err(TrainError::Mismatch {
                what: "rows of a traced step",
                found: format!("{} rows in their order or none", record.batch.indices.len()),
                expected: format!("all {} rows in their order, seen by the rule", self.n_rows),
            });
        };
        self.steps.push(record.step as i64 - 1);
        for part in rows {
            self.add(&HostRows::new(part.clone()));
        }
        Ok(())
    }

    /// `step` i64 `[n_records]`, `loss` f32 `[n_records, n_rows]`, `logits` f32
    /// `[n_records, n_rows, n_outputs]` as a safetensors file image; there are no logits if the objective shows no outputs.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let (n_records, n_rows) = (self.steps.len(), self.n_rows);
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

    /// Takes the records up to `step` (the step of a resumed state) from a file that [`save`](Self::save) wrote for the
    /// same rows. Later records are left out: training records them again.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`] for anything but a trace of the same number of rows.
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
        let n_rows = self.n_rows;
        let n_outputs = logits.shape()[2];
        if losses.shape() != [n_records, n_rows] || logits.shape()[..2] != [n_records, n_rows] {
            return Err(failed(format!(
                "losses of shape {:?} and logits of shape {:?} are not a trace of {n_records} records of \
                 {n_rows} rows",
                losses.shape(),
                logits.shape()
            )));
        }
        let (steps, _) = steps.data().as_chunks::<8>();
        let steps = steps.iter().map(|&bytes| i64::from_le_bytes(bytes));
        // A step that begins at `step` is recorded when it is taken.
        let end = step + u64::from(!self.wants_rows());
        self.steps = steps.take_while(|&recorded| (recorded as u64) < end).collect();
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
    fn wants_rows(&self) -> bool {
        matches!(self.passes, Passes::Steps)
    }

    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        match &self.passes {
            Passes::Own(data, objective) if record.step.is_multiple_of(self.every) => {
                let (data, mut found) = (*data, Vec::new());
                let objective: &dyn Objective = objective.as_ref();
                visit_rows(&state.network, data, self.n_rows, objective, |_, rows| {
                    found.push(rows)
                });
                self.steps.push(state.step as i64);
                found.iter().for_each(|rows| self.add(rows));
            }
            Passes::Steps if (record.step - 1).is_multiple_of(self.every) => {
                self.add_step(record)?;
            }
            _ => {}
        }
        Ok(Flow::Continue)
    }
}
