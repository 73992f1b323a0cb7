//! One value as markup.

use simbias_report::{Cell, Estimate, Tone, Verdict, format};

use crate::escape::html;

/// A cell's markup.
pub(super) fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => format!("<span class=\"absent\">{}</span>", format::ABSENT),
        Cell::Verdict(verdict) => verdict_badge(*verdict),
        Cell::Tag { text, tone } => {
            let class = match tone {
                Tone::Neutral => "neutral",
                Tone::Accent => "accent",
                Tone::Good => "good",
                Tone::Caution => "caution",
                Tone::Bad => "bad",
            };
            format!("<span class=\"badge {class}\">{}</span>", html(text))
        }
        Cell::Estimate(estimate) => {
            let (value, interval) = split_estimate(estimate);
            format!(
                "<span title=\"{}\">{value} <span class=\"interval\">{interval}</span></span>",
                html(&estimate.basis())
            )
        }
        other => html(&other.display()),
    }
}

fn verdict_badge(verdict: Verdict) -> String {
    let (class, sign) = match verdict {
        Verdict::Holds => ("good", "✓"),
        Verdict::Inconclusive => ("caution", "≈"),
        Verdict::DoesNotHold => ("bad", "✗"),
        Verdict::NotRun => ("neutral", "○"),
    };
    format!(
        "<span class=\"badge {class}\"><span aria-hidden=\"true\">{sign}</span> {verdict}</span>"
    )
}

/// Value and interval of an estimate, apart: `0.512` and `[0.498, 0.526]`.
fn split_estimate(estimate: &Estimate) -> (String, String) {
    let text = format::estimate(estimate);
    match text.split_once(' ') {
        Some((value, interval)) => (value.into(), interval.into()),
        None => (text, String::new()),
    }
}

/// A card's big number and the small print below it.
pub(super) fn card_estimate(estimate: &Estimate) -> (String, String) {
    let (value, interval) = split_estimate(estimate);
    let basis = html(&estimate.basis());
    let detail = match (interval.is_empty(), basis.is_empty()) {
        (true, _) => basis,
        (false, true) => interval,
        (false, false) => format!("<span class=\"interval\">{interval}</span> {basis}"),
    };
    (value, detail)
}
