//! What metrics look like when there is nothing to find.

use crate::error::{StatsError, at_least};

/// Standard error of the AUC of scores that do not depend on the class:
/// `sqrt((n₊ + n₋ + 1) / (12·n₊·n₋))`. Repeats that share their rows do not shrink it.
///
/// Errors: a class without rows.
pub fn null_auc_standard_error(n_positives: usize, n_negatives: usize) -> Result<f64, StatsError> {
    if n_positives == 0 || n_negatives == 0 {
        return Err(StatsError::OneClass { n_positives, n_negatives });
    }
    let (n1, n0) = (n_positives as f64, n_negatives as f64);
    Ok(((n1 + n0 + 1.0) / (12.0 * n1 * n0)).sqrt())
}

/// Expected accuracy of a perfect classifier whose only block was permuted: `Σ q²` over the class shares
/// `q`, given as row counts per class. For two classes that is `q² + (1-q)²`: ½ if balanced, but .82 at
/// q = .1.
///
/// Errors: no rows.
pub fn permuted_accuracy(class_counts: &[usize]) -> Result<f64, StatsError> {
    let n_rows: usize = class_counts.iter().sum();
    at_least("rows", n_rows, 1)?;
    Ok(class_counts.iter().map(|&count| (count as f64 / n_rows as f64).powi(2)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_values() {
        // Shah et al.'s test sets hold 5000 rows per class.
        assert!((null_auc_standard_error(5000, 5000).unwrap() - 0.0058).abs() < 5e-5);
        assert!((permuted_accuracy(&[90, 10]).unwrap() - 0.82).abs() < 1e-15);
        assert!((permuted_accuracy(&[7, 7, 7, 0]).unwrap() - 1.0 / 3.0).abs() < 1e-15);
        assert!(permuted_accuracy(&[]).is_err() && null_auc_standard_error(0, 3).is_err());
    }

    #[test]
    fn the_null_variance_is_the_exact_one_over_all_label_orders() {
        // Ranks 1 to 4, two positives: AUC 0 .25 .5 .5 .75 1 over the six equally likely choices.
        let aucs = [0.0, 0.25, 0.5, 0.5, 0.75, 1.0_f64];
        let variance = aucs.iter().map(|auc| (auc - 0.5).powi(2)).sum::<f64>() / 6.0;
        assert!((null_auc_standard_error(2, 2).unwrap() - variance.sqrt()).abs() < 1e-15);
    }
}
