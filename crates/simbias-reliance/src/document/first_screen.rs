//! The first screen of a measurement: necessity and solo skill per block, and what to do.

use simbias_report::{Axis, Chart, Estimate, ForestChart, NextStep, Report};

use crate::compare::Comparison;
use crate::measure::CLASS_ORDER;
use crate::outcome::{BlockOutcome, RelianceOutcome};
use crate::verdict::BlockVerdict;

/// Blocks in the picture; the rest is in the report.
const SHOWN: usize = 12;
/// Blocks that a sentence names.
const NAMED: usize = 3;

/// Adds the sentence, the picture and the next steps of a measurement. A picture that the report has already stays, and
/// so does the first of its findings as the sentence where that is an alarm.
pub fn first_screen(mut report: Report, outcome: &RelianceOutcome, has_alarm: bool) -> Report {
    let is_doubtful = outcome.caveats.iter().any(|caveat| caveat.kind == CLASS_ORDER);
    if !has_alarm
        && !is_doubtful
        && let Some(sentence) = headline(outcome)
    {
        report = report.headline(sentence);
    }
    if report.picture.is_none()
        && let Some(chart) = lead_chart(outcome)
    {
        report = report.picture(chart);
    }
    next_steps(outcome).into_iter().fold(report, Report::next_step)
}

/// What the model needs, in one sentence; `None` where nothing can be said about need.
fn headline(outcome: &RelianceOutcome) -> Option<String> {
    if !outcome.has_signal() || !outcome.mode.shows_what_is_needed() {
        return None;
    }
    let with = |verdict: BlockVerdict| {
        let is_one = move |block: &&BlockOutcome| block.verdict == Some(verdict);
        outcome.blocks.iter().filter(is_one)
    };
    let falls = |block: &BlockOutcome| {
        format!(
            "without it the {} falls from {:.3} to {:.3}",
            outcome.metric.title(),
            outcome.standard.metric.value,
            block.randomized.metric.value
        )
    };
    if let Some(block) = with(BlockVerdict::Exclusive).next() {
        return Some(format!("The model relies on {:?} alone: {}.", block.name, falls(block)));
    }
    if let Some(block) = with(BlockVerdict::Dominant).next() {
        return Some(format!("The model leans mostly on {:?}: {}.", block.name, falls(block)));
    }
    let mut shared: Vec<&BlockOutcome> = with(BlockVerdict::Shared).collect();
    shared.sort_by(|a, b| b.drop.value.total_cmp(&a.drop.value));
    Some(match shared.as_slice() {
        [] => format!(
            "No single block is shown to be needed: the {} of {:.3} stays about the same without any one of them.",
            outcome.metric.title(),
            outcome.standard.metric.value
        ),
        [one] => format!("The model needs {:?}, among others: {}.", one.name, falls(one)),
        [first, ..] => format!(
            "The model needs {} blocks, most of all {:?}: {}.",
            shared.len(),
            first.name,
            falls(first)
        ),
    })
}

/// Skill above chance as a share of the skill that the model has.
fn share_of_skill(outcome: &RelianceOutcome, metric: &Estimate) -> Option<Estimate> {
    let skill = outcome.standard.metric.value - outcome.chance;
    let share = |value: f64| (value - outcome.chance) / skill;
    (skill > 0.0).then(|| {
        Estimate::new(share(metric.value), share(metric.low), share(metric.high))
            .level(metric.level)
            .n(metric.n)
            .varied(metric.varied.clone())
    })
}

/// What the model loses without each block, beside what can be learned from the block alone; the most needed first.
pub fn lead_chart(outcome: &RelianceOutcome) -> Option<Chart> {
    if !outcome.has_signal() {
        return None;
    }
    let mut blocks: Vec<&BlockOutcome> =
        outcome.blocks.iter().filter(|block| block.necessity.is_some()).collect();
    blocks.sort_by(|a, b| b.drop.value.total_cmp(&a.drop.value));
    let mut forest = ForestChart::new();
    let mut has_solo = false;
    for block in blocks.iter().take(SHOWN) {
        if let Some(necessity) = &block.necessity {
            forest = forest.item_in("lost without the block", &block.name, necessity.clone());
        }
        let solo = block.simplicity.as_ref().and_then(|found| found.solo_metric.as_ref());
        if let Some(share) = solo.and_then(|solo| share_of_skill(outcome, solo)) {
            has_solo = true;
            forest = forest.item_in("learned from the block alone", &block.name, share);
        }
    }
    if forest.items.is_empty() {
        return None;
    }
    let rest = match blocks.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" The {n} least needed blocks are in the report."),
    };
    let solo = if has_solo {
        ", and skill that a model trained on the block alone reaches, against the model's skill from everything"
    } else {
        ""
    };
    Some(
        Chart::new("lead", "What the model loses without each block", forest.reference(0.0, ""))
            .caption(format!(
                "Share of the skill that is lost when the block is exchanged{solo}.{rest}"
            ))
            .x(Axis::new("share of the model's skill").percent()),
    )
}

fn named(blocks: &[&BlockOutcome]) -> String {
    let names: Vec<&str> = blocks.iter().map(|block| block.name.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] if names.len() <= NAMED => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED),
    }
}

/// What the verdicts ask for, the most urgent first.
fn next_steps(outcome: &RelianceOutcome) -> Vec<NextStep> {
    if !outcome.has_signal() {
        return vec![NextStep::new(
            "Mend the model first: without skill on these rows there is nothing to attribute. Check that classes and \
             columns are in the model's order.",
        )];
    }
    if !outcome.mode.shows_what_is_needed() {
        return vec![NextStep::new(
            "To see what the model needs, measure again with donors from all rows: --mode permute.",
        )];
    }
    let with = |verdicts: &[BlockVerdict]| -> Vec<&BlockOutcome> {
        let is_one = |block: &&BlockOutcome| block.verdict.is_some_and(|v| verdicts.contains(&v));
        outcome.blocks.iter().filter(is_one).collect()
    };
    let mut steps = Vec::new();
    let leading = with(&[BlockVerdict::Exclusive, BlockVerdict::Dominant]);
    if !leading.is_empty() {
        steps.push(NextStep::new(format!(
            "Ask whether {} may decide in use: if it can be missing, wrong or different there, the model fails with it.",
            named(&leading)
        )));
    }
    let ignored = with(&[BlockVerdict::IgnoredButPredictive]);
    if !ignored.is_empty() {
        steps.push(NextStep::new(format!(
            "The model could use {} as well. Train with rows in which the blocks disagree, then compare both results \
             with `simbias reliance compare BEFORE AFTER`.",
            named(&ignored)
        )));
    }
    let open = with(&[BlockVerdict::NotSettled]);
    if !open.is_empty() {
        steps.push(NextStep::new(format!(
            "Measure on more rows if it matters whether the model needs {}: these do not settle it.",
            named(&open)
        )));
    }
    let spare = with(&[BlockVerdict::Unused, BlockVerdict::Redundant]);
    if !spare.is_empty() && steps.len() < 3 {
        steps.push(NextStep::new(format!(
            "{} could be tried without: retrain without one of them at a time, since blocks may stand in for each other.",
            named(&spare)
        )));
    }
    steps
}

/// How the need of each block changed, the largest changes first.
pub fn change_chart(comparison: &Comparison) -> Option<Chart> {
    let mut changes: Vec<(&str, &Estimate)> = comparison
        .blocks
        .iter()
        .filter_map(|block| Some((block.block.as_str(), &block.necessity.as_ref()?.difference)))
        .collect();
    changes.sort_by(|a, b| b.1.value.abs().total_cmp(&a.1.value.abs()));
    let forest = changes
        .iter()
        .take(SHOWN)
        .fold(ForestChart::new(), |forest, (name, change)| forest.item(*name, (*change).clone()));
    (!forest.items.is_empty()).then(|| {
        Chart::new(
            "changes",
            "How the reliance on each block changed",
            forest.reference(0.0, "no change"),
        )
        .caption("Share of the skill that is lost without the block, after minus before.")
        .x(Axis::new("change of necessity"))
    })
}
