//! Whiskers and hover texts of estimates.

use simbias_report::{Estimate, format};

use super::canvas::px;
use super::scale::Scale;
use crate::escape::html;

/// The whisker of an estimate along `scale`, across it at `at`; nothing without an interval.
pub(super) fn whisker(
    scale: &Scale,
    interval: Option<[f64; 2]>,
    at: f64,
    is_upright: bool,
) -> String {
    let Some(ends) = interval else { return String::new() };
    let [low, high] = ends.map(|end| scale.clamped(end));
    let (from, to) = (px(at - 3.0), px(at + 3.0));
    let (low_at, high_at, middle) = (px(low), px(high), px(at));
    // An end outside the axis has no bar across.
    let bar = |end: f64, at: &str| match (scale.holds(end), is_upright) {
        (false, _) => String::new(),
        (true, true) => format!("M{from} {at}H{to}"),
        (true, false) => format!("M{at} {from}V{to}"),
    };
    let bars = bar(ends[0], &low_at) + &bar(ends[1], &high_at);
    if is_upright {
        format!("M{middle} {low_at}V{high_at}{bars}")
    } else {
        format!("M{low_at} {middle}H{high_at}{bars}")
    }
}

pub(super) fn interval(estimate: &Estimate) -> Option<[f64; 2]> {
    estimate.has_interval().then_some([estimate.low, estimate.high])
}

/// The element that browsers and the page's script show when the reader points at a mark.
pub(super) fn hint(names: &[&str], text: &str) -> String {
    let names: Vec<&str> = names.iter().copied().filter(|name| !name.is_empty()).collect();
    let names = names.join(" · ");
    let line = if names.is_empty() { "" } else { "\n" };
    format!("<title>{}{line}{}</title>", html(&names), html(text))
}

/// The hint of an estimate under its name.
pub(super) fn estimate_hint(names: &[&str], estimate: &Estimate) -> String {
    let basis = estimate.basis();
    let mut text = format::estimate(estimate);
    if !basis.is_empty() {
        text = format!("{text}\n{basis}");
    }
    hint(names, &text)
}
