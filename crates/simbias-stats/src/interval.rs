//! Intervals: normal, logit, Wilson, Student's t and the percentile bootstrap.

use rand::RngExt;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::error::{StatsError, all_finite, at_least};
use crate::seed::Seed;

/// The default confidence level of intervals.
pub const DEFAULT_LEVEL: f64 = 0.95;

/// A number with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Lower bound of the interval.
    pub low: f64,
    /// Upper bound of the interval.
    pub high: f64,
    /// Confidence level of the interval, for instance 0.95.
    pub level: f64,
    /// Number of independent things (rows, repeats, models) behind the value.
    pub n: usize,
}

impl Estimate {
    /// Whether `value` lies inside the interval, bounds included.
    pub fn covers(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Standard normal distribution function.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Standard normal quantile of `probability`, strictly between 0 and 1.
pub fn normal_quantile(probability: f64) -> Result<f64, StatsError> {
    open_unit("probability", probability)?;
    // The upper half mirrors the lower one, where the distribution function keeps all its digits.
    let tail = probability.min(1.0 - probability);
    let rough = -std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * tail);
    let density = (-0.5 * rough * rough).exp() / std::f64::consts::TAU.sqrt();
    let step = (normal_cdf(rough) - tail) / density;
    let lower = rough - step / (1.0 + 0.5 * rough * step);
    Ok(if probability < 0.5 { lower } else { -lower })
}

/// Half-width, in standard errors, of a two-sided normal interval at `level`.
fn critical_value(level: f64) -> Result<f64, StatsError> {
    open_unit("confidence level", level)?;
    normal_quantile(0.5 + 0.5 * level)
}

/// Two-sided Student critical value at `level` with `degrees` degrees of freedom (> 0).
pub(crate) fn student_critical_value(degrees: f64, level: f64) -> Result<f64, StatsError> {
    open_unit("confidence level", level)?;
    let student = student(degrees)?;
    let upper_tail = 0.5 * (1.0 - level);
    let mut t = student.inverse_cdf(1.0 - upper_tail);
    // Newton steps, as the library's inverse stops early.
    for _ in 0..3 {
        let density = statrs::distribution::Continuous::pdf(&student, t);
        t += (student.sf(t) - upper_tail) / density;
    }
    Ok(t)
}

pub(crate) fn student(degrees: f64) -> Result<StudentsT, StatsError> {
    StudentsT::new(0.0, 1.0, degrees).map_err(|_| StatsError::OutOfRange {
        what: "degrees of freedom",
        value: degrees,
        allowed: "a number above 0",
    })
}

/// `value ± z·sqrt(variance)` as `(low, high)`.
pub fn wald_interval(value: f64, variance: f64, level: f64) -> Result<(f64, f64), StatsError> {
    let half = critical_value(level)? * non_negative("variance", variance)?.sqrt();
    Ok((value - half, value + half))
}

/// Interval of a share strictly between 0 and 1 by the delta method on its logit:
/// `logit(value) ± z·sqrt(variance) / (value·(1 - value))`, mapped back. Returns `(low, high)`.
pub fn logit_interval(value: f64, variance: f64, level: f64) -> Result<(f64, f64), StatsError> {
    open_unit("share", value)?;
    let error = non_negative("variance", variance)?.sqrt() / (value * (1.0 - value));
    let half = critical_value(level)? * error;
    let logit = (value / (1.0 - value)).ln();
    let expit = |x: f64| 1.0 / (1.0 + (-x).exp());
    Ok((expit(logit - half), expit(logit + half)))
}

/// Wilson's score interval of a share seen in `n_trials` trials, as `(low, high)`. The trials may be an
/// effective number, so it need not be whole.
pub fn wilson_interval(share: f64, n_trials: f64, level: f64) -> Result<(f64, f64), StatsError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(StatsError::OutOfRange { what: "share", value: share, allowed: "0 to 1" });
    }
    if !(n_trials > 0.0 && n_trials.is_finite()) {
        let allowed = "a finite number above 0";
        return Err(StatsError::OutOfRange { what: "trials", value: n_trials, allowed });
    }
    let z2 = critical_value(level)?.powi(2);
    let centre = (share + z2 / (2.0 * n_trials)) / (1.0 + z2 / n_trials);
    let half = (z2 * (share * (1.0 - share) / n_trials + z2 / (4.0 * n_trials * n_trials))).sqrt()
        / (1.0 + z2 / n_trials);
    // At the ends the bound is the share itself; rounding must not move it.
    let low = if share == 0.0 { 0.0 } else { centre - half };
    let high = if share == 1.0 { 1.0 } else { centre + half };
    Ok((low, high))
}

/// A share `n_hits / n_trials` with Wilson's interval.
pub fn share_estimate(n_hits: usize, n_trials: usize, level: f64) -> Result<Estimate, StatsError> {
    at_least("trials", n_trials, 1)?;
    let value = n_hits as f64 / n_trials as f64;
    let (low, high) = wilson_interval(value, n_trials as f64, level)?;
    Ok(Estimate { value, low, high, level, n: n_trials })
}

/// Mean of independent `values` with Student's interval.
///
/// Errors: fewer than two values, or one is not finite.
pub fn mean_estimate(values: &[f64], level: f64) -> Result<Estimate, StatsError> {
    let variance = sample_variance(values)?;
    let n = values.len();
    let value = mean(values);
    let half = student_critical_value((n - 1) as f64, level)? * (variance / n as f64).sqrt();
    Ok(Estimate { value, low: value - half, high: value + half, level, n })
}

/// Percentile bootstrap of a statistic of `n_rows` rows.
///
/// `statistic` gets the row indices of a resample (with replacement, `[n_rows]`) and is also asked
/// for the identity, which gives the point estimate. Resample `r` draws from
/// `seed.child("bootstrap", r)`, so the result does not depend on the number of threads.
///
/// Errors: no rows, fewer than two resamples, or a statistic that is not finite.
pub fn bootstrap(
    n_rows: usize,
    n_resamples: usize,
    level: f64,
    seed: Seed,
    statistic: impl Fn(&[u32]) -> f64 + Sync,
) -> Result<Estimate, StatsError> {
    at_least("rows", n_rows, 1)?;
    at_least("resamples", n_resamples, 2)?;
    open_unit("confidence level", level)?;
    let Ok(end) = u32::try_from(n_rows) else {
        return Err(StatsError::TooMany { found: n_rows, allowed: u32::MAX as usize });
    };
    let replicates: Vec<f64> = (0..n_resamples as u64)
        .into_par_iter()
        .map_init(
            || vec![0; n_rows],
            |rows: &mut Vec<u32>, resample| {
                let mut stream = seed.child("bootstrap", resample).stream();
                rows.fill_with(|| stream.random_range(0..end));
                statistic(rows)
            },
        )
        .collect();
    all_finite("bootstrap replicates", &replicates)?;
    let identity: Vec<u32> = (0..end).collect();
    let value = statistic(&identity);
    all_finite("statistic", &[value])?;
    let tail = 0.5 * (1.0 - level);
    let (low, high) = (quantile(&replicates, tail)?, quantile(&replicates, 1.0 - tail)?);
    Ok(Estimate { value, low, high, level, n: n_rows })
}

/// The `probability` quantile of `values` in any order, linear between order statistics.
///
/// Errors: no values, one is not finite, or the probability lies outside 0 to 1.
pub fn quantile(values: &[f64], probability: f64) -> Result<f64, StatsError> {
    at_least("values", values.len(), 1)?;
    all_finite("values", values)?;
    if !(0.0..=1.0).contains(&probability) {
        let (what, value, allowed) = ("probability", probability, "0 to 1");
        return Err(StatsError::OutOfRange { what, value, allowed });
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let position = probability * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    Ok(sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]))
}

/// Arithmetic mean; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Variance with denominator n-1.
///
/// Errors: fewer than two values, or one is not finite.
pub fn sample_variance(values: &[f64]) -> Result<f64, StatsError> {
    at_least("values", values.len(), 2)?;
    all_finite("values", values)?;
    let centre = mean(values);
    let sum_of_squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Ok(sum_of_squares / (values.len() - 1) as f64)
}

pub(crate) fn open_unit(what: &'static str, value: f64) -> Result<(), StatsError> {
    if 0.0 < value && value < 1.0 {
        return Ok(());
    }
    Err(StatsError::OutOfRange { what, value, allowed: "strictly between 0 and 1" })
}

pub(crate) fn non_negative(what: &'static str, value: f64) -> Result<f64, StatsError> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(StatsError::OutOfRange { what, value, allowed: "a finite number, 0 or more" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }

    #[test]
    fn normal_quantiles_of_printed_tables() {
        assert_close(normal_quantile(0.975).unwrap(), 1.959_963_984_540_054, 1e-14);
        assert_close(normal_quantile(0.5).unwrap(), 0.0, 1e-16);
        assert_close(normal_quantile(0.01).unwrap(), -2.326_347_874_040_841, 1e-14);
        for p in [1e-12, 1e-3, 0.2, 0.6, 0.999] {
            assert_close(normal_cdf(normal_quantile(p).unwrap()) / p, 1.0, 1e-12);
        }
        assert!(normal_quantile(0.0).is_err() && normal_quantile(f64::NAN).is_err());
    }

    #[test]
    fn student_critical_values_of_printed_tables() {
        assert_close(student_critical_value(1.0, 0.95).unwrap(), 12.706_204_736_174_7, 1e-9);
        assert_close(student_critical_value(9.0, 0.95).unwrap(), 2.262_157_162_798_2, 1e-11);
        assert_close(student_critical_value(30.0, 0.99).unwrap(), 2.749_995_653_567_2, 1e-10);
    }

    #[test]
    fn mean_interval_by_hand() {
        // Mean 3, variance 2.5, t(.975, 4) = 2.7764451052; half-width = t·sqrt(2.5 / 5).
        let estimate = mean_estimate(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        assert_close(estimate.value, 3.0, 1e-15);
        assert_close(estimate.high - 3.0, 2.776_445_105_2 * 0.5_f64.sqrt(), 1e-9);
        assert_close(3.0 - estimate.low, estimate.high - 3.0, 1e-15);
        assert!(mean_estimate(&[1.0], 0.95).is_err());
    }

    #[test]
    fn wilson_solves_its_equation() {
        // The bounds are the shares p with (share - p)² = z²·p(1 - p)/n.
        let z2 = normal_quantile(0.95).unwrap().powi(2);
        for (share, n) in [(0.3, 17.0), (0.0, 10.0), (1.0, 40.0), (0.5, 2.5)] {
            let (low, high) = wilson_interval(share, n, 0.9).unwrap();
            for bound in [low, high] {
                assert_close((share - bound).powi(2), z2 * bound * (1.0 - bound) / n, 1e-14);
            }
            assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
        }
        // Perfect in n trials: low = n / (n + z²).
        assert_close(wilson_interval(1.0, 40.0, 0.9).unwrap().0, 40.0 / (40.0 + z2), 1e-15);
    }

    #[test]
    fn logit_interval_is_symmetric_on_its_scale() {
        let (low, high) = logit_interval(0.9, 0.0004, 0.95).unwrap();
        let logit = |p: f64| (p / (1.0 - p)).ln();
        assert_close(logit(high) - logit(0.9), logit(0.9) - logit(low), 1e-12);
        assert_close(logit(high) - logit(0.9), 1.959_963_984_540_054 * 0.02 / 0.09, 1e-12);
        assert!(logit_interval(1.0, 0.1, 0.95).is_err());
    }

    #[test]
    fn bootstrap_of_a_mean_agrees_with_the_normal_interval_and_repeats_itself() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 400)).collect();
        let mean_of = |rows: &[u32]| {
            rows.iter().map(|&row| values[row as usize]).sum::<f64>() / rows.len() as f64
        };
        let run = |seed| bootstrap(values.len(), 4000, 0.95, Seed::new(seed), mean_of).unwrap();
        let estimate = run(5);
        let half = 1.96 * (sample_variance(&values).unwrap() / 400.0).sqrt();
        assert_close(estimate.value, 199.5, 1e-12);
        assert_close(estimate.low, 199.5 - half, 0.08 * half);
        assert_close(estimate.high, 199.5 + half, 0.08 * half);
        assert_ne!(estimate, run(6));
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(estimate, one_thread.install(|| run(5)));
    }

    #[test]
    fn quantiles_lie_between_order_statistics() {
        assert_close(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5).unwrap(), 2.5, 1e-15);
        assert_close(quantile(&[4.0, 1.0, 3.0, 2.0], 1.0).unwrap(), 4.0, 1e-15);
        assert!(quantile(&[], 0.5).is_err() && quantile(&[1.0, f64::NAN], 0.5).is_err());
    }
}
