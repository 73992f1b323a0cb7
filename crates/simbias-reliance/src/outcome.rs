//! What a reliance measurement found, as plain data.

use serde::{Deserialize, Serialize};
use simbias_report::{Caveat, Estimate};

use crate::donors::DonorMode;
use crate::metric::Metric;
use crate::pieces::Pieces;
use crate::verdict::BlockVerdict;

/// The answer to "which blocks does this model rely on?".
#[derive(Clone, Debug, PartialEq)]
pub struct RelianceOutcome {
    /// Name of the data.
    pub data_name: String,
    /// Fingerprint of rows and labels.
    pub data_fingerprint: String,
    /// Rows evaluated.
    pub n_rows: usize,
    /// Rows of each class, with class names; empty for numbers.
    pub classes: Vec<(String, usize)>,
    /// The leading metric.
    pub metric: Metric,
    /// Its value without information.
    pub chance: f64,
    /// How donors were drawn.
    pub mode: DonorMode,
    /// Number of donor maps.
    pub repeats: usize,
    /// Root seed.
    pub seed: u64,
    /// Nominal coverage of all intervals.
    pub level: f64,
    /// Margin of the equivalence test, in units of the metric.
    pub equivalence_margin: f64,
    /// The model on unchanged rows.
    pub standard: Standard,
    /// One entry per block, in the order of the block set.
    pub blocks: Vec<BlockOutcome>,
    /// Joint randomization of two blocks; empty unless asked for.
    pub pairs: Vec<PairOutcome>,
    /// Strata in which the metric is not defined.
    pub unmeasured_strata: Vec<UnmeasuredStratum>,
    /// Doubts, most serious first.
    pub caveats: Vec<Caveat>,
}

/// The model on unchanged rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Standard {
    /// The leading metric over test rows.
    pub metric: Estimate,
    /// Whether the interval had to fall back to Wilson's because the metric is at its limit.
    pub degenerate: bool,
    /// Share of correct predictions; `None` for numbers.
    pub accuracy: Option<Estimate>,
    /// Mean cross-entropy in nats; `None` for numbers.
    pub cross_entropy_nats: Option<f64>,
}

impl RelianceOutcome {
    /// Whether the model's metric can be distinguished from chance.
    pub fn has_signal(&self) -> bool {
        self.standard.metric.low > self.chance
    }

    /// How far the model is above chance.
    pub fn skill(&self) -> f64 {
        self.standard.metric.value - self.chance
    }

    /// How `block` alone compares with the whole model; `None` where it is worse, or nothing was learned from it alone.
    pub fn alone(&self, block: &BlockOutcome) -> Option<Alone> {
        let difference = block.simplicity.as_ref()?.solo_difference.as_ref()?;
        if !self.has_signal() || !difference.has_interval() {
            None
        } else if difference.low > 0.0 {
            Some(Alone::Better)
        } else if difference.low >= -Alone::MARGIN * self.skill()
            || (difference.value >= 0.0 && difference.low >= -Alone::FEW_ROWS_MARGIN * self.skill())
        {
            Some(Alone::AsGood)
        } else {
            None
        }
    }

    /// The block called `name`.
    pub fn block(&self, name: &str) -> Option<&BlockOutcome> {
        self.blocks.iter().find(|block| block.name == name)
    }

    /// Blocks that predict nearly as well as the whole input but are not used.
    pub fn ignored(&self) -> impl Iterator<Item = &BlockOutcome> {
        self.blocks.iter().filter(|block| block.verdict == Some(BlockVerdict::IgnoredButPredictive))
    }
}

/// What is learned from one block alone, against the whole model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// The interval of the difference lies above zero.
    Better,
    /// The interval of the difference excludes a loss of more than [`MARGIN`](Self::MARGIN) of the model's skill.
    AsGood,
}

impl Alone {
    /// Share of the model's skill that a block as good as the model may lack.
    pub const MARGIN: f64 = 0.05;
    /// The same for a block that is at least as good on these rows: where both are at the end of the metric, few rows allow no
    /// narrower interval.
    pub const FEW_ROWS_MARGIN: f64 = 0.25;
}

/// One block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockOutcome {
    /// Name of the block.
    pub name: String,
    /// Number of coordinates.
    pub size: usize,
    /// The names of its columns, for tables.
    pub members: Vec<String>,
    /// With the block taken from donors.
    pub randomized: Condition,
    /// With everything but the block taken from the same donors.
    pub complement: Option<Condition>,
    /// Standard minus randomized, paired over rows.
    pub drop: Estimate,
    /// One-sided p-value of "the drop is not above zero", and after Holm over the blocks.
    pub p_value: f64,
    /// Holm-adjusted p-value.
    pub p_value_holm: f64,
    /// p-value of "the drop is at least the equivalence margin in size" (TOST); small means equivalent.
    pub p_value_equivalence: f64,
    /// Share of the model's skill that is lost without the block; `None` without signal.
    pub necessity: Option<Estimate>,
    /// Share of the skill that the block keeps alone; `None` without signal or complement runs.
    pub sufficiency: Option<Estimate>,
    /// Accuracy on cue-conflict rows: the block from another class, label of the complement.
    pub conflict: Option<Conflict>,
    /// Mean absolute correlation between coordinates of the block and the rest.
    pub mean_abs_correlation: f64,
    /// AUC of a classifier that separates real rows from randomized ones; near ½ is good.
    pub off_manifold_auc: Option<f64>,
    /// Measures of how easy the block is; filled by callers that can train.
    pub simplicity: Option<Simplicity>,
    /// Drop and standard metric inside each stratum.
    pub strata: Vec<StratumOutcome>,
    /// The word; `None` while the model has no signal.
    pub verdict: Option<BlockVerdict>,
    /// Short flags: `constant`, `degenerate`, `off-manifold`, `significant`.
    pub flags: Vec<String>,
}

/// One randomized condition, over repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The leading metric; its interval covers test rows and permutations.
    pub metric: Estimate,
    /// Its value in every repeat.
    pub per_repeat: Vec<f64>,
    /// Standard error from the choice of test rows (mean over repeats).
    pub standard_error_rows: f64,
    /// Standard error of the mean from the finite number of permutations.
    pub standard_error_permutations: f64,
    /// Share of correct predictions; `None` for numbers.
    pub accuracy: Option<Estimate>,
    /// Accuracy that a perfect classifier of the other side alone would have.
    pub accuracy_null: Option<f64>,
    /// Mean cross-entropy in nats.
    pub cross_entropy_nats: Option<f64>,
    /// `mean |s' − s| / std(s)`.
    pub shift: Estimate,
    /// Share of changed predictions.
    pub flips: Estimate,
    /// KS distance of positives' scores before and after.
    pub ks_positives: Estimate,
    /// KS distance of all scores before and positives' scores after.
    pub ks_all_positives: Estimate,
}

/// Rows whose block shows another class than the rest of the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Share of rows predicted as the class of the complement (their label).
    pub accuracy: Estimate,
    /// The same for the class where it is lowest.
    pub worst_class_accuracy: f64,
    /// Name of that class.
    pub worst_class: String,
}

/// Two blocks randomized together.
#[derive(Clone, Debug, PartialEq)]
pub struct PairOutcome {
    /// First block.
    pub first: String,
    /// Second block.
    pub second: String,
    /// The leading metric without both.
    pub randomized: Estimate,
    /// Necessity of the two together.
    pub necessity: Option<f64>,
    /// Joint necessity minus the sum of the single ones: positive where either block can stand in for the other.
    pub interaction: Option<f64>,
}

/// One block inside one stratum.
#[derive(Clone, Debug, PartialEq)]
pub struct StratumOutcome {
    /// Name of the stratum column.
    pub column: String,
    /// Its value.
    pub value: String,
    /// Rows with that value.
    pub n_rows: usize,
    /// Standard metric there.
    pub standard: Estimate,
    /// Metric there without the block.
    pub randomized: Estimate,
}

/// A stratum in which the metric is not defined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmeasuredStratum {
    /// Name of the stratum column.
    pub column: String,
    /// Its value.
    pub value: String,
    /// Rows with that value.
    #[serde(rename = "n")]
    pub n_rows: usize,
    /// Why, in few words, such as "one class".
    pub reason: String,
}

/// How easy a block is to learn, by four measures; none alone predicts reliance on arbitrary blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Simplicity {
    /// Thresholds of the simplest good rule, for blocks of one coordinate.
    pub pieces: Option<Pieces>,
    /// Rungs of the probe ladder with the metric of each.
    pub probes: Vec<ProbeRung>,
    /// Name of the lowest rung within the tolerance of the best.
    pub lowest_rung: Option<String>,
    /// Metric of the rung that is best on validation rows: what the block can do alone. Its interval covers test rows and
    /// training seeds.
    pub solo_metric: Option<Estimate>,
    /// `solo_metric` minus the model's metric, paired over test rows.
    pub solo_difference: Option<Estimate>,
    /// The model's kind of network trained on the block alone.
    pub solo_training: Option<SoloTraining>,
    /// Who learns the block alone nearly as well as the model predicts from everything; set with the verdicts.
    pub solo_learner: Option<SoloLearner>,
    /// Steps until the audited architecture, with the complement permuted, has 90 % of its final gain.
    pub solo_steps: Option<Estimate>,
    /// Prequential code length of the labels given the block, in bits per label.
    pub code_length_bits: Option<f64>,
}

/// A network trained while everything but one block came from other rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoloTraining {
    /// Whether it has the architecture of the measured model.
    pub own_architecture: bool,
    /// The leading metric on test rows treated alike, over seeds.
    pub metric: Estimate,
    /// Steps taken, the maximum over seeds.
    pub steps: u64,
    /// Steps allowed.
    pub max_steps: u64,
}

/// Who is known to learn a block alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoloLearner {
    /// The model's own architecture: if the model ignores the block, it is not for lack of ability.
    OwnArchitecture,
    /// A probe; the model's own architecture did not within its steps.
    ProbeOnly,
    /// A probe; the model's own architecture was not tried.
    ProbeOwnUntried,
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRung {
    /// "logistic", "width 8", …
    pub name: String,
    /// The leading metric on held-out rows, over seeds.
    pub metric: Estimate,
}
