//! Lines with bands.

use serde_json::json;
use simbias_report::{Chart, LinesChart};

use super::canvas::{Canvas, series_colour, series_marker};
use super::json::reals;
use super::scale::ends;
use crate::escape;

impl Canvas {
    pub(super) fn lines(&mut self, chart: &Chart, lines: &LinesChart) {
        for (g, series) in lines.series.iter().enumerate() {
            let (colour, group) = (series_colour(g), format!("g{g}"));
            let name = escape::chart(&series.name);
            if let Some(band) = &series.band {
                for (edge, fill) in [(&band.low, "none"), (&band.high, "tonexty")] {
                    self.traces.push(json!({
                        "type": "scatter", "mode": "lines", "name": name, "legendgroup": group,
                        "showlegend": false, "x": reals(&series.x), "y": reals(edge),
                        "line": { "width": 0, "color": colour }, "fill": fill,
                        "fillcolor": format!("{colour}/0.16"), "hoverinfo": "skip",
                    }));
                }
            }
            self.traces.push(json!({
                "type": "scatter", "name": name, "legendgroup": group,
                "mode": if series.x.len() <= 24 { "lines+markers" } else { "lines" },
                "x": reals(&series.x), "y": reals(&series.y),
                "line": {
                    "color": colour, "width": 2.2,
                    "dash": if series.dashed { "dash" } else { "solid" },
                },
                "marker": { "color": colour, "size": 6, "symbol": series_marker(g) },
                "hovertemplate": "%{y}",
            }));
        }
        let y_values = lines.series.iter().flat_map(|series| {
            let band = series.band.as_ref().into_iter().flat_map(|b| b.low.iter().chain(&b.high));
            series.y.iter().chain(band).copied()
        });
        let y_ends =
            ends(&chart.y, y_values.chain(lines.y_references.iter().map(|line| line.value)));
        let x_values = lines.series.iter().flat_map(|series| series.x.iter().copied());
        let x_ends =
            ends(&chart.x, x_values.chain(lines.x_references.iter().map(|line| line.value)));
        self.axis("xaxis", &chart.x, x_ends, &json!({}));
        self.axis("yaxis", &chart.y, y_ends, &json!({}));
        self.layout.insert("hovermode".into(), json!("x unified"));
        self.x_references(&chart.x, x_ends, &lines.x_references);
        self.y_references(&chart.y, y_ends, &lines.y_references);
        let names: Vec<&str> = lines.series.iter().map(|series| series.name.as_str()).collect();
        self.legend(&names);
    }
}
