//! Which verdicts end a command with exit code 1.

use simbias_reliance::{BlockVerdict, RelianceOutcome};

/// Verdicts that count as bad.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Figures and verdicts")]
pub(crate) struct FailOn {
    /// Exit with code 1 if a block (or the model) has this verdict; repeat, or separate by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "VERDICT")]
    fail_on: Vec<VerdictWord>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum VerdictWord {
    Exclusive,
    Dominant,
    Shared,
    Redundant,
    IgnoredButPredictive,
    Unused,
    /// The model cannot be told from chance
    NoSignal,
}

impl FailOn {
    /// Whether the person named a verdict of `outcome` as bad.
    pub(crate) fn is_bad(&self, outcome: &RelianceOutcome) -> bool {
        let is_named = |word| self.fail_on.contains(&word);
        let words =
            outcome.blocks.iter().filter_map(|block| block.verdict).map(|verdict| match verdict {
                BlockVerdict::Exclusive => VerdictWord::Exclusive,
                BlockVerdict::Dominant => VerdictWord::Dominant,
                BlockVerdict::Shared => VerdictWord::Shared,
                BlockVerdict::Redundant => VerdictWord::Redundant,
                BlockVerdict::IgnoredButPredictive => VerdictWord::IgnoredButPredictive,
                BlockVerdict::Unused => VerdictWord::Unused,
            });
        words.into_iter().any(is_named)
            || (!outcome.has_signal() && is_named(VerdictWord::NoSignal))
    }
}
