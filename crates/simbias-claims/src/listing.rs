//! The claims with what can be measured and what was found last: for terminals and for programs.

use serde::Serialize;
use simbias_report::{Verdict, format};

use crate::{Availability, Claim, Ledger, LedgerEntry, Scale, all};

/// Name and version of lists of claims.
pub const LIST_SCHEMA: &str = "simbias.claims-list/1";

/// Claims as programs read them: what is claimed, what is expected, what can be measured and what was found last.
#[derive(Serialize)]
pub struct ClaimList<'a> {
    schema: &'static str,
    claims: Vec<Description<'a>>,
}

#[derive(Serialize)]
struct Description<'a> {
    id: &'static str,
    paper: &'static str,
    title: &'static str,
    statement: &'static str,
    paper_figure: &'static str,
    reference: &'static str,
    criteria: Vec<Expected>,
    scales: Vec<AtScale<'a>>,
}

#[derive(Serialize)]
struct Expected {
    name: &'static str,
    expected: String,
    unit: &'static str,
    note: &'static str,
}

#[derive(Serialize)]
struct AtScale<'a> {
    scale: &'static str,
    can_run: bool,
    obstacle: Option<String>,
    last: Option<&'a LedgerEntry>,
    own: bool,
}

impl<'a> ClaimList<'a> {
    /// These claims with their entries in `ledger`.
    pub fn new(claims: impl IntoIterator<Item = &'static Claim>, ledger: &'a Ledger) -> Self {
        let claims = claims.into_iter().map(|claim| description(claim, ledger)).collect();
        Self { schema: LIST_SCHEMA, claims }
    }
}

fn description<'a>(claim: &'static Claim, ledger: &'a Ledger) -> Description<'a> {
    let scales = Scale::ALL.into_iter().map(|scale| {
        let obstacle = claim.measure_at(scale).err();
        let last = ledger.entry(claim.id, scale);
        AtScale {
            scale: scale.word(),
            can_run: obstacle.is_none(),
            obstacle,
            last,
            own: last.is_some_and(|entry| entry.is_own),
        }
    });
    let criteria = claim.criteria.iter().map(|criterion| Expected {
        name: criterion.name,
        expected: criterion.expectation.to_string(),
        unit: criterion.unit,
        note: criterion.note,
    });
    Description {
        id: claim.id,
        paper: claim.paper.number,
        title: claim.title,
        statement: claim.statement,
        paper_figure: claim.paper_figure,
        reference: claim.reference,
        criteria: criteria.collect(),
        scales: scales.collect(),
    }
}

/// All claims as text, two lines each: title, and the state at every scale.
pub fn list(ledger: &Ledger) -> String {
    let mut text = String::new();
    for claim in all() {
        let scales: Vec<String> = Scale::ALL
            .into_iter()
            .map(|scale| format!("{scale} {}", state(claim, scale, ledger)))
            .collect();
        text.push_str(&format!(
            "{:<8} {}\n         {}\n",
            claim.id,
            claim.title,
            scales.join(" · ")
        ));
    }
    text
}

/// The last verdict at a scale, or what a run there would take.
fn state(claim: &Claim, scale: Scale, ledger: &Ledger) -> String {
    match (ledger.entry(claim.id, scale), claim.availability(scale)) {
        (Some(entry), _) if entry.verdict != Verdict::NotRun => {
            let own = if entry.is_own { ", own run" } else { "" };
            format!("{} ({}{own})", entry.verdict, entry.stamp.date)
        }
        (_, Availability::Runnable { minutes }) => match claim.measure_at(scale) {
            Ok(_) => format!("not run (about {minutes} min)"),
            Err(reason) => format!("not run ({reason})"),
        },
        (_, Availability::Needs(what)) => format!("not run (needs {what})"),
        (_, Availability::NotPlanned) => "-".into(),
    }
}

/// One claim as text: statement, the paper's figure, what is expected, and the last run at every scale.
pub fn explanation(claim: &Claim, ledger: &Ledger) -> String {
    let mut text = format!(
        "{} · {}\n\n{}.\n\nThe paper: {} ({}).\n{}: {}\n\nExpected, written before any run:\n",
        claim.id,
        claim.title,
        claim.statement,
        claim.paper_figure,
        claim.reference,
        claim.paper.title,
        claim.paper.reference,
    );
    for criterion in claim.criteria {
        let unit = if criterion.unit.is_empty() { "" } else { " " };
        text.push_str(&format!(
            "  {} {}{unit}{}\n",
            criterion.name, criterion.expectation, criterion.unit
        ));
        if !criterion.note.is_empty() {
            text.push_str(&format!("      {}\n", criterion.note));
        }
    }
    text.push_str("\nState:\n");
    for scale in Scale::ALL {
        text.push_str(&format!("  {:<5}{}\n", scale.word(), state(claim, scale, ledger)));
        if let Some(entry) = ledger.entry(claim.id, scale) {
            text.push_str(&last_run(entry));
        }
    }
    text
}

fn last_run(entry: &LedgerEntry) -> String {
    let number =
        |value: Option<f64>| value.map_or_else(|| "?".into(), |value| format::number(value, 4));
    let mut text = String::new();
    for criterion in &entry.criteria {
        text.push_str(&format!(
            "       {}: {} [{}, {}] over {} seeds → {}\n",
            criterion.name,
            number(criterion.mean),
            number(criterion.low),
            number(criterion.high),
            criterion.values.len(),
            criterion.verdict,
        ));
    }
    text
}
