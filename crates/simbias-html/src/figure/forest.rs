//! Estimates with whiskers, one a line.

use simbias_report::{Chart, ForestChart, format};

use super::canvas::{Area, Canvas, Hold, rim};
use super::colours::{INK, series};
use super::estimates::{estimate_hint, interval, whisker};
use super::groups::order;
use super::marks::{Key, shape};
use super::scale::{Scale, ends};
use crate::labels::{self, LINE_PX};

pub(super) fn draw(chart: &Chart, forest: &ForestChart, width: f64) -> String {
    let mut canvas = Canvas::new(width);
    let (lines, line_index) = order(forest.items.iter().map(|item| item.label.as_str()));
    let (groups, group_index) = order(forest.items.iter().map(|item| item.group.as_str()));
    let values = forest
        .items
        .iter()
        .flat_map(|item| [item.estimate.value, item.estimate.low, item.estimate.high]);
    let ends = ends(&chart.x, values.chain(forest.references.iter().map(|line| line.value)))
        .unwrap_or([0.0, 1.0]);

    let longest = lines.iter().map(|name| labels::width(name)).fold(0.0, f64::max);
    let names = longest.min(width * if canvas.is_narrow() { 0.4 } else { 0.3 });
    let texts: Vec<String> =
        if groups.len() == 1 && lines.len() == forest.items.len() && !canvas.is_narrow() {
            forest.items.iter().map(|item| format::estimate(&item.estimate)).collect()
        } else {
            Vec::new()
        };
    let texts_width = texts.iter().map(|text| labels::width(text) + 12.0).fold(8.0, f64::max);
    let wrapped: Vec<Vec<String>> = lines.iter().map(|name| labels::lines(name, names)).collect();
    let heights: Vec<f64> = wrapped
        .iter()
        .map(|name| (13.0 * groups.len() as f64 + 13.0).max(LINE_PX * name.len() as f64 + 9.0))
        .collect();

    let (left, right) = (names + 17.0, width - texts_width);
    let scale = Scale::new(chart.x.scale, ends, left, right);
    let top =
        canvas.legend(&groups, Key::Marker) + canvas.storeys(&scale, &forest.references) + 6.0;
    let bottom = top + heights.iter().sum::<f64>();
    let area = Area { left, right, top, bottom };
    canvas.x_axis(area, &chart.x, &scale.ticks(64.0), true);
    canvas.x_references(area, &scale, &forest.references);

    let middles: Vec<f64> = heights
        .iter()
        .scan(top, |y, height| {
            *y += height;
            Some(*y - height / 2.0)
        })
        .collect();
    let ink = format!(" fill=\"{INK}\"");
    for (name, &middle) in wrapped.iter().zip(&middles) {
        for (index, line) in name.iter().enumerate() {
            let y = middle + 4.0 + LINE_PX * (index as f64 - (name.len() as f64 - 1.0) / 2.0);
            canvas.text([left - 10.0, y], Hold::End, line, &ink);
        }
    }
    for (text, &middle) in texts.iter().zip(&middles) {
        canvas.text([right + 12.0, middle + 4.0], Hold::Start, text, &ink);
    }
    for (g, group) in groups.iter().enumerate() {
        let colour = series(g);
        canvas.push(format_args!("<g data-g=\"{g}\" fill=\"{colour}\" stroke=\"{colour}\">"));
        for item in forest.items.iter().filter(|item| item.group == *group) {
            let offset = 13.0 * (group_index[group] as f64 - (groups.len() as f64 - 1.0) / 2.0);
            let y = middles[line_index[item.label.as_str()]] + offset;
            let bar = whisker(&scale, interval(&item.estimate), y, false);
            if !bar.is_empty() {
                canvas.push(format_args!("<path d=\"{bar}\" fill=\"none\" stroke-width=\"1.6\"/>"));
            }
            if item.estimate.value.is_finite() {
                let mark = shape(g, [scale.clamped(item.estimate.value), y], 1.0);
                let hint = estimate_hint(&[&item.label, group], &item.estimate);
                canvas.push(format_args!("{mark}{}>{hint}{}", rim(), closing(&mark)));
            }
        }
        canvas.push(format_args!("</g>"));
    }
    canvas.finish(&chart.title, bottom + foot(&chart.x.heading()))
}

/// The end of the element that `shape` began.
pub(super) fn closing(mark: &str) -> &'static str {
    if mark.starts_with("<circle") { "</circle>" } else { "</path>" }
}

/// Room below an area for numbers and title of the horizontal axis.
pub(super) fn foot(title: &str) -> f64 {
    if title.is_empty() { 24.0 } else { 44.0 }
}
