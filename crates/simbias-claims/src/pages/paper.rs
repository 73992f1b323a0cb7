//! The page of one paper: what it says, and every claim with all that was found.

use simbias_report::{Verdict, format};

use super::{anchor, machine};
use crate::markdown::{cell, counts, found, word};
use crate::{
    Availability, Claim, Ledger, LedgerControl, LedgerCriterion, LedgerEntry, Paper, Scale, all,
};

/// The page.
pub(super) fn text(paper: &Paper, ledger: &Ledger) -> String {
    let claims: Vec<&'static Claim> = all().filter(|claim| claim.paper == paper).collect();
    let mut text = format!(
        "# Paper {}: {}\n\n[{}]({})\n\nAt scale cpu, that is on two cores: {}. [All papers](index.md).\n\n\
         ## What the paper says\n\n",
        paper.number,
        paper.title,
        paper.reference,
        paper.address,
        counts(claims.iter().copied(), ledger)
    );
    for paragraph in paper.summary {
        text.push_str(&format!("{paragraph}\n\n"));
    }
    text.push_str("## Before you read the verdicts\n\n");
    for note in paper.notes {
        text.push_str(&format!("- {note}\n"));
    }
    text.push_str("\n## The claims\n\n<div class=\"claims\" markdown>\n\n| claim | in a few words | verdict |\n|---|---|---|\n");
    for claim in &claims {
        let verdict = verdict(claim, ledger);
        text.push_str(&format!(
            "| [{}](#{}) | {} | {verdict} |\n",
            claim.id,
            anchor(claim),
            cell(claim.title)
        ));
    }
    text.push_str("\n</div>\n");
    for claim in claims {
        text.push_str(&section(claim, ledger));
    }
    text
}

/// The verdict at every scale that was measured.
fn verdict(claim: &Claim, ledger: &Ledger) -> String {
    let entries: Vec<&LedgerEntry> =
        Scale::ALL.into_iter().filter_map(|scale| ledger.entry(claim.id, scale)).collect();
    match entries[..] {
        [] => Verdict::NotRun.word().into(),
        [entry] if entry.scale == Scale::Cpu => word(entry),
        _ => {
            let words = entries.iter().map(|entry| format!("{} ({})", word(entry), entry.scale));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

fn section(claim: &Claim, ledger: &Ledger) -> String {
    let mut text = format!(
        "\n<a id=\"{}\"></a>\n\n### {}: {}\n\nVerdict: {}.\n\n{}.\n\nThe paper: {} ({}).\n\n",
        anchor(claim),
        claim.id,
        claim.title,
        verdict(claim, ledger),
        claim.statement,
        claim.paper_figure,
        claim.reference,
    );
    for scale in Scale::ALL {
        match ledger.entry(claim.id, scale) {
            Some(entry) => text.push_str(&measured(claim, entry)),
            None if scale == Scale::Cpu => text.push_str(&expected(claim)),
            None => {}
        }
    }
    text.push_str("To measure it again:\n\n");
    for line in again(claim, ledger) {
        text.push_str(&format!("- {line}\n"));
    }
    text
}

/// What a run must find, for a claim without a run.
fn expected(claim: &Claim) -> String {
    if claim.criteria.is_empty() {
        return String::new();
    }
    let mut text = "| criterion | expected |\n|---|---|\n".to_string();
    for criterion in claim.criteria {
        let name = named(criterion.name, criterion.note);
        let expected = format!("{} {}", criterion.expectation, criterion.unit);
        text.push_str(&format!("| {} | {} |\n", cell(&name), cell(expected.trim_end())));
    }
    text + "\n"
}

/// One run: every criterion, doubts, controls.
fn measured(claim: &Claim, entry: &LedgerEntry) -> String {
    let stamp = &entry.stamp;
    let mut text = format!(
        "Measured on {} with version {} at scale {}, on {} with {} threads, in {} s.\n\n",
        stamp.date,
        stamp.version,
        entry.scale,
        stamp.device,
        stamp.threads,
        format::number(stamp.wall_seconds, 0),
    );
    if !entry.criteria.is_empty() {
        text.push_str(
            "| criterion | expected | here: mean [95 % interval] | seeds | verdict |\n|---|---|---|---|---|\n",
        );
    }
    for criterion in &entry.criteria {
        text.push_str(&criterion_row(claim, criterion));
    }
    if !entry.reason.is_empty() {
        text.push_str(&format!("\nWhy: {}.\n", entry.reason));
    }
    for caveat in &entry.caveats {
        text.push_str(&format!("\n> {caveat}\n"));
    }
    text + "\n" + &controls(&entry.controls)
}

fn criterion_row(claim: &Claim, criterion: &LedgerCriterion) -> String {
    let note = claim.criterion(&criterion.name).map_or("", |of_table| of_table.note);
    let cells = [
        named(&criterion.name, note),
        format!("{} {}", criterion.expected, criterion.unit).trim_end().into(),
        found(criterion),
        criterion.values.len().to_string(),
        criterion.verdict.to_string(),
    ];
    format!("| {} |\n", cells.map(|text| cell(&text)).join(" | "))
}

fn named(name: &str, note: &str) -> String {
    if note.is_empty() { name.into() } else { format!("{name} ({note})") }
}

/// The controls, folded: they stand beside the judged figures and do not decide.
fn controls(controls: &[LedgerControl]) -> String {
    if controls.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "<details markdown>\n<summary>Controls: {} figures beside the judged ones, each seed</summary>\n\n\
         | control | value of each seed |\n|---|---|\n",
        controls.len()
    );
    for control in controls {
        let values: Vec<String> = control
            .values
            .iter()
            .map(|value| value.map_or_else(|| "no number".into(), |value| format::number(value, 4)))
            .collect();
        text.push_str(&format!("| {} | {} |\n", cell(&control.name), values.join(", ")));
    }
    text + "\n</details>\n\n"
}

/// The command for every scale that can be measured, and what the others need.
fn again(claim: &Claim, ledger: &Ledger) -> Vec<String> {
    let mut lines = Vec::new();
    let mut needs: Vec<(&str, Vec<&str>)> = Vec::new();
    for scale in Scale::ALL {
        match claim.availability(scale) {
            Availability::Runnable { minutes } if claim.measure.is_some() => {
                let last = ledger.entry(claim.id, scale).filter(|last| !last.criteria.is_empty());
                let took = last.map_or_else(
                    || format!("about {minutes} min for three seeds"),
                    |last| {
                        format!(
                            "{} s as recorded above",
                            format::number(last.stamp.wall_seconds, 0)
                        )
                    },
                );
                let command = command(claim, scale, last);
                lines.push(format!("`{command}` ({}; {took})", machine(scale)));
            }
            Availability::Needs(what) => match needs.iter_mut().find(|(known, _)| *known == what) {
                Some((_, scales)) => scales.push(machine(scale)),
                None => needs.push((what, vec![machine(scale)])),
            },
            Availability::Runnable { .. } | Availability::NotPlanned => {}
        }
    }
    lines.extend(needs.into_iter().map(|(what, scales)| match scales.len() {
        1 => format!("{}: needs {what}", scales[0]),
        _ => format!("needs {what}"),
    }));
    lines
}

/// The command that repeats `last`, or the first run of a claim.
fn command(claim: &Claim, scale: Scale, last: Option<&LedgerEntry>) -> String {
    let mut command = format!("simbias claims run {}", claim.id);
    if scale != Scale::Cpu {
        command.push_str(&format!(" --scale {scale} --device cuda"));
    }
    let seeds = last.and_then(|last| last.criteria.first()).map_or(&[][..], |found| &found.seeds);
    if let [first, ..] = *seeds {
        if seeds.len() != crate::MIN_SEEDS {
            command.push_str(&format!(" --seeds {}", seeds.len()));
        }
        if first != 0 {
            command.push_str(&format!(" --seed {first}"));
        }
    }
    command
}
