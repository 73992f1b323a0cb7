//! Estimates with whiskers, one per line.

use serde::{Deserialize, Serialize};

use super::axis::{ReferenceLine, reference_lines};
use crate::csv::CsvText;
use crate::table::interval_fields;
use crate::{Estimate, format};

/// One line of a forest plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForestItem {
    /// Name of the line.
    pub label: String,
    /// Colour group and legend entry; empty for the only group.
    pub group: String,
    /// Point and whiskers.
    pub estimate: Estimate,
}

/// Estimates with whiskers, one a line, from top to bottom, over a shared x axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForestChart {
    /// The lines; items that share a label share a line.
    pub items: Vec<ForestItem>,
    /// Vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl ForestChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    #[must_use]
    pub fn item(self, label: impl Into<String>, estimate: Estimate) -> Self {
        self.item_in("", label, estimate)
    }

    /// Adds a line, or a second estimate on the line of the same label, in a colour group.
    #[must_use]
    pub fn item_in(
        mut self,
        group: impl Into<String>,
        label: impl Into<String>,
        estimate: Estimate,
    ) -> Self {
        self.items.push(ForestItem { label: label.into(), group: group.into(), estimate });
        self
    }

    pub(super) fn to_csv(&self, value: &str) -> String {
        let mut csv =
            CsvText::with_header(["label", "group", value, "low", "high", "n", "level", "varied"]);
        for ForestItem { label, group, estimate } in &self.items {
            let [low, high, n] = interval_fields(estimate);
            let (value, level) =
                (format::shortest(estimate.value), format::shortest(estimate.level));
            csv.record([label, group, &value, &low, &high, &n, &level, &estimate.varied]);
        }
        csv.finish()
    }
}

reference_lines!(ForestChart {
    /// Adds a vertical line.
    reference => references;
});
