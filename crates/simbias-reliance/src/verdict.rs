//! One word per block. The thresholds are options, and the numbers always stand beside the word.

use serde::{Deserialize, Serialize};
use simbias_report::Estimate;
use simbias_stats::normal_quantile;

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
    /// The model does not need it, although it predicts the target by itself, less well than everything together.
    Backup,
    /// The rows show neither that the model needs it nor that it does not.
    NotSettled,
    /// Not needed, and not known to predict.
    Unused,
}

impl BlockVerdict {
    /// All words, from the strongest reliance to none.
    pub const ALL: [Self; 8] = [
        Self::Exclusive,
        Self::Dominant,
        Self::Shared,
        Self::Redundant,
        Self::IgnoredButPredictive,
        Self::Backup,
        Self::NotSettled,
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
            Self::Backup => "backup",
            Self::NotSettled => "not-settled",
            Self::Unused => "unused",
        }
    }

    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::IgnoredButPredictive => "ignored but predictive",
            Self::NotSettled => "not settled",
            other => other.name(),
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
            Self::Backup => {
                "not needed as long as the other blocks are intact, although it predicts the target by itself, less \
                 well than the whole input"
            }
            Self::NotSettled => {
                "these rows show neither that the model needs it nor that it does not; more rows would"
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
    /// Necessity from which a block counts as used whatever else holds.
    pub used: f64,
    /// Least sufficiency of a redundant block.
    pub redundant_sufficiency: f64,
    /// Necessity from which a block counts as used where nothing else fits.
    pub ignored: f64,
    /// Largest upper end of the necessity's interval of a block that counts as not needed.
    pub not_needed: f64,
    /// Share of the model's skill that a block must reach alone to count as nearly as good.
    pub predictive_share: f64,
}

impl Default for VerdictThresholds {
    fn default() -> Self {
        Self {
            exclusive: 0.95,
            exclusive_complement_shift: 0.15,
            dominant: 0.5,
            used: 0.05,
            redundant_sufficiency: 0.5,
            ignored: 0.02,
            not_needed: 0.2,
            predictive_share: 0.9,
        }
    }
}

/// Sets the word of every block. All words are withheld while the model has no signal, and where donors come from
/// one class or from another one: necessity and sufficiency are then not shares of skill
/// ([`DonorMode::shows_what_is_needed`]). Within strata the words that rest on sufficiency are left out.
///
/// A word that says that a block is needed, sufficient or predictive rests on an interval off zero or off chance. Where
/// there are several blocks that interval is widened (Bonferroni), so that of all blocks without any meaning about one
/// measurement in forty gets such a word for one of them.
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
    let judge = Judge::new(outcome, thresholds);
    let leader = judge.leader(&outcome.blocks);
    for (index, block) in outcome.blocks.iter_mut().enumerate() {
        block.verdict = Some(judge.word(block, leader == Some(index)));
        if let Some(simplicity) = &mut block.simplicity {
            simplicity.solo_learner = judge.learner(simplicity);
        }
    }
}

/// Whether `estimate` lies above `reference` by more than chance explains, when `n_tests` estimates of this kind are looked
/// at: its one-sided interval at `(1 - level) / 2 / n_tests`.
pub fn is_shown_above(estimate: &Estimate, reference: f64, n_tests: usize) -> bool {
    if !estimate.has_interval() || !(0.0..1.0).contains(&estimate.level) {
        return false;
    }
    let tail = (1.0 - estimate.level) / 2.0;
    let quantile = |tail: f64| normal_quantile(1.0 - tail).unwrap_or(f64::INFINITY);
    let widening = quantile(tail / n_tests.max(1) as f64) / quantile(tail);
    estimate.value - widening * (estimate.value - estimate.low) > reference
}

/// What the words of one measurement have in common.
struct Judge<'a> {
    thresholds: &'a VerdictThresholds,
    /// The model's metric on unchanged rows.
    standard: f64,
    chance: f64,
    /// Whether sufficiency is a share of skill.
    by_sufficiency: bool,
    n_blocks: usize,
    /// Blocks that were learned alone.
    n_alone: usize,
}

impl<'a> Judge<'a> {
    fn new(outcome: &RelianceOutcome, thresholds: &'a VerdictThresholds) -> Self {
        let n_alone = outcome.blocks.iter().filter(|block| block.simplicity.is_some()).count();
        Self {
            thresholds,
            standard: outcome.standard.metric.value,
            chance: outcome.chance,
            by_sufficiency: outcome.mode.shows_what_carries_alone(),
            n_blocks: outcome.blocks.len(),
            n_alone,
        }
    }

    fn is_needed(&self, block: &BlockOutcome) -> bool {
        let necessity = block.necessity.as_ref();
        necessity.is_some_and(|necessity| is_shown_above(necessity, 0.0, self.n_blocks))
    }

    /// The block that the model leans on most: half of the skill is lost without it, and no other block comes as near.
    fn leader(&self, blocks: &[BlockOutcome]) -> Option<usize> {
        let mut candidates: Vec<usize> = (0..blocks.len())
            .filter(|&index| {
                necessity(&blocks[index]) >= self.thresholds.dominant
                    && self.is_needed(&blocks[index])
            })
            .collect();
        candidates.sort_by(|&a, &b| necessity(&blocks[b]).total_cmp(&necessity(&blocks[a])));
        match *candidates.as_slice() {
            [] => None,
            [only] => Some(only),
            [first, second, ..] => {
                let low = blocks[first].necessity.as_ref().map_or(f64::NAN, |found| found.low);
                (low > necessity(&blocks[second])).then_some(first)
            }
        }
    }

    /// The metric of which a block alone counts as nearly as good as the model.
    fn nearly(&self) -> f64 {
        self.chance + self.thresholds.predictive_share * (self.standard - self.chance)
    }

    /// Whether `metric`, reached with a block alone, lies above chance.
    fn predicts(&self, metric: &Estimate) -> bool {
        is_shown_above(metric, self.chance, self.n_alone)
    }

    /// Who predicts nearly as well as the model with the block alone.
    fn learner(&self, simplicity: &Simplicity) -> Option<SoloLearner> {
        let is_near = |metric: &Estimate| metric.value >= self.nearly() && self.predicts(metric);
        // The rung that validation rows chose is what the block reaches alone.
        if !simplicity.solo_metric.as_ref().is_some_and(is_near) {
            return None;
        }
        let own = simplicity.solo_training.as_ref().filter(|training| training.own_architecture);
        if own.is_some_and(|training| is_near(&training.metric)) {
            return Some(SoloLearner::OwnArchitecture);
        }
        Some(match own {
            Some(_) => SoloLearner::ProbeOnly,
            None => SoloLearner::ProbeOwnUntried,
        })
    }

    fn word(&self, block: &BlockOutcome, is_leader: bool) -> BlockVerdict {
        let thresholds = self.thresholds;
        let r = necessity(block);
        let is_needed = self.is_needed(block);
        let sufficiency = block.sufficiency.as_ref().filter(|_| self.by_sufficiency);
        let carries = sufficiency
            .filter(|sufficiency| is_shown_above(sufficiency, 0.0, self.n_blocks))
            .map(|sufficiency| sufficiency.value);
        let complement_shift = block.complement.as_ref().map(|condition| condition.shift.value);
        let is_exclusive = is_needed
            && r >= thresholds.exclusive
            && carries.is_some_and(|u| u >= thresholds.exclusive)
            && complement_shift.is_some_and(|shift| shift <= thresholds.exclusive_complement_shift);
        let upper = block.necessity.as_ref().map_or(f64::INFINITY, |necessity| necessity.high);
        let is_not_needed = r < thresholds.used && upper <= thresholds.not_needed;
        let simplicity = block.simplicity.as_ref();
        let solo = simplicity
            .and_then(|simplicity| simplicity.solo_metric.as_ref())
            .filter(|metric| self.predicts(metric));
        if is_exclusive {
            BlockVerdict::Exclusive
        } else if is_leader {
            BlockVerdict::Dominant
        } else if is_needed && r >= thresholds.used {
            BlockVerdict::Shared
        } else if is_not_needed && carries.is_some_and(|u| u >= thresholds.redundant_sufficiency) {
            BlockVerdict::Redundant
        } else if is_needed && r >= thresholds.ignored {
            BlockVerdict::Shared
        } else if !is_not_needed {
            BlockVerdict::NotSettled
        } else if simplicity.and_then(|simplicity| self.learner(simplicity)).is_some() {
            BlockVerdict::IgnoredButPredictive
        } else if solo.is_some() || carries.is_some() {
            BlockVerdict::Backup
        } else {
            BlockVerdict::Unused
        }
    }
}

fn necessity(block: &BlockOutcome) -> f64 {
    block.necessity.as_ref().map_or(0.0, |estimate| estimate.value)
}
