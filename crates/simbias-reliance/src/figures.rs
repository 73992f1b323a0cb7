//! Figures of one scored condition, and their summary over repeats.

use simbias_data::Stratum;
use simbias_report::Estimate;
use simbias_stats::{mean, mean_estimate, repeat_variance, wilson_interval};

use crate::RelianceError;
use crate::displacement::{Displacement, ScoreReference};
use crate::metric::{Metric, MetricValue, Predictions, Truth, cross_entropy};
use crate::outcome::Condition;

/// The unchanged rows as one arithmetic path scores them: what randomized scores are compared with.
pub(crate) struct Baseline<'a> {
    pub(crate) truth: &'a Truth,
    pub(crate) metric: Metric,
    pub(crate) value: MetricValue,
    reference: ScoreReference,
}

/// Figures of one job; a few numbers whatever the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobFigures {
    pub(crate) value: f64,
    /// Variance of `value` over test rows.
    pub(crate) variance: f64,
    /// Variance of the paired difference to the baseline.
    pub(crate) paired_variance: f64,
    pub(crate) accuracy: Option<f64>,
    pub(crate) class_accuracies: Vec<f64>,
    pub(crate) cross_entropy_nats: Option<f64>,
    pub(crate) displacement: Displacement,
    /// Value and variance per stratum, in the order of [`StratumRows`].
    pub(crate) strata: Vec<Option<(f64, f64)>>,
}

/// Rows of one value of a stratum column.
pub(crate) struct StratumRows {
    pub(crate) column: String,
    pub(crate) value: String,
    pub(crate) rows: Vec<u32>,
    truth: Truth,
}

impl StratumRows {
    /// Every value of every column where the metric can be computed.
    pub(crate) fn of(strata: &[Stratum], truth: &Truth) -> Vec<Self> {
        let mut found = Vec::new();
        for stratum in strata {
            for (index, value) in stratum.values.iter().enumerate() {
                let rows: Vec<u32> = (0..truth.n_rows() as u32)
                    .filter(|&row| stratum.indices[row as usize] as usize == index)
                    .collect();
                if let Some(truth) = truth.select(&rows) {
                    let (column, value) = (stratum.name.clone(), value.clone());
                    found.push(Self { column, value, rows, truth });
                }
            }
        }
        found
    }

    fn evaluate(&self, metric: Metric, predictions: &Predictions) -> Option<(f64, f64)> {
        let inside = predictions.select(&self.rows);
        let value = metric.evaluate(&inside, &self.truth).ok()?;
        Some((value.value, value.variance()))
    }
}

impl<'a> Baseline<'a> {
    pub(crate) fn new(
        predictions: Predictions,
        truth: &'a Truth,
        metric: Metric,
    ) -> Result<Self, RelianceError> {
        let value = metric.evaluate(&predictions, truth)?;
        Ok(Self { truth, metric, value, reference: ScoreReference::new(predictions, truth) })
    }

    pub(crate) fn figures(
        &self,
        predictions: &Predictions,
        strata: &[StratumRows],
    ) -> Result<JobFigures, RelianceError> {
        let value = self.metric.evaluate(predictions, self.truth)?;
        let (accuracy, class_accuracies) = accuracies(predictions, self.truth);
        Ok(JobFigures {
            variance: value.variance(),
            paired_variance: self.value.paired_variance(&value),
            value: value.value,
            accuracy,
            class_accuracies,
            cross_entropy_nats: cross_entropy(predictions, self.truth),
            displacement: self.reference.displacement(predictions, self.truth),
            strata: strata.iter().map(|rows| rows.evaluate(self.metric, predictions)).collect(),
        })
    }
}

/// Overall accuracy and that of every class; a class without rows counts as 1.
pub(crate) fn accuracies(predictions: &Predictions, truth: &Truth) -> (Option<f64>, Vec<f64>) {
    if matches!(truth, Truth::Values(_)) {
        return (None, Vec::new());
    }
    let mut hits = vec![0_usize; truth.n_classes()];
    let counts = truth.class_counts();
    for row in 0..truth.n_rows() {
        let class = truth.class(row);
        hits[class as usize] += usize::from(predictions.predicted(row) == class);
    }
    let total = hits.iter().sum::<usize>() as f64 / truth.n_rows() as f64;
    let per_class = hits
        .iter()
        .zip(&counts)
        .map(|(&hits, &count)| if count == 0 { 1.0 } else { hits as f64 / count as f64 })
        .collect();
    (Some(total), per_class)
}

/// Interval of a metric over test rows and, with several repeats, over permutations.
pub(crate) struct MetricInterval {
    pub(crate) estimate: Estimate,
    pub(crate) variance_rows: f64,
    pub(crate) variance_permutations: f64,
    pub(crate) degenerate: bool,
}

/// Mean over repeats with `Var = mean(row variance) + var(values) / R` (spec 3.5).
///
/// AUC, AP and accuracy get an interval on the logit scale; at 0 or 1, or without variance, Wilson's with
/// the rarer class as the number of trials.
pub(crate) fn metric_interval(
    metric: Metric,
    truth: &Truth,
    values: &[f64],
    row_variances: &[f64],
    level: f64,
    varied: &str,
) -> Result<MetricInterval, RelianceError> {
    let value = mean(values);
    let (rows, permutations) = variance_parts(values, row_variances)?;
    let variance = rows + permutations;
    let is_share = metric != Metric::R2;
    let degenerate = is_share && (value <= 0.0 || value >= 1.0 || variance <= 0.0);
    let (low, high) = if degenerate {
        wilson_interval(value.clamp(0.0, 1.0), effective_rows(truth) as f64, level)
    } else if is_share {
        simbias_stats::logit_interval(value, variance, level)
    } else {
        simbias_stats::wald_interval(value, variance, level)
    }
    .map_err(statistic)?;
    Ok(MetricInterval {
        estimate: Estimate::new(value, low, high)
            .level(level)
            .n(truth.n_rows() as u64)
            .varied(varied),
        variance_rows: rows,
        variance_permutations: permutations,
        degenerate,
    })
}

/// Rows and permutation parts of the variance of a mean over repeats.
pub(crate) fn variance_parts(
    values: &[f64],
    row_variances: &[f64],
) -> Result<(f64, f64), RelianceError> {
    if values.len() < 2 {
        return Ok((row_variances.first().copied().unwrap_or(0.0), 0.0));
    }
    let parts = repeat_variance(values, row_variances).map_err(statistic)?;
    Ok((parts.rows, parts.permutations))
}

/// Rows that an interval at the edge may count on: the rarer class.
pub(crate) fn effective_rows(truth: &Truth) -> usize {
    truth
        .class_counts()
        .into_iter()
        .filter(|&count| count > 0)
        .min()
        .unwrap_or_else(|| truth.n_rows())
}

/// Variance that a metric at its end must be granted although its own formula says zero: that of Wilson's
/// bound, so that "no difference" is never claimed more surely than the rows allow.
pub(crate) fn edge_variance(truth: &Truth, level: f64) -> Result<f64, RelianceError> {
    let (low, _) = wilson_interval(1.0, effective_rows(truth) as f64, level).map_err(statistic)?;
    let z = simbias_stats::normal_quantile(0.5 + level / 2.0).map_err(statistic)?;
    Ok(((1.0 - low) / z).powi(2))
}

pub(crate) fn statistic(error: simbias_stats::StatsError) -> RelianceError {
    RelianceError::Statistic(error.to_string())
}

/// A mean over permutations with its t-interval; a single repeat has no interval.
pub(crate) fn over_permutations(
    values: &[f64],
    level: f64,
    bounds: (f64, f64),
) -> Result<Estimate, RelianceError> {
    let n = values.len() as u64;
    if values.len() < 2 {
        let value = values.first().copied().unwrap_or(f64::NAN);
        return Ok(Estimate::without_interval(value).level(level).n(n).varied("permutations"));
    }
    let found = mean_estimate(values, level).map_err(statistic)?;
    Ok(Estimate::new(found.value, found.low.max(bounds.0), found.high.min(bounds.1))
        .level(level)
        .n(n)
        .varied("permutations"))
}

/// Summary of one condition over its repeats.
pub(crate) fn condition(
    jobs: &[JobFigures],
    metric: Metric,
    truth: &Truth,
    level: f64,
    accuracy_null: Option<f64>,
) -> Result<(Condition, bool), RelianceError> {
    let column = |pick: &dyn Fn(&JobFigures) -> f64| jobs.iter().map(pick).collect::<Vec<f64>>();
    let per_repeat = column(&|job| job.value);
    let interval = metric_interval(
        metric,
        truth,
        &per_repeat,
        &column(&|job| job.variance),
        level,
        "test rows and permutations",
    )?;
    let share = (0.0, 1.0);
    let accuracy = if jobs.iter().all(|job| job.accuracy.is_some()) {
        let values = column(&|job| job.accuracy.unwrap_or(f64::NAN));
        let n = truth.n_rows() as f64;
        let row_variances: Vec<f64> = values.iter().map(|a| a * (1.0 - a) / n).collect();
        let found = metric_interval(
            Metric::Accuracy,
            truth,
            &values,
            &row_variances,
            level,
            "test rows and permutations",
        )?;
        Some(found.estimate)
    } else {
        None
    };
    let losses: Vec<f64> = jobs.iter().filter_map(|job| job.cross_entropy_nats).collect();
    let condition = Condition {
        metric: interval.estimate,
        standard_error_rows: interval.variance_rows.sqrt(),
        standard_error_permutations: interval.variance_permutations.sqrt(),
        per_repeat,
        accuracy,
        accuracy_null,
        cross_entropy_nats: (!losses.is_empty()).then(|| mean(&losses)),
        shift: over_permutations(
            &column(&|job| job.displacement.shift),
            level,
            (0.0, f64::INFINITY),
        )?,
        flips: over_permutations(&column(&|job| job.displacement.flips), level, share)?,
        ks_positives: over_permutations(
            &column(&|job| job.displacement.ks_positives),
            level,
            share,
        )?,
        ks_all_positives: over_permutations(
            &column(&|job| job.displacement.ks_all_positives),
            level,
            share,
        )?,
    };
    Ok((condition, interval.degenerate))
}
