//! Lines over a shared x axis.

use serde::{Deserialize, Serialize};

use super::axis::{ReferenceLine, reference_lines};
use crate::csv::{CsvText, ends};
use crate::{Estimate, format, real};

/// A shaded range around a line, one pair of ends per point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower ends.
    #[serde(with = "real")]
    pub low: Vec<f64>,
    /// Upper ends.
    #[serde(with = "real")]
    pub high: Vec<f64>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LineSeries {
    /// Legend entry.
    pub name: String,
    /// Horizontal positions.
    #[serde(with = "real")]
    pub x: Vec<f64>,
    /// Vertical positions, as many.
    #[serde(with = "real")]
    pub y: Vec<f64>,
    /// Range around the line, as many.
    #[serde(default)]
    pub band: Option<Band>,
    /// Whether the line is dashed, for values that are not measured.
    pub dashed: bool,
}

impl LineSeries {
    /// A line through points.
    pub fn new(name: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { name: name.into(), x, y, ..Self::default() }
    }

    /// A line through estimates, their intervals as the band.
    pub fn through(name: impl Into<String>, x: Vec<f64>, estimates: &[Estimate]) -> Self {
        let pick = |part: fn(&Estimate) -> f64| estimates.iter().map(part).collect::<Vec<_>>();
        Self::new(name, x, pick(|estimate| estimate.value))
            .band(pick(|estimate| estimate.low), pick(|estimate| estimate.high))
    }

    /// Adds a range around the line.
    #[must_use]
    pub fn band(mut self, low: Vec<f64>, high: Vec<f64>) -> Self {
        self.band = Some(Band { low, high });
        self
    }

    /// Dashes the line.
    #[must_use]
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }
}

/// Lines over a shared x axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinesChart {
    /// The lines.
    pub series: Vec<LineSeries>,
    /// Vertical lines, at values of x.
    pub x_references: Vec<ReferenceLine>,
    /// Horizontal lines, at values of y.
    pub y_references: Vec<ReferenceLine>,
}

impl LinesChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    #[must_use]
    pub fn series(mut self, series: LineSeries) -> Self {
        self.series.push(series);
        self
    }

    pub(super) fn to_csv(&self, x: &str, y: &str) -> String {
        let mut csv = CsvText::with_header(["series", x, y, "low", "high"]);
        for series in &self.series {
            for (index, (&x, &y)) in series.x.iter().zip(&series.y).enumerate() {
                let interval = series
                    .band
                    .as_ref()
                    .and_then(|band| Some([*band.low.get(index)?, *band.high.get(index)?]));
                let [low, high] = ends(interval);
                csv.record([&series.name, &format::shortest(x), &format::shortest(y), &low, &high]);
            }
        }
        csv.finish()
    }
}

reference_lines!(LinesChart {
    /// Adds a vertical line.
    x_reference => x_references;
    /// Adds a horizontal line.
    y_reference => y_references;
});
