//! Forest plots.

use serde_json::json;
use simbias_report::{Chart, ForestChart, format};

use super::canvas::{Canvas, TICK_LETTERS, series_colour, series_marker};
use super::estimates::{estimate_hover, interval, whiskers};
use super::groups::order;
use super::json::reals;
use super::scale::ends;
use crate::{escape, labels};

impl Canvas {
    pub(super) fn forest(&mut self, chart: &Chart, forest: &ForestChart) {
        let (lines, line_index) = order(forest.items.iter().map(|item| item.label.as_str()));
        let (groups, _) = order(forest.items.iter().map(|item| item.group.as_str()));
        let values = forest
            .items
            .iter()
            .flat_map(|item| [item.estimate.value, item.estimate.low, item.estimate.high]);
        let ends = ends(&chart.x, values.chain(forest.references.iter().map(|line| line.value)));
        let n_groups = groups.len() as f64;
        for (g, group) in groups.iter().enumerate() {
            let items: Vec<_> = forest.items.iter().filter(|item| item.group == *group).collect();
            let offset = (g as f64 - (n_groups - 1.0) / 2.0) * (0.64 / n_groups);
            let x: Vec<f64> = items.iter().map(|item| item.estimate.value).collect();
            let intervals: Vec<_> = items.iter().map(|item| interval(&item.estimate)).collect();
            let colour = series_colour(g);
            self.traces.push(json!({
                "type": "scatter", "mode": "markers", "name": escape::chart(group),
                "legendgroup": format!("g{g}"), "x": reals(&x),
                "y": items.iter().map(|item| line_index[item.label.as_str()] as f64 + offset)
                    .collect::<Vec<_>>(),
                "error_x": whiskers(&x, &intervals, &colour),
                "marker": { "color": colour, "size": 9, "symbol": series_marker(g) },
                "text": items.iter().map(|item| {
                    estimate_hover(&[&item.label, &item.group], &item.estimate)
                }).collect::<Vec<_>>(),
                "hovertemplate": "%{text}<extra></extra>",
            }));
        }
        if groups.len() == 1 && lines.len() == forest.items.len() {
            let texts: Vec<String> =
                forest.items.iter().map(|item| format::estimate(&item.estimate)).collect();
            let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
            for (y, text) in texts.iter().enumerate() {
                // The page's script leaves out what is named "wide" on narrow screens.
                self.annotations.push(json!({
                    "name": "wide", "text": text, "xref": "paper", "x": 1, "xanchor": "left",
                    "xshift": 8, "yref": "y", "y": y, "showarrow": false,
                    "font": { "color": "@ink", "size": 12 },
                }));
            }
            self.right = 18.0 + longest as f64 * 6.9;
        }
        let tall = lines.iter().map(|line| labels::wrap(line, TICK_LETTERS).len().min(3)).max();
        let row = (16 * groups.len() + 18).max(15 * tall.unwrap_or(1) + 14).max(36);
        self.named_axis("yaxis", &chart.y, &lines, true, true);
        self.axis("xaxis", &chart.x, ends, &json!({}));
        self.x_references(&chart.x, ends, &forest.references);
        self.height = row * lines.len() + 52 + self.top as usize;
        self.legend(&groups);
    }
}
