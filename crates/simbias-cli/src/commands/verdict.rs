//! Verdicts as words of a command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use simbias_reliance::BlockVerdict;
use simbias_report::Verdict;

/// What a block is to the model, or that the model cannot be told from chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelianceWord {
    /// A block has this verdict.
    Block(BlockVerdict),
    /// The model cannot be told from chance.
    NoSignal,
}

impl RelianceWord {
    const ALL: [Self; BlockVerdict::ALL.len() + 1] = {
        let mut all = [Self::NoSignal; BlockVerdict::ALL.len() + 1];
        let mut index = 0;
        while index < BlockVerdict::ALL.len() {
            all[index] = Self::Block(BlockVerdict::ALL[index]);
            index += 1;
        }
        all
    };

    /// The word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Block(verdict) => verdict.name(),
            Self::NoSignal => "no-signal",
        }
    }
}

impl ValueEnum for RelianceWord {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let value = PossibleValue::new(self.name());
        Some(match self {
            Self::Block(_) => value,
            Self::NoSignal => value.help("The model cannot be told from chance"),
        })
    }
}

/// A verdict about a claim that may count as bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimWord(pub(crate) Verdict);

impl ValueEnum for ClaimWord {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Verdict::Inconclusive), Self(Verdict::DoesNotHold), Self(Verdict::NotRun)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}
