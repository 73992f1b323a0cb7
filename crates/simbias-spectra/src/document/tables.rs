//! Tables of a scan.

use simbias_report::{Cell, Column, Table, Tone};

use super::{distance, estimate};
use crate::analysis::{LayerAnalysis, SpectrumSummary};
use crate::fit::TailRule;
use crate::randomness::{Likeness, Randomness};
use crate::scan::Compat;
use crate::table::{LayerOutcome, LayerRow, LayerTable};

fn number(value: Option<f64>, digits: usize) -> Cell {
    value.filter(|value| value.is_finite()).map_or(Cell::Empty, |value| Cell::number(value, digits))
}

fn shape(layer: &LayerRow) -> String {
    let (rows, cols) = layer.shape;
    if layer.n_matrices > 1 {
        format!("{rows} × {cols} × {}", layer.n_matrices)
    } else {
        format!("{rows} × {cols}")
    }
}

/// An exponent, or why there is none.
fn exponent(spectrum: Option<&SpectrumSummary>, rule: TailRule) -> Cell {
    match spectrum.and_then(|spectrum| spectrum.by_rule(rule)) {
        None => Cell::Empty,
        Some(Ok(tail)) => Cell::from(estimate(tail)),
        Some(Err(reason)) => Cell::text(format!("n/a: {reason}")),
    }
}

/// What a reader must know about a layer.
fn remark(layer: &LayerRow, table: &LayerTable) -> Cell {
    let analysis = match &layer.outcome {
        LayerOutcome::Flagged(reason) => return Cell::tag(reason.clone(), Tone::Bad),
        LayerOutcome::Analysed(analysis) => analysis,
    };
    if let Some(Ok(tail)) = analysis.leading().map(SpectrumSummary::leading) {
        if table.options.compat == Compat::WeightWatcher {
            let exponent = tail.fit.exponent;
            if exponent < 2.0 {
                return Cell::tag("over-trained by WeightWatcher's convention", Tone::Caution);
            }
            if exponent > 6.0 {
                return Cell::tag("under-trained by WeightWatcher's convention", Tone::Caution);
            }
        }
        if tail.is_ambiguous() {
            return Cell::tag("uncertain: other exponents fit nearly as well", Tone::Caution);
        }
    }
    let mut words = layer.notes.clone();
    words.extend(layer.not_recommended.iter().map(|reason| format!("no recommendation: {reason}")));
    if words.is_empty() { Cell::Empty } else { Cell::text(words.join("; ")) }
}

/// The spectra whose exponents are listed: every rule, by windows where there are any and by whole matrices.
fn spectra(table: &LayerTable) -> impl Iterator<Item = (TailRule, bool)> {
    let has_windows = table.options.windows.is_some();
    let by_rule = move |&rule: &TailRule| {
        [(rule, true), (rule, false)]
            .into_iter()
            .filter(move |(_, windows)| has_windows || !windows)
    };
    table.options.rules.iter().flat_map(by_rule)
}

/// The exponents of random matrices: `2.14 ± 0.08`.
pub(super) fn reference(found: &Randomness) -> String {
    format!("{:.2} ± {:.2}", found.expected, found.tolerance)
}

pub(super) fn likeness(found: &Randomness) -> Cell {
    match found.likeness() {
        Likeness::Random => Cell::tag("random", Tone::Caution),
        Likeness::RandomWithSpikes => Cell::tag("random with spikes", Tone::Neutral),
        Likeness::Structured => Cell::tag("structured", Tone::Good),
    }
}

pub(super) fn layers(table: &LayerTable) -> Table {
    let mut columns = vec![
        Column::new("layer"),
        Column::new("exponent").help("how fast the largest eigenvalues fall off, by the leading rule, of windows of one aspect ratio where there are any; smaller is read as better trained"),
        Column::new("random").help("the exponent of random matrices of this shape, and how far they scatter (three standard deviations)"),
        Column::new("spectrum").help("random: exponent and edge are those of a random matrix; random with spikes: the exponent is, but some eigenvalues stand out; structured: the exponent is not"),
        Column::new("role"),
        Column::new("block"),
        Column::new("shape").help("outputs × inputs, × kernel positions"),
        Column::new("spikes").help("eigenvalues beyond the random bulk"),
        Column::new("remark"),
        Column::new("Q").help("longer side over shorter side").detail(),
    ];
    for (rule, is_windows) in spectra(table) {
        let (name, help) = if is_windows {
            ("windows", "exponent of pooled windows of one aspect ratio (FARMS)")
        } else {
            ("whole", "exponent of the whole matrix")
        };
        columns.push(Column::new(format!("{name}, {}", rule.name())).help(help).detail());
    }
    let details = [
        ("− random", "leading exponent minus the limit of large random matrices of the shape"),
        ("D", "largest gap between tail and fit, leading rule"),
        ("ambiguity", "range of exponents that fit nearly as well, leading rule"),
        ("spread", "standard deviation of the exponents of single windows"),
        ("rank loss", "eigenvalues that rounding makes indistinguishable from zero"),
        ("stable rank", "sum of eigenvalues over the largest"),
        ("entropy", "entropy of the eigenvalues; 1 is flat"),
        ("log10 ‖W‖²", ""),
        ("log10 λmax", ""),
        ("alpha-hat", "leading exponent times log10 λmax"),
        ("log alpha norm", "log10 of the sum of λ to the leading exponent"),
        ("soft rank", "edge of the random bulk over the largest eigenvalue"),
        ("stored", ""),
    ];
    columns.extend(details.map(|(name, help)| Column::new(name).help(help).detail()));
    let mut result = Table::new("layers", "Exponents and figures by layer")
        .caption(
            "The exponent is compared with random matrices of the layer's own shape. Layers whose intervals overlap \
             are not told apart.",
        )
        .columns(columns);
    for layer in &table.layers {
        result.push(layer_row(layer, table));
    }
    result
}

fn layer_row(layer: &LayerRow, table: &LayerTable) -> Vec<Cell> {
    let analysis = layer.analysis();
    let plain = analysis.and_then(|analysis| analysis.plain.as_ref());
    let windows = analysis.and_then(|analysis| analysis.windows.as_ref());
    let leading = analysis.and_then(LayerAnalysis::leading);
    let tail = leading.and_then(|spectrum| spectrum.leading().ok());
    let (rows, cols) = layer.shape;
    let bulk = analysis.and_then(|analysis| analysis.bulk);
    let beside_random = Randomness::of(layer);
    let mut cells = vec![
        Cell::text(layer.name.clone()),
        exponent(leading, table.leading_rule()),
        beside_random.map_or(Cell::Empty, |found| Cell::text(reference(&found))),
        beside_random.map_or(Cell::Empty, |found| likeness(&found)),
        Cell::text(layer.role.name()),
        layer.block.clone().map_or(Cell::Empty, Cell::text),
        Cell::text(shape(layer)),
        bulk.map_or(Cell::Empty, |bulk| Cell::from(bulk.n_spikes)),
        remark(layer, table),
        Cell::number(rows.max(cols) as f64 / rows.min(cols).max(1) as f64, 2),
    ];
    for (rule, is_windows) in spectra(table) {
        let spectrum = if is_windows { windows.map(|windows| &windows.spectrum) } else { plain };
        cells.push(exponent(spectrum, rule));
    }
    // Norms are those of whole matrices, except where these were too large to decompose.
    let metrics = plain.or(leading).and_then(|spectrum| spectrum.metrics);
    let figures = plain.or(leading);
    cells.extend([
        number(distance(layer), 2),
        number(tail.map(|tail| tail.fit.ks_distance), 3),
        number(tail.map(|tail| tail.fit.ambiguity()), 2),
        number(tail.and_then(|tail| tail.window_deviation), 3),
        figures.map_or(Cell::Empty, |spectrum| Cell::from(spectrum.rank_loss)),
        number(metrics.map(|m| m.stable_rank), 2),
        number(metrics.and_then(|m| m.entropy), 3),
        number(metrics.map(|m| m.log_norm), 2),
        number(metrics.map(|m| m.log_spectral_norm), 2),
        number(figures.and_then(|spectrum| spectrum.weighted_exponent), 2),
        number(figures.and_then(|spectrum| spectrum.log_alpha_norm), 2),
        number(bulk.map(|bulk| bulk.soft_rank), 3),
        Cell::text(layer.stored.clone()),
    ]);
    cells
}

pub(super) fn blocks(table: &LayerTable) -> Table {
    let mut result = Table::new("blocks", "Means by block")
        .caption("Over the layers that take part in recommendations.")
        .columns([
            Column::new("block"),
            Column::new("layers"),
            Column::new("weights"),
            Column::new("windows").help("mean leading exponent of windows"),
            Column::new("whole").help("mean leading exponent of whole matrices"),
        ]);
    for block in &table.blocks {
        result.push([
            Cell::text(block.block.clone()),
            Cell::from(block.n_layers),
            Cell::from(block.n_weights),
            number(block.windows, 3),
            number(block.plain, 3),
        ]);
    }
    result
}

pub(super) fn windows(table: &LayerTable) -> Table {
    let mut result = Table::new("windows", "Windows").columns([
        Column::new("layer"),
        Column::new("window").help("rows × columns"),
        Column::new("windows"),
        Column::new("disjoint").help("windows that would fit without overlap"),
        Column::new("fitted apart").help("groups fitted on their own and averaged"),
        Column::new("coverage").help("share of the weights inside some window"),
        Column::new("random").help("median exponent of a random matrix of the window's shape"),
        Column::new("MFLOP").help("estimated, whole matrix and windows"),
    ]);
    for layer in &table.layers {
        let Some(analysis) = layer.analysis() else { continue };
        let Some(windows) = &analysis.windows else { continue };
        result.push([
            Cell::text(layer.name.clone()),
            Cell::text(format!("{} × {}", windows.window.0, windows.window.1)),
            Cell::from(windows.n_windows),
            Cell::from(windows.n_disjoint),
            Cell::from(windows.n_pools),
            Cell::Percent(windows.coverage),
            Cell::number(windows.random_exponent, 3),
            Cell::number(analysis.flops / 1e6, 1),
        ]);
    }
    result
}

pub(super) fn skipped(table: &LayerTable) -> Table {
    let mut result = Table::new("skipped", "Tensors left out")
        .caption("Every tensor that is not a layer, with the reason.")
        .columns(["tensor", "shape", "reason"]);
    for skipped in &table.skipped {
        let shape: Vec<String> = skipped.shape.iter().map(ToString::to_string).collect();
        result.push([
            Cell::text(skipped.name.clone()),
            Cell::text(shape.join(" × ")),
            Cell::text(skipped.reason.clone()),
        ]);
    }
    result
}
