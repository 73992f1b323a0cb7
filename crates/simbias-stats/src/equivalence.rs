//! Equivalence tests: showing that a difference is small, rather than failing to show that it is not.

use crate::error::StatsError;
use crate::interval::{Estimate, non_negative, normal_cdf, open_unit, wald_interval};

/// Outcome of two one-sided tests against `±margin`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// The observed difference.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Largest absolute difference that still counts as equal.
    pub margin: f64,
    /// Larger of the two one-sided p-values.
    pub p_value: f64,
}

impl Equivalence {
    /// Whether the difference is shown to lie inside the margin at significance `alpha`.
    pub fn is_shown_at(&self, alpha: f64) -> bool {
        self.p_value <= alpha
    }

    /// The interval at level `1 - 2·alpha` that lies inside `±margin` exactly when the test succeeds at
    /// `alpha` (strictly between 0 and ½). `n` is the number of rows to report with it.
    pub fn interval(&self, alpha: f64, n: usize) -> Result<Estimate, StatsError> {
        open_unit("1 - 2 alpha", 1.0 - 2.0 * alpha)?;
        let level = 1.0 - 2.0 * alpha;
        let (low, high) = wald_interval(self.difference, self.standard_error.powi(2), level)?;
        Ok(Estimate { value: self.difference, low, high, level, n })
    }
}

/// Two one-sided normal tests (TOST; Schuirmann 1987) of `|difference| < margin`.
///
/// Without any spread the p-value is 0 inside the margin and 1 on or outside it.
///
/// Errors: the difference is not finite, the standard error is negative, the margin is not positive.
pub fn equivalence_test(
    difference: f64,
    standard_error: f64,
    margin: f64,
) -> Result<Equivalence, StatsError> {
    non_negative("absolute difference", difference.abs())?;
    non_negative("standard error", standard_error)?;
    if !(margin > 0.0 && margin.is_finite()) {
        let allowed = "a finite number above 0";
        return Err(StatsError::OutOfRange { what: "equivalence margin", value: margin, allowed });
    }
    let room = margin - difference.abs();
    let p_value = match standard_error {
        0.0 => f64::from(u8::from(room <= 0.0)),
        spread => normal_cdf(-room / spread),
    };
    Ok(Equivalence { difference, standard_error, margin, p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // The nearer margin is 0.01 away, one standard error: p = Φ(-1).
        let test = equivalence_test(-0.01, 0.01, 0.02).unwrap();
        assert!((test.p_value - 0.158_655_253_931_457_05).abs() < 1e-14);
        assert!(!test.is_shown_at(0.05));
        assert!(equivalence_test(0.001, 0.005, 0.02).unwrap().is_shown_at(0.05));
        assert!(equivalence_test(0.03, 0.001, 0.02).unwrap().p_value > 0.999);
    }

    #[test]
    fn the_interval_tells_the_same() {
        for difference in [-0.02, -0.012, -0.011_775, -0.011_77, 0.0, 0.01, 0.03] {
            let test = equivalence_test(difference, 0.005, 0.02).unwrap();
            let interval = test.interval(0.05, 100).unwrap();
            let is_inside = -0.02 <= interval.low && interval.high <= 0.02;
            assert_eq!(test.is_shown_at(0.05), is_inside, "{difference}");
        }
    }

    #[test]
    fn no_spread_and_bad_input() {
        assert_eq!(equivalence_test(0.0, 0.0, 0.02).unwrap().p_value, 0.0);
        assert_eq!(equivalence_test(0.02, 0.0, 0.02).unwrap().p_value, 1.0);
        assert!(equivalence_test(0.0, 0.1, 0.0).is_err());
        assert!(equivalence_test(f64::NAN, 0.1, 0.1).is_err());
        assert!(equivalence_test(0.0, -0.1, 0.1).is_err());
    }
}
