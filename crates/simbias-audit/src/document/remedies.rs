//! What remedies change, and which change nothing.

use simbias_reliance::BlockVerdict;
use simbias_reliance::RelianceOutcome;
use simbias_reliance::document::{comparison_headline, comparison_section, diversity_sentence};
use simbias_report::{Cell, Chart, Column, Element, ForestChart, Section, Table};

use crate::audit::{AuditOutcome, RemedyOutcome};
use crate::remedy::Remedy;
use crate::robustness::Robustness;

/// One sentence for each remedy that changed something, and one for all others together.
pub(super) fn sentences(outcome: &AuditOutcome) -> Vec<String> {
    let mut sentences: Vec<String> =
        with_effect(outcome).map(|remedied| sentence(outcome, remedied)).collect();
    let without: Vec<&RemedyOutcome> = without_effect(outcome).collect();
    sentences.extend(nothing_changed(&without).map(|words| {
        let brief: Vec<String> =
            without.iter().filter_map(|remedied| too_brief(outcome, remedied)).collect();
        format!("{words}.{}", brief.concat())
    }));
    sentences
}

/// The sections about remedies: all side by side, then each that changed something, then the others in one.
pub(super) fn sections(outcome: &AuditOutcome) -> Vec<Section> {
    if outcome.remedies.is_empty() {
        return Vec::new();
    }
    let mut sections = vec![all_of_them(outcome)];
    sections.extend(with_effect(outcome).map(|remedied| one_of_them(outcome, remedied)));
    let without: Vec<&RemedyOutcome> = without_effect(outcome).collect();
    if let Some(words) = nothing_changed(&without) {
        let mut section = Section::new("remedies-without-effect", words).folded().prose(
            "Neither the metric nor what any block does for the model changed by more than chance explains. The figures:",
        );
        for remedied in without {
            let own = one_of_them(outcome, remedied);
            section = section.text(format!("{}: {}", own.title, own.prose.join(" ")));
            section.elements.extend(
                own.elements.into_iter().filter(|element| !matches!(element, Element::Chart(_))),
            );
        }
        sections.push(section);
    }
    sections
}

fn with_effect(outcome: &AuditOutcome) -> impl Iterator<Item = &RemedyOutcome> {
    outcome.remedies.iter().filter(|remedied| !changes_nothing(outcome, remedied))
}

fn without_effect(outcome: &AuditOutcome) -> impl Iterator<Item = &RemedyOutcome> {
    outcome.remedies.iter().filter(|remedied| changes_nothing(outcome, remedied))
}

/// Whether neither the comparison nor accuracy under attack shows a change.
fn changes_nothing(outcome: &AuditOutcome, remedied: &RemedyOutcome) -> bool {
    let is_as_robust = under_attack(outcome, remedied)
        .is_none_or(|(before, after)| before.low <= after.high && after.low <= before.high);
    remedied.comparison.changes_nothing() && is_as_robust
}

/// Accuracy under attack before and after.
fn under_attack<'a>(
    outcome: &'a AuditOutcome,
    remedied: &'a RemedyOutcome,
) -> Option<(&'a simbias_report::Estimate, &'a simbias_report::Estimate)> {
    let leading = |robustness: &'a Option<Robustness>| {
        robustness.as_ref().and_then(Robustness::leading).map(|leading| &leading.accuracy)
    };
    leading(&outcome.robustness).zip(leading(&remedied.robustness))
}

/// "3 remedies changed nothing: …".
fn nothing_changed(without: &[&RemedyOutcome]) -> Option<String> {
    let names: Vec<&str> = without.iter().map(|remedied| remedied.remedy.title()).collect();
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("1 remedy changed nothing that these rows could show: {only}")),
        names => Some(format!(
            "{} remedies changed nothing that these rows could show: {}",
            names.len(),
            names.join(", ")
        )),
    }
}

fn sentence(outcome: &AuditOutcome, remedied: &RemedyOutcome) -> String {
    let metric = outcome.base.outcome.metric.title();
    let robust = match under_attack(outcome, remedied) {
        Some((before, after)) => {
            let words = if after.high < before.low {
                "a loss"
            } else if after.low > before.high {
                "a gain"
            } else {
                "difference not settled"
            };
            format!("; accuracy under attack {:.3} → {:.3} ({words})", before.value, after.value)
        }
        None => String::new(),
    };
    let brief = if remedied.comparison.is_more_diverse() {
        String::new()
    } else {
        too_brief(outcome, remedied).unwrap_or_default()
    };
    format!(
        "Remedy \"{}\": {}{robust}. {}{brief}",
        remedied.remedy.title(),
        lowered(&comparison_headline(&remedied.comparison, metric)),
        diversity_sentence(&remedied.comparison),
    )
}

fn lowered(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// What a remedy that was trained only briefly does not show.
fn too_brief(outcome: &AuditOutcome, remedied: &RemedyOutcome) -> Option<String> {
    let (steps, block, needed) = too_few_steps(outcome, remedied)?;
    Some(format!(
        " The {} was trained for {steps} steps, fewer than the {needed:.0} that {block:?} takes alone, so this does not show \
         that it cannot work.",
        remedied.remedy.title()
    ))
}

fn one_of_them(outcome: &AuditOutcome, remedied: &RemedyOutcome) -> Section {
    let metric = outcome.base.outcome.metric.title();
    let mut section = comparison_section(&remedied.comparison, remedied.remedy.title(), metric);
    section.id = format!("remedy-{}", remedied.remedy.name());
    section = section.prose(remedied.remedy.how());
    if let Some(words) = effort(outcome, remedied) {
        section = section.prose(words);
    }
    if !remedied.groups.is_empty() {
        section = section.table(groups_table(remedied));
    }
    section
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

/// Every remedy beside the model before.
fn all_of_them(outcome: &AuditOutcome) -> Section {
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
                   measured: &RelianceOutcome,
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
