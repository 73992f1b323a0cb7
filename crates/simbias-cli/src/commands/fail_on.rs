//! Which verdicts end a command with exit code 1.

use simbias_reliance::{BlockVerdict, DonorMode, RelianceOutcome};

use super::verdict::RelianceWord;
use crate::shell::Failure;

/// Verdicts that count as bad.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Figures and verdicts")]
pub(crate) struct FailOn {
    /// Exit with code 1 if a block (or the model) has this verdict; repeat, or separate by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "VERDICT")]
    fail_on: Vec<RelianceWord>,
}

/// The parts of a measurement that verdicts depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// How donors are drawn.
    pub(crate) mode: DonorMode,
    /// Whether complements are randomized too.
    pub(crate) complement: bool,
    /// Whether something is trained on blocks alone.
    pub(crate) alone: bool,
}

impl FailOn {
    /// Refuses verdicts that this measurement can never give: with them, every model would pass.
    pub(crate) fn check(&self, measured: Measured) -> Result<(), Failure> {
        let mode = measured.mode;
        for &word in &self.fail_on {
            let RelianceWord::Block(verdict) = word else { continue };
            let by_sufficiency =
                matches!(verdict, BlockVerdict::Exclusive | BlockVerdict::Redundant);
            let is_ignored = verdict == BlockVerdict::IgnoredButPredictive;
            let refused = if is_ignored && !measured.alone {
                Some((
                    "this command trains nothing on blocks alone, so no block gets it".to_string(),
                    "use `simbias audit --model …`, which tries each block alone, or leave it out",
                ))
            } else if !mode.shows_what_is_needed() {
                Some((
                    format!("verdicts are withheld with --mode {}", mode.name()),
                    "use --mode permute, or leave --fail-on out",
                ))
            } else if by_sufficiency && !mode.shows_what_carries_alone() {
                Some((
                    format!("it is not given with --mode {}", mode.name()),
                    "use --mode permute, or leave it out",
                ))
            } else if by_sufficiency && !measured.complement {
                Some(("it needs the complements".into(), "leave --no-complement out"))
            } else {
                None
            };
            if let Some((reason, hint)) = refused {
                return Err(Failure::input(format!(
                    "--fail-on {} could never be met: {reason}",
                    word.name()
                ))
                .hint(hint));
            }
        }
        Ok(())
    }

    /// Whether the user named a verdict of `outcome` as bad.
    pub(crate) fn is_bad(&self, outcome: &RelianceOutcome) -> bool {
        let is_named = |word| self.fail_on.contains(&word);
        let verdicts = outcome.blocks.iter().filter_map(|block| block.verdict);
        verdicts.map(RelianceWord::Block).any(is_named)
            || (!outcome.has_signal() && is_named(RelianceWord::NoSignal))
    }
}
