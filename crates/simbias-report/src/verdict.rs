//! The four words in which a statement is judged.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a measurement says about a statement. There is no bare tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// The whole interval lies where the statement puts it.
    #[serde(rename = "holds")]
    Holds,
    /// The interval reaches both sides: more data or repeats are needed.
    #[serde(rename = "inconclusive")]
    Inconclusive,
    /// The whole interval lies elsewhere.
    #[serde(rename = "does not hold")]
    DoesNotHold,
    /// Nothing was measured.
    #[serde(rename = "not run")]
    NotRun,
}

impl Verdict {
    /// All words, from best to least.
    pub const ALL: [Self; 4] = [Self::Holds, Self::Inconclusive, Self::DoesNotHold, Self::NotRun];

    /// The name used in flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Inconclusive => "inconclusive",
            Self::DoesNotHold => "does-not-hold",
            Self::NotRun => "not-run",
        }
    }

    /// The word shown to people and written to JSON and CSV.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Inconclusive => "inconclusive",
            Self::DoesNotHold => "does not hold",
            Self::NotRun => "not run",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_uses_the_spoken_word() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.name(), verdict.word().replace(' ', "-"));
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{}\"", verdict.word()));
            assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
        }
    }
}
