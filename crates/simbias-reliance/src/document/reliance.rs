//! The block table and its plots.

use simbias_report::{
    Axis, Cell, Chart, Column, Corners, Estimate, ForestChart, ScatterChart, ScatterPoint, Section,
    Table, Tone,
};

use super::simplicity::{simplicity_chart, simplicity_table};
use crate::donors::DonorMode;
use crate::outcome::{BlockOutcome, RelianceOutcome};
use crate::verdict::BlockVerdict;

/// Name of the section about the blocks.
pub(super) const BLOCKS_SECTION: &str = "reliance";

/// The block table with forest plot and necessity-sufficiency square.
pub fn reliance_section(outcome: &RelianceOutcome) -> Section {
    let metric = outcome.metric.title();
    let mut section = Section::new(BLOCKS_SECTION, "What the model relies on")
        .prose(format!(
            "Each block is replaced, all its values together, by the block of another row ({}). \
             Necessity is the share of the model's skill that is lost without the block; sufficiency is the \
             share that remains when everything except the block is replaced.",
            donor_words(outcome.mode)
        ))
        .table(block_table(outcome));
    if let Some(words) = meaning_under(outcome.mode) {
        section = section.prose(words);
    }
    let mut forest = ForestChart::new()
        .reference(outcome.standard.metric.value, "unchanged rows")
        .reference(outcome.chance, "chance");
    for block in &outcome.blocks {
        forest = forest.item_in("without the block", &block.name, block.randomized.metric.clone());
        if let Some(complement) = &block.complement {
            forest = forest.item_in("with the block alone", &block.name, complement.metric.clone());
        }
    }
    section = section.chart(
        Chart::new("forest", format!("{metric} after randomizing"), forest)
            .caption(format!(
                "{:.0} % intervals over test rows and {} donor maps.",
                100.0 * outcome.level,
                outcome.repeats
            ))
            .x(Axis::new(metric)),
    );
    if let Some(chart) = square(outcome).filter(|_| outcome.mode.shows_what_carries_alone()) {
        section = section.chart(chart);
    }
    if outcome.blocks.iter().any(|block| block.simplicity.is_some()) {
        section = section.table(simplicity_table(outcome));
        if let Some(chart) = simplicity_chart(outcome) {
            section = section.chart(chart);
        }
    }
    if !outcome.pairs.is_empty() {
        section = section.table(pair_table(outcome));
    }
    let has_strata = outcome.blocks.iter().any(|block| !block.strata.is_empty());
    if has_strata || !outcome.unmeasured_strata.is_empty() {
        section = section.table(strata_table(outcome, &outcome.blocks.iter().collect::<Vec<_>>()));
    }
    section
}

fn donor_words(mode: DonorMode) -> &'static str {
    match mode {
        DonorMode::Permute => "a random permutation of the evaluation rows",
        DonorMode::Independent => "a row drawn with replacement",
        DonorMode::Swap => "a row of another class: a cue conflict",
        DonorMode::WithinClass => "a row of the same class, so only interactions are broken",
        DonorMode::WithinStratum => "a row of the same stratum",
    }
}

/// What necessity and sufficiency are under donors that are not drawn from all rows.
fn meaning_under(mode: DonorMode) -> Option<&'static str> {
    match mode {
        DonorMode::Permute | DonorMode::Independent => None,
        DonorMode::Swap => Some(
            "With donors of another class a block is not silenced, it shows the wrong class: a necessity above 1 \
             means that the model follows the block against the rest. Verdicts are withheld; they need donors drawn \
             from all rows.",
        ),
        DonorMode::WithinClass => Some(
            "With donors of the same class every block still tells the class: low necessity and high sufficiency do \
             not show that a block is unused or enough. Verdicts are withheld; they need donors drawn from all rows.",
        ),
        DonorMode::WithinStratum => Some(
            "With donors of the same stratum everything keeps what the stratum tells about the target. Necessity is \
             beyond the stratum; sufficiency includes it, so that no block is called exclusive or redundant here.",
        ),
    }
}

pub(super) fn verdict_cell(block: &BlockOutcome) -> Cell {
    match block.verdict {
        None => Cell::from("withheld"),
        Some(verdict) => {
            let tone = match verdict {
                BlockVerdict::Exclusive => Tone::Bad,
                BlockVerdict::IgnoredButPredictive | BlockVerdict::Backup => Tone::Caution,
                BlockVerdict::Dominant => Tone::Accent,
                BlockVerdict::Shared => Tone::Good,
                BlockVerdict::Redundant | BlockVerdict::NotSettled | BlockVerdict::Unused => {
                    Tone::Neutral
                }
            };
            Cell::Tag { text: verdict.word().into(), tone }
        }
    }
}

pub(super) fn optional(estimate: Option<&Estimate>) -> Cell {
    estimate.map_or(Cell::Empty, |estimate| Cell::from(estimate.clone()))
}

/// One column of the table of blocks.
struct BlockColumn<'a> {
    column: Column,
    /// Whether it means something only where rows belong to classes.
    of_classes: bool,
    cell: Box<dyn Fn(&BlockOutcome) -> Cell + 'a>,
}

fn column<'a>(
    title: impl Into<String>,
    help: &str,
    cell: impl Fn(&BlockOutcome) -> Cell + 'a,
) -> BlockColumn<'a> {
    let column = match help {
        "" => Column::new(title),
        help => Column::new(title).help(help),
    };
    BlockColumn { column, of_classes: false, cell: Box::new(cell) }
}

/// A column for readers who ask for all of them.
fn detail(column: BlockColumn<'_>) -> BlockColumn<'_> {
    BlockColumn { column: column.column.detail(), ..column }
}

fn of_classes(column: BlockColumn<'_>) -> BlockColumn<'_> {
    BlockColumn { of_classes: true, ..column }
}

fn block_columns(outcome: &RelianceOutcome) -> Vec<BlockColumn<'_>> {
    let metric = outcome.metric.title();
    let equivalence = format!(
        "TOST, margin {}: small means the block is shown not to matter",
        outcome.equivalence_margin
    );
    vec![
        column("block", "", |block| Cell::from(block.name.as_str())),
        detail(column("size", "coordinates in the block", |block| Cell::from(block.size))),
        column("members", "columns of the block", |block| {
            if block.members.len() > 1 { Cell::from(block.members.join(", ")) } else { Cell::Empty }
        }),
        column("verdict", "thresholds are stated below; the numbers decide", verdict_cell),
        column("necessity", "share of skill lost without the block", |block| {
            optional(block.necessity.as_ref())
        }),
        column("sufficiency", "share of skill kept with the block alone", |block| {
            optional(block.sufficiency.as_ref())
        }),
        column(format!("{metric} without it"), "", |block| {
            Cell::from(block.randomized.metric.clone())
        }),
        column(format!("{metric} with it alone"), "", |block| {
            optional(block.complement.as_ref().map(|found| &found.metric))
        }),
        detail(column("shift", "mean |s' − s| / sd(s) when the block is randomized", |block| {
            Cell::from(block.randomized.shift.clone())
        })),
        of_classes(detail(column("flips", "share of changed predictions", |block| {
            Cell::from(block.randomized.flips.clone())
        }))),
        of_classes(detail(column(
            "KS positives",
            "distance of positives' scores before and after",
            |block| Cell::from(block.randomized.ks_positives.clone()),
        ))),
        of_classes(detail(column(
            "KS all, positives'",
            "all scores before, positives' after",
            |block| Cell::from(block.randomized.ks_all_positives.clone()),
        ))),
        of_classes(detail(column("accuracy without it", "", |block| {
            optional(block.randomized.accuracy.as_ref())
        }))),
        of_classes(detail(column("null accuracy", "Σ q² over class shares", |block| {
            block.randomized.accuracy_null.map_or(Cell::Empty, Cell::from)
        }))),
        of_classes(detail(column(
            "conflict accuracy",
            "block from another class; label of the rest",
            |block| optional(block.conflict.as_ref().map(|conflict| &conflict.accuracy)),
        ))),
        of_classes(detail(column("worst class there", "", |block| {
            block.conflict.as_ref().map_or(Cell::Empty, |conflict| {
                Cell::from(format!(
                    "{} ({:.3})",
                    conflict.worst_class, conflict.worst_class_accuracy
                ))
            })
        }))),
        detail(column("p (Holm)", "one-sided: the metric does not drop", |block| {
            Cell::number(block.p_value_holm, 4)
        })),
        detail(column("p (equivalence)", &equivalence, |block| {
            Cell::number(block.p_value_equivalence, 4)
        })),
        detail(column("mean |corr|", "between the block and the rest", |block| {
            Cell::number(block.mean_abs_correlation, 3)
        })),
        detail(column(
            "off-manifold AUC",
            "real against randomized rows; ≥ .9 is a warning",
            |block| block.off_manifold_auc.map_or(Cell::Empty, Cell::from),
        )),
        column("flags", "", |block| Cell::from(block.flags.join(", "))),
    ]
}

/// Blocks that the overview shows.
const MOST_SHOWN: usize = 12;
/// Blocks whose members the overview names, and members of each.
const MOST_LISTS: usize = 5;
const MOST_MEMBERS: usize = 8;

/// The blocks that matter most in few columns, for a terminal.
pub fn overview(outcome: &RelianceOutcome) -> Section {
    let metric = outcome.metric.title();
    let mut blocks: Vec<&BlockOutcome> = outcome.blocks.iter().collect();
    blocks.sort_by(|a, b| b.drop.value.total_cmp(&a.drop.value));
    let rest = match blocks.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        n => format!(" {n} more are in the report."),
    };
    let caption =
        format!("Verdicts rest on these intervals, widened over {} blocks.{rest}", blocks.len());
    let mut table = Table::new("overview", "Blocks, the most needed first")
        .caption(caption)
        .columns(["block", "verdict", "necessity"])
        .column(Column::new(format!("{metric} without it")))
        .column(Column::new("solo").help("learned from the block alone"));
    for block in blocks.iter().take(MOST_SHOWN) {
        let solo = block.simplicity.as_ref().and_then(|found| found.solo_metric.as_ref());
        table = table.row([
            Cell::from(block.name.as_str()),
            verdict_cell(block),
            optional(block.necessity.as_ref()),
            Cell::from(block.randomized.metric.clone()),
            optional(solo),
        ]);
    }
    let mut section = Section::new("overview", "What the model relies on").table(table);
    for block in blocks.iter().filter(|block| block.members.len() > 1).take(MOST_LISTS) {
        section =
            section.prose(format!("{:?}: {}", block.name, listed(&block.members, MOST_MEMBERS)));
    }
    match blocks.first() {
        Some(first) if !first.strata.is_empty() || !outcome.unmeasured_strata.is_empty() => {
            section.table(strata_table(outcome, &[first]))
        }
        _ => section,
    }
}

/// Names in a row, the rest counted.
fn listed(names: &[String], most: usize) -> String {
    let named = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => named,
        n => format!("{named} and {n} more"),
    }
}

fn block_table(outcome: &RelianceOutcome) -> Table {
    let has_classes = !outcome.classes.is_empty();
    let columns: Vec<_> = block_columns(outcome)
        .into_iter()
        .filter(|column| has_classes || !column.of_classes)
        .collect();
    let mut table = Table::new("blocks", "Blocks");
    if has_classes {
        table = table.caption(
            "Compare accuracy after randomizing with its null: what a perfect model of this block alone would keep by \
             luck.",
        );
    }
    for column in &columns {
        table = table.column(column.column.clone());
    }
    for block in &outcome.blocks {
        table.push(columns.iter().map(|column| (column.cell)(block)).collect::<Vec<_>>());
    }
    table
}

fn square(outcome: &RelianceOutcome) -> Option<Chart> {
    let mut scatter = ScatterChart::new().corners(Corners {
        top_left: "redundant".into(),
        top_right: "exclusive".into(),
        bottom_left: "ignored or useless".into(),
        bottom_right: "needed with others".into(),
    });
    let crowded = outcome.blocks.len() > 12;
    // Both axes alike, wide enough for useful intervals.
    let (mut low, mut high) = (-0.1_f64, 1.1_f64);
    for block in &outcome.blocks {
        let (Some(necessity), Some(sufficiency)) = (&block.necessity, &block.sufficiency) else {
            return None;
        };
        for share in [necessity, sufficiency] {
            low = low.min(share.low.max(-1.0) - 0.05);
            high = high.max(share.high.min(2.0) + 0.05);
        }
        let mut point = ScatterPoint::between(necessity, sufficiency).label(&block.name);
        if !crowded || necessity.value >= 0.05 || sufficiency.value >= 0.5 {
            point = point.highlight();
        }
        scatter = scatter.point(point);
    }
    Some(
        Chart::new("square", "Necessity and sufficiency", scatter)
            .caption("Right: the model suffers without the block. Up: the block alone is enough.")
            .x(Axis::new("necessity").range(low, high))
            .y(Axis::new("sufficiency").range(low, high)),
    )
}

fn pair_table(outcome: &RelianceOutcome) -> Table {
    let mut table = Table::new("pairs", "Pairs of blocks")
        .caption(
            "Two interchangeable blocks are each unnecessary; a positive interaction shows that either can \
             stand in for the other.",
        )
        .columns(["first", "second"])
        .column(Column::new(format!("{} without both", outcome.metric.title())))
        .column(Column::new("joint necessity"))
        .column(Column::new("interaction").help("joint necessity minus the sum of the single ones"));
    for pair in &outcome.pairs {
        table = table.row([
            Cell::from(pair.first.as_str()),
            Cell::from(pair.second.as_str()),
            Cell::from(pair.randomized.clone()),
            pair.necessity.map_or(Cell::Empty, Cell::from),
            pair.interaction.map_or(Cell::Empty, Cell::from),
        ]);
    }
    table
}

fn strata_table(outcome: &RelianceOutcome, blocks: &[&BlockOutcome]) -> Table {
    let metric = outcome.metric.title();
    let mut table = Table::new("strata", "By stratum")
        .caption("The same donors, evaluated inside each group of rows.")
        .columns(["stratum", "value", "rows", "block"])
        .column(Column::new(format!("{metric}, unchanged")))
        .column(Column::new(format!("{metric} without the block")));
    for block in blocks {
        for stratum in &block.strata {
            table = table.row([
                Cell::from(stratum.column.as_str()),
                Cell::from(stratum.value.as_str()),
                Cell::from(stratum.n_rows),
                Cell::from(block.name.as_str()),
                Cell::from(stratum.standard.clone()),
                Cell::from(stratum.randomized.clone()),
            ]);
        }
    }
    for stratum in &outcome.unmeasured_strata {
        table = table.row([
            Cell::from(stratum.column.as_str()),
            Cell::from(stratum.value.as_str()),
            Cell::from(stratum.n_rows),
            Cell::from("all"),
            Cell::from(stratum.reason.as_str()),
            Cell::Empty,
        ]);
    }
    table
}
