//! Charts of a scan.

use std::collections::BTreeMap;

use simbias_report::{
    Axis, BarsChart, Chart, Estimate, Heatmap, LineSeries, LinesChart, ScatterChart, ScatterPoint,
    Ticks,
};

use super::{INTERVAL, estimate};
use crate::fit::TailRule;
use crate::layers::Role;
use crate::marchenko_pastur::{density, median_exponent};
use crate::table::{ExponentKind, LayerRow, LayerTable};

/// Points of a drawn law that is not a straight line.
const LAW_POINTS: usize = 60;

pub(super) fn leading_estimate(layer: &LayerRow) -> Option<Estimate> {
    layer.analysis()?.leading()?.leading().ok().map(estimate)
}

fn plain_estimate(layer: &LayerRow) -> Option<Estimate> {
    layer.analysis()?.plain.as_ref()?.leading().ok().map(estimate)
}

/// Exponent along the network, one colour per role.
pub(super) fn by_depth(table: &LayerTable) -> Chart {
    let points = table.layers.iter().filter_map(|layer| {
        let depth = Estimate::without_interval(layer.depth as f64);
        let exponent = leading_estimate(layer)?;
        let point = ScatterPoint::between(&depth, &exponent);
        Some(point.label(&layer.name).group(layer.role.name()))
    });
    Chart::new("exponent-by-depth", "Exponent by depth", ScatterChart::new().points(points))
        .caption("Leading exponents with 95 % intervals, in the order of the checkpoint.")
        .x(Axis::new("layer"))
        .y(Axis::new("exponent"))
}

/// Mean exponent by role, whole matrices beside windows.
pub(super) fn by_role(table: &LayerTable) -> Chart {
    let mut groups: BTreeMap<Role, Vec<&LayerRow>> = BTreeMap::new();
    for layer in table.layers.iter().filter(|layer| layer.exponent().is_some()) {
        groups.entry(layer.role).or_default().push(layer);
    }
    let mean = |layers: &[&LayerRow], kind| {
        let scores: Vec<f64> = layers.iter().filter_map(|layer| layer.score(kind)).collect();
        let n = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        if scores.len() < 2 {
            return Estimate::without_interval(mean).n(scores.len() as u64).varied("layers");
        }
        let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half = INTERVAL * (variance / n).sqrt();
        Estimate::new(mean, mean - half, mean + half).n(scores.len() as u64).varied("layers")
    };
    let mut chart = BarsChart::new(groups.keys().map(|role| role.name()));
    let kinds = [(ExponentKind::Windows, "windows"), (ExponentKind::Plain, "whole matrix")];
    for (kind, name) in kinds {
        let has_any = groups.values().flatten().any(|layer| layer.score(kind).is_some());
        if has_any && !groups.is_empty() {
            chart = chart.series(name, groups.values().map(|layers| mean(layers, kind)));
        }
    }
    Chart::new("exponent-by-role", "Exponent by layer type", chart)
        .caption("Means over layers; whiskers are 95 % intervals over layers of the type.")
        .y(Axis::new("mean exponent"))
}

/// Aspect ratio against exponent, before and after windows, with the random law.
pub(super) fn shape(table: &LayerTable) -> Chart {
    let mut points = Vec::new();
    let mut largest = 1.0_f64;
    for layer in &table.layers {
        let Some(analysis) = layer.analysis() else { continue };
        let (rows, cols) = layer.shape;
        let ratio = rows.max(cols) as f64 / rows.min(cols).max(1) as f64;
        largest = largest.max(ratio);
        let at = Estimate::without_interval(ratio);
        if let Some(exponent) = plain_estimate(layer) {
            let point = ScatterPoint::between(&at, &exponent);
            points.push(point.label(&layer.name).group("whole matrix"));
        }
        if analysis.windows.is_some()
            && let Some(exponent) = leading_estimate(layer)
        {
            let point = ScatterPoint::between(&at, &exponent);
            points.push(point.label(&layer.name).group("windows"));
        }
    }
    let mut chart = ScatterChart::new();
    if !points.is_empty() && table.leading_rule() == TailRule::Median {
        let end = largest.max(2.0).ln();
        let x: Vec<f64> =
            (0..=LAW_POINTS).map(|index| (end * index as f64 / LAW_POINTS as f64).exp()).collect();
        let y = x.iter().map(|&ratio| median_exponent(ratio)).collect();
        chart = chart.curve(LineSeries::new("random matrix", x, y).dashed());
    }
    Chart::new("shape-against-exponent", "Shape against exponent", chart.points(points))
        .caption("Each layer twice: as a whole matrix and by windows of one aspect ratio.")
        .x(Axis::new("Q, longer side over shorter side").log())
        .y(Axis::new("exponent"))
}

/// Whole-matrix exponents against window exponents.
pub(super) fn plain_to_windows(table: &LayerTable) -> Chart {
    let points = table.layers.iter().filter_map(|layer| {
        layer.analysis()?.windows.as_ref()?;
        let point = ScatterPoint::between(&plain_estimate(layer)?, &leading_estimate(layer)?);
        Some(point.label(&layer.name).group(layer.role.name()))
    });
    Chart::new(
        "whole-against-windows",
        "What windows change",
        ScatterChart::new().points(points).diagonal(),
    )
    .caption("Layers off the diagonal are judged differently once the shape is taken out.")
    .x(Axis::new("exponent, whole matrix"))
    .y(Axis::new("exponent, windows"))
}

/// Density of a layer's eigenvalues with tail and bulk, both axes logarithmic.
pub(super) fn spectrum(layer: &LayerRow) -> Option<Chart> {
    let analysis = layer.analysis()?;
    let drawing = &analysis.drawing;
    let total: u64 = drawing.counts.iter().sum();
    if total == 0 {
        return None;
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (edges, &count) in drawing.edges.windows(2).zip(&drawing.counts) {
        if count > 0 {
            let (low, high) = (10.0_f64.powf(edges[0]), 10.0_f64.powf(edges[1]));
            x.push((low * high).sqrt());
            y.push(count as f64 / total as f64 / (high - low));
        }
    }
    let largest = 10.0_f64.powf(*drawing.edges.last()?);
    let lowest = y.iter().copied().fold(f64::INFINITY, f64::min);
    let (x, y) = (rounded(&x), rounded(&y));
    let mut chart = LinesChart::new().series(LineSeries::new("eigenvalues", x, y));
    if let Some(Ok(tail)) = analysis.plain.as_ref().map(|plain| plain.leading()) {
        let fit = tail.fit;
        let share = fit.n_tail as f64 / total as f64;
        let law = |value: f64| {
            share * (fit.exponent - 1.0) / fit.xmin * (value / fit.xmin).powf(-fit.exponent)
        };
        // A straight line on logarithmic axes.
        let x: Vec<f64> = if largest > fit.xmin { vec![fit.xmin, largest] } else { Vec::new() };
        let y = x.iter().map(|&value| law(value)).collect();
        chart = chart
            .series(LineSeries::new(format!("tail, exponent {:.2}", fit.exponent), x, y))
            .x_reference(fit.xmin, "start of the tail");
    }
    if let Some(bulk) = analysis.bulk {
        let (rows, cols) = layer.shape;
        let ratio = rows.max(cols) as f64 / rows.min(cols).max(1) as f64;
        // Eigenvalues were rescaled for the fit; the law is scaled back.
        let scale = bulk.weight_scale * bulk.weight_scale;
        let from = bulk.bulk_min.max(10.0_f64.powf(drawing.edges[0]));
        let (x, y): (Vec<f64>, Vec<f64>) = logarithmic(from, bulk.bulk_max)
            .into_iter()
            .map(|value| (value, scale * density(scale * value, ratio, bulk.sigma)))
            .filter(|&(_, y)| y > lowest / 10.0)
            .unzip();
        chart = chart.series(LineSeries::new("random bulk", rounded(&x), rounded(&y)).dashed());
    }
    Some(
        Chart::new(format!("spectrum-{}", layer.depth), layer.name.clone(), chart)
            .x(Axis::new("eigenvalue λ").log())
            .y(Axis::new("density").log()),
    )
}

/// Values with six significant digits, which is more than a drawing shows: hundreds of spectra stand in one report.
fn rounded(values: &[f64]) -> Vec<f64> {
    let round = |value: &f64| format!("{value:.5e}").parse().unwrap_or(*value);
    values.iter().map(round).collect()
}

/// Points at equal ratios from `low` to `high`.
fn logarithmic(low: f64, high: f64) -> Vec<f64> {
    if !(low > 0.0 && high > low) {
        return Vec::new();
    }
    let step = (high / low).ln() / (LAW_POINTS - 1) as f64;
    (0..LAW_POINTS).map(|index| low * (step * index as f64).exp()).collect()
}

fn curve(layer: &LayerRow, id: &str, axis: &str, pick: fn(f64, f64) -> f64) -> Option<Chart> {
    let points = &layer.analysis()?.drawing.curve;
    if points.is_empty() {
        return None;
    }
    let x = points.iter().map(|point| point.xmin).collect();
    let y = points.iter().map(|point| pick(point.exponent, point.ks_distance)).collect();
    let chart = LinesChart::new().series(LineSeries::new(axis, x, y));
    Some(
        Chart::new(format!("{id}-{}", layer.depth), layer.name.clone(), chart)
            .x(Axis::new("start of the tail").log())
            .y(Axis::new(axis)),
    )
}

/// Distance along the start of the tail.
pub(super) fn distance_curve(layer: &LayerRow) -> Option<Chart> {
    curve(layer, "distance", "D", |_, distance| distance)
}

/// Exponent along the start of the tail.
pub(super) fn exponent_curve(layer: &LayerRow) -> Option<Chart> {
    curve(layer, "exponent", "exponent", |exponent, _| exponent)
}

/// Exponents of single windows of the layer where they differ most.
pub(super) fn window_map(table: &LayerTable) -> Option<Chart> {
    let deviation = |layer: &LayerRow| {
        let windows = layer.analysis()?.windows.as_ref()?;
        let is_grid = windows.map.len() > 1 || windows.map.iter().any(|row| row.len() > 1);
        is_grid.then_some(windows.spectrum.leading().ok()?.window_deviation?)
    };
    let layer =
        table.layers.iter().filter(|layer| deviation(layer).is_some()).max_by(|left, right| {
            deviation(left).unwrap_or(0.0).total_cmp(&deviation(right).unwrap_or(0.0))
        })?;
    let map = &layer.analysis()?.windows.as_ref()?.map;
    let numbers = |n: usize| Ticks::labels((1..=n).map(|index| index.to_string()));
    let values: Vec<Vec<f64>> =
        map.iter().map(|row| row.iter().map(|value| value.unwrap_or(f64::NAN)).collect()).collect();
    let n_cols = values.first().map_or(0, Vec::len);
    let heatmap = Heatmap::new(numbers(n_cols), numbers(values.len()), values).quantity("exponent");
    Some(
        Chart::new("window-map", format!("Exponents of single windows: {}", layer.name), heatmap)
            .caption("The layer whose windows differ most.")
            .x(Axis::new("windows along the inputs"))
            .y(Axis::new("windows along the outputs")),
    )
}
