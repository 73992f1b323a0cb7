//! Whole reports around the sections of rates, sparsities, comparisons and series, each with its first screen.

use simbias_report::{
    Axis, BarsChart, Chart, Estimate, ForestChart, KeyFigure, LineSeries, LinesChart, NextStep,
    Report,
};

use super::first_screen::optimiser_code;
use super::{
    INTERVAL, comparison_section, listed, rates_section, series_section, significant,
    significant_text, sparsities_section,
};
use crate::compare::SpectraComparison;
use crate::learning_rates::{LearningRates, RateGroup};
use crate::sparsities::{LayerSparsity, Sparsities};
use crate::track::{LayerSeries, SpectraSeries};

/// Layers in the picture of a first screen.
const SHOWN: usize = 14;
/// Lines in it: as many as there are colours.
const LINES: usize = 7;

/// The first and the last of a ranking, no more than a picture holds.
fn both_ends<T: Copy>(ranked: &[T]) -> Vec<T> {
    if ranked.len() <= SHOWN {
        return ranked.to_vec();
    }
    let half = SHOWN / 2;
    ranked[..half].iter().chain(&ranked[ranked.len() - half..]).copied().collect()
}

fn caption(n: usize) -> String {
    if n <= SHOWN {
        String::new()
    } else {
        format!("The {} largest and the {} smallest of {n}.", SHOWN / 2, SHOWN / 2)
    }
}

pub(super) fn rates_report(rates: &LearningRates) -> Report {
    let mut ranked: Vec<&RateGroup> =
        rates.groups.iter().filter(|group| group.exponent.is_some()).collect();
    ranked.sort_by(|left, right| right.learning_rate.total_cmp(&left.learning_rate));
    let base = rates.options.base;
    let mut report = Report::new(format!("Learning rates for {}", rates.checkpoint));
    let (Some(first), Some(last)) = (ranked.first(), ranked.last()) else {
        return report
            .headline(
                "Every layer keeps the base rate: none has an exponent to choose another one by.",
            )
            .section(rates_section(rates));
    };
    report = report
        .headline(format!(
            "{} layers get a learning rate of their own, from {} to {} times the base rate; {} gets the largest.",
            ranked.len(),
            significant_text(last.learning_rate / base),
            significant_text(first.learning_rate / base),
            first.layer
        ))
        .key_figure(KeyFigure::new("largest rate", significant(first.learning_rate)).note(&*first.layer))
        .key_figure(KeyFigure::new("smallest rate", significant(last.learning_rate)).note(&*last.layer))
        .key_figure(
            KeyFigure::new("layers that keep the base rate", rates.groups.len() - ranked.len())
                .note("and all parameters that are not in the table"),
        );
    let shown = both_ends(&ranked);
    let bars = BarsChart::new(shown.iter().map(|group| group.layer.clone()))
        .values("learning rate", shown.iter().map(|group| group.learning_rate))
        .reference(base, "base rate");
    report
        .picture(
            Chart::new("largest-rates", "Learning rate by layer", bars)
                .caption(caption(ranked.len()))
                .y(Axis::new("learning rate")),
        )
        .next_step(
            NextStep::new("Give each layer its rate. The file rates.json beside this report holds them too.")
                .code(optimiser_code(rates, &rates.checkpoint)),
        )
        .next_step(
            "Train once with one rate for all layers as well: whether rates by exponents help your task is open.",
        )
        .section(rates_section(rates))
}

pub(super) fn sparsities_report(sparsities: &Sparsities) -> Report {
    let mut ranked: Vec<&LayerSparsity> = sparsities.layers.iter().collect();
    ranked.sort_by(|left, right| right.ratio.total_cmp(&left.ratio));
    let target = sparsities.options.target;
    let mut report = Report::new(format!("Sparsities for {}", sparsities.checkpoint));
    if let (Some(first), Some(last)) = (ranked.first(), ranked.last()) {
        report = report
            .headline(format!(
                "To set {:.1} % of the weights to zero, the layers get between {:.1} % and {:.1} %; {} keeps most.",
                100.0 * target,
                100.0 * last.ratio,
                100.0 * first.ratio,
                last.layer
            ))
            .key_figure(KeyFigure::new("zeros over all layers", simbias_report::Cell::Percent(sparsities.realised)))
            .key_figure(
                KeyFigure::new("largest share", simbias_report::Cell::Percent(first.ratio)).note(&*first.layer),
            )
            .key_figure(
                KeyFigure::new("smallest share", simbias_report::Cell::Percent(last.ratio)).note(&*last.layer),
            );
        let shown = both_ends(&ranked);
        let bars = BarsChart::new(shown.iter().map(|layer| layer.layer.clone()))
            .values("sparsity", shown.iter().map(|layer| layer.ratio))
            .reference(target, "target");
        report = report.picture(
            Chart::new("extreme-sparsities", "Share of zeros by layer", bars)
                .caption(caption(ranked.len()))
                .y(Axis::new("share of zeros").percent()),
        );
    }
    report
        .next_step(
            NextStep::new("Prune with these shares, and compare with an even share on a text or task of yours.").code(
                format!("simbias prune {} --allocation sparsities.json", sparsities.checkpoint),
            ),
        )
        .section(sparsities_section(sparsities))
}

pub(super) fn comparison_report(comparison: &SpectraComparison) -> Report {
    let movers = comparison.movers();
    let clear: Vec<&str> = movers
        .iter()
        .filter(|change| change.is_clear())
        .map(|change| change.layer.as_str())
        .collect();
    let n = comparison.layers.len();
    let headline = match clear.len() {
        0 => format!("No exponent of the {n} layers moved by more than its uncertainty."),
        1 => format!("1 of {n} layers has clearly another exponent than before: {}.", clear[0]),
        k => format!(
            "{k} of {n} layers have clearly other exponents than before, most of all {}.",
            listed(clear.iter().copied(), 3)
        ),
    };
    let mut report =
        Report::new(format!("Weight spectra of {} and {}", comparison.before, comparison.after))
            .headline(headline)
            .key_figure(
                KeyFigure::new("layers that moved", format!("{} of {n}", clear.len()).as_str())
                    .note("by more than two standard errors"),
            );
    let shift = |change: &&crate::compare::LayerChange| {
        let (shift, error) = (change.shift?, change.shift_error?);
        Some(Estimate::new(shift, shift - INTERVAL * error, shift + INTERVAL * error))
    };
    if let Some(largest) = movers.first()
        && let Some(estimate) = shift(largest)
    {
        report = report.key_figure(KeyFigure::new("largest shift", estimate).note(&*largest.layer));
    }
    let changed = comparison
        .layers
        .iter()
        .filter_map(|change| Some((change.difference?.relative_norm, change)))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    if let Some((norm, change)) = changed {
        let rank = change.difference.map_or(f64::NAN, |figures| figures.stable_rank);
        report = report.key_figure(
            KeyFigure::new("largest change of weights", simbias_report::Cell::Percent(norm)).note(
                format!(
                    "{}, along about {rank:.0} directions (stable rank of the change)",
                    change.layer
                ),
            ),
        );
    }
    let forest =
        movers.iter().take(SHOWN).fold(ForestChart::new(), |forest, change| match shift(change) {
            Some(estimate) => forest.item(&change.layer, estimate),
            None => forest,
        });
    if !forest.items.is_empty() {
        report = report.picture(
            Chart::new(
                "largest-shifts",
                "Largest shifts of exponents",
                forest.reference(0.0, "no change"),
            )
            .caption("After minus before, with 95 % intervals.")
            .x(Axis::new("shift of the exponent")),
        );
    }
    report = if clear.is_empty() {
        report.next_step(
            "Nothing to act on: at this precision both checkpoints look alike. Weights may have moved all the same; \
             the table shows by how much.",
        )
    } else {
        report.next_step(
            "Look at the layers that moved first: a smaller exponent is read as more training. Whether it is better \
             only your task can say, so measure both checkpoints on it.",
        )
    };
    report.section(comparison_section(comparison))
}

pub(super) fn series_report(series: &SpectraSeries) -> Report {
    let mut movers: Vec<(&LayerSeries, f64)> =
        series.layers.iter().filter_map(|layer| Some((layer, layer.shift()?))).collect();
    movers.sort_by(|left, right| right.1.abs().total_cmp(&left.1.abs()));
    let n_down = movers.iter().filter(|(_, shift)| *shift < 0.0).count();
    let mut report =
        Report::new(format!("Weight spectra of {} checkpoints", series.checkpoints.len()));
    let Some((first, largest)) = movers.first() else {
        return report
            .headline("No layer has an exponent in the first and in the last checkpoint.")
            .section(series_section(series));
    };
    report = report
        .headline(format!(
            "Over {} checkpoints the exponents of {n_down} of {} layers fell; {} moved most, by {largest:+.2}.",
            series.checkpoints.len(),
            movers.len(),
            first.layer
        ))
        .key_figure(
            KeyFigure::new("exponents that fell", format!("{n_down} of {}", movers.len()).as_str())
                .note("a falling exponent is read as training"),
        )
        .key_figure(KeyFigure::new("largest shift", simbias_report::Cell::number(*largest, 2)).note(&*first.layer));
    let x: Vec<f64> = (1..=series.checkpoints.len()).map(|index| index as f64).collect();
    let lines = movers.iter().take(LINES).fold(LinesChart::new(), |chart, (layer, _)| {
        let y = layer.exponents.iter().map(|exponent| exponent.unwrap_or(f64::NAN)).collect();
        chart.series(LineSeries::new(layer.layer.clone(), x.clone(), y))
    });
    report
        .picture(
            Chart::new("largest-movers", "Exponents of the layers that moved most", lines)
                .x(Axis::new("checkpoint"))
                .y(Axis::new("exponent")),
        )
        .next_step(
            "Layers whose exponents no longer move have settled; the table says by how much each one moved in all.",
        )
        .section(series_section(series))
}
