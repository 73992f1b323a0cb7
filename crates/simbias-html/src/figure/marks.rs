//! Markers and dashes: series beyond the colours differ by them.

use super::canvas::{px, rim};
use super::colours::{n_series, series};

/// How a legend shows a series.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A marker.
    Marker,
    /// A piece of line.
    Line,
    /// A filled square.
    Fill,
}

/// Shapes with about the same area around the middle, in pixels.
const SHAPES: [&str; 7] = [
    "",
    "m-4-4h8v8h-8z",
    "m0-5.6 5.6 5.6-5.6 5.6-5.6-5.6z",
    "m0-5.2 5.4 9.4h-10.8z",
    "m-1.8-5.2h3.6v3.4h3.4v3.6h-3.4v3.4h-3.6v-3.4h-3.4v-3.6h3.4z",
    "m0 5.2-5.4-9.4h10.8z",
    "m-5.2-5.2 3 0 2.2 3 2.2-3 3 0-3.6 5.2 3.6 5.2-3 0-2.2-3-2.2 3-3 0 3.6-5.2z",
];

/// Dashes of the first, second, … round of colours.
const DASHES: [&str; 4] = ["", "7 4", "2 3", "8 3 2 3"];

/// The dashes of series `index`, as an attribute; a series that is dashed by meaning has the dashes of no other.
pub(super) fn dash(index: usize, is_dashed: bool) -> String {
    let dashes = if is_dashed { "4 4" } else { DASHES[index / n_series() % DASHES.len()] };
    if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") }
}

/// The marker of series `index` at a place, `scale` times as large as usual. No two of the first 49 series have both
/// colour and shape in common.
pub(super) fn shape(index: usize, [x, y]: [f64; 2], scale: f64) -> String {
    let shape = SHAPES[(index + index / n_series()) % SHAPES.len()];
    let (x, y) = (px(x), px(y));
    if shape.is_empty() {
        format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\"", px(4.5 * scale))
    } else if (scale - 1.0).abs() < 0.05 {
        format!("<path d=\"M{x} {y}{shape}\"")
    } else {
        format!("<path transform=\"translate({x} {y}) scale({scale:.2})\" d=\"M0 0{shape}\"")
    }
}

/// What the legend shows for series `index`.
pub(super) fn marker(key: Key, index: usize, [x, y]: [f64; 2]) -> String {
    let colour = series(index);
    match key {
        Key::Marker => format!("{} fill=\"{colour}\"{}/>", shape(index, [x, y], 1.0), rim()),
        Key::Fill => {
            let (x, y) = (px(x - 6.0), px(y - 6.0));
            format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" rx=\"3\" fill=\"{colour}\"/>"
            )
        }
        Key::Line => {
            let (from, y) = (px(x - 9.0), px(y));
            format!(
                "<path d=\"M{from} {y}h18\" stroke=\"{colour}\" stroke-width=\"2.4\"{}/>",
                dash(index, false)
            )
        }
    }
}
