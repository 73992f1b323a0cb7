//! Matrices as colours.

use serde_json::json;
use simbias_report::{Axis, Chart, ColourScale, Heatmap, Ticks, format};

use super::canvas::Canvas;
use super::json::{real, reals};
use crate::escape;

impl Canvas {
    pub(super) fn heatmap(&mut self, chart: &Chart, heatmap: &Heatmap) {
        let finite = heatmap.values.iter().flatten().copied().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let [low, high] = match (heatmap.range, heatmap.scale) {
            (Some(range), _) => range,
            (None, ColourScale::Sequential) => [low, high],
            (None, ColourScale::Diverging { centre }) => {
                let reach = (high - centre).abs().max((centre - low).abs());
                [centre - reach, centre + reach]
            }
        };
        let texts: Vec<Vec<String>> = heatmap
            .values
            .iter()
            .map(|row| {
                row.iter()
                    .map(|&v| if v.is_nan() { String::new() } else { format::number(v, 2) })
                    .collect()
            })
            .collect();
        let names: Vec<Vec<String>> = (0..heatmap.values.len())
            .map(|row| {
                (0..heatmap.x.len())
                    .map(|column| {
                        let (y, x) = (heatmap.y.text(row), heatmap.x.text(column));
                        format!("{} · {}", escape::chart(&y), escape::chart(&x))
                    })
                    .collect()
            })
            .collect();
        let gap = usize::from(heatmap.x.len() * heatmap.y.len() <= 400);
        let positions = |ticks: &Ticks| match ticks {
            Ticks::Labels(labels) => json!((0..labels.len()).collect::<Vec<_>>()),
            Ticks::Values(values) => reals(values),
        };
        self.traces.push(json!({
            "type": "heatmap", "x": positions(&heatmap.x), "y": positions(&heatmap.y),
            "z": heatmap.values.iter().map(|row| reals(row)).collect::<Vec<_>>(),
            "zmin": real(low), "zmax": real(high), "xgap": gap, "ygap": gap, "hoverongaps": false,
            "colorscale": match heatmap.scale {
                ColourScale::Sequential => "@sequential",
                ColourScale::Diverging { .. } => "@diverging",
            },
            "text": texts, "texttemplate": if heatmap.numbers { "%{text}" } else { "" },
            "customdata": names,
            "hovertemplate": "%{customdata}<br><b>%{z:.4~g}</b><extra></extra>",
            "colorbar": {
                "title": { "text": escape::chart(&heatmap.quantity), "side": "right" },
                "thickness": 12, "outlinewidth": 0, "len": 1, "tickfont": { "color": "@muted" },
            },
        }));
        self.heatmap_axis("xaxis", &chart.x, &heatmap.x);
        self.heatmap_axis("yaxis", &chart.y, &heatmap.y);
        self.height = (heatmap.y.len() * 40 + 110).clamp(240, 560);
    }

    fn heatmap_axis(&mut self, key: &str, axis: &Axis, ticks: &Ticks) {
        match ticks {
            Ticks::Labels(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.named_axis(key, axis, &names, key == "yaxis", false);
            }
            Ticks::Values(_) => self.axis(key, axis, None, &json!({ "showgrid": false })),
        }
    }
}
