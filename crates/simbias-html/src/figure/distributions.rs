//! Densities and histograms.

use serde_json::json;
use simbias_report::{Chart, DensityChart, HistogramChart, format};

use super::canvas::{Canvas, series_colour};
use super::json::{real, reals};
use super::scale::ends;
use crate::escape;

impl Canvas {
    pub(super) fn density(&mut self, chart: &Chart, density: &DensityChart) {
        for (g, series) in density.series.iter().enumerate() {
            let colour = series_colour(g);
            self.traces.push(json!({
                "type": "scatter", "mode": "lines", "name": escape::chart(&series.name),
                "legendgroup": format!("g{g}"), "x": reals(&series.x), "y": reals(&series.density),
                "fill": "tozeroy", "fillcolor": format!("{colour}/0.22"),
                "line": { "color": colour, "width": 2 },
                "hovertemplate": "%{x}: %{y:.3~g}",
            }));
        }
        let x_values = density.series.iter().flat_map(|series| series.x.iter().copied());
        let x_ends =
            ends(&chart.x, x_values.chain(density.references.iter().map(|line| line.value)));
        self.height = 320;
        self.axis("xaxis", &chart.x, x_ends, &json!({}));
        self.axis("yaxis", &chart.y, None, &json!({ "rangemode": "tozero" }));
        self.x_references(&chart.x, x_ends, &density.references);
        let names: Vec<&str> = density.series.iter().map(|series| series.name.as_str()).collect();
        self.legend(&names);
    }

    pub(super) fn histogram(&mut self, chart: &Chart, histogram: &HistogramChart) {
        for (g, series) in histogram.series.iter().enumerate() {
            let colour = series_colour(g);
            let bins: Vec<[f64; 2]> =
                series.edges.windows(2).map(|edges| [edges[0], edges[1]]).collect();
            self.traces.push(json!({
                "type": "bar", "name": escape::chart(&series.name),
                "legendgroup": format!("g{g}"), "y": series.counts,
                "x": bins.iter().map(|[from, to]| real((from + to) / 2.0)).collect::<Vec<_>>(),
                "width": bins.iter().map(|[from, to]| real(to - from)).collect::<Vec<_>>(),
                "marker": {
                    "color": format!("{colour}/0.5"), "line": { "color": colour, "width": 1 },
                },
                "text": bins.iter().map(|[from, to]| {
                    format!("{} to {}", format::number(*from, 3), format::number(*to, 3))
                }).collect::<Vec<_>>(),
                "textposition": "none",
                "hovertemplate": "%{text}: %{y}<extra></extra>",
            }));
        }
        let edges = histogram.series.iter().flat_map(|series| series.edges.iter().copied());
        let x_ends =
            ends(&chart.x, edges.chain(histogram.references.iter().map(|line| line.value)));
        self.height = 320;
        self.layout.insert("barmode".into(), json!("overlay"));
        self.axis("xaxis", &chart.x, x_ends, &json!({}));
        self.axis("yaxis", &chart.y, None, &json!({ "rangemode": "tozero" }));
        self.x_references(&chart.x, x_ends, &histogram.references);
        let names: Vec<&str> = histogram.series.iter().map(|series| series.name.as_str()).collect();
        self.legend(&names);
    }
}
