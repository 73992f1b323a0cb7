//! Scatter plots.

use serde_json::{Value, json};
use simbias_report::{AxisScale, Chart, Corners, ScatterChart, ScatterPoint};

use super::canvas::{Canvas, TICK_LETTERS, series_colour, series_marker};
use super::estimates::whiskers;
use super::groups::order;
use super::json::reals;
use super::scale::{ends, fraction};
use crate::escape;
use crate::labels::{self, Anchor};

impl Canvas {
    pub(super) fn scatter(&mut self, chart: &Chart, scatter: &ScatterChart) {
        let points = &scatter.points;
        let spread = |value: f64, interval: Option<[f64; 2]>| {
            let [low, high] = interval.unwrap_or([value; 2]);
            [value, low, high]
        };
        let x_ends = ends(
            &chart.x,
            points
                .iter()
                .flat_map(|point| spread(point.x, point.x_interval))
                .chain(scatter.x_references.iter().map(|line| line.value))
                .chain(scatter.curves.iter().flat_map(|curve| curve.x.iter().copied())),
        );
        let y_ends = ends(
            &chart.y,
            points
                .iter()
                .flat_map(|point| spread(point.y, point.y_interval))
                .chain(scatter.y_references.iter().map(|line| line.value))
                .chain(scatter.curves.iter().flat_map(|curve| curve.y.iter().copied())),
        );
        // Named corners need room beside the points.
        let y_ends = match (y_ends, &chart.y.range) {
            (Some([low, high]), None)
                if scatter.corners != Corners::default() && chart.y.scale != AxisScale::Log =>
            {
                let air = 0.08 * (high - low);
                Some([low - air, high + air])
            }
            _ => y_ends,
        };
        self.height = 430;
        self.axis("xaxis", &chart.x, x_ends, &json!({}));
        self.axis("yaxis", &chart.y, y_ends, &json!({}));
        let (Some(x_ends), Some(y_ends)) = (x_ends, y_ends) else { return };
        let largest = points.iter().filter_map(|point| point.size).fold(0.0_f64, f64::max);
        let diameter = |size: Option<f64>| match size {
            Some(size) if largest > 0.0 => 6.0 + 22.0 * (size.max(0.0) / largest).sqrt(),
            _ => 9.0,
        };
        let anchors: Vec<Anchor<'_>> = points
            .iter()
            .map(|point| Anchor {
                at: [fraction(&chart.x, x_ends, point.x), fraction(&chart.y, y_ends, point.y)],
                radius: diameter(point.size) / 2.0,
                label: point.highlight.then_some(point.label.as_str()),
            })
            .collect();
        let corners = &scatter.corners;
        let mut words: Vec<(&str, [f64; 2])> = vec![
            (&corners.top_left, [0.0, 1.0]),
            (&corners.top_right, [1.0, 1.0]),
            (&corners.bottom_left, [0.0, 0.0]),
            (&corners.bottom_right, [1.0, 0.0]),
        ];
        words.extend(
            scatter
                .y_references
                .iter()
                .map(|line| (line.label.as_str(), [1.0, fraction(&chart.y, y_ends, line.value)])),
        );
        let places = labels::place(&anchors, &words);
        let (groups, _) = order(points.iter().map(|point| point.group.as_str()));
        for (g, group) in groups.iter().enumerate() {
            let members: Vec<usize> =
                (0..points.len()).filter(|&index| points[index].group == *group).collect();
            let pick = |part: &dyn Fn(usize) -> Value| -> Value {
                members.iter().map(|&index| part(index)).collect()
            };
            let colour = series_colour(g);
            let x: Vec<f64> = members.iter().map(|&index| points[index].x).collect();
            let y: Vec<f64> = members.iter().map(|&index| points[index].y).collect();
            let x_intervals: Vec<_> = members.iter().map(|&i| points[i].x_interval).collect();
            let y_intervals: Vec<_> = members.iter().map(|&i| points[i].y_interval).collect();
            let whisker = format!("{colour}/0.55");
            self.traces.push(json!({
                "type": "scatter", "mode": "markers+text", "name": escape::chart(group),
                "legendgroup": format!("g{g}"), "x": reals(&x), "y": reals(&y), "cliponaxis": false,
                "error_x": whiskers(&x, &x_intervals, &whisker),
                "error_y": whiskers(&y, &y_intervals, &whisker),
                "marker": {
                    "color": colour, "symbol": series_marker(g), "opacity": 0.9,
                    "size": pick(&|index| json!(diameter(points[index].size))),
                    "line": { "color": "@card", "width": 1 },
                },
                "text": pick(&|index| match points[index].highlight {
                    true => json!(escape::chart(&points[index].label)),
                    false => json!(""),
                }),
                "textposition": pick(&|index| json!(places[index])),
                "textfont": { "color": "@ink", "size": 12 },
                "customdata": pick(&|index| json!(scatter_name(&points[index]))),
                "hovertemplate": "%{customdata}%{x}, %{y}<extra></extra>",
            }));
        }
        for (index, curve) in scatter.curves.iter().enumerate() {
            // The legend counts curves after groups.
            let colour = series_colour(groups.len() + index);
            self.traces.push(json!({
                "type": "scatter", "mode": "lines", "name": escape::chart(&curve.name),
                "x": reals(&curve.x), "y": reals(&curve.y), "hoverinfo": "skip",
                "line": {
                    "color": colour, "width": 1.8,
                    "dash": if curve.dashed { "dash" } else { "solid" },
                },
            }));
        }
        if scatter.diagonal {
            let (low, high) = (x_ends[0].max(y_ends[0]), x_ends[1].min(y_ends[1]));
            if low < high {
                self.shapes.push(json!({
                    "type": "line", "x0": low, "y0": low, "x1": high, "y1": high,
                    "layer": "above", "opacity": 0.8, "line": { "color": "@muted", "width": 1.2, "dash": "dot" },
                }));
            }
        }
        for &(text, [x, y]) in &words[..4] {
            if !text.is_empty() {
                self.annotations.push(json!({
                    "text": labels::tick(text, TICK_LETTERS), "xref": "paper", "yref": "paper",
                    "x": x, "y": y, "xanchor": if x == 0.0 { "left" } else { "right" },
                    "yanchor": if y == 0.0 { "bottom" } else { "top" }, "showarrow": false,
                    "align": if x == 0.0 { "left" } else { "right" },
                    "xshift": if x == 0.0 { 6 } else { -6 }, "yshift": if y == 0.0 { 4 } else { -4 },
                    "font": { "color": "@muted", "size": 11.5 },
                }));
            }
        }
        self.x_references(&chart.x, Some(x_ends), &scatter.x_references);
        self.y_references(&chart.y, Some(y_ends), &scatter.y_references);
        let curves = scatter.curves.iter().map(|curve| curve.name.as_str());
        let names: Vec<&str> = groups.iter().copied().chain(curves).collect();
        self.legend(&names);
    }
}

/// The first lines of a point's hover text.
fn scatter_name(point: &ScatterPoint) -> String {
    let mut text = String::new();
    if !point.label.is_empty() {
        text = format!("<b>{}</b><br>", escape::chart(&point.label));
    }
    if !point.group.is_empty() {
        text.push_str(&escape::chart(&point.group));
        text.push_str("<br>");
    }
    text
}
