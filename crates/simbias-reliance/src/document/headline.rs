//! What changed between two results, in a sentence: block by block, and only what the intervals settle.

use simbias_report::{Estimate, KeyFigure};

use crate::compare::{BlockChange, Change, Comparison};

/// Blocks that a headline names.
const MOST_NAMED: usize = 3;
/// Changes below this share of the skill are not in a headline, however sure they are.
const LEAST_CHANGE: f64 = 0.05;
/// What "reliance" means in a headline.
pub const RELIANCE_MEANS: &str =
    "Reliance on a block is the share of the model's skill that is lost without it.";

/// "Reliance on "watermark" fell from 0.82 to 0.01; ROC-AUC 0.951 → 0.919 (difference not settled)". Only changes whose
/// intervals, widened over the blocks, exclude zero are called changes.
pub fn comparison_headline(comparison: &Comparison, metric: &str) -> String {
    let blocks = comparison.blocks.len();
    let changed = changed_blocks(comparison);
    let first = match changed.as_slice() {
        [] => match largest(comparison) {
            Some((block, change)) => format!(
                "Reliance on no block is shown to have changed by 5 % of the skill or more (the largest change: {:?}, {})",
                block.block,
                arrow(change, 2)
            ),
            None => "Reliance cannot be compared, because one of the models has no skill".into(),
        },
        found => {
            let named: Vec<String> = found
                .iter()
                .take(MOST_NAMED)
                .map(|(block, change)| {
                    let verb = if change.difference.value < 0.0 { "fell" } else { "rose" };
                    format!(
                        "{:?} {verb} from {} to {}",
                        block.block,
                        two(change.before.value),
                        two(change.after.value)
                    )
                })
                .collect();
            let more = match found.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                n => format!(" and changed on {n} more of the {blocks} blocks"),
            };
            format!("Reliance on {}{more}", named.join(", on "))
        }
    };
    format!("{first}; {metric} {}", settled_arrow(&comparison.standard, 3))
}

/// How many blocks carry half of the skill, before and after.
pub fn diversity_sentence(comparison: &Comparison) -> String {
    let has_sufficiency = comparison.blocks.iter().any(|block| block.sufficiency.is_some());
    match comparison.n_sufficient {
        Some(_) if !has_sufficiency => {
            "Whether the model uses more blocks than before was not measured: one of the results says nothing about blocks \
             alone (sufficiency)."
                .into()
        }
        Some((before, after)) => {
            let uses = if comparison.is_more_diverse() {
                "The model uses more blocks than before"
            } else {
                "The model does not use more blocks than before"
            };
            let (noun, verb) = if after == 1 { ("block", "is") } else { ("blocks", "are") };
            format!(
                "{uses}: {after} {noun} {verb} enough alone for half of its skill, {before} before."
            )
        }
        None => {
            "Whether the model uses more blocks than before cannot be said, because blocks were not exchanged freely between \
             all rows (donor mode \"permute\")."
                .into()
        }
    }
}

/// The block that changed most and the metric, as differences.
pub(super) fn comparison_figures(comparison: &Comparison, metric: &str) -> Vec<KeyFigure> {
    let mut figures = Vec::new();
    let changed = changed_blocks(comparison);
    if let Some((block, change)) = changed.first().copied().or_else(|| largest(comparison)) {
        figures.push(
            KeyFigure::new(
                format!("reliance on {}, change", block.block),
                change.difference.clone(),
            )
            .note(format!(
                "from {} to {}",
                two(change.before.value),
                two(change.after.value)
            )),
        );
    }
    let standard = &comparison.standard;
    figures.push(
        KeyFigure::new(format!("{metric}, change"), standard.difference.clone())
            .note(format!("from {:.3} to {:.3}", standard.before.value, standard.after.value)),
    );
    let has_sufficiency = comparison.blocks.iter().any(|block| block.sufficiency.is_some());
    if let Some((before, after)) = comparison.n_sufficient.filter(|_| has_sufficiency) {
        figures.push(
            KeyFigure::new("blocks that are enough for half of the skill", after)
                .note(format!("{before} before")),
        );
    }
    figures
}

/// `0.951 → 0.919 (difference not settled)`, or with the difference where it is settled.
pub fn settled_arrow(change: &Change, digits: usize) -> String {
    let Estimate { value, low, high, .. } = change.difference;
    let words = if value == 0.0 && low == 0.0 && high == 0.0 {
        "the same".to_string()
    } else if change.is_settled(1) {
        let word = if value < 0.0 { "a loss of" } else { "a gain of" };
        let ends = [low.abs(), high.abs()];
        let (least, most) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        format!("{word} {least:.digits$} to {most:.digits$}")
    } else {
        "difference not settled".into()
    };
    format!("{} ({words})", arrow(change, digits))
}

fn arrow(change: &Change, digits: usize) -> String {
    format!("{:.digits$} → {:.digits$}", clean(change.before.value), clean(change.after.value))
}

fn two(value: f64) -> String {
    format!("{:.2}", clean(value))
}

/// No negative zero.
fn clean(value: f64) -> f64 {
    if value.abs() < 0.005 { value.abs() } else { value }
}

/// Blocks whose necessity changed, the largest change first.
fn changed_blocks(comparison: &Comparison) -> Vec<(&BlockChange, &Change)> {
    let n_blocks = comparison.blocks.len();
    let is_worth_a_word =
        |change: &Change| change.is_settled(n_blocks) && size(change) >= LEAST_CHANGE;
    let mut changed: Vec<(&BlockChange, &Change)> =
        necessities(comparison).filter(|(_, change)| is_worth_a_word(change)).collect();
    changed.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)));
    changed
}

fn largest(comparison: &Comparison) -> Option<(&BlockChange, &Change)> {
    necessities(comparison).max_by(|a, b| size(a.1).total_cmp(&size(b.1)))
}

fn necessities(comparison: &Comparison) -> impl Iterator<Item = (&BlockChange, &Change)> {
    comparison.blocks.iter().filter_map(|block| Some((block, block.necessity.as_ref()?)))
}

fn size(change: &Change) -> f64 {
    change.difference.value.abs()
}
