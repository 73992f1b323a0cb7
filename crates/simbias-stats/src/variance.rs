//! Where the variance of a randomized metric comes from.

use crate::error::{StatsError, at_least, same_length};
use crate::interval::{mean, non_negative, sample_variance};

/// Variance of a mean over repeats that all use the same rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RepeatVariance {
    /// From the choice of test rows: the mean of the per-repeat variances. The repeats share their
    /// rows, so more repeats do not shrink it.
    pub rows: f64,
    /// From the choice of permutations: variance between repeats (denominator n-1) over their number.
    pub permutations: f64,
}

impl RepeatVariance {
    /// Both sources together.
    pub fn total(&self) -> f64 {
        self.rows + self.permutations
    }
}

/// Splits the variance of the mean of `values` (`[repeats]`), each with the row variance of the same
/// position in `row_variances`. With one repeat the permutation part cannot be seen, which is an error.
///
/// Errors: different lengths, fewer than two repeats, a value that is not finite, a negative variance.
pub fn repeat_variance(
    values: &[f64],
    row_variances: &[f64],
) -> Result<RepeatVariance, StatsError> {
    same_length(("values", values.len()), ("row variances", row_variances.len()))?;
    at_least("repeats", values.len(), 2)?;
    for &variance in row_variances {
        non_negative("row variance", variance)?;
    }
    Ok(RepeatVariance {
        rows: mean(row_variances),
        permutations: sample_variance(values)? / values.len() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Mean row variance 0.02; values .5 .7 .6 have variance .01, over 3 repeats.
        let variance = repeat_variance(&[0.5, 0.7, 0.6], &[0.01, 0.03, 0.02]).unwrap();
        assert!((variance.rows - 0.02).abs() < 1e-15);
        assert!((variance.permutations - 0.01 / 3.0).abs() < 1e-15);
        assert!((variance.total() - (0.02 + 0.01 / 3.0)).abs() < 1e-15);
        assert!(repeat_variance(&[0.5], &[0.1]).is_err());
        assert!(repeat_variance(&[0.5, 0.6], &[0.1, -0.1]).is_err());
        assert!(repeat_variance(&[0.5, 0.6], &[0.1]).is_err());
    }
}
