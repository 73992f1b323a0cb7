//! An AUC with DeLong's variance and its interval.

use crate::error::{StatsError, at_least};
use crate::interval::{Estimate, logit_interval, wald_interval, wilson_interval};

/// An AUC with the variance that comes from the choice of test rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AucEstimate {
    /// Area under the ROC curve, 0 to 1.
    pub auc: f64,
    /// Variance of `auc` over samples of rows (DeLong, denominators n-1).
    pub variance: f64,
    /// Number of positive rows.
    pub n_positives: usize,
    /// Number of negative rows.
    pub n_negatives: usize,
}

/// An interval for an AUC, and whether the usual formula could be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AucInterval {
    /// AUC with its bounds; `n` counts all rows.
    pub estimate: Estimate,
    /// The DeLong variance is zero or the AUC is exactly 0 or 1, so the bounds are Wilson's with the
    /// rarer class as the number of trials.
    pub degenerate: bool,
}

impl AucEstimate {
    /// Interval on the scale of logit(AUC) by the delta method, so that it stays inside 0 to 1.
    ///
    /// Falls back to Wilson's interval with `min(n_positives, n_negatives)` trials where the variance
    /// is zero or the AUC is exactly 0 or 1, and says so in [`AucInterval::degenerate`].
    pub fn interval(&self, level: f64) -> Result<AucInterval, StatsError> {
        let degenerate = self.auc <= 0.0 || self.auc >= 1.0 || self.variance <= 0.0;
        let (low, high) = if degenerate {
            wilson_interval(self.auc, self.n_positives.min(self.n_negatives) as f64, level)?
        } else {
            logit_interval(self.auc, self.variance, level)?
        };
        Ok(AucInterval { estimate: self.bounded(low, high, level), degenerate })
    }

    /// The plain symmetric interval `auc ± z·sqrt(variance)`; its bounds can leave 0 to 1.
    pub fn wald(&self, level: f64) -> Result<Estimate, StatsError> {
        let (low, high) = wald_interval(self.auc, self.variance, level)?;
        Ok(self.bounded(low, high, level))
    }

    fn bounded(&self, low: f64, high: f64, level: f64) -> Estimate {
        Estimate { value: self.auc, low, high, level, n: self.n_positives + self.n_negatives }
    }
}

pub(super) fn two_of_each(n_positives: usize, n_negatives: usize) -> Result<(), StatsError> {
    at_least("positive rows for a DeLong variance", n_positives, 2)?;
    at_least("negative rows for a DeLong variance", n_negatives, 2)
}

/// `var(v)/n` with denominator n-1, where `v = wins / (2·n_opponents)` and
/// `spread = n·Σ wins² - (Σ wins)²` (or the same with a product in place of the square).
pub(super) fn variance_of_mean_placement(spread: f64, n: usize, n_opponents: usize) -> f64 {
    let (n, twice) = (n as f64, 2.0 * n_opponents as f64);
    spread / (n * n * (n - 1.0) * twice * twice)
}
