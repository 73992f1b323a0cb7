//! Fit of numeric predictions.

use crate::error::{StatsError, all_finite, at_least, same_length};
use crate::interval::mean;

/// Coefficient of determination `1 - Σ(y - ŷ)² / Σ(y - ȳ)²`; negative when worse than the mean.
///
/// Errors: different lengths, fewer than two rows, a value that is not finite, or constant targets.
pub fn r_squared(targets: &[f64], predictions: &[f64]) -> Result<f64, StatsError> {
    same_length(("targets", targets.len()), ("predictions", predictions.len()))?;
    at_least("rows", targets.len(), 2)?;
    all_finite("targets", targets)?;
    all_finite("predictions", predictions)?;
    if targets.iter().all(|target| *target == targets[0]) {
        return Err(StatsError::Constant { what: "targets", statistic: "R²" });
    }
    let centre = mean(targets);
    let total: f64 = targets.iter().map(|target| (target - centre).powi(2)).sum();
    let residual: f64 = targets.iter().zip(predictions).map(|(y, p)| (y - p).powi(2)).sum();
    Ok(1.0 - residual / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Residuals 0 1 0 1 → 2; around the mean 2.5: 5. R² = 0.6.
        let found = r_squared(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 3.0, 3.0]).unwrap();
        assert!((found - 0.6).abs() < 1e-15);
        assert_eq!(r_squared(&[1.0, 3.0], &[2.0, 2.0]).unwrap(), 0.0);
        assert!(r_squared(&[1.0, 3.0], &[3.0, 1.0]).unwrap() < 0.0);
        assert!(r_squared(&[2.0, 2.0], &[2.0, 1.0]).is_err());
    }
}
