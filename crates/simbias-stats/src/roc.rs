//! Area under the ROC curve, its DeLong variance, and paired differences of two areas.
//!
//! A positive row *wins* against a negative row that scores lower, and half wins a tie; the AUC is the
//! share of wins. All sums of wins are exact integers (each win counts 2, each tie 1), so results do
//! not depend on the order of summation or on the number of threads.
//!
//! Source: DeLong, DeLong & Clarke-Pearson (1988), in the linear-time rank form of Sun & Xu (2014).

mod census;
mod estimate;
mod placements;
mod stretch;

use rayon::prelude::*;

use census::{Census, ScoreRange};
use stretch::Stretch;

use crate::error::StatsError;
use crate::radix::{order_key, sort_by_key};

pub use estimate::{AucEstimate, AucInterval};
pub use placements::{AucDifference, Placements, paired_difference};

/// From here on the free functions share the work between the threads of the current rayon pool.
const MIN_ROWS_FOR_THREADS: usize = 1 << 17;

/// More ranges than this read the scores more often than they save.
const MAX_RANGES: usize = 8;

/// ROC-AUC of `scores` (`[rows]`), ties counted half.
///
/// Errors: a score is not finite, lengths differ, or all rows are of one class.
pub fn roc_auc<S>(scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64> + Sync,
{
    Ok(summarize(scores, positives)?.auc())
}

/// ROC-AUC of `scores` (`[rows]`) with its DeLong variance, in O(rows).
///
/// Errors: as [`roc_auc`], and when a class has fewer than two rows.
pub fn auc_delong<S>(scores: &[S], positives: &[bool]) -> Result<AucEstimate, StatsError>
where
    S: Copy + Into<f64> + Sync,
{
    summarize(scores, positives)?.estimate()
}

/// Average precision `Σ (R_n - R_{n-1}) P_n` over the distinct scores, highest first.
///
/// Errors: as [`roc_auc`].
pub fn average_precision<S>(scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64>,
{
    let census = Census::take(scores, positives)?;
    let mut scratch = RocScratch::default();
    let (mut n_above, mut positives_above, mut sum) = (0_u64, 0_u64, 0.0);
    for range in census.by_sign().into_iter().rev() {
        scratch.sort_range(scores, positives, range);
        for tied in scratch.items.chunk_by(|a, b| a >> 1 == b >> 1).rev() {
            let hits: u64 = tied.iter().map(|item| item & 1).sum();
            n_above += tied.len() as u64;
            positives_above += hits;
            sum += hits as f64 * positives_above as f64 / n_above as f64;
        }
    }
    Ok(sum / census.n_positives as f64)
}

/// Buffers to reuse between AUC computations on one thread. Its methods never start other threads, so
/// they suit loops that are parallel already.
#[derive(Clone, Debug, Default)]
pub struct RocScratch {
    /// Score order in the upper 63 bits, the label in the lowest.
    items: Vec<u64>,
    spare: Vec<u64>,
}

impl RocScratch {
    /// [`roc_auc`] on the calling thread only.
    pub fn roc_auc<S>(&mut self, scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
    where
        S: Copy + Into<f64>,
    {
        Ok(self.summarize(scores, positives)?.auc())
    }

    /// [`auc_delong`] on the calling thread only.
    pub fn auc_delong<S>(
        &mut self,
        scores: &[S],
        positives: &[bool],
    ) -> Result<AucEstimate, StatsError>
    where
        S: Copy + Into<f64>,
    {
        self.summarize(scores, positives)?.estimate()
    }

    fn summarize<S>(&mut self, scores: &[S], positives: &[bool]) -> Result<Stretch, StatsError>
    where
        S: Copy + Into<f64>,
    {
        let census = Census::take(scores, positives)?;
        let stretches = census.by_sign().into_iter().map(|range| {
            self.sort_range(scores, positives, range);
            Stretch::scan(&self.items)
        });
        Ok(stretches.fold(Stretch::default(), Stretch::followed_by))
    }

    /// Leaves the rows of one range in `self.items`, sorted by score.
    fn sort_range<S>(&mut self, scores: &[S], positives: &[bool], range: ScoreRange)
    where
        S: Copy + Into<f64>,
    {
        let n_inside =
            scores.iter().map(|&score| usize::from(range.contains(score.into()))).sum::<usize>();
        // One more than needed: rows outside are written too, then overwritten, which saves a branch.
        self.items.resize(n_inside + 1, 0);
        let mut n_kept = 0;
        for (&score, &positive) in scores.iter().zip(positives) {
            let score: f64 = score.into();
            self.items[n_kept] = order_key(score) << 1 | u64::from(positive);
            n_kept += usize::from(range.contains(score));
        }
        self.items.truncate(n_inside);
        sort_by_key(&mut self.items, &mut self.spare, |item| item >> 1);
    }
}

fn summarize<S>(scores: &[S], positives: &[bool]) -> Result<Stretch, StatsError>
where
    S: Copy + Into<f64> + Sync,
{
    let n_threads = rayon::current_num_threads();
    if scores.len() < MIN_ROWS_FOR_THREADS || n_threads == 1 {
        return RocScratch::default().summarize(scores, positives);
    }
    let ranges = Census::take(scores, positives)?.by_quantile(scores, n_threads.min(MAX_RANGES));
    let stretches: Vec<Stretch> = ranges
        .into_par_iter()
        .map_init(RocScratch::default, |scratch, range| {
            scratch.sort_range(scores, positives, range);
            Stretch::scan(&scratch.items)
        })
        .collect();
    Ok(stretches.into_iter().fold(Stretch::default(), Stretch::followed_by))
}
