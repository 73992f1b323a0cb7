//! The first screen of a scan: what stands out, and what to do.

use std::collections::BTreeSet;

use simbias_report::{
    Axis, Cell, Chart, Element, Estimate, ForestChart, Heatmap, KeyFigure, NextStep, ScatterChart,
    ScatterPoint, Section, Table, Ticks,
};
use simbias_stats::normal_quantile;

use super::tables::{likeness, reference};
use super::{charts, estimate, listed, significant_text};
use crate::fit::TailRule;
use crate::layers::Role;
use crate::learning_rates::{LearningRates, RateOptions};
use crate::randomness::{Likeness, Randomness};
use crate::table::{LayerRow, LayerTable};

/// Layers named in a sentence.
const NAMED: usize = 3;
/// Layers in the overview.
const LISTED: usize = 8;
/// Layers marked on the map.
const MARKED: usize = 8;
/// Layers up to which each one has a line of its own.
const LINES: usize = 30;
/// Layers up to which the code for an optimiser names every one.
const CODED: usize = 400;
/// A base rate for commands to copy.
const BASE_RATE: &str = "1e-4";

/// The answer in one sentence.
pub(super) fn headline(table: &LayerTable) -> String {
    let n_measured = table.recommended().filter(|layer| layer.exponent().is_some()).count();
    if n_measured == 0 {
        return "No layer of this checkpoint could be measured.".into();
    }
    let compared: Vec<(&LayerRow, Randomness)> = table.beside_random().collect();
    if compared.is_empty() {
        let range = exponents(table).map_or_else(String::new, |(low, high)| {
            format!(" Exponents run from {low:.2} to {high:.2}.")
        });
        return format!(
            "{n_measured} layers were measured, but not by the median rule: whether one looks untrained cannot be \
             said.{range}"
        );
    }
    let random = table.random_layers();
    let n = compared.len();
    match random.len() {
        0 => format!(
            "None of the {n} layers looks like random numbers: all show traces of training."
        ),
        1 => format!(
            "1 of {n} layers looks like random numbers, as if it had never been trained: {}.",
            short(random[0].0)
        ),
        k if k == n => format!(
            "All {n} layers look like random numbers: this checkpoint seems untrained, or its weights were not loaded."
        ),
        k => format!(
            "{k} of {n} layers look like random numbers, as if they had never been trained: {}.",
            listed(random.iter().map(|(layer, _)| short(layer)), NAMED)
        ),
    }
}

/// The name of a layer without the word that all weights have.
fn short(layer: &LayerRow) -> &str {
    layer.name.strip_suffix(".weight").unwrap_or(&layer.name)
}

/// Smallest and largest exponent of the layers that count.
fn exponents(table: &LayerTable) -> Option<(f64, f64)> {
    let found: Vec<f64> = table.recommended().filter_map(LayerRow::exponent).collect();
    let low = found.iter().copied().reduce(f64::min)?;
    Some((low, found.iter().copied().reduce(f64::max)?))
}

/// Layers whose exponent differs from the mean of all by more than its own uncertainty, with that of so many layers
/// allowed for.
fn told_apart(table: &LayerTable) -> usize {
    let found: Vec<(f64, f64)> = table
        .recommended()
        .filter_map(|layer| layer.analysis()?.exponent())
        .map(|(exponent, error, _)| (exponent, error))
        .collect();
    if found.len() < 2 {
        return 0;
    }
    let mean = found.iter().map(|(exponent, _)| exponent).sum::<f64>() / found.len() as f64;
    let Ok(limit) = normal_quantile(1.0 - 0.025 / found.len() as f64) else { return 0 };
    found.iter().filter(|(exponent, error)| (exponent - mean).abs() > limit * error).count()
}

/// The figures to remember.
pub(super) fn figures(table: &LayerTable) -> Vec<KeyFigure> {
    let mut figures = Vec::new();
    let n_compared = table.beside_random().count();
    if n_compared > 0 {
        let with_spikes = table
            .beside_random()
            .filter(|(_, found)| found.likeness() == Likeness::RandomWithSpikes)
            .count();
        let note = match with_spikes {
            0 => String::new(),
            n => format!("{n} more are random except for single directions that stand out"),
        };
        let value = format!("{} of {n_compared}", table.random_layers().len());
        figures.push(KeyFigure::new("layers that look random", value.as_str()).note(note));
    }
    if let Some((low, high)) = exponents(table) {
        let random = table
            .layers
            .iter()
            .filter_map(|layer| layer.analysis()?.windows.as_ref())
            .map(|windows| windows.random_exponent)
            .next();
        let note = match random {
            Some(random) if table.leading_rule() == TailRule::Median => {
                format!("large random windows have {random:.2}; smaller is read as better trained")
            }
            _ => "smaller is read as better trained".into(),
        };
        let range = format!("{low:.2} to {high:.2}");
        figures.push(KeyFigure::new("exponents of the layers", range.as_str()).note(note));
    }
    let n_layers = table.recommended().filter(|layer| layer.exponent().is_some()).count();
    if n_layers > 1 {
        let value = format!("{} of {n_layers}", told_apart(table));
        figures.push(
            KeyFigure::new("layers that differ from the average", value.as_str())
                .note("by more than the uncertainty of their exponents"),
        );
    }
    figures
}

/// The layer map: kinds of layers against blocks; without blocks, the layers in their order.
pub(super) fn picture(table: &LayerTable) -> Option<Element> {
    let measured: Vec<&LayerRow> =
        table.recommended().filter(|layer| layer.exponent().is_some()).collect();
    if measured.is_empty() {
        return None;
    }
    if table.blocks.len() >= 2 {
        return Some(layer_map(table).into());
    }
    let chart = if measured.len() <= LINES { lines(table, &measured) } else { points(table) };
    Some(chart.into())
}

const CAPTION: &str = "A large exponent is read as less trained. Framed: the layer looks random.";

fn layer_map(table: &LayerTable) -> Chart {
    let blocks: Vec<&str> = table.blocks.iter().map(|block| block.block.as_str()).collect();
    let (heading, names) = short_names(&blocks);
    let placed: Vec<(&LayerRow, usize)> = table
        .recommended()
        .filter_map(|layer| {
            let block = layer.block.as_deref()?;
            Some((layer, blocks.iter().position(|name| *name == block)?))
        })
        .collect();
    let roles: BTreeSet<Role> = placed.iter().map(|(layer, _)| layer.role).collect();
    let values: Vec<Vec<f64>> = roles
        .iter()
        .map(|role| {
            let in_block = |block: usize| {
                let found: Vec<f64> = placed
                    .iter()
                    .filter(|(layer, at)| layer.role == *role && *at == block)
                    .filter_map(|(layer, _)| layer.exponent())
                    .collect();
                found.iter().sum::<f64>() / found.len() as f64
            };
            (0..blocks.len()).map(in_block).collect()
        })
        .collect();
    let mut map =
        Heatmap::new(Ticks::labels(names), Ticks::labels(roles.iter().map(|r| r.name())), values)
            .quantity("exponent");
    map.numbers = false;
    let random = table.random_layers();
    for (layer, found) in random.iter().take(MARKED) {
        let at = placed.iter().find(|(other, _)| other.name == layer.name);
        let row = roles.iter().position(|role| *role == layer.role);
        if let (Some((_, column)), Some(row)) = (at, row) {
            map = map.mark(row, *column, marked(layer, found));
        }
    }
    let more = match random.len().saturating_sub(MARKED) {
        0 => String::new(),
        n => format!(" {n} more such layers are in the table."),
    };
    Chart::new("layer-map", "Every layer by kind and depth", map)
        .caption(format!("{CAPTION}{more}"))
        .x(Axis::new(heading))
}

/// A marked layer with its evidence.
fn marked(layer: &LayerRow, found: &Randomness) -> String {
    format!("{}: {:.2}, random {}", short(layer), found.exponent, reference(found))
}

/// Names of blocks without what they all have in common, and the heading that says it.
fn short_names(blocks: &[&str]) -> (String, Vec<String>) {
    let stem = |name: &str| {
        let digits = name.chars().rev().take_while(char::is_ascii_digit).count();
        (digits > 0).then(|| name[..name.len() - digits].to_owned())
    };
    let first = blocks.first().and_then(|name| stem(name));
    match first {
        Some(common) if blocks.iter().all(|name| stem(name).as_deref() == Some(&common)) => {
            let numbers = blocks.iter().map(|name| name[common.len()..].to_owned()).collect();
            (format!("block of {}", common.trim_end_matches(['.', '_'])), numbers)
        }
        _ => ("block".into(), blocks.iter().map(|name| (*name).to_owned()).collect()),
    }
}

/// One line a layer.
fn lines(table: &LayerTable, measured: &[&LayerRow]) -> Chart {
    let random = table.random_layers();
    let mut forest = ForestChart::new();
    for layer in measured {
        let Some(exponent) =
            layer.analysis().and_then(|analysis| analysis.leading()?.leading().ok().map(estimate))
        else {
            continue;
        };
        let looks_random = random.iter().any(|(other, _)| other.name == layer.name);
        let group = match (random.is_empty(), looks_random) {
            (true, _) => "",
            (false, true) => "looks random",
            (false, false) => "does not look random",
        };
        forest = forest.item_in(group, &layer.name, exponent);
    }
    let windows = measured.iter().find_map(|layer| layer.analysis()?.windows.as_ref());
    if let Some(windows) = windows.filter(|_| table.leading_rule() == TailRule::Median) {
        forest = forest.reference(windows.random_exponent, "random");
    }
    Chart::new("layer-lines", "Every layer in its order", forest)
        .caption("Exponents with 95 % intervals; a large one is read as less trained.")
        .x(Axis::new("exponent"))
}

/// One point a layer, those that look random by name.
fn points(table: &LayerTable) -> Chart {
    let random = table.random_layers();
    let points = table.recommended().filter_map(|layer| {
        let exponent = charts::leading_estimate(layer)?;
        let depth = Estimate::without_interval(layer.depth as f64);
        let point = ScatterPoint::between(&depth, &exponent).label(&layer.name);
        let at = random.iter().position(|(other, _)| other.name == layer.name);
        Some(match at {
            Some(at) if at < MARKED => point.group("looks random").highlight(),
            Some(_) => point.group("looks random"),
            None => point.group("does not look random"),
        })
    });
    Chart::new("layer-points", "Every layer in its order", ScatterChart::new().points(points))
        .caption("Exponents with 95 % intervals; a large one is read as less trained.")
        .x(Axis::new("layer"))
        .y(Axis::new("exponent"))
}

/// The layers to look at, for a terminal: those that look random, then those with the largest exponents.
pub(super) fn overview(table: &LayerTable) -> Section {
    let random = table.random_layers();
    let looks_random = |layer: &LayerRow| random.iter().any(|(other, _)| other.name == layer.name);
    let mut others: Vec<&LayerRow> = table
        .recommended()
        .filter(|layer| layer.exponent().is_some() && !looks_random(layer))
        .collect();
    let size = |layer: &LayerRow| layer.exponent().unwrap_or(f64::NEG_INFINITY);
    others.sort_by(|left, right| size(right).total_cmp(&size(left)));
    let shown = random.iter().map(|(layer, _)| *layer).take(LISTED).chain(others).take(LISTED);
    let mut result = Table::new("overview", "Layers to look at first")
        .columns(["layer", "exponent", "random", "spectrum"]);
    for layer in shown {
        let found = Randomness::of(layer);
        result.push([
            Cell::text(layer.name.clone()),
            charts::leading_estimate(layer).map_or(Cell::Empty, Cell::from),
            found.map_or(Cell::Empty, |found| Cell::text(reference(&found))),
            found.map_or(Cell::Empty, |found| likeness(&found)),
        ]);
    }
    Section::new("overview", "Layers").table(result)
}

/// What to do with the answer.
pub(super) fn next_steps(table: &LayerTable) -> Vec<NextStep> {
    let mut steps = Vec::new();
    let random = table.random_layers();
    if !random.is_empty() {
        let n_small = random.iter().filter(|(_, found)| !found.is_sharp()).count();
        let doubt = match n_small {
            0 => "",
            n if n == random.len() => {
                " These layers are small, so that only a large difference would have been seen."
            }
            _ => {
                " Where the limits in the table are wide, only a large difference would have been seen."
            }
        };
        steps.push(NextStep::new(format!(
            "Check that the layers that look random were loaded and trained: a frozen layer, a missing key and a new \
             head look exactly like this.{doubt}"
        )));
    }
    let n_apart = told_apart(table);
    if n_apart == 0 {
        steps.push(NextStep::new(
            "Do not give layers rates or sparsities of their own on this evidence: no exponent differs from the \
             average by more than its uncertainty.",
        ));
    } else {
        steps.extend(rates_step(table));
        steps.extend(sparsity_step(table));
    }
    steps.push(
        NextStep::new(
            "Was it tuned from another checkpoint? Compare the two: which layers moved, and whether the change has \
             few directions.",
        )
        .code(format!("simbias spectrum compare BASE {}", table.checkpoint)),
    );
    steps
}

/// Larger rates for layers with large exponents.
fn rates_step(table: &LayerTable) -> Option<NextStep> {
    let rates = table.learning_rates(&RateOptions::new(1.0)).ok()?;
    let mut ranked: Vec<(&str, f64)> = rates
        .groups
        .iter()
        .filter(|group| group.exponent.is_some())
        .map(|group| (group.layer.as_str(), group.learning_rate))
        .collect();
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
    let largest = ranked.first()?.1;
    let smallest = ranked.last()?.1;
    let names = listed(ranked.iter().map(|(name, _)| *name), NAMED);
    Some(
        NextStep::new(format!(
            "Training on? The largest rates would go to {names}: {} to {} times the base rate over all layers. \
             Whether this helps your task is open: compare it with one rate for all.",
            significant_text(smallest),
            significant_text(largest)
        ))
        .code(optimiser_code(&rates, &table.checkpoint)),
    )
}

/// A program that gives every layer its rate.
pub(super) fn optimiser_code(rates: &LearningRates, checkpoint: &str) -> String {
    let unit = rates.options.base;
    let parameters: Vec<(&str, f64)> = rates
        .groups
        .iter()
        .filter(|group| group.exponent.is_some())
        .flat_map(|group| {
            let factor = group.learning_rate / unit;
            group.parameters.iter().map(move |name| (name.as_str(), factor))
        })
        .collect();
    let (factors, get) = if parameters.len() <= CODED {
        let lines: String = parameters
            .iter()
            .map(|(name, factor)| format!("    {name:?}: {},\n", significant_text(*factor)))
            .collect();
        (format!("factors = {{\n{lines}}}\n"), String::new())
    } else {
        (
            "import json\nwith open(\"rates/rates.json\") as file:\n    groups = json.load(file)[\"groups\"]\n\
             factors = {name: group[\"learning_rate\"] / base for group in groups for name in group[\"parameters\"]}\n"
                .into(),
            format!("# First: simbias spectrum lr {checkpoint} --base-lr {BASE_RATE} --out rates\n"),
        )
    };
    format!(
        "{get}import torch\n\nbase = {BASE_RATE}  # your learning rate\n\
         # Factors of it by the exponents of the layers; other parameters keep the base rate.\n{factors}\
         optimizer = torch.optim.AdamW([\n    {{\"params\": [parameter], \"lr\": base * factors.get(name, 1.0)}}\n    \
         for name, parameter in model.named_parameters() if parameter.requires_grad\n])\n"
    )
}

/// Fewer zeros for blocks with small exponents.
fn sparsity_step(table: &LayerTable) -> Option<NextStep> {
    let mut blocks: Vec<(&str, f64)> = table
        .blocks
        .iter()
        .filter_map(|block| Some((block.block.as_str(), block.windows.or(block.plain)?)))
        .collect();
    if blocks.len() < 2 {
        return None;
    }
    blocks.sort_by(|left, right| left.1.total_cmp(&right.1));
    let names = listed(blocks.iter().map(|(name, _)| *name), NAMED);
    Some(
        NextStep::new(format!(
            "Pruning? Prune {names} less, whose exponents are the smallest on average. Compare with an even share and \
             with sparing the first block alone, which was no worse in our check of a small model (claim P8-C11)."
        ))
        .code(format!(
            "simbias prune {0} --sparsity 0.5 --allocation farms\n\
             simbias prune compare {0} --calibration TEXT --evaluate OTHER_TEXT",
            table.checkpoint
        )),
    )
}
