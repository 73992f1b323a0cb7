//! Points in a plane.

use serde::{Deserialize, Serialize};

use super::axis::{ReferenceLine, reference_lines};
use super::lines::LineSeries;
use crate::csv::{CsvText, ends};
use crate::{Estimate, format, real};

/// One point of a scatter plot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScatterPoint {
    /// Horizontal position.
    #[serde(with = "real")]
    pub x: f64,
    /// Vertical position.
    #[serde(with = "real")]
    pub y: f64,
    /// Ends of the horizontal whisker, as positions.
    #[serde(with = "real", default)]
    pub x_interval: Option<[f64; 2]>,
    /// Ends of the vertical whisker, as positions.
    #[serde(with = "real", default)]
    pub y_interval: Option<[f64; 2]>,
    /// Area of the dot in relation to the others; equal dots when absent.
    #[serde(with = "real", default)]
    pub size: Option<f64>,
    /// Name shown on hover, and beside the point when `highlight` is set; may be empty.
    pub label: String,
    /// Colour group and legend entry; empty for the only group.
    pub group: String,
    /// Whether the point carries its label in view.
    pub highlight: bool,
}

impl ScatterPoint {
    /// A plain point.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// A point with whiskers both ways.
    pub fn between(x: &Estimate, y: &Estimate) -> Self {
        let interval =
            |estimate: &Estimate| estimate.has_interval().then_some([estimate.low, estimate.high]);
        Self {
            x: x.value,
            y: y.value,
            x_interval: interval(x),
            y_interval: interval(y),
            ..Self::default()
        }
    }

    /// Names the point.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Puts the point into a colour group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Sets the area of the dot in relation to the others.
    #[must_use]
    pub fn size(mut self, size: f64) -> Self {
        self.size = Some(size);
        self
    }

    /// Shows the label beside the point.
    #[must_use]
    pub fn highlight(mut self) -> Self {
        self.highlight = true;
        self
    }
}

/// Words in the corners of a scatter plot, naming its regions; empty ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corners {
    /// Top left.
    pub top_left: String,
    /// Top right.
    pub top_right: String,
    /// Bottom left.
    pub bottom_left: String,
    /// Bottom right.
    pub bottom_right: String,
}

/// Points in a plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScatterChart {
    /// The points.
    pub points: Vec<ScatterPoint>,
    /// Vertical lines, at values of x.
    pub x_references: Vec<ReferenceLine>,
    /// Horizontal lines, at values of y.
    pub y_references: Vec<ReferenceLine>,
    /// Whether to draw the line of equal x and y.
    pub diagonal: bool,
    /// Names of the regions.
    pub corners: Corners,
    /// Laws that the points are held against.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<LineSeries>,
}

impl ScatterChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point.
    #[must_use]
    pub fn point(mut self, point: ScatterPoint) -> Self {
        self.points.push(point);
        self
    }

    /// Adds points.
    #[must_use]
    pub fn points(mut self, points: impl IntoIterator<Item = ScatterPoint>) -> Self {
        self.points.extend(points);
        self
    }

    /// Draws the line of equal x and y.
    #[must_use]
    pub fn diagonal(mut self) -> Self {
        self.diagonal = true;
        self
    }

    /// Draws a law through the plane.
    #[must_use]
    pub fn curve(mut self, curve: LineSeries) -> Self {
        self.curves.push(curve);
        self
    }

    /// Names the regions.
    #[must_use]
    pub fn corners(mut self, corners: Corners) -> Self {
        self.corners = corners;
        self
    }

    pub(super) fn to_csv(&self, x: &str, y: &str) -> String {
        let mut csv = CsvText::with_header([
            "label", "group", x, y, "x low", "x high", "y low", "y high", "size",
        ]);
        for point in &self.points {
            let ([x_low, x_high], [y_low, y_high]) =
                (ends(point.x_interval), ends(point.y_interval));
            csv.record([
                &point.label,
                &point.group,
                &format::shortest(point.x),
                &format::shortest(point.y),
                &x_low,
                &x_high,
                &y_low,
                &y_high,
                &point.size.map_or_else(String::new, format::shortest),
            ]);
        }
        for curve in &self.curves {
            for (x, y) in curve.x.iter().zip(&curve.y) {
                let (x, y) = (format::shortest(*x), format::shortest(*y));
                csv.record([curve.name.as_str(), "curve", &x, &y, "", "", "", "", ""]);
            }
        }
        csv.finish()
    }
}

reference_lines!(ScatterChart {
    /// Adds a vertical line.
    x_reference => x_references;
    /// Adds a horizontal line.
    y_reference => y_references;
});
