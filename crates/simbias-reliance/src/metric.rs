//! Quality of scores against the truth, with each row's influence on it.
//!
//! The influence `ψᵢ` of a row is scaled so that `Σψᵢ²` is the variance of the metric over samples of rows;
//! `Σ(ψᵢ − ψ'ᵢ)²` is then the variance of a paired difference. For the ROC-AUC this is DeLong's variance.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::Target;
use simbias_stats::Placements;

use crate::RelianceError;

/// The leading measure of quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Area under the ROC curve; macro average of one against the rest for more than two classes.
    Auc,
    /// Average precision (area under precision and recall) of the second class; macro average likewise.
    Ap,
    /// Share of correct predictions.
    Accuracy,
    /// Coefficient of determination, for regression.
    R2,
}

impl Metric {
    /// All metrics, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Auc, Self::Ap, Self::Accuracy, Self::R2];

    /// The name used in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auc => "auc",
            Self::Ap => "ap",
            Self::Accuracy => "accuracy",
            Self::R2 => "r2",
        }
    }

    /// The name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Auc => "ROC-AUC",
            Self::Ap => "average precision",
            Self::Accuracy => "accuracy",
            Self::R2 => "R²",
        }
    }
}

impl std::str::FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|metric| metric.name()).collect();
            format!("unknown metric {text:?}; known are {}", known.join(", "))
        })
    }
}

/// What the rows really are.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// Two classes; `true` is the second class.
    Binary(Vec<bool>),
    /// Three or more classes.
    Classes {
        /// Class of every row.
        indices: Vec<u32>,
        /// Number of classes.
        n_classes: usize,
    },
    /// Numbers.
    Values(Vec<f64>),
}

impl Truth {
    /// Checks that a metric can be computed at all.
    ///
    /// # Errors
    /// Fewer than two rows, or one class only.
    pub fn of(target: &Target) -> Result<Self, RelianceError> {
        if target.len() < 2 {
            return Err(RelianceError::TooFewRows { found: target.len() });
        }
        match target {
            Target::Values(values) => Ok(Self::Values(values.clone())),
            Target::Classes(labels) => {
                let counts = labels.counts();
                let present = counts.iter().filter(|&&count| count > 0).count();
                if present < 2 {
                    let only = counts.iter().position(|&count| count > 0).unwrap_or(0);
                    return Err(RelianceError::OneClass {
                        n_rows: labels.indices.len(),
                        class: labels.names.get(only).cloned().unwrap_or_default(),
                    });
                }
                if labels.n_classes() == 2 {
                    return Ok(Self::Binary(
                        labels.indices.iter().map(|&index| index == 1).collect(),
                    ));
                }
                Ok(Self::Classes { indices: labels.indices.clone(), n_classes: labels.n_classes() })
            }
        }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Binary(positive) => positive.len(),
            Self::Classes { indices, .. } => indices.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Number of classes; 0 for numbers.
    pub fn n_classes(&self) -> usize {
        match self {
            Self::Binary(_) => 2,
            Self::Classes { n_classes, .. } => *n_classes,
            Self::Values(_) => 0,
        }
    }

    /// Class of a row; 0 for numbers.
    pub(crate) fn class(&self, row: usize) -> u32 {
        match self {
            Self::Binary(positive) => u32::from(positive[row]),
            Self::Classes { indices, .. } => indices[row],
            Self::Values(_) => 0,
        }
    }

    /// Rows of each class; empty for numbers.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes()];
        if !counts.is_empty() {
            for row in 0..self.n_rows() {
                counts[self.class(row) as usize] += 1;
            }
        }
        counts
    }

    /// The truth of some rows; `None` if a class or the variation of the values is lost.
    pub(crate) fn select(&self, rows: &[u32]) -> Option<Self> {
        match self {
            Self::Binary(positive) => {
                let chosen: Vec<bool> = rows.iter().map(|&row| positive[row as usize]).collect();
                let n_positive = chosen.iter().filter(|&&positive| positive).count();
                (n_positive >= 2 && chosen.len() - n_positive >= 2).then_some(Self::Binary(chosen))
            }
            Self::Classes { indices, n_classes } => {
                let chosen: Vec<u32> = rows.iter().map(|&row| indices[row as usize]).collect();
                let distinct: std::collections::BTreeSet<u32> = chosen.iter().copied().collect();
                (distinct.len() >= 2)
                    .then_some(Self::Classes { indices: chosen, n_classes: *n_classes })
            }
            Self::Values(values) => {
                let chosen: Vec<f64> = rows.iter().map(|&row| values[row as usize]).collect();
                (chosen.len() >= 2 && chosen.iter().any(|&value| value != chosen[0]))
                    .then_some(Self::Values(chosen))
            }
        }
    }

    /// The metric that leads when none is asked for.
    pub fn default_metric(&self) -> Metric {
        if matches!(self, Self::Values(_)) { Metric::R2 } else { Metric::Auc }
    }
}

/// A model's scores in the form that the truth calls for.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// One score a row, larger for the second class: `logit₁ − logit₀`, or a single output.
    Binary {
        /// One score a row.
        scores: Vec<f64>,
        /// Scores above this are predicted as the second class (a tie goes to the first).
        threshold: f64,
    },
    /// Logits, `[n_rows, n_classes]`.
    Classes(Array2<f64>),
    /// Predicted numbers.
    Values(Vec<f64>),
}

impl Predictions {
    /// Brings scores of shape `[n_rows, n_outputs]` into the form for `truth`.
    ///
    /// `threshold` separates the classes of a single-output binary model; two outputs are compared with each
    /// other. `source_name` names the pass or file in errors.
    ///
    /// # Errors
    /// A shape that does not suit the truth, or a score that is not finite.
    pub fn new(
        scores: ArrayView2<'_, f32>,
        truth: &Truth,
        threshold: f64,
        source_name: &str,
    ) -> Result<Self, RelianceError> {
        Self::from_f64(scores.mapv(f64::from), truth, threshold, source_name)
    }

    /// As [`Predictions::new`], for scores in double precision.
    pub fn from_f64(
        scores: Array2<f64>,
        truth: &Truth,
        threshold: f64,
        source_name: &str,
    ) -> Result<Self, RelianceError> {
        let (n_rows, n_outputs) = scores.dim();
        if n_rows != truth.n_rows() {
            return Err(RelianceError::ScoreShape {
                found: vec![n_rows, n_outputs],
                expected: format!("{} rows", truth.n_rows()),
            });
        }
        if let Some(((row, output), &value)) =
            scores.indexed_iter().find(|(_, value)| !value.is_finite())
        {
            return Err(RelianceError::NotFiniteScore {
                source_name: source_name.into(),
                row,
                output,
                value,
            });
        }
        match (truth, n_outputs) {
            (Truth::Binary(_), 1) => {
                Ok(Self::Binary { scores: scores.column(0).to_vec(), threshold })
            }
            (Truth::Binary(_), 2) => Ok(Self::Binary {
                scores: scores.rows().into_iter().map(|row| row[1] - row[0]).collect(),
                threshold: 0.0,
            }),
            (Truth::Classes { n_classes, .. }, _) if n_outputs == *n_classes => {
                Ok(Self::Classes(scores))
            }
            (Truth::Values(_), 1) => Ok(Self::Values(scores.column(0).to_vec())),
            (Truth::Values(_), _) => Err(RelianceError::ScoreShape {
                found: vec![n_rows, n_outputs],
                expected: "one output a row for a numeric target".into(),
            }),
            _ => Err(RelianceError::OutputCount {
                found: n_outputs,
                n_classes: truth.n_classes(),
                or_one: if truth.n_classes() == 2 { " or 1".into() } else { String::new() },
            }),
        }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Binary { scores, .. } | Self::Values(scores) => scores.len(),
            Self::Classes(logits) => logits.nrows(),
        }
    }

    /// Predicted class of a row; ties go to the first class. 0 for numbers.
    pub fn predicted(&self, row: usize) -> u32 {
        match self {
            Self::Binary { scores, threshold } => u32::from(scores[row] > *threshold),
            Self::Classes(logits) => {
                let row = logits.row(row);
                let mut best = 0;
                for (class, &logit) in row.iter().enumerate() {
                    if logit > row[best] {
                        best = class;
                    }
                }
                best as u32
            }
            Self::Values(_) => 0,
        }
    }

    /// The predictions of some rows, in that order.
    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        let pick = |values: &[f64]| rows.iter().map(|&row| values[row as usize]).collect();
        match self {
            Self::Binary { scores, threshold } => {
                Self::Binary { scores: pick(scores), threshold: *threshold }
            }
            Self::Classes(logits) => {
                let indices: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
                Self::Classes(logits.select(ndarray::Axis(0), &indices))
            }
            Self::Values(values) => Self::Values(pick(values)),
        }
    }
}

/// A metric's value and every row's influence on it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricValue {
    /// The metric.
    pub value: f64,
    /// `ψᵢ`, one a row.
    pub influence: Vec<f64>,
}

impl MetricValue {
    /// Variance of the value over samples of rows.
    pub fn variance(&self) -> f64 {
        self.influence.iter().map(|influence| influence * influence).sum()
    }

    /// Variance of the difference to another metric value over the same rows.
    pub fn paired_variance(&self, other: &Self) -> f64 {
        self.influence.iter().zip(&other.influence).map(|(a, b)| (a - b) * (a - b)).sum()
    }
}

impl Metric {
    /// The metric's value with no information about the rows.
    pub fn chance(self, truth: &Truth) -> f64 {
        match self {
            Self::Auc => 0.5,
            Self::R2 => 0.0,
            Self::Accuracy => {
                let counts = truth.class_counts();
                let most = counts.iter().copied().max().unwrap_or(0);
                most as f64 / truth.n_rows() as f64
            }
            Self::Ap => match truth {
                Truth::Binary(positive) => {
                    positive.iter().filter(|&&positive| positive).count() as f64
                        / positive.len() as f64
                }
                _ => 1.0 / truth.n_classes().max(1) as f64,
            },
        }
    }

    /// Evaluates predictions.
    ///
    /// # Errors
    /// A metric that is not defined for this truth.
    pub fn evaluate(
        self,
        predictions: &Predictions,
        truth: &Truth,
    ) -> Result<MetricValue, RelianceError> {
        match (self, predictions, truth) {
            (Self::Auc, Predictions::Binary { scores, .. }, Truth::Binary(positive)) => {
                auc(scores, positive)
            }
            (Self::Ap, Predictions::Binary { scores, .. }, Truth::Binary(positive)) => {
                Ok(average_precision(scores, positive))
            }
            (
                Self::Auc | Self::Ap,
                Predictions::Classes(logits),
                Truth::Classes { indices, .. },
            ) => one_against_the_rest(logits, indices, |scores, positive| {
                if self == Self::Auc {
                    auc(scores, positive)
                } else {
                    Ok(average_precision(scores, positive))
                }
            }),
            (Self::Accuracy, Predictions::Binary { .. } | Predictions::Classes(_), _) => {
                Ok(accuracy(predictions, truth))
            }
            (Self::R2, Predictions::Values(predicted), Truth::Values(values)) => {
                r_squared(predicted, values)
            }
            (metric, _, truth) => Err(RelianceError::TargetKind {
                what: format!("metric {:?}", metric.name()),
                needs: if metric == Self::R2 { "a number".into() } else { "classes".into() },
                found: match truth {
                    Truth::Binary(_) => "two classes".into(),
                    Truth::Classes { n_classes, .. } => format!("{n_classes} classes"),
                    Truth::Values(_) => "a number".into(),
                },
            }),
        }
    }
}

fn auc(scores: &[f64], positive: &[bool]) -> Result<MetricValue, RelianceError> {
    let placements = Placements::new(scores, positive)
        .map_err(|error| RelianceError::Statistic(error.to_string()))?;
    Ok(MetricValue { value: placements.estimate().auc, influence: placements.influence() })
}

/// `Σ (Rₙ − Rₙ₋₁) Pₙ` over distinct scores; the influence is the derivative for a row's weight.
fn average_precision(scores: &[f64], positive: &[bool]) -> MetricValue {
    let n = scores.len();
    let n_positive = positive.iter().filter(|&&positive| positive).count() as f64;
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let (mut n_above, mut positives_above, mut value) = (0.0, 0.0, 0.0);
    let mut precision = vec![0.0; n];
    // For rows of each distinct score: Σ over positives scored at most as high of 1/B and A/B².
    let mut groups: Vec<(std::ops::Range<usize>, f64, f64)> = Vec::new();
    let mut start = 0;
    while start < n {
        let score = scores[order[start] as usize];
        let mut end = start;
        let mut hits = 0.0;
        while end < n && scores[order[end] as usize] == score {
            hits += f64::from(u8::from(positive[order[end] as usize]));
            end += 1;
        }
        n_above += (end - start) as f64;
        positives_above += hits;
        let here = positives_above / n_above;
        for &row in &order[start..end] {
            precision[row as usize] = here;
        }
        value += hits * here;
        groups.push((start..end, hits / n_above, hits * positives_above / (n_above * n_above)));
        start = end;
    }
    value /= n_positive;
    let mut influence = vec![0.0; n];
    let (mut inverse_below, mut ratio_below) = (0.0, 0.0);
    for (rows, inverse, ratio) in groups.into_iter().rev() {
        inverse_below += inverse;
        ratio_below += ratio;
        for &row in &order[rows] {
            let row = row as usize;
            let is_positive = f64::from(u8::from(positive[row]));
            influence[row] =
                (is_positive * (precision[row] - value + inverse_below) - ratio_below) / n_positive;
        }
    }
    MetricValue { value, influence }
}

fn one_against_the_rest(
    logits: &Array2<f64>,
    indices: &[u32],
    metric: impl Fn(&[f64], &[bool]) -> Result<MetricValue, RelianceError>,
) -> Result<MetricValue, RelianceError> {
    let probabilities = softmax(logits);
    let mut total = MetricValue { value: 0.0, influence: vec![0.0; indices.len()] };
    let mut n_used = 0.0;
    for class in 0..logits.ncols() {
        let positive: Vec<bool> = indices.iter().map(|&index| index as usize == class).collect();
        let n_positive = positive.iter().filter(|&&positive| positive).count();
        if n_positive < 2 || positive.len() - n_positive < 2 {
            continue;
        }
        let one = metric(&probabilities.column(class).to_vec(), &positive)?;
        total.value += one.value;
        for (sum, part) in total.influence.iter_mut().zip(&one.influence) {
            *sum += part;
        }
        n_used += 1.0;
    }
    if n_used == 0.0 {
        return Err(RelianceError::Statistic(
            "no class has two rows inside and two outside, so no one-against-the-rest metric is defined"
                .into(),
        ));
    }
    total.value /= n_used;
    total.influence.iter_mut().for_each(|influence| *influence /= n_used);
    Ok(total)
}

/// Softmax over classes in double precision, `[n_rows, n_classes]`.
fn softmax(logits: &Array2<f64>) -> Array2<f64> {
    let mut probabilities = logits.clone();
    for mut row in probabilities.rows_mut() {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|logit| (logit - largest).exp());
        let sum = row.sum();
        row.mapv_inplace(|value| value / sum);
    }
    probabilities
}

fn accuracy(predictions: &Predictions, truth: &Truth) -> MetricValue {
    let n = truth.n_rows() as f64;
    let correct: Vec<f64> = (0..truth.n_rows())
        .map(|row| f64::from(u8::from(predictions.predicted(row) == truth.class(row))))
        .collect();
    let value = correct.iter().sum::<f64>() / n;
    MetricValue { value, influence: correct.iter().map(|hit| (hit - value) / n).collect() }
}

/// `1 − Σe² / Σ(y − ȳ)²`; the influence is that of a ratio of two means.
fn r_squared(predicted: &[f64], values: &[f64]) -> Result<MetricValue, RelianceError> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let error = predicted.iter().zip(values).map(|(p, y)| (p - y) * (p - y)).sum::<f64>() / n;
    let spread = values.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n;
    if spread == 0.0 {
        return Err(RelianceError::Statistic(
            "all target values are equal, so R² is undefined; add rows with other values".into(),
        ));
    }
    let influence = predicted
        .iter()
        .zip(values)
        .map(|(p, y)| {
            let (e, d) = ((p - y) * (p - y), (y - mean) * (y - mean));
            -((e - error) - error / spread * (d - spread)) / (spread * n)
        })
        .collect();
    Ok(MetricValue { value: 1.0 - error / spread, influence })
}

/// Mean cross-entropy in nats; `None` for numbers.
///
/// A single binary output is read as the log odds of the second class, relative to its threshold.
pub fn cross_entropy(predictions: &Predictions, truth: &Truth) -> Option<f64> {
    let n = truth.n_rows() as f64;
    match (predictions, truth) {
        (Predictions::Binary { scores, threshold }, Truth::Binary(positive)) => {
            let total: f64 = scores
                .iter()
                .zip(positive)
                .map(|(score, &positive)| {
                    let margin = if positive { score - threshold } else { threshold - score };
                    // ln(1 + e^-m) without overflow.
                    (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
                })
                .sum();
            Some(total / n)
        }
        (Predictions::Classes(logits), Truth::Classes { indices, .. }) => {
            let total: f64 = logits
                .rows()
                .into_iter()
                .zip(indices)
                .map(|(row, &class)| {
                    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
                    largest + sum.ln() - row[class as usize]
                })
                .sum();
            Some(total / n)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Influence against leave-one-out differences (jackknife): equal up to order 1/n².
    fn check_influence(metric: Metric, predictions: &Predictions, truth: &Truth, tolerance: f64) {
        let whole = metric.evaluate(predictions, truth).unwrap();
        let n = truth.n_rows();
        let mut jackknife = 0.0;
        for left_out in 0..n as u32 {
            let rows: Vec<u32> = (0..n as u32).filter(|&row| row != left_out).collect();
            let part =
                metric.evaluate(&predictions.select(&rows), &truth.select(&rows).unwrap()).unwrap();
            jackknife += (part.value - whole.value).powi(2);
        }
        let ratio = whole.variance() / jackknife;
        assert!((ratio - 1.0).abs() < tolerance, "{metric:?}: variance ratio {ratio}");
    }

    fn wave(n: usize, seed: f64) -> Vec<f64> {
        (0..n).map(|i| ((i as f64 + seed) * 12.9898).sin() * 43758.5453 % 1.0).collect()
    }

    #[test]
    fn influences_agree_with_the_jackknife() {
        let n = 300;
        let noise = wave(n, 0.3);
        let positive: Vec<bool> = (0..n).map(|row| row % 3 == 0).collect();
        let scores: Vec<f64> = noise
            .iter()
            .zip(&positive)
            .map(|(noise, &positive)| {
                ((noise + 0.4 * f64::from(u8::from(positive))) * 40.0).round()
            })
            .collect();
        let truth = Truth::Binary(positive);
        let predictions = Predictions::Binary { scores, threshold: 10.0 };
        check_influence(Metric::Auc, &predictions, &truth, 0.03);
        check_influence(Metric::Ap, &predictions, &truth, 0.05);
        check_influence(Metric::Accuracy, &predictions, &truth, 0.03);

        let indices: Vec<u32> = (0..n).map(|row| (row % 3) as u32).collect();
        let (a, b) = (wave(3 * n, 0.7), wave(3 * n, 5.1));
        let logits = Array2::from_shape_fn((n, 3), |(row, class)| {
            a[3 * row + class] + if indices[row] as usize == class { b[row] + 0.3 } else { 0.0 }
        });
        let truth = Truth::Classes { indices, n_classes: 3 };
        check_influence(Metric::Auc, &Predictions::Classes(logits), &truth, 0.05);

        let values = wave(n, 2.0);
        let predicted: Vec<f64> = values.iter().zip(&noise).map(|(y, e)| y + 0.5 * e).collect();
        check_influence(Metric::R2, &Predictions::Values(predicted), &Truth::Values(values), 0.05);
    }

    #[test]
    fn cross_entropy_of_two_logits_is_that_of_their_difference() {
        let logits = ndarray::array![[0.3, -1.0], [2.0, 2.5], [-800.0, 800.0]];
        let binary = Truth::Binary(vec![false, true, false]);
        let scores = Predictions::from_f64(logits.clone(), &binary, 0.0, "test").unwrap();
        let classes = Truth::Classes { indices: vec![0, 1, 0], n_classes: 2 };
        let whole = cross_entropy(&Predictions::Classes(logits), &classes).unwrap();
        assert!((cross_entropy(&scores, &binary).unwrap() - whole).abs() < 1e-12);
    }
}
