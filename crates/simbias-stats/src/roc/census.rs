//! Checked scores and labels, and the score ranges that they are sorted in.

use crate::error::{StatsError, same_length};

/// Above this many rows the sums of squared wins could leave 128 bits.
const MAX_ROWS: usize = 1 << 31;

const SAMPLE_SIZE: usize = 1024;

/// Scores `low <= score < high`. A range never holds both signs, so that the key's sign bit is free to
/// make room for the label.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreRange {
    low: f64,
    high: f64,
}

impl ScoreRange {
    pub(super) fn contains(self, score: f64) -> bool {
        (self.low <= score) & (score < self.high)
    }

    /// The ranges between ascending `cuts`.
    fn between(cuts: &[f64]) -> Vec<Self> {
        let lows = std::iter::once(f64::NEG_INFINITY).chain(cuts.iter().copied());
        let highs = cuts.iter().copied().chain(std::iter::once(f64::INFINITY));
        lows.zip(highs).map(|(low, high)| Self { low, high }).collect()
    }
}

/// Counts of checked input.
pub(super) struct Census {
    pub(super) n_positives: usize,
    /// Rows with a score below zero.
    n_below_zero: usize,
    pub(super) n_rows: usize,
}

impl Census {
    pub(super) fn take<S>(scores: &[S], positives: &[bool]) -> Result<Self, StatsError>
    where
        S: Copy + Into<f64>,
    {
        let n_rows = scores.len();
        same_length(("scores", n_rows), ("labels", positives.len()))?;
        if n_rows > MAX_ROWS {
            return Err(StatsError::TooMany { found: n_rows, allowed: MAX_ROWS });
        }
        let (mut all_finite, mut n_below_zero) = (true, 0);
        for &score in scores {
            let score: f64 = score.into();
            all_finite &= score.is_finite();
            n_below_zero += usize::from(score < 0.0);
        }
        if !all_finite {
            let values: Vec<f64> = scores.iter().map(|&score| score.into()).collect();
            crate::error::all_finite("scores", &values)?;
        }
        let n_positives = positives.iter().map(|&positive| usize::from(positive)).sum();
        let n_negatives = n_rows - n_positives;
        if n_positives == 0 || n_negatives == 0 {
            return Err(StatsError::OneClass { n_positives, n_negatives });
        }
        Ok(Self { n_positives, n_below_zero, n_rows })
    }

    fn has_both_signs(&self) -> bool {
        0 < self.n_below_zero && self.n_below_zero < self.n_rows
    }

    /// The fewest ranges that are allowed: one per sign that occurs.
    pub(super) fn by_sign(&self) -> Vec<ScoreRange> {
        ScoreRange::between(if self.has_both_signs() { &[0.0] } else { &[] })
    }

    /// About `n_ranges` ranges with about equally many rows, cut at quantiles of a regular sample.
    pub(super) fn by_quantile<S>(&self, scores: &[S], n_ranges: usize) -> Vec<ScoreRange>
    where
        S: Copy + Into<f64>,
    {
        let stride = (self.n_rows / SAMPLE_SIZE).max(1);
        let mut sample: Vec<f64> =
            scores.iter().step_by(stride).map(|&score| score.into()).collect();
        sample.sort_unstable_by(f64::total_cmp);
        let share_below_zero = self.n_below_zero as f64 / self.n_rows as f64;
        let cut_near = |share: f64| {
            let is_near_zero = (share - share_below_zero).abs() < 0.25 / n_ranges as f64;
            let index = (share * sample.len() as f64) as usize;
            if self.has_both_signs() && is_near_zero { 0.0 } else { sample[index] }
        };
        let mut cuts: Vec<f64> =
            (1..n_ranges).map(|i| cut_near(i as f64 / n_ranges as f64)).collect();
        if self.has_both_signs() {
            cuts.push(0.0);
        }
        cuts.sort_unstable_by(f64::total_cmp);
        cuts.dedup_by(|a, b| a == b);
        ScoreRange::between(&cuts)
    }
}
