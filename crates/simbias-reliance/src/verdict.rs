//! One word per block. The thresholds are options, and the numbers always stand beside the word.

use serde::{Deserialize, Serialize};

use crate::outcome::{BlockOutcome, RelianceOutcome, Simplicity, SoloLearner};

/// The role of a block for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockVerdict {
    /// The model uses this block and nothing else.
    Exclusive,
    /// The model leans on this block most; the share left to others is not negligible or not steady.
    Dominant,
    /// The model needs this block along with others.
    Shared,
    /// The model does well without it, and would do well with it alone: another block carries the same.
    Redundant,
    /// The model does not need it although it predicts nearly as well as everything together; [`SoloLearner`] says who
    /// learns it alone.
    IgnoredButPredictive,
    /// Not used, and not known to predict.
    Unused,
}

impl BlockVerdict {
    /// All words, from the strongest reliance to none.
    pub const ALL: [Self; 6] = [
        Self::Exclusive,
        Self::Dominant,
        Self::Shared,
        Self::Redundant,
        Self::IgnoredButPredictive,
        Self::Unused,
    ];

    /// The name used in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Dominant => "dominant",
            Self::Shared => "shared",
            Self::Redundant => "redundant",
            Self::IgnoredButPredictive => "ignored-but-predictive",
            Self::Unused => "unused",
        }
    }

    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Dominant => "dominant",
            Self::Shared => "shared",
            Self::Redundant => "redundant",
            Self::IgnoredButPredictive => "ignored but predictive",
            Self::Unused => "unused",
        }
    }

    /// What the word means, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Exclusive => "the model uses this block and nothing else",
            Self::Dominant => "the model leans on this block most, but not on it alone",
            Self::Shared => "the model needs this block along with others",
            Self::Redundant => {
                "not needed, although it would be enough alone: another block carries the same"
            }
            Self::IgnoredButPredictive => {
                "not needed, although something trained on it alone predicts nearly as well as the model does \
                 from the whole input"
            }
            Self::Unused => {
                "not needed as long as the other blocks are intact, and not shown to predict the target alone"
            }
        }
    }
}

/// The thresholds between the words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VerdictThresholds {
    /// Least necessity and sufficiency of an exclusive block.
    pub exclusive: f64,
    /// Largest shift of the scores when everything but an exclusive block is randomized.
    pub exclusive_complement_shift: f64,
    /// Least necessity of a dominant block.
    pub dominant: f64,
    /// Necessity from which a block counts as used.
    pub used: f64,
    /// Least sufficiency of a redundant block.
    pub redundant_sufficiency: f64,
    /// Largest necessity of an ignored block.
    pub ignored: f64,
    /// How far below the standard metric a block's solo metric may be and still count as predictive.
    pub predictive_gap: f64,
}

impl Default for VerdictThresholds {
    /// Spec 3.6.
    fn default() -> Self {
        Self {
            exclusive: 0.95,
            exclusive_complement_shift: 0.15,
            dominant: 0.5,
            used: 0.05,
            redundant_sufficiency: 0.5,
            ignored: 0.02,
            predictive_gap: 0.05,
        }
    }
}

/// Sets the word of every block. All words are withheld while the model has no signal, and where donors come from
/// one class or from another one: necessity and sufficiency are then not shares of skill
/// ([`DonorMode::shows_what_is_needed`]). Within strata the words that rest on sufficiency are left out.
///
/// [`DonorMode::shows_what_is_needed`]: crate::DonorMode::shows_what_is_needed
pub fn assign_verdicts(outcome: &mut RelianceOutcome, thresholds: &VerdictThresholds) {
    if !outcome.has_signal() || !outcome.mode.shows_what_is_needed() {
        for block in &mut outcome.blocks {
            block.verdict = None;
            if let Some(simplicity) = &mut block.simplicity {
                simplicity.solo_learner = None;
            }
        }
        return;
    }
    let alpha = 1.0 - outcome.level;
    let standard = outcome.standard.metric.value;
    let by_sufficiency = outcome.mode.shows_what_carries_alone();
    for block in &mut outcome.blocks {
        block.verdict = Some(word(block, standard, alpha, by_sufficiency, thresholds));
        if let Some(simplicity) = &mut block.simplicity {
            simplicity.solo_learner = learner(simplicity, standard - thresholds.predictive_gap);
        }
    }
}

/// Who reaches `enough` with the block alone.
fn learner(simplicity: &Simplicity, enough: f64) -> Option<SoloLearner> {
    let own = simplicity.solo_training.as_ref().filter(|training| training.own_architecture);
    if own.is_some_and(|training| training.metric.value >= enough) {
        return Some(SoloLearner::OwnArchitecture);
    }
    let probe = simplicity.solo_metric.as_ref().is_some_and(|metric| metric.value >= enough);
    probe.then_some(match own {
        Some(_) => SoloLearner::ProbeOnly,
        None => SoloLearner::ProbeOwnUntried,
    })
}

fn word(
    block: &BlockOutcome,
    standard: f64,
    alpha: f64,
    by_sufficiency: bool,
    thresholds: &VerdictThresholds,
) -> BlockVerdict {
    let r = block.necessity.as_ref().map_or(0.0, |estimate| estimate.value);
    let u = block.sufficiency.as_ref().filter(|_| by_sufficiency).map(|estimate| estimate.value);
    let complement_shift = block.complement.as_ref().map(|condition| condition.shift.value);
    let solo = block
        .simplicity
        .as_ref()
        .and_then(|simplicity| simplicity.solo_metric.as_ref())
        .map(|estimate| estimate.value);
    let is_exclusive = r >= thresholds.exclusive
        && u.is_some_and(|u| u >= thresholds.exclusive)
        && complement_shift.is_some_and(|shift| shift <= thresholds.exclusive_complement_shift);
    if is_exclusive {
        BlockVerdict::Exclusive
    } else if r >= thresholds.dominant {
        BlockVerdict::Dominant
    } else if r >= thresholds.used {
        BlockVerdict::Shared
    } else if u.is_some_and(|u| u >= thresholds.redundant_sufficiency) {
        BlockVerdict::Redundant
    } else if r < thresholds.ignored
        && block.p_value_equivalence < alpha
        && solo.is_some_and(|solo| solo >= standard - thresholds.predictive_gap)
    {
        BlockVerdict::IgnoredButPredictive
    } else if r >= thresholds.ignored {
        BlockVerdict::Shared
    } else {
        BlockVerdict::Unused
    }
}
