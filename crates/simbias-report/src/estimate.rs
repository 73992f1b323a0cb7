//! A number with its uncertainty.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{format, real};

/// A value, the interval around it, and what was varied to obtain the interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    #[serde(with = "real")]
    pub value: f64,
    /// Lower end of the interval.
    #[serde(with = "real")]
    pub low: f64,
    /// Upper end of the interval.
    #[serde(with = "real")]
    pub high: f64,
    /// Nominal coverage of the interval, in `(0, 1)`; `0.95` unless told otherwise.
    #[serde(with = "real")]
    pub level: f64,
    /// How many independent values stand behind the interval; 0 when unstated.
    pub n: u64,
    /// What varied between them: "seeds", "permutations", "test rows"; empty when unstated.
    pub varied: String,
}

impl Estimate {
    /// A value inside its 95% interval; say what varied with [`Self::n`] and [`Self::varied`].
    pub fn new(value: f64, low: f64, high: f64) -> Self {
        Self { value, low, high, level: 0.95, n: 0, varied: String::new() }
    }

    /// A single measurement without a known interval: both ends are NaN and shown as absent.
    pub fn without_interval(value: f64) -> Self {
        Self::new(value, f64::NAN, f64::NAN)
    }

    /// Sets the nominal coverage.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Sets the number of independent values.
    #[must_use]
    pub fn n(mut self, n: u64) -> Self {
        self.n = n;
        self
    }

    /// Says what varied.
    #[must_use]
    pub fn varied(mut self, varied: impl Into<String>) -> Self {
        self.varied = varied.into();
        self
    }

    /// Whether both ends of the interval are known (infinite ends count as known).
    pub fn has_interval(&self) -> bool {
        !self.low.is_nan() && !self.high.is_nan()
    }

    /// The small print: "95% interval, 30 permutations"; empty when nothing is stated.
    pub fn basis(&self) -> String {
        let mut parts = Vec::new();
        if self.has_interval() {
            parts.push(format!("{}% interval", format::shortest(self.level * 100.0)));
        }
        match (self.n, self.varied.as_str()) {
            (0, "") => {}
            (0, varied) => parts.push(format!("over {varied}")),
            (n, "") => parts.push(format!("n = {}", format::count(n))),
            (n, varied) => parts.push(format!("{} {varied}", format::count(n))),
        }
        parts.join(", ")
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format::estimate(self))
    }
}
