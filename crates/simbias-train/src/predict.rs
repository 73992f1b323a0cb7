//! A trained network behind the traits that methods know.

use ndarray::{Array2, ArrayView2, Axis};
use simbias_data::{Dataset, LossGradient, Objective, Scorer, ScorerError};
use simbias_nn::{Mode, Network, Pass, Tensor};

use crate::batch::{Batch, BatchTarget, select_target};
use crate::loss::{DeviceTarget, Loss};
use crate::step::DeviceBatch;

/// Rows that pass through the network at once; bounds memory, never changes a result.
const ROWS_AT_ONCE: usize = 1024;

/// A network in evaluation mode as a [`Scorer`] with input gradients.
#[derive(Clone, Debug)]
pub struct NetScorer {
    network: Network,
    rows_at_once: usize,
}

impl NetScorer {
    /// Scores in batches of 1024 rows.
    pub fn new(network: Network) -> Self {
        Self { network, rows_at_once: ROWS_AT_ONCE }
    }

    /// Scores in batches of `rows_at_once` rows, at least 1: less memory, or fewer calls on a GPU.
    pub fn with_batch(network: Network, rows_at_once: usize) -> Self {
        Self { network, rows_at_once: rows_at_once.max(1) }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    fn check_columns(&self, rows: ArrayView2<'_, f32>) -> Result<(), ScorerError> {
        if rows.ncols() == self.network.n_features() {
            return Ok(());
        }
        Err(ScorerError::Model {
            n_rows: rows.nrows(),
            message: format!(
                "the network takes rows of {} columns, these have {}",
                self.network.n_features(),
                rows.ncols()
            ),
        })
    }
}

impl Scorer for NetScorer {
    fn n_outputs(&self) -> usize {
        self.network.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.check_columns(rows)?;
        let mut scores = Vec::with_capacity(rows.nrows() * self.n_outputs());
        for chunk in rows.axis_chunks_iter(Axis(0), self.rows_at_once) {
            scores.extend(host(self.network.forward(self.network.upload(chunk))));
        }
        shaped(scores, rows.nrows(), self.n_outputs())
    }

    fn scores_in_parallel(&self) -> bool {
        // The backend threads by itself.
        false
    }
}

impl LossGradient for NetScorer {
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError> {
        self.check_columns(rows)?;
        let mut losses = Vec::with_capacity(rows.nrows());
        let mut gradients = Vec::with_capacity(rows.len());
        let values = self.network.values();
        for (index, chunk) in rows.axis_chunks_iter(Axis(0), self.rows_at_once).enumerate() {
            let start = index * self.rows_at_once;
            let span = start..start + chunk.nrows();
            let input = self.network.upload(chunk).autodiff().require_grad();
            let mut pass = Pass::new(Mode::Eval);
            let logits = self.network.forward_with(&values, input.clone(), &mut pass);
            let per_row = match objective {
                Objective::CrossEntropy(classes) => {
                    let target = BatchTarget::Classes(classes[span].to_vec());
                    let target = DeviceTarget::new(&target, &self.network);
                    Loss::CrossEntropy.per_row(logits, &target)
                }
                Objective::WeightedLogits(weights) => {
                    let weights = self.network.upload(weights.slice(ndarray::s![span, ..]));
                    let n_rows = chunk.nrows();
                    (logits * weights).sum_dim(1).reshape([n_rows])
                }
            };
            let mut backward = per_row.clone().sum().backward();
            losses.extend(host(per_row.without_autodiff()));
            match input.grad_remove(&mut backward) {
                Some(gradient) => gradients.extend(host(gradient)),
                // No path from input to output: the loss does not depend on it.
                None => gradients.extend(std::iter::repeat_n(0.0, chunk.len())),
            }
        }
        Ok((losses, shaped(gradients, rows.nrows(), rows.ncols())?))
    }
}

/// Walks the first `n_rows` rows in batches; `visit` takes the first row, losses, logits (C order) and classes.
pub(crate) fn row_losses(
    network: &Network,
    data: &Dataset,
    n_rows: usize,
    loss: Loss,
    mut visit: impl FnMut(usize, &[f32], &[f32], Option<&[u32]>),
) {
    let mut start = 0;
    while start < n_rows {
        let end = (start + ROWS_AT_ONCE).min(n_rows);
        let indices: Vec<u32> = (start as u32..end as u32).collect();
        let target = select_target(&data.target, &indices);
        let classes = match &target {
            BatchTarget::Classes(classes) => Some(classes.clone()),
            BatchTarget::Values(_) => None,
        };
        let rows = data.rows.slice(ndarray::s![start..end, ..]).to_owned();
        let batch = Batch { step: 0, epoch: 0, indices, rows, target, weights: None };
        let batch = DeviceBatch::new(&batch, network);
        let logits = network.forward(batch.rows.clone());
        let losses = host(loss.per_row(logits.clone(), &batch.target));
        visit(start, &losses, &host(logits), classes.as_deref());
        start = end;
    }
}

/// Values on the host, C order.
fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn shaped(values: Vec<f32>, n_rows: usize, n_columns: usize) -> Result<Array2<f32>, ScorerError> {
    let found = vec![values.len()];
    Array2::from_shape_vec((n_rows, n_columns), values)
        .map_err(|_| ScorerError::Shape { found, expected: vec![n_rows, n_columns] })
}
