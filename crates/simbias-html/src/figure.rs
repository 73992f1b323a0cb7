//! A chart as a specification for the chart library, free of colours.
//!
//! Values of keys that end in `color` are tokens, such as `@s0` (first series) or `@ink/0.5` (text at half
//! opacity), which the page's script replaces by the theme's colours. User text never stands in such keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use simbias_report::{
    Axis, AxisScale, BarsChart, Chart, ChartKind, ColourScale, Corners, DensityChart, Estimate,
    ForestChart, Heatmap, HistogramChart, LinesChart, ReferenceLine, ScatterChart, Ticks, format,
};

use crate::escape;
use crate::labels::{self, Anchor};

/// Colours in a theme's series palette; further series start over with other markers.
const PALETTE: usize = 7;
/// Markers, so that groups differ without colour.
const MARKERS: [&str; 7] =
    ["circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down"];
/// Letters a line of a tick label.
const TICK_LETTERS: usize = 22;

/// One entry of a legend; traces of the entry have the legend group `g{index}`.
pub(crate) struct LegendEntry {
    pub(crate) name: String,
    /// Index into the theme's series palette.
    pub(crate) colour: usize,
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

/// A value JSON can carry; what is not finite is a gap.
fn real(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

fn reals(values: &[f64]) -> Value {
    values.iter().map(|&value| real(value)).collect()
}

fn series_colour(index: usize) -> String {
    format!("@s{}", index % PALETTE)
}

/// Where `value` stands between the ends of an axis, in `[0, 1]`.
fn fraction(axis: &Axis, [low, high]: [f64; 2], value: f64) -> f64 {
    let place = |value: f64| if axis.scale == AxisScale::Log { value.log10() } else { value };
    (place(value) - place(low)) / (place(high) - place(low))
}

/// The axis' own ends, or ends that show all finite `values` with some air; `None` without values.
fn ends(axis: &Axis, values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    if let Some([low, high]) = axis.range
        && low.is_finite()
        && high.is_finite()
        && low != high
        && (axis.scale != AxisScale::Log || low.min(high) > 0.0)
    {
        return Some([low, high]);
    }
    let log = axis.scale == AxisScale::Log;
    let place = |value: f64| if log { value.log10() } else { value };
    let (low, high) = values
        .into_iter()
        .map(place)
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return None;
    }
    let air = if high > low { 0.06 * (high - low) } else { 0.1 * low.abs().max(0.5) };
    let back = |value: f64| if log { 10_f64.powf(value) } else { value };
    Some([back(low - air), back(high + air)])
}

/// Asymmetric whiskers as the chart library wants them: distances from the values.
fn whiskers(values: &[f64], intervals: &[Option<[f64; 2]>], colour: &str) -> Value {
    let distance = |end: fn(f64, [f64; 2]) -> f64| -> Value {
        values
            .iter()
            .zip(intervals)
            .map(|(&value, interval)| {
                interval.map_or(json!(0), |ends| real(end(value, ends).max(0.0)))
            })
            .collect()
    };
    json!({
        "type": "data", "symmetric": false, "visible": intervals.iter().any(Option::is_some),
        "array": distance(|value, [_, high]| high - value),
        "arrayminus": distance(|value, [low, _]| value - low),
        "color": colour, "thickness": 1.6, "width": 4,
    })
}

fn interval(estimate: &Estimate) -> Option<[f64; 2]> {
    estimate.has_interval().then_some([estimate.low, estimate.high])
}

/// Hover text of an estimate under its name.
fn estimate_hover(names: &[&str], estimate: &Estimate) -> String {
    let names: Vec<String> =
        names.iter().filter(|name| !name.is_empty()).map(|name| escape::chart(name)).collect();
    let mut text = format!("<b>{}</b><br>{}", names.join(" · "), format::estimate(estimate));
    let basis = estimate.basis();
    if !basis.is_empty() {
        text.push_str("<br>");
        text.push_str(&escape::chart(&basis));
    }
    text
}

/// The index of each name in order of first appearance.
fn order<'a>(names: impl IntoIterator<Item = &'a str>) -> (Vec<&'a str>, BTreeMap<&'a str, usize>) {
    let (mut list, mut index) = (Vec::new(), BTreeMap::new());
    for name in names {
        index.entry(name).or_insert_with(|| {
            list.push(name);
            list.len() - 1
        });
    }
    (list, index)
}

/// The parts of a drawing as they come together.
struct Canvas {
    height: usize,
    traces: Vec<Value>,
    shapes: Vec<Value>,
    annotations: Vec<Value>,
    layout: serde_json::Map<String, Value>,
    legend: Vec<LegendEntry>,
    top: f64,
    right: f64,
}

impl Default for Canvas {
    fn default() -> Self {
        Self {
            height: 380,
            traces: Vec::new(),
            shapes: Vec::new(),
            annotations: Vec::new(),
            layout: serde_json::Map::new(),
            legend: Vec::new(),
            top: 26.0,
            right: 18.0,
        }
    }
}

impl Canvas {
    fn finish(mut self) -> Figure {
        if self.legend.len() < 2 {
            self.legend.clear();
        }
        self.layout.insert("shapes".into(), self.shapes.into());
        self.layout.insert("annotations".into(), self.annotations.into());
        self.layout.insert(
            "margin".into(),
            json!({ "l": 12, "r": self.right, "t": self.top, "b": 12, "pad": 2 }),
        );
        let spec = json!({ "height": self.height, "data": self.traces, "layout": self.layout });
        Figure { height: self.height, spec, legend: self.legend }
    }

    fn legend(&mut self, names: &[&str]) {
        self.legend = names
            .iter()
            .enumerate()
            .map(|(index, name)| LegendEntry { name: (*name).into(), colour: index % PALETTE })
            .collect();
    }

    /// An axis after its description; `extra` overrides.
    fn axis(&mut self, key: &str, axis: &Axis, ends: Option<[f64; 2]>, extra: &Value) {
        let mut settings = json!({
            "title": { "text": escape::chart(&axis.heading()), "standoff": 10 },
            "automargin": true, "gridcolor": "@grid", "linecolor": "@rule", "zeroline": false,
            "tickcolor": "@rule", "ticks": "", "hoverformat": ".4~g",
        });
        match axis.scale {
            AxisScale::Linear => {}
            AxisScale::Log => {
                settings["type"] = json!("log");
                // Decades only: fractions of a decade crowd a phone.
                settings["dtick"] = json!(1);
                settings["exponentformat"] = json!("power");
            }
            AxisScale::Percent => settings["tickformat"] = json!(".0~%"),
        }
        if let Some(ends) = ends {
            let place = |end: f64| if axis.scale == AxisScale::Log { end.log10() } else { end };
            let range = ends.map(place);
            if axis.scale == AxisScale::Log && (range[1] - range[0]).abs() < 1.5 {
                settings["dtick"] = json!("D2");
            }
            settings["range"] = json!(range);
        }
        if let (Some(settings), Some(extra)) = (settings.as_object_mut(), extra.as_object()) {
            settings.extend(extra.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        self.layout.insert(key.into(), settings);
    }

    /// An axis of named places at 0, 1, 2, ….
    fn named_axis(&mut self, key: &str, axis: &Axis, names: &[&str], reversed: bool, grid: bool) {
        let n = names.len() as f64;
        let range = if reversed { [n - 0.5, -0.5] } else { [-0.5, n - 0.5] };
        let ticks: Vec<String> =
            names.iter().map(|name| labels::tick(name, TICK_LETTERS)).collect();
        let plain = Axis { scale: AxisScale::Linear, range: None, ..axis.clone() };
        let extra = json!({
            "tickmode": "array", "tickvals": (0..names.len()).collect::<Vec<_>>(),
            "ticktext": ticks, "range": range, "showgrid": grid, "fixedrange": true,
        });
        self.axis(key, &plain, None, &extra);
    }

    /// Vertical lines with staggered names above the plot.
    fn x_references(&mut self, axis: &Axis, ends: Option<[f64; 2]>, lines: &[ReferenceLine]) {
        let Some(ends) = ends else { return };
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| (0.0..=1.0).contains(&fraction(axis, ends, line.value)))
            .collect();
        let places: Vec<(f64, &str)> = lines
            .iter()
            .map(|line| (fraction(axis, ends, line.value), line.label.as_str()))
            .collect();
        let storeys = labels::stagger(&places);
        for (line, &storey) in lines.iter().zip(&storeys) {
            self.shapes.push(json!({
                "type": "line", "xref": "x", "yref": "paper", "x0": line.value, "x1": line.value,
                "y0": 0, "y1": 1, "layer": "above", "opacity": 0.8,
                "line": { "color": "@muted", "width": 1.2, "dash": "dash" },
            }));
            if line.label.is_empty() {
                continue;
            }
            let at = fraction(axis, ends, line.value);
            let anchor = if at < 0.12 {
                "left"
            } else if at > 0.88 {
                "right"
            } else {
                "center"
            };
            self.annotations.push(json!({
                "text": escape::chart(&line.label), "xref": "paper", "x": at,
                "xanchor": anchor, "yref": "paper", "y": 1, "yanchor": "bottom",
                "yshift": storey as f64 * 15.0, "showarrow": false,
                "font": { "color": "@muted", "size": 11 },
            }));
            self.top = self.top.max(26.0 + storey as f64 * 15.0);
        }
    }

    /// Horizontal lines with names at their right ends.
    fn y_references(&mut self, axis: &Axis, ends: Option<[f64; 2]>, lines: &[ReferenceLine]) {
        let Some(ends) = ends else { return };
        for line in lines {
            let at = fraction(axis, ends, line.value);
            if !(0.0..=1.0).contains(&at) {
                continue;
            }
            self.shapes.push(json!({
                "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1,
                "y0": line.value, "y1": line.value, "layer": "above", "opacity": 0.8,
                "line": { "color": "@muted", "width": 1.2, "dash": "dash" },
            }));
            if line.label.is_empty() {
                continue;
            }
            self.annotations.push(json!({
                "text": escape::chart(&line.label), "xref": "paper", "x": 1, "xanchor": "right",
                "yref": "paper", "y": at, "yanchor": if at > 0.93 { "top" } else { "bottom" },
                "showarrow": false, "font": { "color": "@muted", "size": 11 },
                "bgcolor": "@card/0.75",
            }));
        }
    }

    fn forest(&mut self, chart: &Chart, forest: &ForestChart) {
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
                "marker": { "color": colour, "size": 9, "symbol": MARKERS[g % MARKERS.len()] },
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

    fn scatter(&mut self, chart: &Chart, scatter: &ScatterChart) {
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
                .chain(scatter.x_references.iter().map(|line| line.value)),
        );
        let y_ends = ends(
            &chart.y,
            points
                .iter()
                .flat_map(|point| spread(point.y, point.y_interval))
                .chain(scatter.y_references.iter().map(|line| line.value)),
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
                    "color": colour, "symbol": MARKERS[g % MARKERS.len()], "opacity": 0.9,
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
        self.legend(&groups);
    }

    fn lines(&mut self, chart: &Chart, lines: &LinesChart) {
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
                "marker": { "color": colour, "size": 6, "symbol": MARKERS[g % MARKERS.len()] },
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

    fn density(&mut self, chart: &Chart, density: &DensityChart) {
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

    fn histogram(&mut self, chart: &Chart, histogram: &HistogramChart) {
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

    fn heatmap(&mut self, chart: &Chart, heatmap: &Heatmap) {
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

    fn bars(&mut self, chart: &Chart, bars: &BarsChart) {
        let categories: Vec<&str> = bars.categories.iter().map(String::as_str).collect();
        let longest = categories.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        // Words need room: lying bars read well on a phone too.
        let lying = longest > 10 || categories.len() > 6;
        let places: Vec<usize> = (0..categories.len()).collect();
        for (g, series) in bars.series.iter().enumerate() {
            let colour = series_colour(g);
            let values: Vec<f64> = series.bars.iter().map(|bar| bar.value).collect();
            let intervals: Vec<_> = series.bars.iter().map(interval).collect();
            let hover: Vec<String> = categories
                .iter()
                .zip(&series.bars)
                .map(|(category, bar)| estimate_hover(&[category, &series.name], bar))
                .collect();
            let (along, across, error) =
                if lying { ("x", "y", "error_x") } else { ("y", "x", "error_y") };
            self.traces.push(json!({
                "type": "bar", "name": escape::chart(&series.name),
                "legendgroup": format!("g{g}"), "orientation": if lying { "h" } else { "v" },
                along: reals(&values), across: places,
                error: whiskers(&values, &intervals, "@ink/0.7"),
                "marker": { "color": format!("{colour}/0.88") },
                "text": hover, "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }));
        }
        let values = bars
            .series
            .iter()
            .flat_map(|series| &series.bars)
            .flat_map(|bar| [bar.value, bar.low, bar.high]);
        // Bars start at zero; air only where they end.
        let value_ends = chart.y.range.or_else(|| {
            let lines = bars.references.iter().map(|line| line.value);
            let finite = values.chain(lines).filter(|value| value.is_finite());
            let (low, high) = finite.fold((0.0_f64, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
            let air = 0.06 * (high - low).max(f64::MIN_POSITIVE);
            let low = if low < 0.0 { low - air } else { 0.0 };
            Some([low, if high > 0.0 { high + air } else { 0.0 }])
        });
        let value_ends = value_ends.filter(|[low, high]| low < high);
        self.layout.insert("barmode".into(), json!("group"));
        self.layout.insert("bargap".into(), json!(0.3));
        let (values_key, names_key) = if lying { ("xaxis", "yaxis") } else { ("yaxis", "xaxis") };
        self.axis(
            values_key,
            &chart.y,
            value_ends,
            &json!({ "zeroline": true, "zerolinecolor": "@rule" }),
        );
        self.named_axis(names_key, &chart.x, &categories, lying, false);
        if lying {
            self.x_references(&chart.y, value_ends, &bars.references);
            let row = (18 * bars.series.len() + 18).max(36);
            self.height = row * categories.len() + 52 + self.top as usize;
        } else {
            self.y_references(&chart.y, value_ends, &bars.references);
        }
        let names: Vec<&str> = bars.series.iter().map(|series| series.name.as_str()).collect();
        self.legend(&names);
    }
}

/// The first lines of a point's hover text.
fn scatter_name(point: &simbias_report::ScatterPoint) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_leave_air_and_ignore_gaps() {
        let axis = Axis::default();
        assert_eq!(ends(&axis, [f64::NAN]), None);
        let [low, high] = ends(&axis, [0.0, 1.0, f64::INFINITY]).unwrap();
        assert!(low < 0.0 && high > 1.0 && high < 1.2);
        let [low, high] = ends(&axis, [3.0]).unwrap();
        assert!(low < 3.0 && high > 3.0);
        let [low, high] = ends(&Axis::default().log(), [0.0, 1.0, 100.0]).unwrap();
        assert!(low > 0.1 && low < 1.0 && high > 100.0);
    }

    #[test]
    fn whiskers_are_distances() {
        let bars = whiskers(&[1.0, 2.0], &[Some([0.5, 1.25]), None], "@s0");
        assert_eq!(bars["array"], json!([0.25, 0]));
        assert_eq!(bars["arrayminus"], json!([0.5, 0]));
    }

    #[test]
    fn user_text_never_becomes_markup() {
        let forest = ForestChart::new().item("<b>@s1</b>", Estimate::new(0.5, 0.4, 0.6));
        let spec = figure(&Chart::new("x", "x", forest)).spec;
        assert_eq!(spec["layout"]["yaxis"]["ticktext"][0], "&lt;b&gt;@s1&lt;/b&gt;");
    }
}
