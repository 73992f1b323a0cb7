//! What the rows really are.

use simbias_data::Target;

use super::Metric;
use crate::RelianceError;

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

    /// The leading metric by default.
    pub fn default_metric(&self) -> Metric {
        if matches!(self, Self::Values(_)) { Metric::R2 } else { Metric::Auc }
    }
}
