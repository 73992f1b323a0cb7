//! Axes, the places along them, and lines across a chart.

use serde::{Deserialize, Serialize};

use crate::{format, real};

/// How an axis spaces its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AxisScale {
    /// Equal steps are equal differences.
    #[default]
    Linear,
    /// Equal steps are equal ratios; values at or below zero are left out.
    Log,
    /// Linear, with ticks in percent of one.
    Percent,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is measured; empty for no title.
    pub title: String,
    /// Unit; empty for pure numbers.
    pub unit: String,
    /// Spacing of values.
    pub scale: AxisScale,
    /// Ends of the axis in the data's own numbers, also on a log scale; fitted to the data when absent.
    #[serde(with = "real")]
    pub range: Option<[f64; 2]>,
}

impl Axis {
    /// A linear axis fitted to the data.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// States the unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Equal steps become equal ratios.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.scale = AxisScale::Log;
        self
    }

    /// Ticks in percent of one.
    #[must_use]
    pub fn percent(mut self) -> Self {
        self.scale = AxisScale::Percent;
        self
    }

    /// Fixes the ends.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some([low, high]);
        self
    }

    /// Title and unit: `time (s)`.
    pub fn heading(&self) -> String {
        match (self.title.as_str(), self.unit.as_str()) {
            (title, "") => title.into(),
            ("", unit) => unit.into(),
            (title, unit) => format!("{title} ({unit})"),
        }
    }
}

impl From<&str> for Axis {
    fn from(title: &str) -> Self {
        Self::new(title)
    }
}

/// A value worth a line across the chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceLine {
    /// Position of the line.
    #[serde(with = "real")]
    pub value: f64,
    /// What it means, such as "chance"; may be empty.
    pub label: String,
}

impl ReferenceLine {
    /// A labelled line.
    pub fn new(value: f64, label: impl Into<String>) -> Self {
        Self { value, label: label.into() }
    }
}

/// Gives a chart its builders of lines across it; `$field` holds the lines.
macro_rules! reference_lines {
    ($chart:ty { $($(#[$doc:meta])* $builder:ident => $field:ident;)+ }) => {
        impl $chart {$(
            $(#[$doc])*
            #[must_use]
            pub fn $builder(mut self, value: f64, label: impl Into<String>) -> Self {
                self.$field.push($crate::ReferenceLine::new(value, label));
                self
            }
        )+}
    };
}

pub(super) use reference_lines;

/// Positions of rows or columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ticks {
    /// Named positions.
    Labels(Vec<String>),
    /// Numeric positions.
    Values(#[serde(with = "real")] Vec<f64>),
}

impl Ticks {
    /// Positions named by words.
    pub fn labels<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        Self::Labels(labels.into_iter().map(Into::into).collect())
    }

    /// How many positions.
    pub const fn len(&self) -> usize {
        match self {
            Self::Labels(labels) => labels.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there is no position.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Position `index` as words; empty when out of range.
    pub fn text(&self, index: usize) -> String {
        match self {
            Self::Labels(labels) => labels.get(index).cloned().unwrap_or_default(),
            Self::Values(values) => {
                values.get(index).map_or_else(String::new, |&v| format::shortest(v))
            }
        }
    }
}
