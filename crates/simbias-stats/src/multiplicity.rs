//! Several tests at once.

use crate::error::StatsError;

/// Holm's step-down adjusted p-values, in the order given (Holm 1979). Rejecting where the adjusted
/// value is at most α keeps the chance of any false rejection at most α, whatever the dependence.
///
/// Errors: a value lies outside 0 to 1.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, StatsError> {
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::OutOfRange { what: "p-value", value, allowed: "0 to 1" });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &test) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[test]).min(1.0);
        adjusted[test] = largest;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Sorted .01 .02 .03 .5: 4·.01 = .04, 3·.02 = .06, 2·.03 = .06, 1·.5 = .5.
        let adjusted = holm(&[0.03, 0.01, 0.5, 0.02]).unwrap();
        for (found, expected) in adjusted.iter().zip([0.06, 0.04, 0.5, 0.06]) {
            assert!((found - expected).abs() < 1e-15, "{adjusted:?}");
        }
    }

    #[test]
    fn later_steps_never_fall_below_earlier_ones_and_one_is_the_end() {
        // 3·.3 = .9, then 2·.35 = .7 is lifted to .9, then 1·1 = 1.
        let adjusted = holm(&[0.3, 0.35, 1.0]).unwrap();
        assert!((adjusted[1] - 0.9).abs() < 1e-15);
        assert_eq!(holm(&[0.8, 0.9]).unwrap(), [1.0, 1.0]);
        assert_eq!(holm(&[]).unwrap(), [0.0; 0]);
        assert!(holm(&[0.1, f64::NAN]).is_err() && holm(&[-0.1]).is_err());
    }
}
