//! The audit in the words of a report.

mod attack;
mod result;
mod simplicity;

pub use attack::{ATTACK_SCHEMA, AttackAnswer};
pub use result::{AUDIT_SCHEMA, AuditAnswer};
pub use simplicity::{SIMPLICITY_SCHEMA, SimplicityAnswer};

use std::cmp::Ordering;

use simbias_data::Dataset;
use simbias_data::transform::Transform;
use simbias_reliance::document::{
    budget_chart, budget_heatmap, comparison_section, example_images, first_screen, giveaways,
    key_figures, method_section, overview, plain_summary, reliance_section, scores_section,
};
use simbias_reliance::{BlockOutcome, BlockSet, BlockVerdict, DonorMode, DonorSource};
use simbias_report::{
    Axis, Caveat, Cell, Chart, Column, ForestChart, KeyFigure, LineSeries, LinesChart, Report,
    Section, Table,
};
use simbias_stats::Seed;

use self::attack::share_table;
use crate::audit::{AuditInput, AuditOutcome, RemedyOutcome};
use crate::remedy::Remedy;
use crate::robustness::{Robustness, UniversalResult};

/// Rows shown with exchanged blocks.
const EXAMPLES: usize = 3;

/// The whole report.
pub fn audit_report(outcome: &AuditOutcome, input: &AuditInput, seed: Seed) -> Report {
    let base = &outcome.base.outcome;
    let mut report = Report::new(format!("Audit of {}", base.data_name)).subtitle(format!(
        "{}: {} training, {} validation, {} test rows; {} blocks",
        outcome.model,
        outcome.n_rows[0],
        outcome.n_rows[1],
        outcome.n_rows[2],
        base.blocks.len()
    ));
    for sentence in summary(outcome, input) {
        report = report.summarise(sentence);
    }
    for figure in key_figures(base) {
        report = report.key_figure(figure);
    }
    if let Some(leading) = outcome.robustness.as_ref().and_then(Robustness::leading) {
        report = report.key_figure(
            KeyFigure::new("accuracy under attack", leading.accuracy.clone())
                .note(format!("L2 radius {:.3}", leading.radius)),
        );
    }
    for caveat in input.split.notes() {
        report = report.caveat(caveat);
    }
    for note in &outcome.notes {
        report = report.caveat(Caveat::note("about-the-run", note.clone()));
    }
    for caveat in &base.caveats {
        report = report.caveat(caveat.clone());
    }
    report = report.overview(overview(base)).section(data_section(outcome, input, seed));
    report = report.section(reliance_section(base));
    for section in outcome.beside.sections(base) {
        report = report.section(section);
    }
    if !outcome.solo.is_empty() {
        report = report.section(solo_section(outcome));
    }
    if let Some(robustness) = &outcome.robustness {
        report = report.section(robustness_section(robustness, &input.split.test.0));
    }
    if !outcome.remedies.is_empty() {
        report = report.section(remedies_section(outcome));
        for remedied in &outcome.remedies {
            let mut section = comparison_section(
                &remedied.comparison,
                remedied.remedy.title(),
                base.metric.title(),
            );
            section.id = format!("remedy-{}", remedied.remedy.name());
            section = section.prose(remedied.remedy.how());
            if let Some(words) = effort(outcome, remedied) {
                section = section.prose(words);
            }
            if !remedied.groups.is_empty() {
                section = section.table(groups_table(remedied));
            }
            report = report.section(section);
        }
    }
    let has_alarm =
        !outcome.beside.alarms(base).is_empty() || !giveaways(&input.split.notes()).is_empty();
    first_screen(report, base, has_alarm)
        .section(scores_section(&outcome.base.samples, base))
        .section(method_section(base).folded())
}

/// What a manager should take away.
fn summary(outcome: &AuditOutcome, input: &AuditInput) -> Vec<String> {
    let base = &outcome.base.outcome;
    let mut sentences = outcome.beside.alarms(base);
    sentences.extend(giveaways(&input.split.notes()));
    sentences.extend(plain_summary(base));
    sentences.extend(outcome.beside.sentences());
    if let Some((rho, n)) = outcome.simplicity_correlation {
        sentences.push(format!(
            "Over {n} blocks that predict about equally well, the rank correlation between being easy to learn \
             and being needed is {rho:.2}."
        ));
    } else if base.has_signal() && base.mode.shows_what_is_needed() {
        // Only blocks that reach half of what the best one reaches alone, and of equals the best.
        let solo = |block: &BlockOutcome| {
            let simplicity = block.simplicity.as_ref()?;
            Some(simplicity.solo_metric.as_ref()?.value - base.chance)
        };
        let best = base.blocks.iter().filter_map(solo).fold(f64::NEG_INFINITY, f64::max);
        let simplest = base
            .blocks
            .iter()
            .filter(|block| solo(block).is_some_and(|skill| skill >= best / 2.0))
            .filter_map(|block| {
                Some((block.simplicity.as_ref()?.solo_steps.as_ref()?.value, block))
            })
            .min_by(|a, b| {
                a.0.total_cmp(&b.0)
                    .then(solo(b.1).partial_cmp(&solo(a.1)).unwrap_or(Ordering::Equal))
            });
        if let Some((steps, block)) = simplest {
            let necessity = block.necessity.as_ref().map_or(f64::NAN, |share| share.value);
            sentences.push(format!(
                "The block learned soonest alone is {:?} ({steps:.0} steps); its necessity is {necessity:.2}.",
                block.name
            ));
        }
    }
    if let Some(block) = base.ignored().next() {
        let alone = outcome.solo.iter().find(|(name, _)| *name == block.name);
        if let Some(steps) = alone.and_then(|(_, run)| run.steps_to_learn) {
            sentences.push(format!("Alone, {:?} is learned in {steps} steps.", block.name));
        }
    }
    for remedied in &outcome.remedies {
        sentences.push(remedy_sentence(outcome, remedied));
    }
    sentences
}

fn remedy_sentence(outcome: &AuditOutcome, remedied: &RemedyOutcome) -> String {
    let change = &remedied.comparison.standard;
    let robust = match (
        outcome.robustness.as_ref().and_then(Robustness::leading),
        remedied.robustness.as_ref().and_then(Robustness::leading),
    ) {
        (Some(before), Some(after)) => {
            let (before, after) = (&before.accuracy, &after.accuracy);
            let worse = if after.high < before.low {
                ", which is a loss"
            } else if after.low > before.high {
                ", which is a gain"
            } else {
                " (the intervals overlap)"
            };
            format!(
                "; accuracy under attack goes from {:.3} to {:.3}{worse}",
                before.value, after.value
            )
        }
        _ => "; accuracy under attack was not measured".into(),
    };
    let verdict = match remedied.comparison.n_sufficient {
        Some((before, after)) => {
            let verdict = if remedied.comparison.is_more_diverse() {
                "makes the model more diverse"
            } else {
                "does not make the model more diverse"
            };
            format!(
                "{verdict}: blocks that carry half of the skill alone go from {before} to {after}, the "
            )
        }
        None => "cannot be judged for diversity with these donors: the ".into(),
    };
    let budget = match too_few_steps(outcome, remedied) {
        Some((steps, block, needed)) if !remedied.comparison.is_more_diverse() => format!(
            " It was trained for {steps} steps, fewer than the {needed:.0} that {block:?} takes alone, so this does \
             not show that the remedy cannot work."
        ),
        _ => String::new(),
    };
    format!(
        "Remedy \"{}\" {verdict}{} goes from {:.3} to {:.3}{robust}.{budget}",
        remedied.remedy.title(),
        outcome.base.outcome.metric.title(),
        change.before.value,
        change.after.value
    )
}

/// Steps of the remedy, with the block that takes longer to learn alone and its steps, if there is one.
fn too_few_steps<'a>(
    outcome: &'a AuditOutcome,
    remedied: &RemedyOutcome,
) -> Option<(u64, &'a str, f64)> {
    let steps = remedied.steps?;
    let slowest = outcome
        .base
        .outcome
        .blocks
        .iter()
        .filter_map(|block| {
            Some((block.name.as_str(), block.simplicity.as_ref()?.solo_steps.as_ref()?.value))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (slowest.1 > steps as f64).then_some((steps, slowest.0, slowest.1))
}

/// How long the remedy was trained beside the network that it is compared with.
fn effort(outcome: &AuditOutcome, remedied: &RemedyOutcome) -> Option<String> {
    let steps = remedied.steps?;
    let training = outcome.training.as_ref()?;
    Some(match remedied.remedy {
        Remedy::LastLayer => format!(
            "Its last layer was trained for {steps} steps on top of the {} of the network before.",
            training.steps
        ),
        _ => format!(
            "It was trained for {steps} steps without stopping at a small training loss; the network before took \
             {} ({}). Part of a difference may come from the longer training.",
            training.steps, training.ended
        ),
    })
}

fn groups_table(remedied: &RemedyOutcome) -> Table {
    let mut table = Table::new("groups", "Cue-conflict groups")
        .caption(
            "Mean cross-entropy of intact rows and of rows in which one block comes from a row of another \
             class while the label stays that of the rest. Two groups that contradict each other cannot both \
             fall below ln 2 = .693.",
        )
        .column(Column::new("group"))
        .column(Column::new("weight").help("at the end of training"))
        .column(Column::new("training rows, before").unit("nats"))
        .column(Column::new("training rows, after").unit("nats"))
        .column(Column::new("test rows, before").unit("nats"))
        .column(Column::new("test rows, after").unit("nats"));
    for found in &remedied.groups {
        table = table.row([
            Cell::from(found.group.as_str()),
            Cell::number(found.weight, 3),
            Cell::from(found.train_before.clone()),
            Cell::from(found.train_after.clone()),
            Cell::from(found.test_before.clone()),
            Cell::from(found.test_after.clone()),
        ]);
    }
    table
}

fn data_section(outcome: &AuditOutcome, input: &AuditInput, seed: Seed) -> Section {
    let test = &input.split.test.0;
    let mut section = Section::new("data", "What the network was shown");
    let mut table = Table::new("classes", "Test rows").columns(["class", "rows"]);
    for (name, n) in &outcome.base.outcome.classes {
        table = table.row([Cell::from(name.as_str()), Cell::from(*n)]);
    }
    if !outcome.base.outcome.classes.is_empty() {
        section = section.table(table);
    }
    if let Some(training) = &outcome.training {
        section = section.prose(format!(
            "Training ended after {} steps ({}); the weights of step {} were kept, the best on the validation \
             rows.",
            training.steps, training.ended, training.kept_step
        ));
        if training.steps >= outcome.recipe.fit.max_steps {
            section = section.prose(
                "It used all its steps. Hard features are learned after a long flat stretch and then at once: \
                 what is ignored now may be used later, and a model without skill may not have begun to learn. More \
                 steps would show it.",
            );
        }
    }
    if let Some(images) = pictures(test, &input.blocks, input.transform.as_ref(), seed) {
        section = section.images(images);
    }
    section
}

fn pictures(
    test: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    seed: Seed,
) -> Option<simbias_report::Images> {
    let donors = DonorSource::new(DonorMode::Permute, test, None, seed).ok()?.draw(0);
    example_images(test, blocks, transform, &donors, EXAMPLES)
}

fn solo_section(outcome: &AuditOutcome) -> Section {
    let metric = outcome.base.outcome.metric.title();
    let mut lines = LinesChart::new();
    for (name, run) in &outcome.solo {
        let x = run.curve.iter().map(|&(step, _)| step as f64).collect();
        let y = run.curve.iter().map(|&(_, value)| value).collect();
        lines = lines.series(LineSeries::new(name, x, y));
    }
    lines = lines.y_reference(outcome.base.outcome.chance, "chance");
    let learner = if outcome.network.is_some() {
        "The audited architecture is"
    } else {
        "The architecture of the given model is unknown here, so a network of this tool is"
    };
    Section::new("solo", "What each block can do alone")
        .prose(format!(
            "{learner} trained from scratch while everything except the block is exchanged between rows, so \
             that only the block can be learned. A block that is learned late loses against one that is \
             learned early, however well it predicts. A curve that ends flat near chance may not have risen yet: hard \
             blocks show nothing for a long time and are then learned at once."
        ))
        .chart(
            Chart::new("solo-curves", "Learning each block alone", lines)
                .caption(format!("{metric} on held-out rows treated alike."))
                .x(Axis::new("step"))
                .y(Axis::new(metric)),
        )
}

fn robustness_section(robustness: &Robustness, test: &Dataset) -> Section {
    let mut table = Table::new("robust-accuracy", "Accuracy under attack")
        .caption(
            "Projected gradient ascent on each row by itself; an upper bound of the true robustness, since a \
             stronger attack may find more.",
        )
        .column(Column::new("L2 radius").unit("data units"))
        .column(Column::new("share of the margin"))
        .column(Column::new("accuracy"));
    for at in &robustness.at {
        table = table.row([
            Cell::number(at.radius, 3),
            Cell::number(at.radius / robustness.data_margin, 2),
            Cell::from(at.accuracy.clone()),
        ]);
    }
    let mut universal = Table::new("universal", "Universal perturbations")
        .caption(
            "One perturbation for all rows, fitted on validation rows and scored on test rows. The signed one \
             follows the row's label, so the attacker must know it.",
        )
        .columns(["kind", "L2 norm", "accuracy"]);
    let mut groups = vec![("per row".to_string(), robustness.shares.clone())];
    for found in &robustness.universals {
        let kind = universal_kind(found);
        universal = universal.row([
            Cell::from(kind),
            Cell::number(found.norm, 3),
            Cell::from(found.accuracy.clone()),
        ]);
        groups.push((format!("universal, {kind}"), found.shares.clone()));
    }
    let mut section = Section::new("robustness", "Where attacks go")
        .prose(format!(
            "Half the median distance from a row to the nearest row of another class is {:.3}; radii are shares \
             of it. An attack spends its budget where the model looks.",
            robustness.data_margin
        ))
        .table(table);
    if !robustness.universals.is_empty() {
        section = section.table(universal);
    }
    if let Some(chart) = budget_chart(&groups) {
        section = section.chart(chart);
    }
    if let Some(found) = robustness.universals.first() {
        let title = format!("Universal perturbation by pixel ({})", universal_kind(found));
        if let Some(chart) = budget_heatmap(&found.delta, test, &title) {
            section = section.chart(chart);
        }
    }
    section.table(share_table("budget-shares", "perturbation", &groups))
}

fn universal_kind(found: &UniversalResult) -> &'static str {
    if found.label_signed { "label-signed" } else { "unsigned" }
}

fn remedies_section(outcome: &AuditOutcome) -> Section {
    let base = &outcome.base.outcome;
    let metric = base.metric.title();
    let mut table = Table::new("remedies", "Remedies")
        .caption(
            "A remedy may be called more diverse only if at least two blocks carry half of the skill alone and \
             more than before.",
        )
        .column(Column::new("model"))
        .column(Column::new(metric))
        .column(Column::new("sufficient blocks").help("sufficiency of at least one half"))
        .column(Column::new("more diverse"))
        .column(Column::new("accuracy under attack"));
    for block in &base.blocks {
        table = table.column(Column::new(format!("without {}", block.name)).help(metric));
    }
    let robust = |robustness: Option<&Robustness>| match robustness.and_then(Robustness::leading) {
        Some(leading) => Cell::from(leading.accuracy.clone()),
        None => Cell::Empty,
    };
    let crowded = base.blocks.len() > 10;
    let mut forest = ForestChart::new();
    let mut row = |name: &str,
                   measured: &simbias_reliance::RelianceOutcome,
                   robustness: Option<&Robustness>,
                   n_sufficient: Option<usize>,
                   diverse: Cell| {
        let mut cells = vec![
            Cell::from(name),
            Cell::from(measured.standard.metric.clone()),
            n_sufficient.map_or(Cell::Empty, Cell::from),
            diverse,
            robust(robustness),
        ];
        for block in &measured.blocks {
            cells.push(Cell::from(block.randomized.metric.clone()));
            let used = block.verdict != Some(BlockVerdict::Unused);
            if let Some(sufficiency) = &block.sufficiency
                && (!crowded || used)
            {
                forest =
                    std::mem::take(&mut forest).item_in(name, &block.name, sufficiency.clone());
            }
        }
        table = std::mem::replace(&mut table, Table::new("", "")).row(cells);
    };
    let before = outcome.remedies.first().and_then(|remedied| remedied.comparison.n_sufficient);
    let before = before.map(|(before, _)| before);
    let compared = outcome.on_test.as_ref().map_or(base, |measured| &measured.outcome);
    row("before", compared, outcome.robustness.as_ref(), before, Cell::Empty);
    for remedied in &outcome.remedies {
        let diverse = match remedied.comparison.n_sufficient {
            None => Cell::Empty,
            Some(_) if remedied.comparison.is_more_diverse() => Cell::from("yes"),
            Some(_) => Cell::from("no"),
        };
        row(
            remedied.remedy.title(),
            &remedied.measurement.outcome,
            remedied.robustness.as_ref(),
            remedied.comparison.n_sufficient.map(|(_, after)| after),
            diverse,
        );
    }
    Section::new("remedies", "What remedies change")
        .prose(
            "Each remedy is measured on all blocks and on robustness: a network that is kept from one shortcut \
             may switch to another single block, with a smaller margin.",
        )
        .table(table)
        .chart(
            Chart::new("remedies-forest", "What each block carries alone", forest)
                .caption("Sufficiency of each block before and after.")
                .x("sufficiency"),
        )
}
