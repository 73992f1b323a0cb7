//! A chart as a specification for the chart library, free of colours.
//!
//! Values of keys that end in `color` are tokens, such as `@s0` (first series) or `@ink/0.5` (text at half
//! opacity), which the page's script replaces by the theme's colours. User text never occurs in such keys.

mod bars;
mod canvas;
mod distributions;
mod estimates;
mod forest;
mod groups;
mod heatmap;
mod json;
mod lines;
mod scale;
mod scatter;

use serde_json::Value;
use simbias_report::{Chart, ChartKind};

use canvas::Canvas;

/// One entry of a legend; traces of the entry have the legend group `g{index}`.
pub(crate) struct LegendEntry {
    pub(crate) name: String,
    /// Index into the theme's series palette.
    pub(crate) colour: usize,
    /// Its marker, where the colour is another series' too.
    pub(crate) sign: Option<char>,
}

/// What the page needs to draw a chart.
pub(crate) struct Figure {
    /// Pixels.
    pub(crate) height: usize,
    /// Traces and layout.
    pub(crate) spec: Value,
    /// Empty when there is nothing to tell apart.
    pub(crate) legend: Vec<LegendEntry>,
}

/// The drawing of a chart.
pub(crate) fn figure(chart: &Chart) -> Figure {
    let mut canvas = Canvas::default();
    match &chart.kind {
        ChartKind::Forest(forest) => canvas.forest(chart, forest),
        ChartKind::Scatter(scatter) => canvas.scatter(chart, scatter),
        ChartKind::Lines(lines) => canvas.lines(chart, lines),
        ChartKind::Density(density) => canvas.density(chart, density),
        ChartKind::Histogram(histogram) => canvas.histogram(chart, histogram),
        ChartKind::Heatmap(heatmap) => canvas.heatmap(chart, heatmap),
        ChartKind::Bars(bars) => canvas.bars(chart, bars),
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use simbias_report::{Estimate, ForestChart};

    use super::*;

    #[test]
    fn user_text_never_becomes_markup() {
        let forest = ForestChart::new().item("<b>@s1</b>", Estimate::new(0.5, 0.4, 0.6));
        let spec = figure(&Chart::new("x", "x", forest)).spec;
        assert_eq!(spec["layout"]["yaxis"]["ticktext"][0], "&lt;b&gt;@s1&lt;/b&gt;");
    }
}
