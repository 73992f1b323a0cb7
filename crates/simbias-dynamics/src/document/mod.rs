//! Selections and opposing groups as answers: reports, results and files.

mod outliers;
mod selection;

pub use outliers::{OUTLIERS_SCHEMA, OutliersAnswer};
pub use selection::{EpochOfSelection, SELECTION_SCHEMA, SelectionAnswer};

/// Most classes that get a row of their own in a chart.
const CHARTED_CLASSES: usize = 30;
