//! How easy each block is, beside how much it is needed.

use simbias_report::{Axis, Cell, Chart, Column, Estimate, ScatterChart, ScatterPoint, Table};

use super::reliance::{optional, verdict_cell};
use crate::outcome::{BlockOutcome, RelianceOutcome, SoloLearner, SoloTraining};
use crate::verdict::BlockVerdict;

pub(super) fn simplicity_table(outcome: &RelianceOutcome) -> Table {
    let metric = outcome.metric.title();
    let mut table = Table::new("simplicity", "How easy each block is")
        .caption(
            "Several measures, because none alone predicts which block a network prefers. Sorted by solo \
             learning time where it was measured. Intervals of what blocks reach alone are over test rows and training \
             seeds.",
        )
        .column(Column::new("block"))
        .column(Column::new("solo steps").help(
            "steps of the audited architecture, with everything else permuted, to 90 % of its final gain",
        ))
        .column(Column::new(format!("solo {metric}")).help("best probe on this block alone"))
        .column(Column::new("against the whole").help("solo minus whole model, paired over test rows"))
        .column(Column::new(format!("{metric}, own architecture")).help(
            "the audited architecture on this block alone, everything else permuted in its training rows; \
             marked where it is not the model's own",
        ))
        .column(Column::new("steps given").help("steps taken, of those allowed"))
        .column(Column::new("learned by").help(
            "the learner that reaches nine tenths of the model's skill with the block alone",
        ))
        .column(Column::new("lowest rung").help("simplest probe within .01 of the best"))
        .column(Column::new("thresholds").help("blocks of one coordinate: thresholds of the simplest rule"))
        .column(Column::new("code length").unit("bits/label").help("prequential"))
        .column(Column::new("necessity"))
        .column(Column::new("verdict"));
    let steps = |block: &BlockOutcome| {
        let found = block.simplicity.as_ref().and_then(|found| found.solo_steps.as_ref());
        found.map_or(f64::INFINITY, |steps| steps.value)
    };
    let mut blocks: Vec<&BlockOutcome> = outcome.blocks.iter().collect();
    blocks.sort_by(|a, b| steps(a).total_cmp(&steps(b)));
    for block in blocks {
        let Some(found) = &block.simplicity else { continue };
        table = table.row([
            Cell::from(block.name.as_str()),
            found.solo_steps.as_ref().map_or(Cell::Empty, steps_cell),
            optional(found.solo_metric.as_ref()),
            optional(found.solo_difference.as_ref()),
            optional(found.solo_training.as_ref().map(|training| &training.metric)),
            found.solo_training.as_ref().map_or(Cell::Empty, steps_given),
            found.solo_learner.map_or(Cell::Empty, |learner| Cell::from(learner_words(learner))),
            found.lowest_rung.as_deref().map_or(Cell::Empty, Cell::from),
            found.pieces.as_ref().map_or(Cell::Empty, |pieces| Cell::from(pieces.n_thresholds)),
            found.code_length_bits.map_or(Cell::Empty, Cell::from),
            optional(block.necessity.as_ref()),
            verdict_cell(block),
        ]);
    }
    table
}

/// Steps are counted; a mean over seeds has decimals and an interval.
fn steps_cell(steps: &Estimate) -> Cell {
    if steps.has_interval() { Cell::from(steps.clone()) } else { Cell::from(steps.value as u64) }
}

fn steps_given(training: &SoloTraining) -> Cell {
    let whose = if training.own_architecture { "" } else { " (another architecture)" };
    Cell::from(format!("{} of {}{whose}", training.steps, training.max_steps))
}

fn learner_words(learner: SoloLearner) -> &'static str {
    match learner {
        SoloLearner::OwnArchitecture => "this architecture",
        SoloLearner::ProbeOnly => "a probe only",
        SoloLearner::ProbeOwnUntried => "a probe; own not tried",
    }
}

pub(super) fn simplicity_chart(outcome: &RelianceOutcome) -> Option<Chart> {
    let mut scatter = ScatterChart::new();
    let mut n_points = 0;
    for block in &outcome.blocks {
        let Some(found) = &block.simplicity else { continue };
        let (Some(steps), Some(necessity)) = (&found.solo_steps, &block.necessity) else {
            continue;
        };
        let ignored = block.verdict == Some(BlockVerdict::IgnoredButPredictive);
        let mut point = ScatterPoint::between(steps, necessity)
            .label(&block.name)
            .group(if ignored { "ignored but predictive" } else { "other blocks" })
            .highlight();
        if let Some(solo) = &found.solo_metric {
            point = point.size((solo.value - outcome.chance).max(0.01));
        }
        scatter = scatter.point(point);
        n_points += 1;
    }
    (n_points >= 2).then(|| {
        Chart::new("simplicity-necessity", "Simplicity against necessity", scatter)
            .caption(
                "Left is learned sooner; the larger the dot, the better the block predicts alone.",
            )
            .x(Axis::new("solo learning time").unit("steps").log())
            .y(Axis::new("necessity").range(-0.1, 1.1))
    })
}
