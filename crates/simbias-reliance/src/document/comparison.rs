//! Several results side by side: before and after, and over training.

use simbias_report::{
    Axis, Caveat, Cell, Chart, ForestChart, LineSeries, LinesChart, Section, Table,
};

use super::{comparison_headline, diversity_sentence};
use crate::compare::{Change, Comparison};
use crate::outcome::RelianceOutcome;

/// Reliance over training: necessity of every block at each checkpoint.
pub fn checkpoints_chart(checkpoints: &[(f64, &RelianceOutcome)]) -> Option<Chart> {
    let (_, first) = checkpoints.first()?;
    let mut lines = LinesChart::new();
    for (index, block) in first.blocks.iter().enumerate() {
        let (mut x, mut estimates) = (Vec::new(), Vec::new());
        for (step, outcome) in checkpoints {
            if let Some(necessity) = outcome.blocks.get(index).and_then(|b| b.necessity.clone()) {
                x.push(*step);
                estimates.push(necessity);
            }
        }
        lines = lines.series(LineSeries::through(&block.name, x, &estimates));
    }
    Some(
        Chart::new("checkpoints", "Reliance over training", lines)
            .caption("Checkpoints without signal are left out.")
            .x(Axis::new("step"))
            .y(Axis::new("necessity")),
    )
}

/// Before and after.
pub fn comparison_section(comparison: &Comparison, title: &str, metric: &str) -> Section {
    let row = |name: &str, change: &Change| {
        [
            Cell::from(name),
            Cell::from(change.before.clone()),
            Cell::from(change.after.clone()),
            Cell::from(change.difference.clone()),
            Cell::number(change.p_value, 4),
        ]
    };
    let columns = ["figure", "before", "after", "after − before", "p"];
    let mut table = Table::new("comparison", "Before and after")
        .columns(columns)
        .row(row(&format!("{metric}, unchanged rows"), &comparison.standard));
    let mut forest = ForestChart::new();
    for block in &comparison.blocks {
        table = table.row(row(&format!("{metric} without {}", block.block), &block.randomized));
        if let Some(change) = &block.necessity {
            table = table.row(row(&format!("necessity of {}", block.block), change));
            forest = forest.item_in("before", &block.block, change.before.clone()).item_in(
                "after",
                &block.block,
                change.after.clone(),
            );
        }
        if let Some(change) = &block.sufficiency {
            table = table.row(row(&format!("sufficiency of {}", block.block), change));
        }
    }
    let caution = format!(
        "A higher {metric} without one block does not prove a remedy: the model may have switched to another \
         single block. Look at every block, and at accuracy under attack, which is not in this table."
    );
    let mut section = Section::new("comparison", title)
        .prose(format!("{}.", comparison_headline(comparison, metric)))
        .prose(diversity_sentence(comparison))
        .prose(caution)
        .table(table)
        .chart(
            Chart::new("comparison-forest", "Necessity before and after", forest).x("necessity"),
        );
    if !comparison.paired {
        section = section.caveat(Caveat::note(
            "unpaired",
            "The two results exchanged rows in different ways, so chance does not cancel in the differences.",
        ));
    }
    if !comparison.paired_over_rows {
        section = section.caveat(Caveat::note(
            "unpaired-over-rows",
            "The influence of every row on the figures is not known for both results, so the differences are not \
             paired over rows: the variances of both were added, and the intervals are wider than necessary.",
        ));
    }
    section
}
