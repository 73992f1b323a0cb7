//! Points in a plane.

use simbias_report::{AxisScale, Chart, Corners, ScatterChart, ScatterPoint};

use super::canvas::{Canvas, Hold, rim};
use super::colours::{INK, MUTED, series};
use super::estimates::{hint, whisker};
use super::forest::{closing, foot};
use super::groups::order;
use super::lines::{Plane, number, trace};
use super::marks::{Key, dash, shape};
use super::scale::ends;
use crate::labels::{self, Anchor};

pub(super) fn draw(chart: &Chart, scatter: &ScatterChart, width: f64) -> String {
    let mut canvas = Canvas::new(width);
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
    )
    .unwrap_or([0.0, 1.0]);
    let mut y_ends = ends(
        &chart.y,
        points
            .iter()
            .flat_map(|point| spread(point.y, point.y_interval))
            .chain(scatter.y_references.iter().map(|line| line.value))
            .chain(scatter.curves.iter().flat_map(|curve| curve.y.iter().copied())),
    )
    .unwrap_or([0.0, 1.0]);
    // Named corners need room beside the points.
    let has_corners = scatter.corners != Corners::default();
    if has_corners && chart.y.range.is_none() && chart.y.scale != AxisScale::Log {
        let air = 0.08 * (y_ends[1] - y_ends[0]);
        y_ends = [y_ends[0] - air, y_ends[1] + air];
    }
    let (groups, _) = order(points.iter().map(|point| point.group.as_str()));
    let curves = scatter.curves.iter().map(|curve| curve.name.as_str());
    let names: Vec<&str> = groups.iter().copied().chain(curves).collect();
    let plane =
        Plane::new(&mut canvas, chart, x_ends, y_ends, &names, Key::Marker, &scatter.x_references);
    let Plane { area, x, y } = plane;

    for (index, curve) in scatter.curves.iter().enumerate() {
        // The legend counts curves after groups.
        let g = groups.len() + index;
        let path = trace(&plane, &curve.x, &curve.y);
        canvas.push(format_args!(
            "<path data-g=\"{g}\" d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{}/>",
            series(g),
            dash(g, curve.dashed)
        ));
    }
    if scatter.diagonal {
        let (low, high) = (x_ends[0].max(y_ends[0]), x_ends[1].min(y_ends[1]));
        if low < high {
            let dots = format!(" stroke=\"{MUTED}\" stroke-dasharray=\"2 4\"");
            canvas.line([x.at(low), y.at(low)], [x.at(high), y.at(high)], &dots);
        }
    }
    canvas.x_references(area, &x, &scatter.x_references);
    canvas.y_references(area, &y, &scatter.y_references);

    let largest = points.iter().filter_map(|point| point.size).fold(0.0_f64, f64::max);
    let radius = |point: &ScatterPoint| match point.size {
        Some(size) if largest > 0.0 => 3.0 + 11.0 * (size.max(0.0) / largest).sqrt(),
        _ if points.len() > 60 => 3.2,
        _ => 4.5,
    };
    let is_placed = |point: &&ScatterPoint| x.at(point.x).is_finite() && y.at(point.y).is_finite();
    for (g, group) in groups.iter().enumerate() {
        let colour = series(g);
        canvas.push(format_args!("<g data-g=\"{g}\" fill=\"{colour}\">"));
        let members = || points.iter().filter(|point| point.group == *group).filter(is_placed);
        let whiskers: String = members()
            .map(|point| {
                whisker(&x, point.x_interval, y.clamped(point.y), false)
                    + &whisker(&y, point.y_interval, x.clamped(point.x), true)
            })
            .collect();
        if !whiskers.is_empty() {
            canvas.push(format_args!(
                "<path d=\"{whiskers}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\" opacity=\".5\"/>"
            ));
        }
        for point in members() {
            let mark = shape(g, [x.clamped(point.x), y.clamped(point.y)], radius(point) / 4.5);
            let place = format!("{}, {}", number(point.x), number(point.y));
            let hint = hint(&[&point.label, group], &place);
            canvas.push(format_args!("{mark} opacity=\".9\"{}>{hint}{}", rim(), closing(&mark)));
        }
        canvas.push(format_args!("</g>"));
    }
    let corners = &scatter.corners;
    let mut words: Vec<(&str, [f64; 2])> = vec![
        (&corners.top_left, [0.0, 1.0]),
        (&corners.top_right, [1.0, 1.0]),
        (&corners.bottom_left, [0.0, 0.0]),
        (&corners.bottom_right, [1.0, 0.0]),
    ];
    for &(text, [side, height]) in &words {
        let text = labels::shortened(text, (area.right - area.left) / 2.0 - 12.0);
        let hold = if side == 0.0 { Hold::Start } else { Hold::End };
        let at_x = if side == 0.0 { area.left + 6.0 } else { area.right - 6.0 };
        let at_y = if height == 0.0 { area.bottom - 8.0 } else { area.top + 14.0 };
        if !text.is_empty() {
            canvas.label([at_x, at_y], hold, &text, MUTED);
        }
    }
    let size = [area.right - area.left, area.bottom - area.top];
    let named: Vec<&str> = scatter.y_references.iter().map(|line| line.label.as_str()).collect();
    let heights =
        scatter.y_references.iter().map(|line| (area.bottom - y.at(line.value)) / size[1]);
    words.extend(named.into_iter().zip(heights.map(|height| [1.0, height])));
    let anchors: Vec<Anchor<'_>> = points
        .iter()
        .filter(is_placed)
        .map(|point| Anchor {
            at: [x.clamped(point.x) - area.left, area.bottom - y.clamped(point.y)],
            radius: radius(point),
            label: point.highlight.then_some(point.label.as_str()),
        })
        .collect();
    for (anchor, place) in anchors.iter().zip(labels::place(&anchors, &words, size)) {
        if let (Some(label), Some([left, low])) = (anchor.label, place) {
            let middle = area.left + left + labels::width(label) / 2.0;
            canvas.label([middle, area.bottom - low - 4.0], Hold::Middle, label, INK);
        }
    }
    canvas.finish(&chart.title, area.bottom + foot(&chart.x.heading()))
}
