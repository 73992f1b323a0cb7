//! What a table's cell or a card may show.

use serde::{Deserialize, Serialize};

use crate::{Estimate, Verdict, format, real};

/// The mood of a tag; renderers choose colours that also differ in lightness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// No judgement.
    #[default]
    Neutral,
    /// Draws the eye without judging.
    Accent,
    /// Good news.
    Good,
    /// Look closer.
    Caution,
    /// Bad news.
    Bad,
}

/// One value as data; how it looks is the renderer's business.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Nothing to show.
    #[default]
    Empty,
    /// Words.
    Text(String),
    /// How many.
    Count(u64),
    /// A number without a stated interval.
    Number {
        /// The value in full precision.
        #[serde(with = "real")]
        value: f64,
        /// Decimals to show.
        digits: usize,
    },
    /// A fraction of one, shown in percent.
    Percent(#[serde(with = "real")] f64),
    /// A number with its uncertainty.
    Estimate(Estimate),
    /// A judged statement.
    Verdict(Verdict),
    /// A short coloured word.
    Tag {
        /// The word.
        text: String,
        /// Its mood.
        tone: Tone,
    },
}

impl Cell {
    /// A number shown with `digits` decimals.
    pub const fn number(value: f64, digits: usize) -> Self {
        Self::Number { value, digits }
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A short coloured word.
    pub fn tag(text: impl Into<String>, tone: Tone) -> Self {
        Self::Tag { text: text.into(), tone }
    }

    /// What people read.
    pub fn display(&self) -> String {
        match self {
            Self::Empty => format::ABSENT.into(),
            Self::Text(text) | Self::Tag { text, .. } => text.clone(),
            Self::Count(count) => format::count(*count),
            Self::Number { value, digits } => format::number(*value, *digits),
            Self::Percent(fraction) => format::percent(*fraction),
            Self::Estimate(estimate) => format::estimate(estimate),
            Self::Verdict(verdict) => verdict.word().into(),
        }
    }

    /// The number behind the cell, by which a column may be sorted.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number { value, .. } | Self::Percent(value) => Some(*value),
            Self::Estimate(estimate) => Some(estimate.value),
            Self::Empty | Self::Text(_) | Self::Verdict(_) | Self::Tag { .. } => None,
        }
    }

    /// What programs read: full precision, no separators, nothing for [`Cell::Empty`].
    pub(crate) fn raw(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Tag { text, .. } => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number { value, .. } | Self::Percent(value) => format::shortest(*value),
            Self::Estimate(estimate) => format::shortest(estimate.value),
            Self::Verdict(verdict) => verdict.word().into(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<Estimate> for Cell {
    fn from(estimate: Estimate) -> Self {
        Self::Estimate(estimate)
    }
}

impl From<Verdict> for Cell {
    fn from(verdict: Verdict) -> Self {
        Self::Verdict(verdict)
    }
}

/// Three decimals; say otherwise with [`Cell::number`].
impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::number(value, 3)
    }
}
