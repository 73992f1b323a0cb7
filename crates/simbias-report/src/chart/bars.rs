//! Bars side by side.

use serde::{Deserialize, Serialize};

use super::axis::{ReferenceLine, reference_lines};
use crate::csv::CsvText;
use crate::table::interval_fields;
use crate::{Estimate, format};

/// One colour of bars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarSeries {
    /// Legend entry.
    pub name: String,
    /// One bar per category.
    pub bars: Vec<Estimate>,
}

/// Bars side by side in each category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarsChart {
    /// Groups of bars from left to right.
    pub categories: Vec<String>,
    /// Colours; each with one bar per category.
    pub series: Vec<BarSeries>,
    /// Horizontal lines.
    pub references: Vec<ReferenceLine>,
}

impl BarsChart {
    /// A chart without bars.
    pub fn new<S: Into<String>>(categories: impl IntoIterator<Item = S>) -> Self {
        Self { categories: categories.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds bars with whiskers, one per category.
    ///
    /// # Panics
    /// When there is not one bar per category.
    #[must_use]
    pub fn series(
        mut self,
        name: impl Into<String>,
        bars: impl IntoIterator<Item = Estimate>,
    ) -> Self {
        let bars: Vec<Estimate> = bars.into_iter().collect();
        assert_eq!(bars.len(), self.categories.len(), "one bar per category");
        self.series.push(BarSeries { name: name.into(), bars });
        self
    }

    /// Adds bars without whiskers, one per category.
    ///
    /// # Panics
    /// When there is not one bar per category.
    #[must_use]
    pub fn values(self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        self.series(name, values.into_iter().map(Estimate::without_interval))
    }

    pub(super) fn to_csv(&self, value: &str) -> String {
        let mut csv = CsvText::with_header(["category", "series", value, "low", "high", "n"]);
        for series in &self.series {
            for (category, estimate) in self.categories.iter().zip(&series.bars) {
                let [low, high, n] = interval_fields(estimate);
                let value = format::shortest(estimate.value);
                csv.record([category, &series.name, &value, &low, &high, &n]);
            }
        }
        csv.finish()
    }
}

reference_lines!(BarsChart {
    /// Adds a horizontal line.
    reference => references;
});
