//! The table of all claims for a document, always generated from the ledger.

use simbias_report::{Verdict, format};

use crate::{Claim, ClaimError, Ledger, LedgerCriterion, LedgerEntry, Scale, all};

/// The line that opens the generated part of a document.
pub const BEGIN: &str = "<!-- claims:begin -->";
/// The line that closes it.
pub const END: &str = "<!-- claims:end -->";

/// The table of all claims: every entry of the ledger, and one line for each claim without an entry. A user's own runs
/// are marked.
pub fn table(ledger: &Ledger) -> String {
    let mut lines = vec![
        "| claim | statement | the paper | here: mean over seeds [95 % interval] | scale | verdict |"
            .to_string(),
        "|---|---|---|---|---|---|".to_string(),
    ];
    for claim in all() {
        let mut is_listed = false;
        for scale in Scale::ALL {
            if let Some(entry) = ledger.entry(claim.id, scale) {
                lines.push(row(claim, scale, &figures(entry), &word(entry)));
                is_listed = true;
            }
        }
        if !is_listed {
            let reason = claim.measure_at(Scale::Cpu).err().unwrap_or_default();
            lines.push(row(claim, Scale::Cpu, &reason, Verdict::NotRun.word()));
        }
    }
    lines.push(String::new());
    lines.push(format!(
        "At scale cpu: {}. Per-seed values, dates, devices and versions: \
         `crates/simbias-claims/ledger.json`.",
        counts(all(), ledger)
    ));
    lines.join("\n") + "\n"
}

/// `document` with everything between the two markers replaced by `table`; the rest stays byte for byte.
///
/// # Errors
/// [`ClaimError::Markers`] unless the document has each marker exactly once, in order.
pub fn replace_section(document: &str, table: &str) -> Result<String, ClaimError> {
    let error = |found: String| ClaimError::Markers { begin: BEGIN, end: END, found };
    let (n_begins, n_ends) = (document.matches(BEGIN).count(), document.matches(END).count());
    if (n_begins, n_ends) != (1, 1) {
        return Err(error(format!("{n_begins} and {n_ends}")));
    }
    match (document.split_once(BEGIN), document.split_once(END)) {
        (Some((before, _)), Some((until_end, after))) if until_end.contains(BEGIN) => {
            Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", table.trim_end()))
        }
        _ => Err(error("them in the other order".into())),
    }
}

fn row(claim: &Claim, scale: Scale, figures: &str, verdict: &str) -> String {
    let cells = [claim.id, claim.statement, claim.paper_figure, figures, scale.word(), verdict];
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("| {} |", cells.join(" | "))
}

/// Text that cannot break the table.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The verdict of an entry, in bold if it holds, marked if it is the user's own.
pub(crate) fn word(entry: &LedgerEntry) -> String {
    let word = match entry.verdict {
        Verdict::Holds => format!("**{}**", entry.verdict),
        verdict => verdict.to_string(),
    };
    if entry.is_own { format!("{word} (own run)") } else { word }
}

fn figures(entry: &LedgerEntry) -> String {
    if entry.criteria.is_empty() {
        return entry.reason.clone();
    }
    let figures: Vec<String> = entry.criteria.iter().map(figure).collect();
    figures.join("; ")
}

fn figure(criterion: &LedgerCriterion) -> String {
    let found = found(criterion);
    let mark = match criterion.verdict {
        Verdict::Holds => String::new(),
        verdict => format!(" → {verdict}"),
    };
    format!("{} {found} (expected {}){mark}", criterion.name, criterion.expected)
}

/// The mean over seeds with its interval.
pub(crate) fn found(criterion: &LedgerCriterion) -> String {
    let number = |value: f64| format::number(value, 4);
    let unit =
        if criterion.unit.is_empty() { String::new() } else { format!(" {}", criterion.unit) };
    match (criterion.mean, criterion.low, criterion.high) {
        (Some(mean), Some(low), Some(high)) => {
            format!("{}{unit} [{}, {}]", number(mean), number(low), number(high))
        }
        (Some(mean), ..) => format!("{}{unit}", number(mean)),
        _ => "no number".into(),
    }
}

/// How many of these claims have each verdict on two cores, as in `holds 20, inconclusive 6, does not hold 1, not run 4`.
pub fn counts(claims: impl IntoIterator<Item = &'static Claim>, ledger: &Ledger) -> String {
    let verdicts: Vec<Verdict> = claims
        .into_iter()
        .map(|claim| {
            ledger.entry(claim.id, Scale::Cpu).map_or(Verdict::NotRun, |last| last.verdict)
        })
        .collect();
    let counted = Verdict::ALL.map(|verdict| {
        format!("{verdict} {}", verdicts.iter().filter(|&&found| found == verdict).count())
    });
    counted.join(", ")
}
