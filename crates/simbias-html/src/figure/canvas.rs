//! A drawing as it comes together: marks, words, axes, lines across, legend.

use std::fmt::Write;

use simbias_report::{Axis, ReferenceLine};

use super::colours::{CARD, GRID, INK, MUTED, RULE};
use super::marks::{Key, marker};
use super::scale::{Scale, Tick};
use crate::escape::html;
use crate::labels::{self, LINE_PX};

/// Height of a row of the legend.
const LEGEND_ROW: f64 = 21.0;

/// Where words are held.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    Start,
    Middle,
    End,
}

/// The area in which marks are drawn.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// A drawing under construction.
pub(super) struct Canvas {
    pub(super) width: f64,
    body: String,
    /// Attributes of the drawing for the page's script.
    attributes: String,
}

/// Pixels with one decimal, as short as possible.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0")
        .map_or(text.clone(), |whole| if whole == "-0" { "0".into() } else { whole.into() })
}

impl Canvas {
    pub(super) fn new(width: f64) -> Self {
        Self { width, body: String::new(), attributes: String::new() }
    }

    /// Whether the drawing is for a narrow screen.
    pub(super) fn is_narrow(&self) -> bool {
        self.width < 480.0
    }

    pub(super) fn push(&mut self, markup: std::fmt::Arguments<'_>) {
        self.body.write_fmt(markup).expect("a string takes everything");
    }

    /// Lets the page's script read values off the drawing.
    pub(super) fn readable(&mut self, x: &Scale, y: &Scale) {
        self.attributes = format!(" data-x=\"{}\" data-y=\"{}\"", x.data(), y.data());
    }

    /// The whole drawing, `height` pixels high.
    pub(super) fn finish(self, title: &str, height: f64) -> String {
        let (width, height, title) = (px(self.width), px(height), html(title));
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" aria-label=\"{title}\" \
             font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"{MUTED}\" \
             style=\"display:block;width:100%;height:auto\"{}>{}</svg>",
            self.attributes, self.body
        )
    }

    pub(super) fn text(&mut self, [x, y]: [f64; 2], hold: Hold, text: &str, attributes: &str) {
        let anchor = match hold {
            Hold::Start => "",
            Hold::Middle => " text-anchor=\"middle\"",
            Hold::End => " text-anchor=\"end\"",
        };
        let (x, y, text) = (px(x), px(y), html(text));
        self.push(format_args!("<text x=\"{x}\" y=\"{y}\"{anchor}{attributes}>{text}</text>"));
    }

    /// Words in front of marks, with a rim that keeps them readable.
    pub(super) fn label(&mut self, at: [f64; 2], hold: Hold, text: &str, colour: &str) {
        let rim = format!(
            " fill=\"{colour}\" stroke=\"var(--card,transparent)\" stroke-width=\"3\" paint-order=\"stroke\""
        );
        self.text(at, hold, text, &rim);
    }

    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], attributes: &str) {
        let ([x, y], [u, v]) = (from.map(px), to.map(px));
        self.push(format_args!("<path d=\"M{x} {y}L{u} {v}\"{attributes}/>"));
    }

    /// A legend above the drawing; gives the height that it takes.
    pub(super) fn legend(&mut self, names: &[&str], key: Key) -> f64 {
        if names.len() < 2 {
            return 0.0;
        }
        let (mut x, mut y) = (0.0, LEGEND_ROW / 2.0);
        for (index, name) in names.iter().enumerate() {
            let name = if name.is_empty() { "other" } else { name };
            let name = labels::shortened(name, self.width - 40.0);
            let taken = 22.0 + labels::width(&name) + 16.0;
            if x > 0.0 && x + taken > self.width {
                (x, y) = (0.0, y + LEGEND_ROW);
            }
            self.push(format_args!("<g data-l=\"{index}\">"));
            self.push(format_args!("{}", marker(key, index, [x + 9.0, y])));
            let ink = format!(" fill=\"{INK}\"");
            self.text([x + 22.0, y + 4.0], Hold::Start, &name, &ink);
            self.push(format_args!("</g>"));
            x += taken;
        }
        y + LEGEND_ROW / 2.0 + 4.0
    }

    /// Numbers and a title below the area, with lines through it.
    pub(super) fn x_axis(&mut self, area: Area, axis: &Axis, ticks: &[Tick], has_grid: bool) {
        if has_grid {
            self.grid(ticks.iter().map(|tick| ([tick.at, area.top], [tick.at, area.bottom])));
        }
        self.frame_line([area.left, area.bottom], [area.right, area.bottom]);
        let mut end = f64::NEG_INFINITY;
        for tick in ticks {
            let half = labels::width(&tick.label) / 2.0;
            // A number near the edge is moved inwards rather than cut off.
            let at = tick.at.min(self.width - half).max(half);
            if at - half < end + 4.0 {
                continue;
            }
            end = at + half;
            self.text([at, area.bottom + 16.0], Hold::Middle, &tick.label, "");
        }
        self.x_title(area, axis, area.bottom + 16.0);
    }

    /// The title of a horizontal axis below its numbers, whose baseline is `below`.
    pub(super) fn x_title(&mut self, area: Area, axis: &Axis, below: f64) {
        let heading = labels::shortened(&axis.heading(), self.width);
        if heading.is_empty() {
            return;
        }
        let half = labels::width(&heading) / 2.0;
        let middle = ((area.left + area.right) / 2.0).min(self.width - half).max(half);
        self.text([middle, below + 20.0], Hold::Middle, &heading, "");
    }

    /// Numbers left of the area, with lines through it, and a title above them.
    pub(super) fn y_axis(&mut self, area: Area, ticks: &[Tick]) {
        self.grid(ticks.iter().map(|tick| ([area.left, tick.at], [area.right, tick.at])));
        for tick in ticks {
            self.text([area.left - 7.0, tick.at + 4.0], Hold::End, &tick.label, "");
        }
    }

    /// The title of a vertical axis, lying above it; gives the height that it takes.
    pub(super) fn y_title(&mut self, top: f64, axis: &Axis) -> f64 {
        let heading = labels::shortened(&axis.heading(), self.width);
        if heading.is_empty() {
            return 8.0;
        }
        self.text([0.0, top + 13.0], Hold::Start, &heading, "");
        LINE_PX + 10.0
    }

    fn grid(&mut self, lines: impl Iterator<Item = ([f64; 2], [f64; 2])>) {
        let path: String = lines
            .map(|([x, y], [u, v])| format!("M{} {}L{} {}", px(x), px(y), px(u), px(v)))
            .collect();
        if !path.is_empty() {
            self.push(format_args!("<path d=\"{path}\" stroke=\"{GRID}\"/>"));
        }
    }

    pub(super) fn frame_line(&mut self, from: [f64; 2], to: [f64; 2]) {
        self.line(from, to, &format!(" stroke=\"{RULE}\""));
    }

    /// The height that the names of vertical lines take above the area.
    pub(super) fn storeys(&self, scale: &Scale, lines: &[ReferenceLine]) -> f64 {
        let named = self.placed(scale, lines);
        let storeys = named.iter().map(|(.., storey)| storey + 1).max().unwrap_or(0);
        LINE_PX * storeys as f64 + if storeys > 0 { 3.0 } else { 0.0 }
    }

    /// Lines in view with the middle and the storey of their names.
    fn placed<'a>(
        &self,
        scale: &Scale,
        lines: &'a [ReferenceLine],
    ) -> Vec<(&'a ReferenceLine, f64, usize)> {
        let visible: Vec<&ReferenceLine> =
            lines.iter().filter(|line| scale.holds(line.value)).collect();
        let middles: Vec<(f64, &str)> = visible
            .iter()
            .map(|line| {
                let half = labels::width(&line.label) / 2.0;
                let at = scale.at(line.value).min(self.width - half).max(half);
                (at, line.label.as_str())
            })
            .collect();
        let storeys = labels::stagger(&middles);
        let places = middles.iter().zip(storeys);
        visible.into_iter().zip(places).map(|(line, (at, storey))| (line, at.0, storey)).collect()
    }

    /// Vertical lines with their names above the area.
    pub(super) fn x_references(&mut self, area: Area, scale: &Scale, lines: &[ReferenceLine]) {
        for (line, middle, storey) in self.placed(scale, lines) {
            let at = scale.at(line.value);
            self.dashed([at, area.top - 2.0], [at, area.bottom]);
            let y = area.top - 6.0 - LINE_PX * storey as f64;
            self.label([middle, y], Hold::Middle, &line.label, MUTED);
        }
    }

    /// Horizontal lines with their names at the right end.
    pub(super) fn y_references(&mut self, area: Area, scale: &Scale, lines: &[ReferenceLine]) {
        let mut taken: Vec<f64> = Vec::new();
        for line in lines.iter().filter(|line| scale.holds(line.value)) {
            let at = scale.at(line.value);
            self.dashed([area.left, at], [area.right, at]);
            // Above the line, below it where another name is in the way.
            let above = at - 4.0;
            let is_taken =
                taken.iter().any(|y| (y - above).abs() < LINE_PX) || above < area.top + 6.0;
            let y = if is_taken { at + 13.0 } else { above };
            taken.push(y);
            self.label([area.right - 2.0, y], Hold::End, &line.label, MUTED);
        }
    }

    fn dashed(&mut self, from: [f64; 2], to: [f64; 2]) {
        let dashes = format!(" stroke=\"{MUTED}\" stroke-dasharray=\"5 4\" opacity=\".8\"");
        self.line(from, to, &dashes);
    }
}

/// The rim around marks that keeps neighbours apart.
pub(super) fn rim() -> String {
    format!(" stroke=\"{CARD}\" stroke-width=\".8\"")
}

/// The room that numbers of a vertical axis take.
pub(super) fn tick_room(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|tick| labels::width(&tick.label)).fold(14.0, f64::max) + 9.0
}
