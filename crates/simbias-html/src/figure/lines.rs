//! Lines with bands.

use simbias_report::{Chart, LinesChart};

use super::canvas::{Area, Canvas, px, rim, tick_room};
use super::colours::series;
use super::estimates::hint;
use super::forest::{closing, foot};
use super::marks::{Key, dash, shape};
use super::scale::{Scale, ends};
use crate::labels;

/// Points up to which a line shows them.
const DOTTED: usize = 24;

pub(super) fn draw(chart: &Chart, lines: &LinesChart, width: f64) -> String {
    let mut canvas = Canvas::new(width);
    let y_values = lines.series.iter().flat_map(|series| {
        let band = series.band.as_ref().into_iter().flat_map(|b| b.low.iter().chain(&b.high));
        series.y.iter().chain(band).copied()
    });
    let y_ends = ends(&chart.y, y_values.chain(lines.y_references.iter().map(|line| line.value)))
        .unwrap_or([0.0, 1.0]);
    let x_values = lines.series.iter().flat_map(|series| series.x.iter().copied());
    let x_ends = ends(&chart.x, x_values.chain(lines.x_references.iter().map(|line| line.value)))
        .unwrap_or([0.0, 1.0]);
    let names: Vec<&str> = lines.series.iter().map(|series| series.name.as_str()).collect();
    let plane =
        Plane::new(&mut canvas, chart, x_ends, y_ends, &names, Key::Line, &lines.x_references);
    let Plane { area, x, y } = plane;
    canvas.readable(&x, &y);
    canvas.x_references(area, &x, &lines.x_references);
    canvas.y_references(area, &y, &lines.y_references);
    for (g, line) in lines.series.iter().enumerate() {
        let colour = series(g);
        canvas.push(format_args!("<g data-g=\"{g}\" fill=\"{colour}\" stroke=\"{colour}\">"));
        if let Some(band) = &line.band {
            let up = line.x.iter().zip(&band.high);
            let down = line.x.iter().zip(&band.low).rev();
            let rim: Vec<String> = up
                .chain(down)
                .map(|(&u, &v)| (x.at(u), y.clamped(v)))
                .filter(|(u, _)| u.is_finite())
                .map(|(u, v)| format!("{} {}", px(u), px(v)))
                .collect();
            if !rim.is_empty() {
                let path = rim.join("L");
                canvas.push(format_args!("<path d=\"M{path}z\" stroke=\"none\" opacity=\".15\"/>"));
            }
        }
        let path = trace(&plane, &line.x, &line.y);
        if !path.is_empty() {
            let name = crate::escape::html(&line.name);
            canvas.push(format_args!(
                "<path d=\"{path}\" data-p=\"{name}\" fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\"{}/>",
                dash(g, line.dashed)
            ));
        }
        if line.x.len() <= DOTTED {
            for (&u, &v) in line.x.iter().zip(&line.y).filter(|(_, v)| y.holds(**v)) {
                let mark = shape(g, [x.at(u), y.at(v)], 0.7);
                let value = format!("{}: {}", number(u), number(v));
                let hint = hint(&[&line.name], &value);
                canvas.push(format_args!("{mark}{}>{hint}{}", rim(), closing(&mark)));
            }
        }
        canvas.push(format_args!("</g>"));
    }
    canvas.finish(&chart.title, area.bottom + foot(&chart.x.heading()))
}

/// A value as a hint shows it: four significant digits.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return simbias_report::format::number(value, 0);
    }
    let size = value.abs().log10().floor();
    let decimals = (3.0 - size).clamp(0.0, 6.0) as usize;
    simbias_report::format::number(value, decimals)
}

/// An area with numbers on both axes.
#[derive(Clone, Copy)]
pub(super) struct Plane {
    pub(super) area: Area,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Plane {
    /// Draws the legend, the axes and the lines behind the marks.
    pub(super) fn new(
        canvas: &mut Canvas,
        chart: &Chart,
        x_ends: [f64; 2],
        y_ends: [f64; 2],
        names: &[&str],
        key: Key,
        above: &[simbias_report::ReferenceLine],
    ) -> Self {
        let mut top = canvas.legend(names, key);
        top += canvas.y_title(top, &chart.y);
        let height = if canvas.is_narrow() { 250.0 } else { 290.0 };
        // The room on the left follows from the numbers there, which do not depend on where they stand.
        let ticks = Scale::new(chart.y.scale, y_ends, height, 0.0).ticks(40.0);
        let (left, right) = (tick_room(&ticks), canvas.width - 8.0);
        let x = Scale::new(chart.x.scale, x_ends, left, right);
        top += canvas.storeys(&x, above);
        let bottom = top + height;
        let y = Scale::new(chart.y.scale, y_ends, bottom, top);
        let area = Area { left, right, top, bottom };
        canvas.y_axis(area, &y.ticks(40.0));
        let x_ticks = x.ticks(58.0);
        canvas.x_axis(area, &chart.x, &x_ticks, true);
        Self { area, x, y }
    }
}

/// A path through points; gaps where a point has no place, and one point a pixel where there are thousands.
pub(super) fn trace(plane: &Plane, x: &[f64], y: &[f64]) -> String {
    let mut path = String::new();
    let mut is_down = false;
    let points: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .map(|(&u, &v)| (plane.x.at(u), if v.is_nan() { v } else { plane.y.at(v) }))
        .collect();
    for (u, v) in thinned(&points) {
        if !(u.is_finite() && v.is_finite()) {
            is_down = false;
            continue;
        }
        // A little beyond the area is clipped by the eye; far beyond would leave the drawing.
        let v = v.clamp(plane.area.top - 1.0, plane.area.bottom + 1.0);
        path.push_str(if is_down { "L" } else { "M" });
        path.push_str(&px(u));
        path.push(' ');
        path.push_str(&px(v));
        is_down = true;
    }
    path
}

/// At most the lowest and the highest point of each pixel column, once there are many points.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= 1500 {
        return points.to_vec();
    }
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for column in points.chunk_by(|left, right| left.0.floor() == right.0.floor()) {
        let low = column.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = column.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
        kept.extend(low);
        if low != high {
            kept.extend(high);
        }
    }
    kept
}

/// The width of the longest of some names.
pub(super) fn longest<'a>(names: impl IntoIterator<Item = &'a str>) -> f64 {
    names.into_iter().map(labels::width).fold(0.0, f64::max)
}
