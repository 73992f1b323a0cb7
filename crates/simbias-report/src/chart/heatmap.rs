//! A matrix as colours.

use serde::{Deserialize, Serialize};

use super::axis::Ticks;
use crate::csv::CsvText;
use crate::{format, real};

/// How values become colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourScale {
    /// From little to much.
    #[default]
    Sequential,
    /// Two hues on both sides of `centre`.
    Diverging {
        /// The neutral value.
        #[serde(with = "real")]
        centre: f64,
    },
}

/// A field that is pointed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatmapMark {
    /// Row of the field.
    pub row: usize,
    /// Column of the field.
    pub column: usize,
    /// Its name beside the map.
    pub label: String,
}

/// A matrix as colours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heatmap {
    /// Columns from left to right.
    pub x: Ticks,
    /// Rows from top to bottom when labelled, from bottom to top when numeric.
    pub y: Ticks,
    /// `values[row][column]`; NaN is left blank.
    #[serde(with = "real")]
    pub values: Vec<Vec<f64>>,
    /// What the values are; title of the colour bar.
    pub quantity: String,
    /// How values become colours.
    pub scale: ColourScale,
    /// Ends of the colour scale; fitted to the data when absent.
    #[serde(with = "real", default)]
    pub range: Option<[f64; 2]>,
    /// Whether each field carries its number.
    pub numbers: bool,
    /// Fields that are pointed out, by frame and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<HeatmapMark>,
}

impl Heatmap {
    /// A sequential map of `values[row][column]`; numbers are shown when there are at most 100 fields.
    ///
    /// # Panics
    /// When `values` is not as long as `y` or a row is not as long as `x`.
    pub fn new(x: Ticks, y: Ticks, values: Vec<Vec<f64>>) -> Self {
        assert!(
            values.len() == y.len() && values.iter().all(|row| row.len() == x.len()),
            "a heatmap needs one row for each y and one value for each x"
        );
        let numbers = x.len() * y.len() <= 100;
        let (quantity, scale, range) = (String::new(), ColourScale::Sequential, None);
        Self { x, y, values, quantity, scale, range, numbers, marks: Vec::new() }
    }

    /// Says what the values are.
    #[must_use]
    pub fn quantity(mut self, quantity: impl Into<String>) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// Two hues on both sides of `centre`.
    #[must_use]
    pub fn diverging(mut self, centre: f64) -> Self {
        self.scale = ColourScale::Diverging { centre };
        self
    }

    /// Points out the field in `row` and `column`.
    #[must_use]
    pub fn mark(mut self, row: usize, column: usize, label: impl Into<String>) -> Self {
        self.marks.push(HeatmapMark { row, column, label: label.into() });
        self
    }

    /// Fixes the ends of the colour scale.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }

    pub(super) fn to_csv(&self, x: &str, y: &str) -> String {
        let quantity = if self.quantity.is_empty() { "value" } else { &self.quantity };
        let mut csv = CsvText::with_header([y, x, quantity]);
        for (row, values) in self.values.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                csv.record([&self.y.text(row), &self.x.text(column), &format::shortest(value)]);
            }
        }
        csv.finish()
    }
}
