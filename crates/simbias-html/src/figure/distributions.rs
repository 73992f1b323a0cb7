//! Densities and histograms.

use simbias_report::{Chart, DensityChart, HistogramChart, format};

use super::canvas::{Canvas, px};
use super::colours::series;
use super::estimates::hint;
use super::forest::foot;
use super::lines::{Plane, trace};
use super::marks::{Key, dash};
use super::scale::ends;

/// Ends of an axis that starts at zero.
fn from_zero(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let highest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    [0.0, if highest > 0.0 { 1.06 * highest } else { 1.0 }]
}

pub(super) fn density(chart: &Chart, density: &DensityChart, width: f64) -> String {
    let mut canvas = Canvas::new(width);
    let x_values = density.series.iter().flat_map(|series| series.x.iter().copied());
    let x_ends = ends(&chart.x, x_values.chain(density.references.iter().map(|line| line.value)))
        .unwrap_or([0.0, 1.0]);
    let y_ends = chart.y.range.unwrap_or_else(|| {
        from_zero(density.series.iter().flat_map(|series| series.density.iter().copied()))
    });
    let names: Vec<&str> = density.series.iter().map(|series| series.name.as_str()).collect();
    let plane =
        Plane::new(&mut canvas, chart, x_ends, y_ends, &names, Key::Line, &density.references);
    canvas.readable(&plane.x, &plane.y);
    for (g, law) in density.series.iter().enumerate() {
        let colour = series(g);
        let path = trace(&plane, &law.x, &law.density);
        let (Some(first), Some(last)) = (law.x.first(), law.x.last()) else { continue };
        let [from, to] = [first, last].map(|end| px(plane.x.clamped(*end)));
        let floor = px(plane.area.bottom);
        let name = crate::escape::html(&law.name);
        canvas.push(format_args!(
            "<g data-g=\"{g}\" fill=\"{colour}\" stroke=\"{colour}\">\
             <path d=\"{path}L{to} {floor}L{from} {floor}z\" stroke=\"none\" opacity=\".18\"/>\
             <path d=\"{path}\" data-p=\"{name}\" fill=\"none\" stroke-width=\"2\"{}/></g>",
            dash(g, false)
        ));
    }
    canvas.x_references(plane.area, &plane.x, &density.references);
    canvas.finish(&chart.title, plane.area.bottom + foot(&chart.x.heading()))
}

pub(super) fn histogram(chart: &Chart, histogram: &HistogramChart, width: f64) -> String {
    let mut canvas = Canvas::new(width);
    let edges = histogram.series.iter().flat_map(|series| series.edges.iter().copied());
    let x_ends = ends(&chart.x, edges.chain(histogram.references.iter().map(|line| line.value)))
        .unwrap_or([0.0, 1.0]);
    let counts = histogram.series.iter().flat_map(|series| series.counts.iter());
    let y_ends = chart.y.range.unwrap_or_else(|| from_zero(counts.map(|&count| count as f64)));
    let names: Vec<&str> = histogram.series.iter().map(|series| series.name.as_str()).collect();
    let plane =
        Plane::new(&mut canvas, chart, x_ends, y_ends, &names, Key::Fill, &histogram.references);
    for (g, group) in histogram.series.iter().enumerate() {
        let colour = series(g);
        canvas.push(format_args!(
            "<g data-g=\"{g}\" fill=\"{colour}\" fill-opacity=\".45\" stroke=\"{colour}\">"
        ));
        for (bin, &count) in group.edges.windows(2).zip(&group.counts) {
            let (from, to) = (plane.x.at(bin[0]), plane.x.at(bin[1]));
            let top = plane.y.clamped(count as f64);
            if count == 0 || !(from.is_finite() && to.is_finite()) {
                continue;
            }
            let bounds = format!("{} to {}", format::number(bin[0], 3), format::number(bin[1], 3));
            let hint = hint(&[&group.name, &bounds], &format::count(count));
            let [x, y, w, h] = [from, top, to - from, plane.area.bottom - top].map(px);
            canvas.push(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\">{hint}</rect>"
            ));
        }
        canvas.push(format_args!("</g>"));
    }
    canvas.x_references(plane.area, &plane.x, &histogram.references);
    canvas.finish(&chart.title, plane.area.bottom + foot(&chart.x.heading()))
}
