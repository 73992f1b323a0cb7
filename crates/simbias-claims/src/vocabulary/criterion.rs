//! What a measured number must be, written down before it is measured.

use std::fmt;

use crate::Scale;

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
    /// The only scale that it applies to, where scales use different data; `None` for every scale.
    pub only_at: Option<Scale>,
}

impl Criterion {
    /// Whether a run at `scale` is judged by it.
    pub fn is_for(&self, scale: Scale) -> bool {
        self.only_at.is_none_or(|only| only == scale)
    }
}
