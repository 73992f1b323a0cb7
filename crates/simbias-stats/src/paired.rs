//! Differences of measurements made on the same things.

use statrs::distribution::ContinuousCDF;

use crate::error::{StatsError, same_length};
use crate::interval::{Estimate, mean_estimate, sample_variance, student};

/// Paired t-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedTest {
    /// Mean of first minus second, with Student's interval.
    pub difference: Estimate,
    /// Mean difference in standard errors; infinite when all differences are equal but not zero, 0 when
    /// all are zero.
    pub t: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// Compares `first` and `second` (`[pairs]`), measured on the same things in the same order.
///
/// Errors: different lengths, fewer than two pairs, or a value that is not finite.
pub fn paired_test(first: &[f64], second: &[f64], level: f64) -> Result<PairedTest, StatsError> {
    same_length(("the first sample", first.len()), ("the second sample", second.len()))?;
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
    let difference = mean_estimate(&differences, level)?;
    let standard_error = (sample_variance(&differences)? / differences.len() as f64).sqrt();
    let t = if difference.value == 0.0 { 0.0 } else { difference.value / standard_error };
    let p_value = if t.is_infinite() {
        0.0
    } else {
        2.0 * student((differences.len() - 1) as f64)?.sf(t.abs())
    };
    Ok(PairedTest { difference, t, p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Differences 1 2 3: mean 2, standard error 1/sqrt(3), t = 3.4641 with 2 degrees;
        // there P(|T| > t) = 1 - t/sqrt(2 + t²).
        let test = paired_test(&[2.0, 4.0, 6.0], &[1.0, 2.0, 3.0], 0.95).unwrap();
        assert!((test.t - 12.0_f64.sqrt()).abs() < 1e-12);
        assert!((test.p_value - (1.0 - (12.0_f64 / 14.0).sqrt())).abs() < 1e-10);
        assert!((test.difference.value - 2.0).abs() < 1e-15);
        assert!(test.difference.covers(0.0) && test.difference.n == 3);
    }

    #[test]
    fn equal_differences() {
        let shifted = paired_test(&[2.0, 3.0], &[1.0, 2.0], 0.95).unwrap();
        assert!(shifted.t.is_infinite() && shifted.p_value == 0.0);
        let same = paired_test(&[2.0, 3.0], &[2.0, 3.0], 0.95).unwrap();
        assert_eq!((same.t, same.p_value), (0.0, 1.0));
        assert!(paired_test(&[1.0], &[1.0], 0.95).is_err());
        assert!(paired_test(&[1.0, 2.0], &[1.0], 0.95).is_err());
    }
}
