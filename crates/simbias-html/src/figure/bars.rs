//! Bars side by side.

use simbias_report::{BarsChart, Chart, Estimate};

use super::canvas::{Area, Canvas, Hold, px, tick_room};
use super::colours::{INK, series};
use super::estimates::{estimate_hint, interval, whisker};
use super::forest::foot;
use super::marks::Key;
use super::scale::Scale;
use crate::labels::{self, LINE_PX};

/// Categories beyond which bars become thin.
const MANY: usize = 24;

pub(super) fn draw(chart: &Chart, bars: &BarsChart, width: f64) -> String {
    let longest = bars.categories.iter().map(|name| labels::width(name)).fold(0.0, f64::max);
    // Words need room: lying bars read well on a phone too.
    if longest > 66.0 || bars.categories.len() > 6 {
        lying(chart, bars, width, longest)
    } else {
        standing(chart, bars, width)
    }
}

/// Bars start at zero; air only where they end.
fn value_ends(chart: &Chart, bars: &BarsChart) -> [f64; 2] {
    if let Some(range) = chart.y.range {
        return range;
    }
    let values = bars
        .series
        .iter()
        .flat_map(|series| &series.bars)
        .flat_map(|bar| [bar.value, bar.low, bar.high])
        .chain(bars.references.iter().map(|line| line.value))
        .filter(|value| value.is_finite());
    let (low, high) = values.fold((0.0_f64, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    let air = 0.06 * (high - low).max(1e-12);
    [if low < 0.0 { low - air } else { 0.0 }, if high > 0.0 { high + air } else { 0.0 }]
}

fn names(bars: &BarsChart) -> Vec<&str> {
    bars.series.iter().map(|series| series.name.as_str()).collect()
}

fn lying(chart: &Chart, bars: &BarsChart, width: f64, longest: f64) -> String {
    let mut canvas = Canvas::new(width);
    let names_width = longest.min(width * if canvas.is_narrow() { 0.42 } else { 0.34 });
    let is_many = bars.categories.len() > MANY;
    let thickness = if is_many { 9.0 } else { 14.0 };
    let wrapped: Vec<Vec<String>> = bars
        .categories
        .iter()
        .map(|name| {
            if is_many {
                vec![labels::shortened(name, names_width)]
            } else {
                labels::lines(name, names_width)
            }
        })
        .collect();
    let group = thickness * bars.series.len() as f64;
    let gap = if is_many { 7.0 } else { 14.0 };
    let heights: Vec<f64> =
        wrapped.iter().map(|name| (group + gap).max(LINE_PX * name.len() as f64 + 2.0)).collect();
    let (left, right) = (names_width + 17.0, width - 14.0);
    let scale = Scale::new(chart.y.scale, value_ends(chart, bars), left, right);
    let top =
        canvas.legend(&names(bars), Key::Fill) + canvas.storeys(&scale, &bars.references) + 6.0;
    let bottom = top + heights.iter().sum::<f64>();
    let area = Area { left, right, top, bottom };
    canvas.x_axis(area, &chart.y, &scale.ticks(64.0), true);
    let ink = format!(" fill=\"{INK}\"");
    let mut y = top;
    let mut middles = Vec::with_capacity(heights.len());
    for (name, height) in wrapped.iter().zip(&heights) {
        let middle = y + height / 2.0;
        for (index, line) in name.iter().enumerate() {
            let at = middle + 4.0 + LINE_PX * (index as f64 - (name.len() as f64 - 1.0) / 2.0);
            canvas.text([left - 10.0, at], Hold::End, line, &ink);
        }
        middles.push(middle - group / 2.0);
        y += height;
    }
    let boxes = |scale: &Scale, value: f64, start: f64| {
        let (from, to) = (scale.clamped(0.0), scale.clamped(value));
        [from.min(to), start, (to - from).abs(), thickness]
    };
    draw_series(&mut canvas, bars, &scale, &middles, thickness, false, boxes);
    canvas.x_references(area, &scale, &bars.references);
    let zero = scale.clamped(0.0);
    canvas.frame_line([zero, top], [zero, bottom]);
    canvas.finish(&chart.title, bottom + foot(&chart.y.heading()))
}

fn standing(chart: &Chart, bars: &BarsChart, width: f64) -> String {
    let mut canvas = Canvas::new(width);
    let mut top = canvas.legend(&names(bars), Key::Fill);
    top += canvas.y_title(top, &chart.y);
    let bottom = top + if canvas.is_narrow() { 220.0 } else { 260.0 };
    let scale = Scale::new(chart.y.scale, value_ends(chart, bars), bottom, top);
    let ticks = scale.ticks(44.0);
    let (left, right) = (tick_room(&ticks), width - 8.0);
    let area = Area { left, right, top, bottom };
    canvas.y_axis(area, &ticks);
    let slot = (right - left) / bars.categories.len().max(1) as f64;
    let thickness = (0.7 * slot / bars.series.len().max(1) as f64).min(64.0);
    let ink = format!(" fill=\"{INK}\"");
    let mut starts = Vec::with_capacity(bars.categories.len());
    for (index, name) in bars.categories.iter().enumerate() {
        let middle = left + slot * (index as f64 + 0.5);
        let name = labels::shortened(name, slot - 2.0);
        canvas.text([middle, bottom + 16.0], Hold::Middle, &name, &ink);
        starts.push(middle - thickness * bars.series.len() as f64 / 2.0);
    }
    canvas.x_title(area, &chart.x, bottom + 16.0);
    let boxes = |scale: &Scale, value: f64, start: f64| {
        let (from, to) = (scale.clamped(0.0), scale.clamped(value));
        [start, from.min(to), thickness, (to - from).abs()]
    };
    draw_series(&mut canvas, bars, &scale, &starts, thickness, true, boxes);
    canvas.y_references(area, &scale, &bars.references);
    let zero = scale.clamped(0.0);
    canvas.frame_line([left, zero], [right, zero]);
    canvas.finish(&chart.title, bottom + foot(&chart.x.heading()))
}

/// The bars of all series; `boxes` gives left, top, width and height of a bar from its value and its start.
fn draw_series(
    canvas: &mut Canvas,
    bars: &BarsChart,
    scale: &Scale,
    starts: &[f64],
    thickness: f64,
    is_upright: bool,
    boxes: impl Fn(&Scale, f64, f64) -> [f64; 4],
) {
    for (g, group) in bars.series.iter().enumerate() {
        canvas.push(format_args!("<g data-g=\"{g}\" fill=\"{}\">", series(g)));
        let placed = bars.categories.iter().zip(&group.bars).zip(starts);
        let mut whiskers = String::new();
        for ((category, bar), start) in placed {
            let Estimate { value, .. } = *bar;
            if !value.is_finite() {
                continue;
            }
            let start = start + thickness * g as f64;
            let [x, y, w, h] = boxes(scale, value, start).map(px);
            let hint = estimate_hint(&[category, &group.name], bar);
            canvas.push(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" opacity=\".9\">{hint}</rect>"
            ));
            whiskers += &whisker(scale, interval(bar), start + thickness / 2.0, is_upright);
        }
        if !whiskers.is_empty() {
            canvas.push(format_args!(
                "<path d=\"{whiskers}\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.3\" opacity=\".75\"/>"
            ));
        }
        canvas.push(format_args!("</g>"));
    }
}
