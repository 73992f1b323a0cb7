//! The audit in the words of a report.

mod attack;
mod remedies;
mod result;
mod simplicity;

pub use attack::{ATTACK_SCHEMA, AttackAnswer};
pub use result::{AUDIT_SCHEMA, AuditAnswer};
pub use simplicity::{SIMPLICITY_SCHEMA, SimplicityAnswer};

use std::cmp::Ordering;

use simbias_data::Dataset;
use simbias_reliance::document::{
    block_examples, budget_chart, budget_heatmap, first_screen, giveaways, key_figures,
    method_section, overview, plain_summary, reliance_section, scores_section,
};
use simbias_reliance::{BlockOutcome, DonorSource};
use simbias_report::{
    Axis, Caveat, Cell, Chart, Column, KeyFigure, LineSeries, LinesChart, Report, Section, Table,
};
use simbias_stats::Seed;

use self::attack::share_table;
use crate::audit::{AuditInput, AuditOutcome};
use crate::robustness::{Robustness, UniversalResult};

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
    report = report.overview(overview(base));
    if let Some(picture) = outcome.beside.lead_picture() {
        report = report.picture(picture);
    }
    if let Some(section) = outcome.beside.map_section() {
        report = report.section(section);
    }
    report = report.section(reliance_section(base));
    if let Some(section) = examples_section(outcome, input, seed) {
        report = report.section(section);
    }
    report = report.section(data_section(outcome));
    for section in outcome.beside.sections(base) {
        report = report.section(section);
    }
    if !outcome.solo.is_empty() {
        report = report.section(solo_section(outcome));
    }
    if let Some(robustness) = &outcome.robustness {
        report = report.section(robustness_section(robustness, &input.split.test.0));
    }
    for section in remedies::sections(outcome) {
        report = report.section(section);
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
            "Among {n} blocks that predict about equally well, being learned fast and being needed go together with a rank \
             correlation of {rho:.2} (1: always; 0: not at all)."
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
            let needs = match &block.necessity {
                Some(share) if share.low > 0.0 => {
                    format!("without it the model loses {:.0} % of its skill", 100.0 * share.value)
                }
                _ => "the model is not shown to need it".into(),
            };
            sentences.push(format!(
                "The block that a network learns fastest is {:?} ({steps:.0} steps alone); {needs}.",
                block.name
            ));
        }
    }
    if let Some(block) = base.ignored().next() {
        let alone = outcome.solo.iter().find(|(name, _)| *name == block.name);
        if let Some(steps) = alone.and_then(|(_, run)| run.steps_to_learn) {
            sentences.push(format!("Alone, {:?} takes {steps} steps to learn.", block.name));
        }
    }
    sentences.extend(remedies::sentences(outcome));
    sentences
}

fn data_section(outcome: &AuditOutcome) -> Section {
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
    section
}

/// Images with and without the blocks that matter, from the rows that were measured.
fn examples_section(outcome: &AuditOutcome, input: &AuditInput, seed: Seed) -> Option<Section> {
    let base = &outcome.base;
    // A given model was measured on all rows.
    let joined = outcome.training.is_none().then(|| input.split.joined());
    let rows = joined.as_ref().unwrap_or(&input.split.test.0);
    rows.layout.image_shape()?;
    let donors = DonorSource::new(base.outcome.mode, rows, None, seed).ok()?.draw(0);
    let transform = input.transform.as_ref();
    let samples = Some(&base.samples);
    let grid = block_examples(rows, &input.blocks, transform, &donors, &base.outcome, samples)?;
    Some(Section::new("examples", "Examples of every class").pictures(grid))
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
            "An attack changes the rows a little, where it misleads the model most; it spends its budget where the model \
             looks. Its size is a share of {:.3}: half the usual (median) distance from a row to the nearest row of another \
             class.",
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
