//! How an adversarial perturbation divides its budget over blocks.
//!
//! Source: Shah et al. 2020, Figure 4, which plots the ratio of norms; the energy share sums to one.

use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::transform::Transform;

use crate::{Block, BlockSet, RelianceError};

/// Share of one block in a perturbation `u`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetShare {
    /// Name of the block.
    pub block: String,
    /// `‖u_b‖ / ‖u‖`, the paper's number; it looks larger than the energy share.
    pub norm_ratio: f64,
    /// `‖u_b‖² / ‖u‖²`; sums to one over a partition.
    pub energy_share: f64,
}

/// Shares of every block in the perturbation `delta`, shape `[n_features]`, after the linear part of
/// `transform`.
///
/// All shares are zero for a zero perturbation.
pub fn budget_shares(
    delta: ArrayView1<'_, f32>,
    blocks: &BlockSet,
    transform: &dyn Transform,
) -> Result<Vec<BudgetShare>, RelianceError> {
    mean_budget_shares(delta.insert_axis(ndarray::Axis(0)), blocks, transform)
}

/// Shares averaged over per-example perturbations, shape `[n_rows, n_features]`; zero rows are left out.
pub fn mean_budget_shares(
    deltas: ArrayView2<'_, f32>,
    blocks: &BlockSet,
    transform: &dyn Transform,
) -> Result<Vec<BudgetShare>, RelianceError> {
    if deltas.ncols() != transform.n_features() {
        return Err(RelianceError::FeatureCount {
            found: deltas.ncols(),
            expected: transform.n_features(),
            by: "the transform".into(),
        });
    }
    let moved = transform.forward(deltas);
    let energy = |row: ArrayView1<'_, f32>, block: &Block| -> f64 {
        block.columns.iter().map(|&column| f64::from(row[column as usize]).powi(2)).sum()
    };
    let whole = Block::new("all", 0..blocks.n_features());
    let mut shares: Vec<BudgetShare> = blocks
        .blocks()
        .iter()
        .map(|block| BudgetShare { block: block.name.clone(), norm_ratio: 0.0, energy_share: 0.0 })
        .collect();
    let mut n_used = 0;
    for row in moved.rows() {
        let total = energy(row, &whole);
        if total == 0.0 {
            continue;
        }
        n_used += 1;
        for (share, block) in shares.iter_mut().zip(blocks.blocks()) {
            let part = energy(row, block) / total;
            share.norm_ratio += part.sqrt();
            share.energy_share += part;
        }
    }
    for share in &mut shares {
        share.norm_ratio /= f64::from(n_used.max(1));
        share.energy_share /= f64::from(n_used.max(1));
    }
    Ok(shares)
}
