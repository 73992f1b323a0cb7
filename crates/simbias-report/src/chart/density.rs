//! Smooth distributions.

use serde::{Deserialize, Serialize};

use super::axis::{ReferenceLine, reference_lines};
use crate::csv::CsvText;
use crate::{format, real};

/// One smooth distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DensitySeries {
    /// Legend entry.
    pub name: String,
    /// Where the density is given, ascending.
    #[serde(with = "real")]
    pub x: Vec<f64>,
    /// Density there, as many.
    #[serde(with = "real")]
    pub density: Vec<f64>,
}

/// Filled densities on top of each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DensityChart {
    /// The distributions.
    pub series: Vec<DensitySeries>,
    /// Vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl DensityChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a distribution.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, x: Vec<f64>, density: Vec<f64>) -> Self {
        self.series.push(DensitySeries { name: name.into(), x, density });
        self
    }

    pub(super) fn to_csv(&self, x: &str) -> String {
        let mut csv = CsvText::with_header(["series", x, "density"]);
        for series in &self.series {
            for (&x, &density) in series.x.iter().zip(&series.density) {
                csv.record([&series.name, &format::shortest(x), &format::shortest(density)]);
            }
        }
        csv.finish()
    }
}

reference_lines!(DensityChart {
    /// Adds a vertical line.
    reference => references;
});
