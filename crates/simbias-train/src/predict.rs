//! A trained network behind the traits that methods use.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use simbias_data::{LossGradient, Objective, Scorer, ScorerError};
use simbias_nn::{Mode, Network, Pass, Tensor, cpu};

use crate::batch::{BatchTarget, DeviceTarget};
use crate::objective::Loss;

/// Most rows that pass through the network at once; limits memory and never changes a result.
const ROWS_AT_ONCE: usize = 1024;
/// Fewest rows at once on the CPU, where matrix products need several to be fast.
const FEWEST_AT_ONCE: usize = 32;
/// Work of one batch on the CPU, small enough for a core's cache to hold the activations of a convolution network.
const FLOPS_AT_ONCE: u64 = 200_000_000;

/// Number of rows at once that suits `network` on its device.
pub(crate) fn rows_at_once(network: &Network) -> usize {
    if *network.device() == cpu() {
        let rows = FLOPS_AT_ONCE / network.flops_per_row().max(1);
        usize::try_from(rows).unwrap_or(ROWS_AT_ONCE).clamp(FEWEST_AT_ONCE, ROWS_AT_ONCE)
    } else {
        ROWS_AT_ONCE
    }
}

/// A network in evaluation mode as a [`Scorer`] with input gradients.
#[derive(Clone, Debug)]
pub struct NetScorer {
    network: Network,
    rows_at_once: usize,
}

impl NetScorer {
    /// Scores in batches of at most 1024 rows; on the CPU in smaller ones, several at a time.
    pub fn new(network: Network) -> Self {
        let rows_at_once = rows_at_once(&network);
        Self { network, rows_at_once }
    }

    /// Scores in batches of at most `most` rows, at least 1: less memory, or fewer calls on a GPU.
    pub fn with_batch(network: Network, most: usize) -> Self {
        let on_cpu = *network.device() == cpu();
        let rows_at_once = if on_cpu { rows_at_once(&network).min(most) } else { most };
        Self { network, rows_at_once: rows_at_once.max(1) }
    }

    /// Calls `job` with every batch (the index of its first row, and its rows) and returns the results in order.
    fn batches<T: Send>(
        &self,
        rows: ArrayView2<'_, f32>,
        job: impl Fn(usize, ArrayView2<'_, f32>) -> T + Sync,
    ) -> Vec<T> {
        let batches: Vec<_> = rows.axis_chunks_iter(Axis(0), self.rows_at_once).collect();
        let job = |(index, batch)| job(index * self.rows_at_once, batch);
        if *self.network.device() == cpu() {
            batches.into_par_iter().enumerate().map(job).collect()
        } else {
            batches.into_iter().enumerate().map(job).collect()
        }
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
        let scores =
            self.batches(rows, |_, batch| host(self.network.forward(self.network.upload(batch))));
        shaped(scores.concat(), rows.nrows(), self.n_outputs())
    }

    fn gradients(&self) -> Option<&dyn LossGradient> {
        Some(self)
    }

    fn scores_in_parallel(&self) -> bool {
        // It uses all threads itself.
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
        let values = self.network.values();
        let found = self.batches(rows, |start, batch| {
            let span = start..start + batch.nrows();
            let input = self.network.upload(batch).autodiff().require_grad();
            let mut pass = Pass::new(Mode::Eval);
            let logits = self.network.forward_rows(&values, input.clone(), &mut pass);
            let per_row = match objective {
                Objective::CrossEntropy(classes) => {
                    let target = BatchTarget::Classes(classes[span].to_vec());
                    let target = DeviceTarget::new(&target, &self.network);
                    Loss::CrossEntropy.per_row(logits, &target)
                }
                Objective::WeightedLogits(weights) => {
                    let weights = self.network.upload(weights.slice(ndarray::s![span, ..]));
                    let n_rows = batch.nrows();
                    (logits * weights).sum_dim(1).reshape([n_rows])
                }
            };
            let mut backward = per_row.clone().sum().backward();
            let gradient = match input.grad_remove(&mut backward) {
                Some(gradient) => host(gradient),
                // No path from input to output: the loss does not depend on it.
                None => vec![0.0; batch.len()],
            };
            (host(per_row.without_autodiff()), gradient)
        });
        let (losses, gradients): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let gradients = shaped(gradients.concat(), rows.nrows(), rows.ncols())?;
        Ok((losses.concat(), gradients))
    }
}

/// Values on the host, C order.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn shaped(values: Vec<f32>, n_rows: usize, n_columns: usize) -> Result<Array2<f32>, ScorerError> {
    let found = vec![values.len()];
    Array2::from_shape_vec((n_rows, n_columns), values)
        .map_err(|_| ScorerError::Shape { found, expected: vec![n_rows, n_columns] })
}
