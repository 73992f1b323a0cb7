//! Ranks and rank correlation.

use crate::error::{StatsError, all_finite, at_least, same_length};
use crate::radix::{order_key, sort_by_key};

/// Ranks from 1 up, tied values sharing the mean of their ranks.
///
/// Errors: a value is not finite.
pub fn mid_ranks(values: &[f64]) -> Result<Vec<f64>, StatsError> {
    all_finite("values", values)?;
    let mut order: Vec<(u64, usize)> =
        values.iter().enumerate().map(|(row, &value)| (order_key(value), row)).collect();
    sort_by_key(&mut order, &mut Vec::new(), |&(key, _)| key);
    let mut ranks = vec![0.0; values.len()];
    let mut n_below = 0;
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        let shared = n_below as f64 + (tied.len() + 1) as f64 / 2.0;
        for &(_, row) in tied {
            ranks[row] = shared;
        }
        n_below += tied.len();
    }
    Ok(ranks)
}

/// Spearman's rank correlation: Pearson's correlation of the mid-ranks, so ties are allowed.
///
/// Errors: different lengths, fewer than two rows, a value that is not finite, or a constant input.
pub fn spearman(first: &[f64], second: &[f64]) -> Result<f64, StatsError> {
    correlate(&mid_ranks(first)?, &mid_ranks(second)?, "rank correlation")
}

/// Pearson's correlation.
///
/// Errors: as [`spearman`].
pub fn pearson(first: &[f64], second: &[f64]) -> Result<f64, StatsError> {
    all_finite("the first input", first)?;
    all_finite("the second input", second)?;
    correlate(first, second, "correlation")
}

fn correlate(first: &[f64], second: &[f64], statistic: &'static str) -> Result<f64, StatsError> {
    same_length(("the first input", first.len()), ("the second input", second.len()))?;
    at_least("rows", first.len(), 2)?;
    let is_constant = |values: &[f64]| values.iter().all(|value| *value == values[0]);
    for (what, values) in
        [("values of the first input", first), ("values of the second input", second)]
    {
        if is_constant(values) {
            return Err(StatsError::Constant { what, statistic });
        }
    }
    let n = first.len() as f64;
    let (mean_first, mean_second) = (first.iter().sum::<f64>() / n, second.iter().sum::<f64>() / n);
    let (mut product, mut square_first, mut square_second) = (0.0, 0.0, 0.0);
    for (a, b) in first.iter().zip(second) {
        let (a, b) = (a - mean_first, b - mean_second);
        product += a * b;
        square_first += a * a;
        square_second += b * b;
    }
    Ok((product / (square_first.sqrt() * square_second.sqrt())).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_rank() {
        let ranks = mid_ranks(&[3.0, -0.0, 7.0, 3.0, 0.0, 3.0]).unwrap();
        assert_eq!(ranks, [4.0, 1.5, 6.0, 4.0, 1.5, 4.0]);
        assert!(mid_ranks(&[f64::INFINITY]).is_err());
    }

    #[test]
    fn spearman_by_hand() {
        // Ranks 1 3 2 5 4 against 1 2 3 4 5, squared differences 0 1 1 1 1: 1 - 6·4/(5·24) = 0.8.
        let rho = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 9.0, 4.0, 90.0, 11.0]).unwrap();
        assert!((rho - 0.8).abs() < 1e-15, "{rho}");
        // Ranks 1 2.5 2.5 4 against 1 2 3 4: covariance 4.5, squares 4.5 and 5.
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((tied - 4.5 / (4.5_f64 * 5.0).sqrt()).abs() < 1e-15, "{tied}");
        let reversed = spearman(&[1.0, 2.0, 9.0], &[5.0, 4.0, -7.0]).unwrap();
        assert!((reversed + 1.0).abs() < 1e-15, "{reversed}");
    }

    #[test]
    fn constants_have_no_correlation() {
        let error = spearman(&[1.0, 1.0], &[1.0, 2.0]).unwrap_err();
        assert!(matches!(error, StatsError::Constant { .. }), "{error}");
        assert!(pearson(&[1.0, 2.0], &[3.0]).is_err());
    }
}
