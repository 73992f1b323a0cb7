//! Exact sums over rows in score order, joined stretch by stretch.

use super::estimate::{AucEstimate, two_of_each, variance_of_mean_placement};
use crate::error::StatsError;

/// Exact sums over a stretch of the rows in score order. Wins count 2 and ties 1, and only rows of the
/// same stretch meet each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    n_positives: u64,
    n_negatives: u64,
    /// Sum over the positives of what each wins against the negatives.
    wins: u128,
    wins_squared: u128,
    /// Sum over the negatives of what each wins against the positives.
    losses: u128,
    losses_squared: u128,
}

impl Stretch {
    /// `items`: sorted, the label in the lowest bit.
    pub(super) fn scan(items: &[u64]) -> Self {
        let mut sums = Self::default();
        let mut start = 0;
        while start < items.len() {
            let score = items[start] >> 1;
            let mut end = start;
            let mut n_positives = 0;
            while end < items.len() && items[end] >> 1 == score {
                n_positives += items[end] & 1;
                end += 1;
            }
            let n_negatives = (end - start) as u64 - n_positives;
            let win = 2 * sums.n_negatives + n_negatives;
            let loss = 2 * sums.n_positives + n_positives;
            sums.add(n_positives, win, n_negatives, loss);
            start = end;
        }
        sums
    }

    /// Adds tied rows: `n_positives` that win `win` each, `n_negatives` that win `loss` each.
    fn add(&mut self, n_positives: u64, win: u64, n_negatives: u64, loss: u64) {
        self.n_positives += n_positives;
        self.n_negatives += n_negatives;
        let (wins, losses) = (n_positives * win, n_negatives * loss);
        self.wins += u128::from(wins);
        self.losses += u128::from(losses);
        self.wins_squared += u128::from(wins) * u128::from(win);
        self.losses_squared += u128::from(losses) * u128::from(loss);
    }

    /// The sums of this stretch and a `later` one together: each later row also wins 2 against every
    /// earlier row of the other class.
    pub(super) fn followed_by(self, later: Self) -> Self {
        let (wins, wins_squared) =
            raised(later.n_positives, later.wins, later.wins_squared, self.n_negatives);
        let (losses, losses_squared) =
            raised(later.n_negatives, later.losses, later.losses_squared, self.n_positives);
        Self {
            n_positives: self.n_positives + later.n_positives,
            n_negatives: self.n_negatives + later.n_negatives,
            wins: self.wins + wins,
            wins_squared: self.wins_squared + wins_squared,
            losses: self.losses + losses,
            losses_squared: self.losses_squared + losses_squared,
        }
    }

    pub(super) fn auc(&self) -> f64 {
        self.wins as f64 / (2 * u128::from(self.n_positives) * u128::from(self.n_negatives)) as f64
    }

    pub(super) fn estimate(&self) -> Result<AucEstimate, StatsError> {
        let (n_positives, n_negatives) = (self.n_positives as usize, self.n_negatives as usize);
        two_of_each(n_positives, n_negatives)?;
        let spread = |n: u64, sum: u128, sum_of_squares: u128| {
            (u128::from(n) * sum_of_squares - sum * sum) as f64
        };
        let among_positives = spread(self.n_positives, self.wins, self.wins_squared);
        let among_negatives = spread(self.n_negatives, self.losses, self.losses_squared);
        let variance = variance_of_mean_placement(among_positives, n_positives, n_negatives)
            + variance_of_mean_placement(among_negatives, n_negatives, n_positives);
        Ok(AucEstimate { auc: self.auc(), variance, n_positives, n_negatives })
    }
}

/// `(Σ (w + 2e), Σ (w + 2e)²)` from `n`, `Σ w` and `Σ w²`, for `e` more opponents beaten.
fn raised(n: u64, sum: u128, sum_of_squares: u128, extra: u64) -> (u128, u128) {
    let (n, raise) = (u128::from(n), 2 * u128::from(extra));
    (sum + n * raise, sum_of_squares + 2 * raise * sum + n * raise * raise)
}
