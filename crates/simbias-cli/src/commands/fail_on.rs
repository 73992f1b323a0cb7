//! Which verdicts end a command with exit code 1.

use simbias_reliance::{BlockVerdict, DonorMode, RelianceOutcome};

use super::verdict::RelianceWord;
use crate::shell::{Failure, Finished, say};

/// Verdicts that count as bad.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Figures and verdicts")]
pub(crate) struct FailOn {
    /// Exit with code 1 if a block (or the model) has this verdict, with code 3 if verdicts could not be given; repeat,
    /// or separate by commas
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

    /// How a command ends that found these outcomes: badly if one has a verdict that the user named, incompletely if one
    /// has no verdicts to compare. A gate that cannot judge must not let everything pass.
    pub(crate) fn ending<'o>(
        &self,
        outcomes: impl IntoIterator<Item = &'o RelianceOutcome>,
    ) -> Finished {
        let names_blocks = self.fail_on.iter().any(|word| matches!(word, RelianceWord::Block(_)));
        let mut is_judged = true;
        for outcome in outcomes {
            if self.is_bad(outcome) {
                return Finished::BadVerdict;
            }
            is_judged &= outcome.blocks.iter().all(|block| block.verdict.is_some());
        }
        if is_judged || !names_blocks {
            return Finished::Done;
        }
        // Even under --quiet: an exit code that needs a reason.
        say(
            "--fail-on could not judge: the model cannot be told from chance on these rows, so its blocks have no \
             verdicts. The exit code is 3; with --fail-on no-signal it is 1",
        );
        Finished::Incomplete
    }

    /// Whether the user named a verdict of `outcome` as bad.
    fn is_bad(&self, outcome: &RelianceOutcome) -> bool {
        let is_named = |word| self.fail_on.contains(&word);
        let verdicts = outcome.blocks.iter().filter_map(|block| block.verdict);
        verdicts.map(RelianceWord::Block).any(is_named)
            || (!outcome.has_signal() && is_named(RelianceWord::NoSignal))
    }
}
