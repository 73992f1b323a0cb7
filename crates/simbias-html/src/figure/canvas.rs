//! A drawing as it comes together: axes, lines across it, legend.

use serde_json::{Value, json};
use simbias_report::{Axis, AxisScale, ReferenceLine};

use super::scale::fraction;
use super::{Figure, LegendEntry};
use crate::escape;
use crate::labels;

/// Colours in a theme's series palette; further series start over with other markers.
const PALETTE: usize = 7;

/// Markers, so that groups differ without colour, and their symbols in a legend.
const MARKERS: [(&str, char); 7] = [
    ("circle", '●'),
    ("square", '■'),
    ("diamond", '◆'),
    ("triangle-up", '▲'),
    ("cross", '✚'),
    ("x", '✖'),
    ("triangle-down", '▼'),
];

/// Letters per line of a tick label.
pub(super) const TICK_LETTERS: usize = 22;

pub(super) fn series_colour(index: usize) -> String {
    format!("@s{}", index % PALETTE)
}

/// No two of the first 49 series have both colour and marker in common.
fn marker(index: usize) -> (&'static str, char) {
    MARKERS[(index + index / PALETTE) % MARKERS.len()]
}

pub(super) fn series_marker(index: usize) -> &'static str {
    marker(index).0
}

/// The parts of a drawing as they come together.
pub(super) struct Canvas {
    pub(super) height: usize,
    pub(super) traces: Vec<Value>,
    pub(super) shapes: Vec<Value>,
    pub(super) annotations: Vec<Value>,
    pub(super) layout: serde_json::Map<String, Value>,
    legend: Vec<LegendEntry>,
    pub(super) top: f64,
    pub(super) right: f64,
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
    pub(super) fn finish(mut self) -> Figure {
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

    pub(super) fn legend(&mut self, names: &[&str]) {
        self.legend = names
            .iter()
            .enumerate()
            .map(|(index, name)| LegendEntry {
                name: (*name).into(),
                colour: index % PALETTE,
                // Colours alone tell the first ones apart.
                sign: (index >= PALETTE).then(|| marker(index).1),
            })
            .collect();
    }

    /// An axis from its description; `extra` overrides.
    pub(super) fn axis(&mut self, key: &str, axis: &Axis, ends: Option<[f64; 2]>, extra: &Value) {
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
    pub(super) fn named_axis(
        &mut self,
        key: &str,
        axis: &Axis,
        names: &[&str],
        reversed: bool,
        grid: bool,
    ) {
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
    pub(super) fn x_references(
        &mut self,
        axis: &Axis,
        ends: Option<[f64; 2]>,
        lines: &[ReferenceLine],
    ) {
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
    pub(super) fn y_references(
        &mut self,
        axis: &Axis,
        ends: Option<[f64; 2]>,
        lines: &[ReferenceLine],
    ) {
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
}
