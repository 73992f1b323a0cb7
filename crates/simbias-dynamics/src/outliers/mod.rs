//! Opposing signals: small groups of examples whose losses swing against each other while a network is trained.
//!
//! Source: Rosenfeld & Risteski, *Outliers with opposing signals have an outsized effect on neural network optimization*,
//! ICLR 2024 (arXiv 2311.04163). Two groups share a large feature of their inputs and need opposite outputs for it. Once
//! the network balances them in a narrow valley, every step raises the loss of one group and lowers that of the other.
//!
//! The groups are found from losses alone: `losses[t, i]` is the loss of example `i` at recorded step `t`. The paper gives
//! no formal definition; that of a [`Pair`] is ours, and so are the [`Regime`] and the [`Driver`].

mod candidates;
mod changes;
mod judge;
mod null;
mod pairs;

pub use judge::purity;
use serde::{Deserialize, Serialize};
use simbias_data::RowSource;
use simbias_report::{Caveat, Progress};
use simbias_stats::Seed;

use crate::DynamicsError;
use crate::error::same_length;

/// Fewer recorded steps say nothing about a common course.
const LEAST_STEPS: usize = 10;

/// How to look for opposing groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutlierOptions {
    /// Examples listed as rising and falling in the step of the largest changes, `K`.
    pub n_listed: usize,
    /// Share of the examples that are called the top, `q`, in `(0, 1]`.
    pub top_share: f64,
    /// Pairs of groups that are looked for.
    pub n_pairs: usize,
    /// Surrogates behind the test of every pair; 0 leaves out the test, and then no pair is accepted.
    pub n_surrogates: usize,
    /// A pair counts if fewer than this share of the surrogates is as coherent.
    pub significance: f64,
}

impl Default for OutlierOptions {
    fn default() -> Self {
        Self { n_listed: 20, top_share: 0.05, n_pairs: 3, n_surrogates: 200, significance: 0.01 }
    }
}

/// What is known of one example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Motion {
    /// Mean size of the change of its loss from one recorded step to the next.
    pub score: f64,
    /// Correlation of a change with the next one; -1 for a loss that swings from step to step, 0 for one that never
    /// changes its pace.
    pub lag_one: f64,
    /// Mean loss over all recorded steps.
    pub mean_loss: f64,
    /// Loss at the last recorded step.
    pub final_loss: f64,
}

/// Two groups of examples along one direction of common motion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Examples on one side, ascending.
    pub first: Vec<u32>,
    /// Examples on the other side, ascending.
    pub second: Vec<u32>,
    /// Share of the candidates' standardised motion along the direction.
    pub coherence: f64,
    /// Correlation of the mean changes of the two groups; 0 if a group is empty or its mean never changes.
    pub opposition: f64,
    /// Share of surrogates that are at least as coherent, the pair itself counted among them; `None` without a test.
    pub p_value: Option<f64>,
    /// Share of all motion that the two groups carry.
    pub strength: f64,
    /// Mean loss of the first group at every recorded step.
    pub first_losses: Vec<f64>,
    /// Mean loss of the second group at every recorded step.
    pub second_losses: Vec<f64>,
    /// Whether the pair opposes, is large enough, is more than chance, and the losses oscillate at all.
    pub is_accepted: bool,
}

impl Pair {
    /// How many times more motion the groups carry than as many examples of the average.
    pub fn outlierness(&self, n_examples: usize) -> f64 {
        let n = (self.first.len() + self.second.len()).max(1);
        self.strength * n_examples as f64 / n as f64
    }
}

/// What the losses do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// The mean loss hardly ever rises and the largest changes go on in one direction: nothing oscillates, and opposing
    /// groups cannot be inferred.
    Quiet,
    /// The largest changes turn round at every step, in common: the learning rate is at the edge of what is stable.
    EdgeOfStability,
    /// The mean loss jumps up at some step.
    Spike,
    /// Neither.
    Noisy,
}

/// What the motion is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// A few examples carry at least half of the motion.
    Outliers,
    /// The motion is spread over the examples, and the groups are classes.
    Classes,
    /// Neither.
    Mixed,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlierOutcome {
    /// Number of recorded steps with losses.
    pub n_steps: usize,
    /// How it was looked for.
    pub options: OutlierOptions,
    /// What is known of every example.
    pub motions: Vec<Motion>,
    /// Mean loss at every recorded step.
    pub mean_losses: Vec<f64>,
    /// Share of all motion that the top examples carry.
    pub top_motion: f64,
    /// Gini coefficient of the scores: 0 if all examples move alike, 1 if one moves alone.
    pub gini: f64,
    /// Share of the steps in which the mean loss rises by more than the rounding of single precision.
    pub rising_steps: f64,
    /// Median correlation of a change with the next one among the top examples.
    pub top_lag_one: f64,
    /// Step of the largest changes: from this recorded step to the next, counted from 0.
    pub peak_step: usize,
    /// Examples that rise most in that step, the largest change first.
    pub rising: Vec<u32>,
    /// Examples that fall most in that step, the largest change first.
    pub falling: Vec<u32>,
    /// The examples of largest motion, among which pairs were looked for.
    pub candidates: Vec<u32>,
    /// Pairs, the most coherent first.
    pub pairs: Vec<Pair>,
    /// What the losses do.
    pub regime: Regime,
    /// What the motion is made of; `None` without an accepted pair.
    pub driver: Option<Driver>,
    /// What to keep in mind.
    pub caveats: Vec<Caveat>,
}

impl OutlierOutcome {
    /// Number of examples.
    pub fn n_examples(&self) -> usize {
        self.motions.len()
    }

    /// Number of top examples.
    pub fn n_top(&self) -> usize {
        n_top(self.options.top_share, self.n_examples())
    }
}

fn n_top(share: f64, n_examples: usize) -> usize {
    ((share * n_examples as f64).ceil() as usize).clamp(1, n_examples)
}

/// Finds the groups of examples whose losses swing against each other, from `losses` of shape `[steps, examples]`.
///
/// NaN means that an example was not evaluated at that step: its loss counts as unchanged until it is evaluated again.
/// Steps without any loss are left out. `labels` say what the groups are; they change nothing else.
///
/// Losses are read twice, some steps at a time; only the series of the candidates are held in memory.
///
/// # Errors
/// Fewer than ten steps, fewer examples than are listed, losses that are infinite or never change, more than half of
/// them missing, labels of another number, invalid settings, and what files say.
pub fn find_outliers(
    losses: &dyn RowSource,
    labels: Option<&[u32]>,
    options: &OutlierOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<OutlierOutcome, DynamicsError> {
    check(losses, labels, options)?;
    progress.advance(0, 3, "reading the losses");
    let read = changes::read(losses, options.n_listed, progress)?;
    let n_examples = read.motions.len();
    let mut order: Vec<u32> = (0..n_examples as u32).collect();
    let score = |row: u32| read.motions[row as usize].score;
    order.sort_by(|&one, &other| score(other).total_cmp(&score(one)));
    let total: f64 = read.motions.iter().map(|motion| motion.score).sum();
    if total == 0.0 {
        return Err(DynamicsError::Unusable {
            problem: "no loss changes from any step to the next; give the losses of different steps of a training"
                .into(),
        });
    }
    let n_top = n_top(options.top_share, n_examples);
    let top = &order[..n_top];
    let n_candidates = (2 * options.n_listed).max(n_top).min(n_examples);
    let candidates = order[..n_candidates].to_vec();
    progress.advance(1, 3, "reading the largest movers again");
    let series = candidates::Series::read(losses, &read, &candidates, progress)?;
    progress.advance(2, 3, "pairing them");
    let mut pairs = pairs::find(&series, options.n_pairs, total, seed, progress)?;
    let test = null::Test { n_surrogates: options.n_surrogates, seed };
    test.run(&series, &mut pairs, progress)?;
    let mut outcome = OutlierOutcome {
        n_steps: read.mean_losses.len(),
        options: *options,
        top_motion: top.iter().map(|&row| score(row)).sum::<f64>() / total,
        gini: gini(&order, score, total),
        rising_steps: rising_share(&read.mean_losses),
        top_lag_one: judge::median(top.iter().map(|&row| read.motions[row as usize].lag_one)),
        motions: read.motions,
        mean_losses: read.mean_losses,
        peak_step: read.peak_step,
        rising: read.rising,
        falling: read.falling,
        candidates,
        pairs,
        regime: Regime::Noisy,
        driver: None,
        caveats: Vec::new(),
    };
    judge::judge(&mut outcome, labels);
    outcome.caveats = judge::caveats(&outcome, read.n_missing, read.n_empty_steps);
    Ok(outcome)
}

fn check(
    losses: &dyn RowSource,
    labels: Option<&[u32]>,
    options: &OutlierOptions,
) -> Result<(), DynamicsError> {
    let (n_steps, n_examples) = (losses.n_rows(), losses.n_columns());
    if n_steps < LEAST_STEPS {
        return Err(DynamicsError::TooFew {
            what: "recorded steps",
            found: n_steps,
            needed: LEAST_STEPS,
            hint: "; losses have shape [steps, examples]",
        });
    }
    if options.n_listed == 0 {
        return Err(DynamicsError::Setting {
            name: "the number of listed examples",
            found: "0".into(),
            expected: "1 or more",
        });
    }
    if n_examples < 2 * options.n_listed {
        return Err(DynamicsError::TooFew {
            what: "examples",
            found: n_examples,
            needed: 2 * options.n_listed,
            hint: ", twice as many as are listed; list fewer, or look whether steps and examples are exchanged",
        });
    }
    if !(options.top_share > 0.0 && options.top_share <= 1.0) {
        return Err(DynamicsError::Setting {
            name: "the share of top examples",
            found: options.top_share.to_string(),
            expected: "a share above 0, at most 1",
        });
    }
    if let Some(labels) = labels {
        same_length(("losses of a step", n_examples), ("labels", labels.len()))?;
    }
    Ok(())
}

/// Gini coefficient of the scores, given in descending `order`.
fn gini(order: &[u32], score: impl Fn(u32) -> f64, total: f64) -> f64 {
    let n = order.len() as f64;
    let ranked = order.iter().rev().zip(1..).map(|(&row, rank)| f64::from(rank) * score(row));
    2.0 * ranked.sum::<f64>() / (n * total) - (n + 1.0) / n
}

/// A smaller change of a loss, in relation to the loss, is the rounding of single precision.
const ROUNDING: f64 = 1e-7;

fn rising_share(mean_losses: &[f64]) -> f64 {
    let rises = |pair: &&[f64]| pair[1] - pair[0] > ROUNDING * pair[0].abs();
    let n_rising = mean_losses.windows(2).filter(rises).count();
    n_rising as f64 / (mean_losses.len() - 1) as f64
}
