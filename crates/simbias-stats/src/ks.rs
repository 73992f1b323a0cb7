//! Two-sample Kolmogorov-Smirnov distance.

use crate::error::{StatsError, all_finite, at_least};

/// How far two empirical distributions are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KsTest {
    /// Largest vertical distance of the two empirical distribution functions, 0 to 1.
    pub statistic: f64,
    /// Asymptotic probability of such a distance or a larger one if both samples come from one
    /// continuous distribution. Too large when there are ties, and not valid for paired samples.
    pub p_value: f64,
    /// Size of the first sample.
    pub n_first: usize,
    /// Size of the second sample.
    pub n_second: usize,
}

/// Compares two samples, in any order.
///
/// The p-value is Kolmogorov's limit at `sqrt(n₁n₂/(n₁+n₂))·statistic`, without small-sample
/// correction.
///
/// Errors: a sample is empty or holds a value that is not finite.
pub fn ks_test(first: &[f64], second: &[f64]) -> Result<KsTest, StatsError> {
    let (first, second) =
        (sorted("the first sample", first)?, sorted("the second sample", second)?);
    let (n_first, n_second) = (first.len(), second.len());
    let statistic = ks_statistic_sorted(&first, &second);
    let (n1, n2) = (n_first as f64, n_second as f64);
    let p_value = kolmogorov_tail((n1 * n2 / (n1 + n2)).sqrt() * statistic);
    Ok(KsTest { statistic, p_value, n_first, n_second })
}

/// Largest vertical distance of the empirical distribution functions of two ascending samples, 0 to 1;
/// 0 if one is empty. For loops that compare many samples with one that is sorted already.
pub fn ks_statistic_sorted(first: &[f64], second: &[f64]) -> f64 {
    let (n_first, n_second) = (first.len(), second.len());
    if n_first == 0 || n_second == 0 {
        return 0.0;
    }
    let (mut i, mut j, mut widest) = (0, 0, 0_u128);
    while i < n_first && j < n_second {
        // Both functions step at the same place where values tie.
        let here = first[i].min(second[j]);
        i += first[i..].iter().take_while(|&&value| value <= here).count();
        j += second[j..].iter().take_while(|&&value| value <= here).count();
        widest = widest.max((i as u128 * n_second as u128).abs_diff(j as u128 * n_first as u128));
    }
    widest as f64 / (n_first as f64 * n_second as f64)
}

fn sorted(what: &'static str, values: &[f64]) -> Result<Vec<f64>, StatsError> {
    at_least(what, values.len(), 1)?;
    all_finite(what, values)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

/// P(K > x) of Kolmogorov's distribution: the alternating series where it converges fast, its theta
/// transform elsewhere.
fn kolmogorov_tail(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let pi = std::f64::consts::PI;
    if x < 1.0 {
        let terms = (1..=9).step_by(2).map(|k| (-(f64::from(k) * pi / x).powi(2) / 8.0).exp());
        return (1.0 - (2.0 * pi).sqrt() / x * terms.sum::<f64>()).clamp(0.0, 1.0);
    }
    let term = |k: i32| (-2.0 * (f64::from(k) * x).powi(2)).exp();
    (2.0 * (1..=8).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum::<f64>())
        .clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        // F₁ steps at 1, 2, 2, 5; F₂ at 2, 3, 4. After 2: 3/4 against 1/3; after 4: 3/4 against 1.
        let test = ks_test(&[2.0, 5.0, 1.0, 2.0], &[4.0, 2.0, 3.0]).unwrap();
        assert!((test.statistic - 5.0 / 12.0).abs() < 1e-15);
        assert_eq!(ks_test(&[1.0, 2.0], &[1.0, 2.0]).unwrap().statistic, 0.0);
        assert_eq!(ks_test(&[1.0, 2.0], &[3.0]).unwrap().statistic, 1.0);
        assert_eq!(ks_test(&[0.0], &[-0.0]).unwrap().statistic, 0.0);
        assert!(ks_test(&[], &[1.0]).is_err() && ks_test(&[1.0], &[f64::NAN]).is_err());
    }

    #[test]
    fn kolmogorov_quantiles_of_printed_tables() {
        for (x, tail) in [(0.827_573_555, 0.5), (1.223_847_870, 0.1), (1.358_098_639, 0.05)] {
            assert!((kolmogorov_tail(x) - tail).abs() < 1e-8, "{x}: {}", kolmogorov_tail(x));
        }
        let jump = kolmogorov_tail(1.0 - 1e-13) - kolmogorov_tail(1.0);
        assert!(jump.abs() < 1e-12, "the two series differ by {jump}");
        assert_eq!(kolmogorov_tail(0.0), 1.0);
        assert!(kolmogorov_tail(0.05) > 1.0 - 1e-12 && kolmogorov_tail(9.0) < 1e-60);
    }

    proptest! {
        #[test]
        fn the_largest_gap_at_any_value(
            first in prop::collection::vec(-4..4_i8, 1..30),
            second in prop::collection::vec(-4..4_i8, 1..30),
        ) {
            let floats = |sample: &[i8]| sample.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            let share = |sample: &[i8], x: i8| {
                sample.iter().filter(|&&y| y <= x).count() as f64 / sample.len() as f64
            };
            let widest = (-4..4_i8)
                .map(|x| (share(&first, x) - share(&second, x)).abs())
                .fold(0.0, f64::max);
            let found = ks_test(&floats(&first), &floats(&second)).unwrap().statistic;
            prop_assert!((found - widest).abs() < 1e-12);
        }
    }
}
