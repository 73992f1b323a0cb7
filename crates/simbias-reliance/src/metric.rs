//! Quality of scores against the truth, with each row's influence on it.
//!
//! The influence `ψᵢ` of a row is scaled so that `Σψᵢ²` is the variance of the metric over samples of rows;
//! `Σ(ψᵢ − ψ'ᵢ)²` is then the variance of a paired difference. For the ROC-AUC this is DeLong's variance.

mod cross_entropy;
mod predictions;
mod ranking;
mod truth;

use serde::{Deserialize, Serialize};

use crate::RelianceError;
use ranking::{auc, average_precision, one_against_the_rest};

pub use cross_entropy::cross_entropy;
pub use predictions::Predictions;
pub(crate) use ranking::LEAST_ROWS_OF_CLASS;
pub use truth::Truth;

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

    /// The article before the title.
    pub fn article(self) -> &'static str {
        match self {
            Self::Auc => "a",
            Self::Ap | Self::Accuracy | Self::R2 => "an",
        }
    }
}

impl std::str::FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|metric| metric.name()).collect();
            format!("unknown metric {text:?}; expected one of {}", known.join(", "))
        })
    }
}

/// A metric's value and every row's influence on it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricValue {
    /// The metric.
    pub value: f64,
    /// `ψᵢ`, one per row.
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

#[cfg(test)]
mod tests {
    use ndarray::Array2;

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
