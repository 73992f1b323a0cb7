//! A chart as a drawing that needs no script.
//!
//! Colours are the page's theme (`var(--…)`) with fallbacks that can be read on white and on black, so that the same
//! drawing stands in a page, in a notebook and in a file of its own. Series are groups with `data-g`, their legend
//! entries have the same number as `data-l`; marks carry what they stand for in a `<title>`.

mod bars;
mod canvas;
mod colours;
mod distributions;
mod estimates;
mod forest;
mod groups;
mod heatmap;
mod lines;
mod marks;
mod scale;
mod scatter;

use simbias_report::{Chart, ChartKind};

/// Width of a drawing that takes the whole width of a page.
pub(crate) const WIDE: f64 = 760.0;
/// Width of a drawing beside other things.
pub(crate) const BESIDE: f64 = 560.0;
/// Width of a drawing on a phone.
pub(crate) const NARROW: f64 = 350.0;

/// The chart as SVG of this width; letters have 12 pixels at that width.
pub(crate) fn drawing(chart: &Chart, width: f64) -> String {
    match &chart.kind {
        ChartKind::Forest(forest) => forest::draw(chart, forest, width),
        ChartKind::Scatter(scatter) => scatter::draw(chart, scatter, width),
        ChartKind::Lines(lines) => lines::draw(chart, lines, width),
        ChartKind::Density(density) => distributions::density(chart, density, width),
        ChartKind::Histogram(histogram) => distributions::histogram(chart, histogram, width),
        ChartKind::Heatmap(heatmap) => heatmap::draw(chart, heatmap, width),
        ChartKind::Bars(bars) => bars::draw(chart, bars, width),
    }
}

#[cfg(test)]
mod tests {
    use simbias_report::{Estimate, ForestChart, LineSeries, LinesChart};

    use super::*;

    #[test]
    fn user_text_never_becomes_markup() {
        let forest = ForestChart::new().item("<b>\"x\"</b>", Estimate::new(0.5, 0.4, 0.6));
        for width in [WIDE, NARROW] {
            let drawing = drawing(&Chart::new("x", "<i>\"", forest.clone()), width);
            assert!(!drawing.contains("<b>") && !drawing.contains("<i>"), "{drawing}");
            assert!(drawing.contains("&lt;b&gt;"), "{drawing}");
        }
    }

    #[test]
    fn every_series_looks_different() {
        let chart = (0..28).fold(LinesChart::new(), |chart, index| {
            chart.series(LineSeries::new(format!("s{index}"), vec![0.0, 1.0], vec![0.0, 1.0]))
        });
        let drawing = drawing(&Chart::new("x", "x", chart), WIDE);
        let mut keys: Vec<&str> = drawing
            .match_indices("<g data-l=")
            .filter_map(|(at, _)| {
                let stroke = &drawing[at..][drawing[at..].find("stroke=")?..];
                stroke.split("/>").next()
            })
            .collect();
        assert_eq!(keys.len(), 28);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 28, "colour and dashes of two lines are the same");
    }
}
