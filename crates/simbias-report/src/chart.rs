//! Charts as data: what is drawn, without how.

mod axis;
mod bars;
mod density;
mod forest;
mod heatmap;
mod histogram;
mod lines;
mod scatter;

use serde::{Deserialize, Serialize};

pub use axis::{Axis, AxisScale, ReferenceLine, Ticks};
pub use bars::{BarSeries, BarsChart};
pub use density::{DensityChart, DensitySeries};
pub use forest::{ForestChart, ForestItem};
pub use heatmap::{ColourScale, Heatmap, HeatmapMark};
pub use histogram::{HistogramChart, HistogramSeries};
pub use lines::{Band, LineSeries, LinesChart};
pub use scatter::{Corners, ScatterChart, ScatterPoint};

/// What a chart shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// Estimates with whiskers.
    Forest(ForestChart),
    /// Points in a plane.
    Scatter(ScatterChart),
    /// Lines over a shared x axis.
    Lines(LinesChart),
    /// Smooth distributions.
    Density(DensityChart),
    /// Counted distributions.
    Histogram(HistogramChart),
    /// A matrix as colours.
    Heatmap(Heatmap),
    /// Bars side by side.
    Bars(BarsChart),
}

macro_rules! kinds_from {
    ($($variant:ident($kind:ty)),+) => {$(
        impl From<$kind> for ChartKind {
            fn from(kind: $kind) -> Self {
                Self::$variant(kind)
            }
        }
    )+};
}

kinds_from!(
    Forest(ForestChart),
    Scatter(ScatterChart),
    Lines(LinesChart),
    Density(DensityChart),
    Histogram(HistogramChart),
    Heatmap(Heatmap),
    Bars(BarsChart)
);

/// A figure with its axes and words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Name for links and files, such as `reliance-forest`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to see in the chart; may be empty.
    pub caption: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn.
    pub kind: ChartKind,
}

impl Chart {
    /// A chart with plain axes.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        kind: impl Into<ChartKind>,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            caption: String::new(),
            x: Axis::default(),
            y: Axis::default(),
            kind: kind.into(),
        }
    }

    /// Says what to see.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Sets the horizontal axis; a string is its title.
    #[must_use]
    pub fn x(mut self, axis: impl Into<Axis>) -> Self {
        self.x = axis.into();
        self
    }

    /// Sets the vertical axis; a string is its title.
    #[must_use]
    pub fn y(mut self, axis: impl Into<Axis>) -> Self {
        self.y = axis.into();
        self
    }

    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            ChartKind::Forest(forest) => forest.items.is_empty(),
            ChartKind::Scatter(scatter) => scatter.points.is_empty(),
            ChartKind::Lines(lines) => lines.series.iter().all(|series| series.x.is_empty()),
            ChartKind::Density(density) => density.series.iter().all(|series| series.x.is_empty()),
            ChartKind::Histogram(histogram) => {
                histogram.series.iter().all(|series| series.counts.is_empty())
            }
            ChartKind::Heatmap(heatmap) => heatmap.x.is_empty() || heatmap.y.is_empty(),
            ChartKind::Bars(bars) => bars.categories.is_empty() || bars.series.is_empty(),
        }
    }

    /// The chart's data in full precision, one record per mark.
    pub fn to_csv(&self) -> String {
        let (x, y) = (heading_or(&self.x, "x"), heading_or(&self.y, "y"));
        match &self.kind {
            ChartKind::Forest(forest) => forest.to_csv(&heading_or(&self.x, "value")),
            ChartKind::Scatter(scatter) => scatter.to_csv(&x, &y),
            ChartKind::Lines(lines) => lines.to_csv(&x, &y),
            ChartKind::Density(density) => density.to_csv(&x),
            ChartKind::Histogram(histogram) => histogram.to_csv(),
            ChartKind::Heatmap(heatmap) => heatmap.to_csv(&x, &y),
            ChartKind::Bars(bars) => bars.to_csv(&heading_or(&self.y, "value")),
        }
    }
}

fn heading_or(axis: &Axis, fallback: &str) -> String {
    let heading = axis.heading();
    if heading.is_empty() { fallback.into() } else { heading }
}
