//! What each row wins, and paired differences of two areas.

use super::census::Census;
use super::estimate::{AucEstimate, two_of_each, variance_of_mean_placement};
use crate::error::{StatsError, same_length};
use crate::interval::{Estimate, wald_interval};
use crate::radix::{order_key, sort_by_key};

/// What each row wins against the rows of the other class, in row order: DeLong's placement values.
/// Two of them over the same rows give the paired difference of their AUCs.
#[derive(Clone, Debug, PartialEq)]
pub struct Placements {
    positives: Vec<bool>,
    /// Per row: 2 for every row of the other class that is ranked on the right side, 1 for a tie.
    doubled: Vec<u64>,
    n_positives: usize,
}

impl Placements {
    /// Ranks `scores` (`[rows]`).
    ///
    /// Errors: as [`auc_delong`](super::auc_delong).
    pub fn new<S>(scores: &[S], positives: &[bool]) -> Result<Self, StatsError>
    where
        S: Copy + Into<f64>,
    {
        let Census { n_positives, n_rows, .. } = Census::take(scores, positives)?;
        two_of_each(n_positives, n_rows - n_positives)?;
        let mut order: Vec<(u64, u32)> =
            scores.iter().zip(0..).map(|(&score, row)| (order_key(score.into()), row)).collect();
        sort_by_key(&mut order, &mut Vec::new(), |&(key, _)| key);

        let mut doubled = vec![0; n_rows];
        let (mut positives_below, mut negatives_below) = (0_u64, 0_u64);
        for tied in order.chunk_by(|a, b| a.0 == b.0) {
            let tied_positives =
                tied.iter().map(|&(_, row)| u64::from(positives[row as usize])).sum::<u64>();
            let tied_negatives = tied.len() as u64 - tied_positives;
            for &(_, row) in tied {
                let row = row as usize;
                doubled[row] = if positives[row] {
                    2 * negatives_below + tied_negatives
                } else {
                    2 * (n_positives as u64 - positives_below) - tied_positives
                };
            }
            positives_below += tied_positives;
            negatives_below += tied_negatives;
        }
        Ok(Self { positives: positives.to_vec(), doubled, n_positives })
    }

    /// Per positive row, in row order: share of the negatives that it outranks, ties half (`v10`).
    pub fn of_positives(&self) -> impl Iterator<Item = f64> {
        let scale = 2.0 * self.n_negatives() as f64;
        self.class(true).map(move |doubled| doubled as f64 / scale)
    }

    /// Per negative row, in row order: share of the positives that outrank it, ties half (`v01`).
    pub fn of_negatives(&self) -> impl Iterator<Item = f64> {
        let scale = 2.0 * self.n_positives as f64;
        self.class(false).map(move |doubled| doubled as f64 / scale)
    }

    /// Influence of every row on the AUC, in row order, scaled so that the sum of squares is the DeLong
    /// variance; the sum of squared differences of two rankings' influences is the variance of the paired
    /// difference.
    pub fn influence(&self) -> Vec<f64> {
        let auc = self.estimate().auc;
        let scale = |n: usize| 1.0 / (n as f64 * (n as f64 - 1.0)).sqrt();
        let of_positive = (scale(self.n_positives), 2.0 * self.n_negatives() as f64);
        let of_negative = (scale(self.n_negatives()), 2.0 * self.n_positives as f64);
        self.positives
            .iter()
            .zip(&self.doubled)
            .map(|(&positive, &doubled)| {
                let (scale, doubled_opponents) = if positive { of_positive } else { of_negative };
                scale * (doubled as f64 / doubled_opponents - auc)
            })
            .collect()
    }

    /// AUC and DeLong variance of this ranking.
    pub fn estimate(&self) -> AucEstimate {
        AucEstimate {
            auc: self.doubled_wins() as f64 / self.doubled_pairs(),
            variance: self.covariance(|row| i128::from(self.doubled[row])),
            n_positives: self.n_positives,
            n_negatives: self.n_negatives(),
        }
    }

    fn n_negatives(&self) -> usize {
        self.positives.len() - self.n_positives
    }

    fn doubled_pairs(&self) -> f64 {
        2.0 * self.n_positives as f64 * self.n_negatives() as f64
    }

    fn doubled_wins(&self) -> i128 {
        self.class(true).map(i128::from).sum()
    }

    fn class(&self, positive: bool) -> impl Iterator<Item = u64> {
        let rows = self.positives.iter().zip(&self.doubled);
        rows.filter(move |row| *row.0 == positive).map(|row| *row.1)
    }

    /// DeLong's variance for the placements `doubled_at(row) / 2n` over this object's classes.
    fn covariance(&self, doubled_at: impl Fn(usize) -> i128) -> f64 {
        let variance_of = |positive: bool, n: usize, n_opponents: usize| {
            let (mut sum, mut sum_of_squares) = (0_i128, 0_i128);
            for row in (0..self.positives.len()).filter(|&row| self.positives[row] == positive) {
                let doubled = doubled_at(row);
                sum += doubled;
                sum_of_squares += doubled * doubled;
            }
            let spread = (n as i128 * sum_of_squares - sum * sum) as f64;
            variance_of_mean_placement(spread, n, n_opponents)
        };
        variance_of(true, self.n_positives, self.n_negatives())
            + variance_of(false, self.n_negatives(), self.n_positives)
    }
}

/// The difference of two AUCs over the same rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AucDifference {
    /// First AUC minus second.
    pub difference: f64,
    /// DeLong variance of the difference, the covariance of the two AUCs taken into account.
    pub variance: f64,
    /// DeLong covariance of the two AUCs.
    pub covariance: f64,
    /// Number of rows.
    pub n: usize,
}

impl AucDifference {
    /// The standard error of the difference.
    pub fn standard_error(&self) -> f64 {
        self.variance.sqrt()
    }

    /// `difference ± z·sqrt(variance)`.
    pub fn interval(&self, level: f64) -> Result<Estimate, StatsError> {
        let (low, high) = wald_interval(self.difference, self.variance, level)?;
        Ok(Estimate { value: self.difference, low, high, level, n: self.n })
    }
}

/// AUC of `first` minus AUC of `second`, both over the same rows in the same order.
///
/// Errors: the two rankings have different labels.
pub fn paired_difference(
    first: &Placements,
    second: &Placements,
) -> Result<AucDifference, StatsError> {
    let n = first.positives.len();
    same_length(("the first ranking", n), ("the second ranking", second.positives.len()))?;
    if let Some(row) = (0..n).find(|&row| first.positives[row] != second.positives[row]) {
        return Err(StatsError::DifferentRows { row });
    }
    let at = |ranking: &Placements, row: usize| i128::from(ranking.doubled[row]);
    let variance = first.covariance(|row| at(first, row) - at(second, row));
    let variance_of_sum = first.covariance(|row| at(first, row) + at(second, row));
    Ok(AucDifference {
        difference: (first.doubled_wins() - second.doubled_wins()) as f64 / first.doubled_pairs(),
        variance,
        covariance: (variance_of_sum - variance) / 4.0,
        n,
    })
}
