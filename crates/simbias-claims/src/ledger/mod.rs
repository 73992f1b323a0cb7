//! The record of every claim's last full run: the one that comes with the program, and a user's own.

mod change;
mod committed;

use serde::{Deserialize, Serialize};
use simbias_report::Verdict;

use crate::{ClaimError, Outcome, Scale};

pub use change::VerdictChange;

/// Where, when and with what a run was made. The caller supplies it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// Day of the run: `2026-01-31`.
    pub date: String,
    /// Version of simbias.
    pub version: String,
    /// Device that computed.
    pub device: String,
    /// Threads allowed.
    pub threads: usize,
    /// Wall time of this claim in seconds.
    pub wall_seconds: f64,
}

/// The figures of one criterion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerCriterion {
    /// Its name.
    pub name: String,
    /// What was expected, as text.
    pub expected: String,
    /// Unit; empty for pure numbers.
    pub unit: String,
    /// The word.
    pub verdict: Verdict,
    /// Mean over seeds.
    pub mean: Option<f64>,
    /// Lower end of the 95% interval over seeds.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Seeds, in the order measured.
    pub seeds: Vec<u64>,
    /// One value per seed; `null` where a seed gave no finite number.
    pub values: Vec<Option<f64>>,
}

/// A number that was shown and not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerControl {
    /// What was measured.
    pub name: String,
    /// Seeds, in the order measured.
    pub seeds: Vec<u64>,
    /// One value per seed.
    pub values: Vec<Option<f64>>,
}

/// The last full run of one claim at one scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Id of the claim.
    pub claim: String,
    /// The scale.
    pub scale: Scale,
    /// The word.
    pub verdict: Verdict,
    /// Why the verdict is not clear; empty otherwise.
    pub reason: String,
    /// Judged figures.
    pub criteria: Vec<LedgerCriterion>,
    /// Figures beside them.
    pub controls: Vec<LedgerControl>,
    /// Doubts, as text.
    pub caveats: Vec<String>,
    /// The paper's own numbers.
    pub paper_figure: String,
    /// Where these are found.
    pub reference: String,
    /// Circumstances of the run.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Whether a user's own run replaces the committed entry; not stored, see
    /// [`Ledger::with_own`].
    #[serde(skip)]
    pub is_own: bool,
}

impl LedgerEntry {
    /// An outcome with its circumstances.
    pub fn new(outcome: &Outcome, stamp: Stamp) -> Self {
        let criteria = outcome.criteria.iter().map(|found| {
            let estimate = found.estimate.as_ref();
            let (seeds, values) = columns(found.per_seed.iter().copied());
            LedgerCriterion {
                name: found.criterion.name.into(),
                expected: found.criterion.expectation.to_string(),
                unit: found.criterion.unit.into(),
                verdict: found.verdict,
                mean: estimate.and_then(|estimate| finite(estimate.value)),
                low: estimate.and_then(|estimate| finite(estimate.low)),
                high: estimate.and_then(|estimate| finite(estimate.high)),
                seeds,
                values,
            }
        });
        let mut names: Vec<&str> = Vec::new();
        for control in &outcome.controls {
            if !names.contains(&control.name.as_str()) {
                names.push(&control.name);
            }
        }
        let controls = names.into_iter().map(|name| {
            let of_name = outcome.controls.iter().filter(|control| control.name == name);
            let (seeds, values) = columns(of_name.map(|control| (control.seed, control.value)));
            LedgerControl { name: name.into(), seeds, values }
        });
        Self {
            claim: outcome.claim.id.into(),
            scale: outcome.scale,
            verdict: outcome.verdict,
            reason: outcome.reason.clone(),
            criteria: criteria.collect(),
            controls: controls.collect(),
            caveats: outcome.caveats.iter().map(|caveat| caveat.message.clone()).collect(),
            paper_figure: outcome.claim.paper_figure.into(),
            reference: outcome.claim.reference.into(),
            stamp,
            is_own: false,
        }
    }
}

fn columns(pairs: impl Iterator<Item = (u64, f64)>) -> (Vec<u64>, Vec<Option<f64>>) {
    pairs.map(|(seed, value)| (seed, finite(value))).unzip()
}

/// JSON has no NaN.
fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// The last full run of every claim and scale, in the order of papers, claims and scales, and the changes of verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    schema: String,
    entries: Vec<LedgerEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<VerdictChange>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { schema: Self::SCHEMA.into(), entries: Vec::new(), changes: Vec::new() }
    }
}

impl Ledger {
    /// Changes whenever an old reader would misread the ledger.
    pub const SCHEMA: &str = "simbias.claims-ledger/1";

    /// Reads the wire form.
    ///
    /// # Errors
    /// [`ClaimError::Ledger`] when the text is not JSON, not a ledger, of another version, or holds a claim
    /// twice for one scale.
    pub fn from_json(json: &str) -> Result<Self, ClaimError> {
        let mut ledger: Self = serde_json::from_str(json)
            .map_err(|error| ClaimError::Ledger { message: error.to_string() })?;
        if ledger.schema != Self::SCHEMA {
            let message =
                format!("schema is {:?}; this version reads {:?}", ledger.schema, Self::SCHEMA);
            return Err(ClaimError::Ledger { message });
        }
        ledger.sort();
        if let Some(pair) = ledger.entries.windows(2).find(|pair| same_place(&pair[0], &pair[1])) {
            let message = format!("{} occurs twice for scale {}", pair[0].claim, pair[0].scale);
            return Err(ClaimError::Ledger { message });
        }
        Ok(ledger)
    }

    /// The wire form, indented, with a final newline.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self)
            .expect("a ledger has string keys only and writes to memory");
        json.push('\n');
        json
    }

    /// Enters an outcome, in place of an earlier one of the same claim and scale.
    ///
    /// A claim that was not run never replaces one that was.
    ///
    /// # Errors
    /// [`ClaimError::QuickRun`]: reduced sizes say nothing about the claim.
    pub fn record(&mut self, outcome: &Outcome, stamp: Stamp) -> Result<(), ClaimError> {
        if outcome.quick {
            return Err(ClaimError::QuickRun { claim: outcome.claim.id, scale: outcome.scale });
        }
        self.put(LedgerEntry::new(outcome, stamp));
        Ok(())
    }

    /// Takes over every entry of `other`, in place of those of the same claim and scale.
    pub fn merge(&mut self, other: Self) {
        for entry in other.entries {
            self.put(entry);
        }
    }

    /// The entries, in the order of papers, claims and scales.
    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// The entry of a claim at a scale.
    pub fn entry(&self, claim: &str, scale: Scale) -> Option<&LedgerEntry> {
        self.entries.iter().find(|entry| entry.claim == claim && entry.scale == scale)
    }

    /// Every change of a verdict, in the order in which the runs were entered.
    pub fn changes(&self) -> &[VerdictChange] {
        &self.changes
    }

    fn put(&mut self, entry: LedgerEntry) {
        let before =
            self.entry(&entry.claim, entry.scale).map_or(Verdict::NotRun, |old| old.verdict);
        if entry.verdict != Verdict::NotRun {
            self.changes.extend(VerdictChange::by(&entry, before));
        }
        match self.entries.iter_mut().find(|old| same_place(old, &entry)) {
            Some(old) if entry.verdict == Verdict::NotRun && old.verdict != Verdict::NotRun => {}
            Some(old) => *old = entry,
            None => {
                self.entries.push(entry);
                self.sort();
            }
        }
    }

    fn sort(&mut self) {
        self.entries.sort_by_key(|entry| (numbers(&entry.claim), entry.claim.clone(), entry.scale));
    }
}

fn same_place(left: &LedgerEntry, right: &LedgerEntry) -> bool {
    left.claim == right.claim && left.scale == right.scale
}

/// `P2-C10` comes after `P2-C9`.
fn numbers(id: &str) -> Vec<u64> {
    id.split(|symbol: char| !symbol.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}
