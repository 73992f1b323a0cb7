//! Why there is no answer.

use simbias_data::DataError;
use simbias_report::Interrupted;

/// Why nothing could be selected or found. Every message says what was found, what was expected and what to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DynamicsError {
    /// Two inputs that describe the same examples have different lengths.
    #[error(
        "{n_first} rows of {first}, but {n_second} of {second}: both must describe the same examples in the same order"
    )]
    Lengths {
        /// Name of the first input.
        first: &'static str,
        /// Its number of rows.
        n_first: usize,
        /// Name of the second input.
        second: &'static str,
        /// Its number of rows.
        n_second: usize,
    },
    /// NaN or infinity.
    #[error(
        "{n_rows} rows of {what} hold NaN or infinity, the first one is row {row}, counted from 0; export them again, \
         or leave such examples as they are"
    )]
    NotFinite {
        /// Name of the input.
        what: &'static str,
        /// The first such row.
        row: usize,
        /// How many there are.
        n_rows: usize,
    },
    /// A label without an output.
    #[error(
        "label {label} of example {row}, counted from 0: the outputs have {n_classes} columns, for classes 0 to {}",
        n_classes.saturating_sub(1)
    )]
    Label {
        /// The example.
        row: usize,
        /// Its label.
        label: u32,
        /// Number of outputs.
        n_classes: usize,
    },
    /// One output for several classes.
    #[error(
        "the outputs have one column, which cannot hold a logit for each of {n_classes} classes; a single logit of two \
         classes has to be taken as binary"
    )]
    OneColumn {
        /// Number of different labels.
        n_classes: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Setting {
        /// What is set.
        name: &'static str,
        /// What it was set to.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Too few steps or examples.
    #[error("{found} {what}, but at least {needed} are needed{hint}")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
        /// What to try, with the words before it; may be empty.
        hint: &'static str,
    },
    /// Losses that say nothing.
    #[error("{problem}")]
    Unusable {
        /// Why, and what to try.
        problem: String,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<Interrupted> for DynamicsError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// Refuses two inputs of different length.
pub(crate) fn same_length(
    (first, n_first): (&'static str, usize),
    (second, n_second): (&'static str, usize),
) -> Result<(), DynamicsError> {
    if n_first == n_second {
        return Ok(());
    }
    Err(DynamicsError::Lengths { first, n_first, second, n_second })
}
