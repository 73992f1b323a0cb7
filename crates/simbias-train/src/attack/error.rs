//! Why an attack could not be run.

use ndarray::ArrayView2;
use simbias_data::ScorerError;
use simbias_report::Interrupted;

/// Why an attack could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// An invalid setting.
    #[error("attack setting {field} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// No rows to attack.
    #[error("there are no rows to attack")]
    NoRows,
    /// Rows and labels do not pair up.
    #[error("{n_rows} rows but {n_labels} labels to attack, expected one label per row")]
    LabelCount {
        /// Number of rows.
        n_rows: usize,
        /// Number of labels.
        n_labels: usize,
    },
    /// A label that the model has no output for.
    #[error("label {label} of row {row}: the model knows {n_classes} classes, counted from 0")]
    Label {
        /// The row.
        row: usize,
        /// Its label.
        label: u32,
        /// Classes of the model.
        n_classes: usize,
    },
    /// The sign of the label was asked for with other classes than two.
    #[error(
        "row {row} is of class {label}: a perturbation signed by the label needs the two classes 0 and 1; \
         use the unsigned one"
    )]
    NoSign {
        /// The row.
        row: usize,
        /// Its label.
        label: u32,
    },
    /// A perturbation that does not fit the rows.
    #[error("a perturbation of shape {found:?} for rows of shape {expected:?}")]
    Shape {
        /// Shape of the perturbation.
        found: Vec<usize>,
        /// Shape that the rows need.
        expected: Vec<usize>,
    },
    /// More columns than finite differences can serve.
    #[error(
        "finite differences over {found} columns would score every row {} times a step; at most {limit} \
         columns are allowed: use a model that gives gradients", 2 * found
    )]
    TooWide {
        /// Columns of the rows.
        found: usize,
        /// Most columns that are allowed.
        limit: usize,
    },
    /// An input value is NaN or infinite.
    #[error("value {value} in row {row}, column {column}: only finite values can be attacked")]
    InputNotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The value.
        value: f32,
    },
    /// The model's loss, gradient or score is NaN or infinite.
    #[error("the model's {what} for row {row} is not finite; are its weights?")]
    OutputNotFinite {
        /// What was looked at.
        what: &'static str,
        /// The row, counted over all rows.
        row: usize,
    },
    /// No row moved, so there is no direction to share.
    #[error("the attack moved no row, so there is no common direction; raise its step")]
    NoDirection,
    /// Models and perturbations do not pair up.
    #[error("{models} models but {perturbations} perturbations, expected one fitted on each model")]
    Pairs {
        /// Number of models.
        models: usize,
        /// Number of perturbations.
        perturbations: usize,
    },
    /// The model failed.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
    /// The attack was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Refuses rows that cannot be attacked.
pub(super) fn check_rows(rows: ArrayView2<'_, f32>, labels: &[u32]) -> Result<(), AttackError> {
    if rows.nrows() != labels.len() {
        return Err(AttackError::LabelCount { n_rows: rows.nrows(), n_labels: labels.len() });
    }
    if rows.is_empty() {
        return Err(AttackError::NoRows);
    }
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(AttackError::InputNotFinite { row, column, value }),
        None => Ok(()),
    }
}

/// Refuses a length or a rate that is not a finite number above zero.
pub(super) fn check_positive(field: &'static str, value: f64) -> Result<(), AttackError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    let found = value.to_string();
    Err(AttackError::Setting { field, found, expected: "a finite number above 0" })
}

/// Refuses a count of zero.
pub(super) fn check_count(field: &'static str, count: usize) -> Result<(), AttackError> {
    if count > 0 {
        return Ok(());
    }
    Err(AttackError::Setting { field, found: "0".into(), expected: "at least 1" })
}
