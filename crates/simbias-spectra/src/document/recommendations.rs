//! Recommendations, pruning and comparisons as sections.

use simbias_report::{
    Axis, BarsChart, Caveat, Cell, Chart, Column, Estimate, LineSeries, LinesChart, ScatterChart,
    ScatterPoint, Section, Table,
};

use super::{INTERVAL, significant};
use crate::compare::SpectraComparison;
use crate::learning_rates::LearningRates;
use crate::prune::PruningReport;
use crate::sparsities::Sparsities;
use crate::track::SpectraSeries;

/// Maximum number of layers drawn as bars.
const DRAWN_BARS: usize = 120;

fn optional(value: Option<f64>, digits: usize) -> Cell {
    value.filter(|value| value.is_finite()).map_or(Cell::Empty, |value| Cell::number(value, digits))
}

/// Learning rates as a table and bars.
pub fn rates_section(rates: &LearningRates) -> Section {
    let mut table = Table::new("learning-rates", "Learning rate by layer")
        .caption(format!("Parameters in no group keep the base rate of {}.", rates.options.base))
        .columns([
            Column::new("layer"),
            Column::new("exponent"),
            Column::new("learning rate"),
            Column::new("× base").help("learning rate over base rate"),
            Column::new("parameters").detail(),
            Column::new("keeps the base rate because"),
        ]);
    for group in &rates.groups {
        table.push([
            Cell::text(group.layer.clone()),
            optional(group.exponent, 3),
            significant(group.learning_rate),
            significant(group.learning_rate / rates.options.base),
            Cell::text(group.parameters.join(", ")),
            group.keeps_base.clone().map_or(Cell::Empty, Cell::text),
        ]);
    }
    let drawn: Vec<_> =
        rates.groups.iter().filter(|group| group.exponent.is_some()).take(DRAWN_BARS).collect();
    let mut section = Section::new("learning-rates", "Layer-wise learning rates")
        .prose("Layers with larger exponents are read as under-trained and get larger rates.")
        .table(table);
    if !drawn.is_empty() {
        let bars = BarsChart::new(drawn.iter().map(|group| group.layer.clone()))
            .values("learning rate", drawn.iter().map(|group| group.learning_rate))
            .reference(rates.options.base, "base rate");
        section = section.chart(
            Chart::new("learning-rate-bars", "Learning rate by layer", bars)
                .y(Axis::new("learning rate")),
        );
    }
    section
}

/// Sparsities as a table and bars.
pub fn sparsities_section(sparsities: &Sparsities) -> Section {
    let options = &sparsities.options;
    let mut table = Table::new("sparsities", "Sparsity by layer").columns([
        Column::new("layer"),
        Column::new("block"),
        Column::new("weights"),
        Column::new("score"),
        Column::new("sparsity"),
        Column::new("published mapping").help("clipped, but not rescaled to meet the target"),
    ]);
    for layer in &sparsities.layers {
        table.push([
            Cell::text(layer.layer.clone()),
            layer.block.clone().map_or(Cell::Empty, Cell::text),
            Cell::from(layer.n_weights),
            optional(Some(layer.score), 3),
            Cell::Percent(layer.ratio),
            Cell::Percent(layer.published_ratio),
        ]);
    }
    let drawn = &sparsities.layers[..sparsities.layers.len().min(DRAWN_BARS)];
    let bars = BarsChart::new(drawn.iter().map(|layer| layer.layer.clone()))
        .values("sparsity", drawn.iter().map(|layer| layer.ratio))
        .reference(options.target, "target");
    let mut section = Section::new("sparsities", "Layer-wise sparsities")
        .prose(format!(
            "Target {:.4}, realised {:.6}; the published mapping would realise {:.4}. {} layers are at the largest \
             ratio of {}.",
            options.target,
            sparsities.realised,
            sparsities.published_realised,
            sparsities.n_clipped,
            options.largest_ratio
        ))
        .table(table)
        .chart(Chart::new("sparsity-bars", "Sparsity by layer", bars).y(Axis::new("sparsity").percent()));
    if (sparsities.published_realised - options.target).abs() > 1e-3 {
        section = section.caveat(Caveat::note(
            "published-target",
            "The published mapping misses the target here; comparing methods at different realised sparsities is not fair.",
        ));
    }
    section
}

/// What pruning did.
pub fn pruning_section(report: &PruningReport) -> Section {
    let mut table = Table::new("pruning", "Zeros by layer").columns([
        Column::new("layer"),
        Column::new("weights"),
        Column::new("zeros before"),
        Column::new("zeros after"),
        Column::new("sparsity"),
    ]);
    for layer in &report.layers {
        table.push([
            Cell::text(layer.layer.clone()),
            Cell::from(layer.n_weights),
            Cell::from(layer.zeros_before),
            Cell::from(layer.zeros_after),
            Cell::Percent(layer.realised),
        ]);
    }
    Section::new("pruning", "Pruning")
        .prose(format!("Realised sparsity over the pruned layers: {:.6}.", report.realised))
        .table(table)
}

/// Before and after.
pub fn comparison_section(comparison: &SpectraComparison) -> Section {
    let has_difference = comparison.layers.iter().any(|change| change.difference.is_some());
    let mut columns = vec![
        Column::new("layer"),
        Column::new("before"),
        Column::new("after"),
        Column::new("after − before"),
        Column::new("Δ log10 ‖W‖²"),
        Column::new("Δ log10 λmax"),
        Column::new("stable rank ×").help("stable rank after over before"),
    ];
    if has_difference {
        columns.extend([
            Column::new("‖ΔW‖/‖W‖"),
            Column::new("stable rank of ΔW"),
            Column::new("exponent of ΔW"),
        ]);
    }
    let mut table = Table::new("changes", "Changes by layer").columns(columns);
    for change in &comparison.layers {
        let shift = match (change.shift, change.shift_error) {
            (Some(shift), Some(error)) => {
                Cell::from(Estimate::new(shift, shift - INTERVAL * error, shift + INTERVAL * error))
            }
            _ => Cell::Empty,
        };
        let mut cells = vec![
            Cell::text(change.layer.clone()),
            optional(change.exponent.map(|both| both.0), 3),
            optional(change.exponent.map(|both| both.1), 3),
            shift,
            optional(change.log_norm, 4),
            optional(change.log_spectral_norm, 4),
            optional(change.stable_rank_ratio, 3),
        ];
        if has_difference {
            cells.extend([
                optional(change.difference.map(|figures| figures.relative_norm), 4),
                optional(change.difference.map(|figures| figures.stable_rank), 2),
                optional(change.difference.and_then(|figures| figures.exponent), 2),
            ]);
        }
        table.push(cells);
    }
    let movers = comparison.movers();
    let n_clear = movers.iter().filter(|change| change.is_clear()).count();
    let named: Vec<String> = movers
        .iter()
        .take(3)
        .filter_map(|change| Some(format!("{} ({:+.2})", change.layer, change.shift?)))
        .collect();
    let points = movers.iter().filter_map(|change| {
        let (before, after) = change.exponent?;
        Some(ScatterPoint::new(before, after).label(&change.layer))
    });
    let mut section = Section::new("comparison", "Before and after")
        .prose(format!(
            "{n_clear} of {} exponents moved by more than two standard errors. Largest movers: {}.",
            comparison.layers.len(),
            if named.is_empty() { "none".into() } else { named.join(", ") }
        ))
        .table(table)
        .chart(
            Chart::new(
                "before-after",
                "Exponents before and after",
                ScatterChart::new().points(points).diagonal(),
            )
            .x(Axis::new("exponent before"))
            .y(Axis::new("exponent after")),
        );
    let missing = [&comparison.only_before, &comparison.only_after];
    for (names, which) in missing.into_iter().zip([&comparison.before, &comparison.after]) {
        if !names.is_empty() {
            section = section.caveat(Caveat::caution(
                "unmatched",
                format!("{} layers are in {which:?} only, the first {:?}.", names.len(), names[0]),
            ));
        }
    }
    section
}

/// Maximum number of lines drawn; the largest movers come first.
const DRAWN_LINES: usize = 24;

/// Several checkpoints of one training.
pub fn series_section(series: &SpectraSeries) -> Section {
    let mut columns = vec![Column::new("layer")];
    columns.extend(series.checkpoints.iter().map(|name| Column::new(name.clone())));
    columns.push(Column::new("last − first"));
    let has_rates = series.layers.iter().any(|layer| !layer.learning_rates.is_empty());
    if has_rates {
        columns.push(Column::new("last learning rate"));
    }
    let mut table = Table::new("series", "Exponents by checkpoint").columns(columns);
    for layer in &series.layers {
        let mut cells = vec![Cell::text(layer.layer.clone())];
        for (exponent, error) in layer.exponents.iter().zip(&layer.standard_errors) {
            cells.push(match (exponent, error) {
                (Some(exponent), Some(error)) => Cell::from(Estimate::new(
                    *exponent,
                    exponent - INTERVAL * error,
                    exponent + INTERVAL * error,
                )),
                _ => Cell::Empty,
            });
        }
        cells.push(optional(layer.shift(), 3));
        if has_rates {
            cells.push(layer.learning_rates.last().map_or(Cell::Empty, |&rate| significant(rate)));
        }
        table.push(cells);
    }
    let mut movers: Vec<_> = series.layers.iter().filter(|layer| layer.shift().is_some()).collect();
    movers.sort_by(|left, right| {
        let size = |layer: &&crate::track::LayerSeries| layer.shift().map_or(0.0, f64::abs);
        size(right).total_cmp(&size(left))
    });
    let x: Vec<f64> = (1..=series.checkpoints.len()).map(|index| index as f64).collect();
    let lines = movers.iter().take(DRAWN_LINES).fold(LinesChart::new(), |chart, layer| {
        let y = layer.exponents.iter().map(|exponent| exponent.unwrap_or(f64::NAN)).collect();
        chart.series(LineSeries::new(layer.layer.clone(), x.clone(), y))
    });
    let named: Vec<String> = movers
        .iter()
        .take(3)
        .filter_map(|layer| Some(format!("{} ({:+.2})", layer.layer, layer.shift()?)))
        .collect();
    let mut section = Section::new("series", "Along the training")
        .prose(format!(
            "{} checkpoints, {} layers. Largest movers: {}.",
            series.checkpoints.len(),
            series.layers.len(),
            if named.is_empty() { "none".into() } else { named.join(", ") }
        ))
        .table(table)
        .chart(
            Chart::new("series-lines", "Exponents along the checkpoints", lines)
                .caption("The layers that moved most.")
                .x(Axis::new("checkpoint"))
                .y(Axis::new("exponent")),
        );
    if let Some(first) = series.only_in_some.first() {
        section = section.caveat(Caveat::caution(
            "unmatched",
            format!(
                "{} layers are missing in some checkpoint, the first {first:?}.",
                series.only_in_some.len()
            ),
        ));
    }
    section
}
