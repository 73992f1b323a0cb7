//! The vocabulary of the table of claims.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ClaimError, MeasureContext, Measurement};

/// A paper whose claims are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Two digits: `02`.
    pub number: &'static str,
    /// Short name: `pitfalls`.
    pub slug: &'static str,
    /// Title.
    pub title: &'static str,
    /// Authors, venue, year and address.
    pub reference: &'static str,
}

/// How large a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Two cores, minutes.
    Cpu,
    /// One accelerator, at most twenty minutes.
    Gpu,
    /// The paper's own size.
    Full,
}

impl Scale {
    /// All scales, smallest first.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Gpu, Self::Full];

    /// The word used on the command line and in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

impl FromStr for Scale {
    type Err = ClaimError;

    fn from_str(word: &str) -> Result<Self, ClaimError> {
        Self::ALL
            .into_iter()
            .find(|scale| scale.word().eq_ignore_ascii_case(word))
            .ok_or_else(|| ClaimError::UnknownScale { found: word.into() })
    }
}

/// Whether a claim can be checked at a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Availability {
    /// The measurement knows this scale; estimated minutes for three seeds.
    Runnable {
        /// Estimated minutes.
        minutes: f64,
    },
    /// What it would take, as a phrase that completes "needs …".
    Needs(&'static str),
    /// The claim makes no statement of its own at this scale.
    NotPlanned,
}

/// What a criterion demands of an effect. Written before the run, never by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expectation {
    /// `effect ≥ bound`.
    AtLeast(f64),
    /// `effect ≤ bound`.
    AtMost(f64),
    /// `effect > bound`; `Above(0.0)` asks for a direction only.
    Above(f64),
    /// `effect < bound`.
    Below(f64),
    /// `low ≤ effect ≤ high`.
    Between(f64, f64),
}

impl Expectation {
    /// Whether every value of `[low, high]` meets the expectation.
    pub(crate) fn contains(self, low: f64, high: f64) -> bool {
        match self {
            Self::AtLeast(bound) => low >= bound,
            Self::AtMost(bound) => high <= bound,
            Self::Above(bound) => low > bound,
            Self::Below(bound) => high < bound,
            Self::Between(from, to) => from <= low && high <= to,
        }
    }

    /// Whether no value of `[low, high]` meets the expectation.
    pub(crate) fn excludes(self, low: f64, high: f64) -> bool {
        match self {
            Self::AtLeast(bound) => high < bound,
            Self::AtMost(bound) => low > bound,
            Self::Above(bound) => high <= bound,
            Self::Below(bound) => low >= bound,
            Self::Between(from, to) => high < from || to < low,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(formatter, "≥ {bound}"),
            Self::AtMost(bound) => write!(formatter, "≤ {bound}"),
            Self::Above(bound) => write!(formatter, "> {bound}"),
            Self::Below(bound) => write!(formatter, "< {bound}"),
            Self::Between(low, high) => write!(formatter, "{low} to {high}"),
        }
    }
}

/// One number that a measurement reports for every seed, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Criterion {
    /// What is measured; unique within the claim.
    pub name: &'static str,
    /// What it must be.
    pub expectation: Expectation,
    /// Unit of the number; empty for AUC, accuracy and other pure numbers.
    pub unit: &'static str,
    /// How the number is obtained, where the name does not say it.
    pub note: &'static str,
    /// The scale that alone is judged by it, where scales use different data; `None` for every scale.
    pub only_at: Option<Scale>,
}

impl Criterion {
    /// Whether a run at `scale` is judged by it.
    pub fn is_for(&self, scale: Scale) -> bool {
        self.only_at.is_none_or(|only| only == scale)
    }
}

/// Measures a claim at the context's scale, for each of its seeds.
pub type Measure = fn(&mut MeasureContext<'_>) -> Result<Measurement, ClaimError>;

/// One statement of a paper and how to look at it again.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Stable id: `P2-C1`.
    pub id: &'static str,
    /// The paper.
    pub paper: &'static Paper,
    /// A few words.
    pub title: &'static str,
    /// What the paper says.
    pub statement: &'static str,
    /// The paper's own numbers, as text.
    pub paper_figure: &'static str,
    /// Where in the paper or its code these stand.
    pub reference: &'static str,
    /// On two cores.
    pub cpu: Availability,
    /// On one accelerator.
    pub gpu: Availability,
    /// At the paper's size.
    pub full: Availability,
    /// What must be true for the claim to hold.
    pub criteria: &'static [Criterion],
    /// How to measure; `None` while there is no code for it.
    pub measure: Option<Measure>,
}

impl Claim {
    /// Whether the claim can be checked at `scale`, in the table's view.
    pub const fn availability(&self, scale: Scale) -> Availability {
        match scale {
            Scale::Cpu => self.cpu,
            Scale::Gpu => self.gpu,
            Scale::Full => self.full,
        }
    }

    /// The measurement for `scale`, or why there is none.
    pub fn measure_at(&self, scale: Scale) -> Result<Measure, String> {
        match (self.availability(scale), self.measure) {
            (Availability::Runnable { .. }, Some(measure)) => Ok(measure),
            (Availability::Runnable { .. }, None) => {
                Err("this version has no measurement for it".into())
            }
            (Availability::Needs(what), _) => Err(format!("needs {what}")),
            (Availability::NotPlanned, _) => {
                Err(format!("has no check of its own at scale {scale}"))
            }
        }
    }

    /// The criterion of that name.
    pub fn criterion(&self, name: &str) -> Option<&'static Criterion> {
        self.criteria.iter().find(|criterion| criterion.name == name)
    }
}
