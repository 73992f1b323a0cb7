//! When a verdict changed.

use serde::{Deserialize, Serialize};
use simbias_report::Verdict;

use super::LedgerEntry;
use crate::Scale;

/// A run that gave a claim another verdict than it had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictChange {
    /// Id of the claim.
    pub claim: String,
    /// The scale.
    pub scale: Scale,
    /// Verdict before the run; not run if it was the first one.
    pub from: Verdict,
    /// Verdict of the run.
    pub to: Verdict,
    /// Why the new verdict is not clear; empty otherwise.
    pub reason: String,
    /// Day of the run: `2026-01-31`.
    pub date: String,
    /// Version of simbias that ran.
    pub version: String,
}

impl VerdictChange {
    /// The change that `entry` makes to a verdict of `from`; `None` if it says the same.
    pub(super) fn by(entry: &LedgerEntry, from: Verdict) -> Option<Self> {
        (entry.verdict != from).then(|| Self {
            claim: entry.claim.clone(),
            scale: entry.scale,
            from,
            to: entry.verdict,
            reason: entry.reason.clone(),
            date: entry.stamp.date.clone(),
            version: entry.stamp.version.clone(),
        })
    }
}
