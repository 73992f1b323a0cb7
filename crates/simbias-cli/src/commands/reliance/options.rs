//! Flags that say how to measure and when to call the outcome bad.

use simbias_reliance::{DonorMode, Metric, RelianceOptions, RelianceOutcome, VerdictThresholds};

use crate::commands::fail_on::{FailOn, Measured};
use crate::shell::{Failure, Finished, at_least_one};

/// How donors are drawn.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Randomization")]
pub(super) struct DonorArgs {
    /// Number of donor maps: 10 for a look, 30 for a report
    #[arg(long, value_name = "N", default_value_t = RelianceOptions::default().repeats, value_parser = donor_maps)]
    repeats: usize,
    /// How donor rows are drawn: permute, independent, swap, within-class or within-stratum
    #[arg(long, value_name = "MODE", default_value_t = Mode(DonorMode::Permute))]
    mode: Mode,
    /// Stratum within which donors are drawn, for --mode within-stratum; the first stratum when not given
    #[arg(long, value_name = "NAME")]
    donor_stratum: Option<String>,
    /// Also randomize everything but the block: how far the block carries alone (the default)
    #[arg(long, overrides_with = "no_complement")]
    complement: bool,
    /// Leave the complements out: half the time, but no sufficiency
    #[arg(long, overrides_with = "complement")]
    no_complement: bool,
}

/// How scores become figures and words.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Figures and verdicts")]
pub(super) struct FigureArgs {
    /// Leading metric: auc, ap, accuracy or r2; auc for classes and r2 for numbers when not given
    #[arg(long, value_name = "METRIC")]
    metric: Option<Metric>,
    /// Coverage of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = RelianceOptions::default().level)]
    ci: f64,
    /// Margin within which a change counts as none, in units of the metric
    #[arg(long, value_name = "MARGIN", default_value_t = RelianceOptions::default().equivalence_margin)]
    equiv: f64,
    /// Score above which a model of one output predicts the second class
    #[arg(long, value_name = "SCORE", default_value_t = 0.0, allow_hyphen_values = true)]
    threshold: f64,
    /// Least necessity and sufficiency of an exclusive block
    #[arg(long, value_name = "SHARE", default_value_t = VerdictThresholds::default().exclusive)]
    exclusive: f64,
    /// Least necessity of a dominant block
    #[arg(long, value_name = "SHARE", default_value_t = VerdictThresholds::default().dominant)]
    dominant: f64,
    /// Least necessity of a block that counts as used
    #[arg(long, value_name = "SHARE", default_value_t = VerdictThresholds::default().used)]
    used: f64,
    #[command(flatten)]
    fail_on: FailOn,
}

/// Largest number of donor maps: more would not change any digit shown.
const MOST_DONOR_MAPS: usize = 10_000;

/// Reads a number of donor maps.
pub(in crate::commands) fn donor_maps(text: &str) -> Result<usize, String> {
    at_least_one(text).and_then(|number| match number {
        ..=MOST_DONOR_MAPS => Ok(number),
        _ => Err(format!("give at most {MOST_DONOR_MAPS}")),
    })
}

/// A donor mode that clap can show and read.
#[derive(Clone, Copy, Debug)]
struct Mode(DonorMode);

impl std::fmt::Display for Mode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.0.name())
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl DonorArgs {
    /// Puts these settings into `options`.
    pub(super) fn set(&self, options: RelianceOptions) -> RelianceOptions {
        RelianceOptions {
            repeats: self.repeats,
            mode: self.mode.0,
            donor_stratum: self.donor_stratum.clone(),
            // The last one typed wins; clap clears the other.
            complement: self.complement || !self.no_complement,
            ..options
        }
    }
}

impl FigureArgs {
    /// Puts these settings into `options`.
    pub(super) fn set(&self, options: RelianceOptions) -> RelianceOptions {
        RelianceOptions {
            metric: self.metric,
            level: self.ci,
            equivalence_margin: self.equiv,
            threshold: self.threshold,
            thresholds: VerdictThresholds {
                exclusive: self.exclusive,
                dominant: self.dominant,
                used: self.used,
                ..VerdictThresholds::default()
            },
            ..options
        }
    }

    /// Refuses verdicts that this measurement can never give.
    pub(super) fn check(&self, mode: DonorMode, complement: bool) -> Result<(), Failure> {
        self.fail_on.check(Measured { mode, complement, alone: false })
    }

    /// How a command ends that found these outcomes.
    pub(super) fn ending<'o>(
        &self,
        outcomes: impl IntoIterator<Item = &'o RelianceOutcome>,
    ) -> Finished {
        self.fail_on.ending(outcomes)
    }
}
