//! Mini-batches on the host and their order.

use ndarray::{Array2, ArrayView2, Axis};
use simbias_data::{Dataset, Target};
use simbias_stats::Seed;

/// Targets of a batch on the host.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchTarget {
    /// Class indices.
    Classes(Vec<u32>),
    /// Values.
    Values(Vec<f32>),
}

/// Some rows with their targets, before they go to the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Step that will use it, counted from 0.
    pub step: u64,
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Rows of the data set, in batch order.
    pub indices: Vec<u32>,
    /// Values, `[batch, n_features]`; a hook may replace them.
    pub rows: Array2<f32>,
    /// Targets, `[batch]`.
    pub target: BatchTarget,
    /// Factor on each row's loss; `None` is 1 throughout.
    pub weights: Option<Vec<f32>>,
}

/// Order of the rows in `epoch`: a permutation from its own stream.
pub(crate) fn epoch_order(seed: Seed, epoch: u64, n_rows: usize) -> Vec<u32> {
    seed.child("train/shuffle", epoch).permutation(n_rows)
}

/// The rows `indices` of `data` as a batch.
pub(crate) fn gather(
    data: &Dataset,
    weights: Option<&[f32]>,
    indices: &[u32],
    step: u64,
    epoch: u64,
) -> Batch {
    Batch {
        step,
        epoch,
        indices: indices.to_vec(),
        rows: select_rows(data.rows.view(), indices),
        target: select_target(&data.target, indices),
        weights: weights.map(|all| indices.iter().map(|&row| all[row as usize]).collect()),
    }
}

fn select_rows(rows: ArrayView2<'_, f32>, indices: &[u32]) -> Array2<f32> {
    let n_features = rows.ncols();
    let Some(all) = rows.as_slice() else {
        let indices: Vec<usize> = indices.iter().map(|&row| row as usize).collect();
        return rows.select(Axis(0), &indices);
    };
    let mut values = Vec::with_capacity(indices.len() * n_features);
    for &row in indices {
        values.extend_from_slice(&all[row as usize * n_features..][..n_features]);
    }
    match Array2::from_shape_vec((indices.len(), n_features), values) {
        Ok(selected) => selected,
        Err(error) => unreachable!("one row an index: {error}"),
    }
}

pub(crate) fn select_target(target: &Target, indices: &[u32]) -> BatchTarget {
    match target {
        Target::Classes(labels) => {
            BatchTarget::Classes(indices.iter().map(|&row| labels.indices[row as usize]).collect())
        }
        Target::Values(values) => {
            BatchTarget::Values(indices.iter().map(|&row| values[row as usize] as f32).collect())
        }
    }
}
