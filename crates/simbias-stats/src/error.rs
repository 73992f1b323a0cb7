//! Why a statistic has no value.

/// Why a statistic has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// Two inputs that describe the same rows have different lengths.
    #[error("{left} has {n_left} rows but {right} has {n_right}; both must describe the same rows")]
    Lengths {
        /// Name of the first input.
        left: &'static str,
        /// Its number of rows.
        n_left: usize,
        /// Name of the second input.
        right: &'static str,
        /// Its number of rows.
        n_right: usize,
    },
    /// A value is NaN or infinite.
    #[error(
        "{what}: entry {index} is {value}, only finite numbers can be used; look for NaN in the model's outputs"
    )]
    NotFinite {
        /// Name of the input.
        what: &'static str,
        /// Position of the first bad entry.
        index: usize,
        /// The value there.
        value: f64,
    },
    /// Fewer values than the statistic needs.
    #[error("{what}: found {found}, needed at least {needed}; use more rows")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// More rows than exact integer sums can hold.
    #[error("scores: found {found} rows, at most {allowed} fit the exact sums; split the rows")]
    TooMany {
        /// Number of rows.
        found: usize,
        /// Largest number allowed.
        allowed: usize,
    },
    /// All rows belong to one class.
    #[error(
        "AUC undefined: found {n_positives} positive and {n_negatives} negative rows, \
         both classes need at least one; use an evaluation set with both"
    )]
    OneClass {
        /// Number of positive rows.
        n_positives: usize,
        /// Number of negative rows.
        n_negatives: usize,
    },
    /// A class of a multi-class problem has no rows.
    #[error(
        "AUC undefined: class {class} of {n_classes} has no rows; \
         drop its column or add rows of that class"
    )]
    MissingClass {
        /// Index of the class without rows.
        class: usize,
        /// Number of score columns.
        n_classes: usize,
    },
    /// A label has no score column.
    #[error("labels: row {row} has class {label}, only 0 to {} have a score column", n_classes - 1)]
    Label {
        /// Row of the label.
        row: usize,
        /// The label found.
        label: u32,
        /// Number of score columns.
        n_classes: usize,
    },
    /// All values are equal, so the statistic would divide by zero.
    #[error("{what} are all equal, so {statistic} is undefined; use rows that differ")]
    Constant {
        /// Name of the input.
        what: &'static str,
        /// Name of the statistic.
        statistic: &'static str,
    },
    /// A number lies outside its domain.
    #[error("{what}: found {value}, expected {allowed}")]
    OutOfRange {
        /// Name of the input.
        what: &'static str,
        /// The value found.
        value: f64,
        /// The domain in words.
        allowed: &'static str,
    },
    /// Two rankings were made with different labels.
    #[error(
        "row {row} is positive in one ranking and negative in the other; \
         a paired comparison needs the same rows in the same order"
    )]
    DifferentRows {
        /// First row whose labels differ.
        row: usize,
    },
}

/// Refuses inputs of different length.
pub(crate) fn same_length(
    left: (&'static str, usize),
    right: (&'static str, usize),
) -> Result<(), StatsError> {
    if left.1 == right.1 {
        return Ok(());
    }
    Err(StatsError::Lengths { left: left.0, n_left: left.1, right: right.0, n_right: right.1 })
}

/// Refuses NaN and infinity.
pub(crate) fn all_finite(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { what, index, value: values[index] }),
        None => Ok(()),
    }
}

/// Refuses samples of fewer than `needed` values.
pub(crate) fn at_least(what: &'static str, found: usize, needed: usize) -> Result<(), StatsError> {
    if found < needed { Err(StatsError::TooFew { what, found, needed }) } else { Ok(()) }
}
