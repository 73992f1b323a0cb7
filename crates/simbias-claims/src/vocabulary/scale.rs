//! How large a check is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ClaimError;

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
