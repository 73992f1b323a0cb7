//! A model's scores in the form that the truth calls for.

use ndarray::{Array2, ArrayView2};

use super::Truth;
use crate::RelianceError;

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
