//! The influence of every row on every figure of a measurement; with it, two measurements over the same rows are
//! compared row by row.
//!
//! The influences `ψᵢ` of a mean over repeats are the means of the repeats' influences. Models that treat the rows
//! alike have nearly equal ones, and the variance `Σ(ψᵢ − ψ'ᵢ)²` of a difference is then far below the sum of the
//! two variances.

use crate::figures::JobFigures;

/// Maximum number of values kept (128 MiB); a larger measurement is compared without pairing over rows.
const MOST_VALUES: usize = 32 << 20;

/// Influences of a measurement's rows, in the order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Influences {
    /// Fingerprint of the rows that they belong to.
    pub data_fingerprint: String,
    /// The leading metric on unchanged rows, by which influences and a result are recognised as belonging together.
    pub standard_value: f64,
    /// On the metric of the unchanged rows.
    pub standard: Vec<f32>,
    /// One entry per block, in the order of the block set.
    pub blocks: Vec<BlockInfluences>,
}

/// Influences of the rows on the metric of one block, means over repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockInfluences {
    /// Name of the block.
    pub block: String,
    /// With the block taken from donors.
    pub randomized: Vec<f32>,
    /// With everything but the block taken from donors, if that was measured.
    pub complement: Option<Vec<f32>>,
}

impl Influences {
    /// Whether influences of this many rows and conditions are kept.
    pub(crate) fn are_kept(n_rows: usize, n_conditions: usize) -> bool {
        n_rows.saturating_mul(n_conditions) <= MOST_VALUES
    }
}

/// Mean influence over repeats; the jobs' own influences are dropped.
pub(crate) fn take_mean_influence(jobs: &mut [JobFigures]) -> Vec<f32> {
    let mut jobs = jobs.iter_mut();
    let Some(first) = jobs.next() else { return Vec::new() };
    let mut sum = std::mem::take(&mut first.influence);
    let mut n_repeats = 1.0;
    for job in jobs {
        for (sum, part) in sum.iter_mut().zip(std::mem::take(&mut job.influence)) {
            *sum += part;
        }
        n_repeats += 1.0;
    }
    sum.into_iter().map(|sum| (sum / n_repeats) as f32).collect()
}
