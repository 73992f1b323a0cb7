//! Spectra in the words of a report.

mod answers;
mod charts;
mod first_screen;
mod recommendations;
mod reports;
mod tables;

pub use answers::COMPARISON_SCHEMA;
pub use recommendations::{
    comparison_section, pruning_section, rates_section, series_section, sparsities_section,
};

use simbias_report::{Caveat, Cell, Charts, Estimate, KeyFigure, Report, Section, format};

use crate::analysis::Tail;
use crate::fit::TailRule;
use crate::randomness::Likeness;
use crate::scan::Compat;
use crate::table::{ExponentKind, LayerRow, LayerTable};
use crate::windows::Sampling;

/// Half width of a 95 % interval in standard errors.
const INTERVAL: f64 = 1.96;
/// Layers whose spectra are drawn one by one, the ones farthest from random first.
const DRAWN_LAYERS: usize = 400;
/// Layers whose distance curves are drawn.
const DRAWN_CURVES: usize = 6;

/// A whole report about one checkpoint.
pub fn spectrum_report(table: &LayerTable) -> Report {
    let n_weights: usize = table.layers.iter().map(|layer| layer.n_weights).sum();
    let mut report =
        Report::new(format!("Weight spectra of {}", table.checkpoint)).subtitle(format!(
            "{} layers with {} weights, {} format, {} rule",
            table.layers.len(),
            format::count(n_weights as u64),
            table.format,
            table.leading_rule().name()
        ));
    report = report.headline(first_screen::headline(table));
    if let Some(picture) = first_screen::picture(table) {
        report = report.picture(picture);
    }
    for step in first_screen::next_steps(table) {
        report = report.next_step(step);
    }
    for sentence in plain_summary(table) {
        report = report.summarise(sentence);
    }
    for figure in first_screen::figures(table).into_iter().chain(key_figures(table)) {
        report = report.key_figure(figure);
    }
    for caveat in caveats(table) {
        report = report.caveat(caveat);
    }
    report
        .overview(first_screen::overview(table))
        .section(layers_section(table))
        .section(shape_section(table))
        .section(spectra_section(table))
        .section(method_section(table))
}

/// An exponent with its 95 % interval.
fn estimate(tail: &Tail) -> Estimate {
    let (value, half) = (tail.fit.exponent, INTERVAL * tail.error());
    Estimate::new(value, value - half, value + half)
        .n(tail.n_effective.round() as u64)
        .varied("effective eigenvalues of the tail")
}

/// Names in a row, at most `most` of them, the rest counted: `a, b, c and 4 more`.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] if names.len() <= most => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..most].join(", "), names.len() - most),
    }
}

/// Decimals that show three significant digits of `value`.
fn significant_digits(value: f64) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    (2.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize
}

/// A value with three significant digits.
fn significant_text(value: f64) -> String {
    format!("{value:.*}", significant_digits(value))
}

/// A value as a cell with three significant digits.
fn significant(value: f64) -> Cell {
    Cell::number(value, significant_digits(value))
}

/// Distance of a layer from a random matrix of its shape, in units of the exponent; meaningful for the median rule.
fn distance(layer: &LayerRow) -> Option<f64> {
    let (exponent, _, random) = layer.analysis()?.exponent()?;
    Some(exponent - random)
}

/// What a manager should take away, one sentence each.
pub fn plain_summary(table: &LayerTable) -> Vec<String> {
    let mut ranked: Vec<(&LayerRow, f64)> =
        table.recommended().filter_map(|layer| Some((layer, layer.exponent()?))).collect();
    ranked.sort_by(|left, right| left.1.total_cmp(&right.1));
    let ([first, ..], [.., last]) = (ranked.as_slice(), ranked.as_slice()) else {
        return vec!["No layer has an exponent to base recommendations on.".into()];
    };
    let mut sentences = vec![format!(
        "The smallest exponent, read as the best trained layer, is that of {} with {:.2}; the largest that of {} \
         with {:.2}.",
        first.0.name, first.1, last.0.name, last.1
    )];
    let spiked: Vec<&str> = table
        .beside_random()
        .filter(|(_, found)| found.likeness() == Likeness::RandomWithSpikes)
        .map(|(layer, _)| layer.name.as_str())
        .collect();
    if !spiked.is_empty() {
        sentences.push(format!(
            "{} of {} layers have the exponent of a random matrix, but single directions stand out: {}. So looks a \
             layer that was trained little, or along few directions.",
            spiked.len(),
            ranked.len(),
            listed(spiked.iter().copied(), 3)
        ));
    }
    let shift = table
        .recommended()
        .filter_map(|layer| {
            Some((layer, layer.score(ExponentKind::Plain)? - layer.score(ExponentKind::Windows)?))
        })
        .max_by(|left, right| left.1.abs().total_cmp(&right.1.abs()));
    if let Some((layer, shift)) = shift.filter(|(_, shift)| shift.abs() > 0.05) {
        sentences.push(format!(
            "The shape of {} alone moves its exponent by {shift:+.2}: without windows of one aspect ratio it would be \
             misjudged.",
            layer.name
        ));
    }
    sentences
}

fn key_figures(table: &LayerTable) -> Vec<KeyFigure> {
    let mut figures = vec![
        KeyFigure::new("layers measured", table.layers.len() as u64)
            .note(format!("{} tensors left out", table.skipped.len())),
    ];
    for (kind, label) in [
        (ExponentKind::Windows, "mean exponent, windows"),
        (ExponentKind::Plain, "mean exponent, whole matrices"),
    ] {
        let scores: Vec<f64> = table.recommended().filter_map(|layer| layer.score(kind)).collect();
        if !scores.is_empty() {
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            figures.push(KeyFigure::new(label, mean).note(format!("over {} layers", scores.len())));
        }
    }
    let n_flagged = table.flagged().count();
    if n_flagged > 0 {
        figures.push(KeyFigure::new("layers not measurable", n_flagged));
    }
    figures
}

fn caveats(table: &LayerTable) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let rule = table.leading_rule();
    if rule.searches() {
        caveats.push(Caveat::caution(
            "unstable-rule",
            format!(
                "The {} rule searches for the start of the tail; its exponent can move by more than 1 when a single \
                 small eigenvalue changes. The median rule does not.",
                rule.name()
            ),
        ));
    }
    if rule == TailRule::Peak {
        caveats.push(Caveat::note(
            "peak-bound",
            "The peak rule is reproduced with the published slip in its lower bound; peak-fixed is the intended one.",
        ));
    }
    if table.options.compat != Compat::WeightWatcher {
        caveats.push(Caveat::note(
            "thresholds",
            "WeightWatcher's limits of 2 and 6 belong to its own fits of whole matrices. A random square matrix has a \
             median exponent of 2.12; compare with the random value of the same shape instead.",
        ));
    }
    if table.layers.iter().any(|layer| layer.is_quantised) {
        caveats.push(Caveat::caution(
            "quantised",
            "Weights are stored in shared-scale blocks and were restored to floats: spectra include the rounding to a \
             few bits, which fills small eigenvalues.",
        ));
    }
    if table.options.windows.is_some() && table.layers.iter().any(|l| l.n_matrices > 1) {
        caveats.push(Caveat::note(
            "kernels",
            "A square kernel is not changed by square windows: in a convolutional network windows matter for the first \
             layer, changes of width, 1×1 shortcuts and the classifier.",
        ));
    }
    for (layer, reason) in table.flagged() {
        caveats.push(Caveat::warning("not-measurable", format!("{:?}: {reason}.", layer.name)));
    }
    caveats
}

fn layers_section(table: &LayerTable) -> Section {
    let mut section = Section::new("layers", "Layers")
        .prose(
            "The exponent says how heavy the upper tail of a layer's spectrum is. Small exponents are read as well \
             trained, large ones as close to random. Intervals are 95 % and rest on the effective number of tail \
             values, or on leaving windows out where that gives a wider one.",
        )
        .table(tables::layers(table));
    for chart in [charts::by_depth(table), charts::by_role(table)] {
        if !chart.is_empty() {
            section = section.chart(chart);
        }
    }
    if !table.blocks.is_empty() {
        section = section.table(tables::blocks(table));
    }
    section
}

fn shape_section(table: &LayerTable) -> Section {
    let mut section = Section::new("shape", "Shape against exponent").folded().prose(
        "A whole matrix that is longer than wide has a larger exponent although nothing was learned differently: the \
         line shows random matrices. Windows of one aspect ratio put all layers at the same point of that line.",
    );
    for chart in [charts::shape(table), charts::plain_to_windows(table)] {
        if !chart.is_empty() {
            section = section.chart(chart);
        }
    }
    section
}

fn spectra_section(table: &LayerTable) -> Section {
    let mut drawn: Vec<&LayerRow> =
        table.layers.iter().filter(|layer| layer.analysis().is_some()).collect();
    drawn.sort_by(|left, right| {
        let size = |layer: &LayerRow| distance(layer).map_or(0.0, f64::abs);
        size(right).total_cmp(&size(left)).then(left.depth.cmp(&right.depth))
    });
    let mut section = Section::new("spectra", "Spectra").prose(
        "Density of eigenvalues with the fitted tail and, dashed, the random bulk. Layers farthest from random come \
         first.",
    );
    if drawn.len() > DRAWN_LAYERS {
        section =
            section.prose(format!("The first {DRAWN_LAYERS} of {} layers are drawn.", drawn.len()));
    }
    let of_layers = |id: &str, title: &str, charts: Vec<simbias_report::Chart>| {
        Charts::new(id, title, "layer").charts(charts)
    };
    let spectra = drawn.iter().take(DRAWN_LAYERS).filter_map(|layer| charts::spectrum(layer));
    section = section.charts(
        of_layers("spectra", "Spectrum of a layer", spectra.collect())
            .caption("Both axes are logarithmic: the tail is a straight line."),
    );
    for (id, title, curve) in [
        ("distance", "Distance by start of the tail", charts::distance_curve as fn(&LayerRow) -> _),
        ("exponent", "Exponent by start of the tail", charts::exponent_curve),
    ] {
        let curves: Vec<_> =
            drawn.iter().take(DRAWN_CURVES).filter_map(|layer| curve(layer)).collect();
        if !curves.is_empty() {
            section = section.charts(
                of_layers(id, title, curves)
                    .caption("A flat curve means that the start of the tail does not matter."),
            );
        }
    }
    if let Some(chart) = charts::window_map(table) {
        section = section.chart(chart);
    }
    section
}

fn method_section(table: &LayerTable) -> Section {
    let options = &table.options;
    let flops: f64 =
        table.layers.iter().filter_map(|layer| layer.analysis()).map(|a| a.flops).sum();
    let windows = match &options.windows {
        None => "whole matrices only".to_string(),
        Some(windows) => {
            let rows = windows
                .n_rows
                .map_or("the shorter side, at most 2048, as".to_string(), |rows| rows.to_string());
            let placed = match windows.sampling {
                Sampling::Cover => "as few as cover a matrix once".to_string(),
                Sampling::PerAxis(n) => format!("{n} along each axis"),
                Sampling::Step(step) => format!("one every {step} rows and columns"),
            };
            format!("windows of {rows} rows, columns over rows {}, {placed}", windows.aspect_ratio)
        }
    };
    let mut section = Section::new("method", "How it was measured")
        .folded()
        .prose(format!(
            "Eigenvalues are squared singular values, not divided by any side. Sampling: {windows}. The eigenvalues took \
             about {:.2} GFLOP.",
            flops / 1e9
        ))
        .prose(
            "Rank loss counts eigenvalues that the rounding of the stored type makes indistinguishable from zero; fits \
             leave them out unless a compatibility mode is on. Random is the exponent of a large Gaussian matrix of \
             the same shape by the median rule.",
        )
        .prose(
            "A layer is called random when its exponent by the median rule lies within three standard deviations of \
             that of random matrices of its shape, and no eigenvalue lies beyond the edge of the random bulk. Random \
             matrices with n eigenvalues scatter by at most four times (exponent − 1)/n, less where several independent \
             windows are pooled: small layers have wide limits, and only large differences are seen in them.",
        );
    if table.layers.iter().any(|layer| layer.analysis().is_some_and(|a| a.windows.is_some())) {
        section = section.table(tables::windows(table));
    }
    if !table.skipped.is_empty() {
        section = section.table(tables::skipped(table));
    }
    section
}
