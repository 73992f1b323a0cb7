//! `result.json` of a reliance measurement: stable names, versioned, readable without this crate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use simbias_report::{Caveat, Estimate, Interval};

use crate::donors::DonorMode;
use crate::metric::Metric;
use crate::outcome::{
    BlockOutcome, Condition, Conflict, PairOutcome, RelianceOutcome, Simplicity, SoloLearner,
    SoloTraining, Standard, StratumOutcome, UnmeasuredStratum,
};
use crate::verdict::BlockVerdict;
use crate::{Pieces, RelianceError};

/// Version of `result.json`.
pub const RELIANCE_SCHEMA: &str = "simbias.reliance/1";

fn estimate(number: Interval, level: f64, n: usize, varied: &str) -> Estimate {
    Estimate::from(number).level(level).n(n as u64).varied(varied)
}

/// The whole result. `auc_*` hold the leading metric, which `metric` names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireResult {
    // Results of earlier versions call this key `version`.
    #[serde(alias = "version")]
    schema: String,
    data: WireData,
    n: usize,
    n_pos: Option<usize>,
    classes: Vec<WireClass>,
    metric: Metric,
    chance: f64,
    seed: u64,
    repeats: usize,
    mode: DonorMode,
    level: f64,
    equivalence_margin: f64,
    auc_std: Interval,
    auc_std_degenerate: bool,
    acc_std: Option<Interval>,
    cross_entropy_std_nats: Option<f64>,
    blocks: Vec<WireBlock>,
    pairs: Vec<WirePair>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unmeasured_strata: Vec<UnmeasuredStratum>,
    notes: Vec<Caveat>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireData {
    name: String,
    fingerprint: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireClass {
    name: String,
    n: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireKs {
    pos: Interval,
    all_pos: Interval,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireCondition {
    auc: Interval,
    per_repeat: Vec<f64>,
    standard_error_rows: f64,
    standard_error_permutations: f64,
    acc: Option<Interval>,
    cross_entropy_nats: Option<f64>,
    shift: Interval,
    flip: Interval,
    ks: WireKs,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireBlock {
    name: String,
    size: usize,
    #[serde(default)]
    members: Vec<String>,
    auc_rand: Interval,
    auc_complement_rand: Option<Interval>,
    acc_rand: Option<Interval>,
    acc_null: Option<f64>,
    drop: Interval,
    p_value: f64,
    p_value_holm: f64,
    p_value_equivalence: f64,
    necessity: Option<Interval>,
    sufficiency: Option<Interval>,
    shift: Interval,
    flip: Interval,
    ks: WireKs,
    randomized: WireCondition,
    complement: Option<WireCondition>,
    conflict: Option<WireConflict>,
    mean_abs_correlation: f64,
    offmanifold_auc: Option<f64>,
    solo_auc: Option<Interval>,
    /// `solo_auc` minus `auc_std`, paired over test rows.
    #[serde(default)]
    solo_difference: Option<Interval>,
    #[serde(default)]
    solo_training: Option<WireSoloTraining>,
    #[serde(default)]
    solo_learner: Option<SoloLearner>,
    pieces: Option<Pieces>,
    probe_rung: Option<String>,
    probes: BTreeMap<String, Interval>,
    probe_order: Vec<String>,
    solo_steps: Option<Interval>,
    code_length_bits: Option<f64>,
    strata: Vec<WireStratum>,
    verdict: Option<BlockVerdict>,
    flags: Vec<String>,
}

/// A network trained on the block alone; `auc` holds the leading metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireSoloTraining {
    own_architecture: bool,
    auc: Interval,
    steps: u64,
    max_steps: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireConflict {
    acc: Interval,
    worst_class: String,
    worst_class_acc: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WireStratum {
    column: String,
    value: String,
    n: usize,
    auc_std: Interval,
    auc_rand: Interval,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WirePair {
    first: String,
    second: String,
    auc_rand: Interval,
    necessity: Option<f64>,
    interaction: Option<f64>,
}

const BOTH: &str = "test rows and permutations";

impl RelianceOutcome {
    /// The result as JSON, two-space indented.
    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(&self.wire()) {
            Ok(text) => text,
            Err(error) => unreachable!("a result has only plain fields: {error}"),
        }
    }

    /// Reads a result back.
    ///
    /// # Errors
    /// Text that is not a result, or another version of it.
    pub fn from_json(text: &str) -> Result<Self, RelianceError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(alias = "version")]
            schema: String,
        }
        let bad = |problem: String| RelianceError::NotComparable { problem };
        let Head { schema } = serde_json::from_str(text)
            .map_err(|error| bad(format!("not a reliance result: {error}")))?;
        if schema != RELIANCE_SCHEMA {
            return Err(bad(format!(
                "a result of version {schema:?}; this version of simbias reads {RELIANCE_SCHEMA:?}"
            )));
        }
        let wire: WireResult = serde_json::from_str(text)
            .map_err(|error| bad(format!("not a reliance result: {error}")))?;
        Ok(wire.outcome())
    }

    fn wire(&self) -> WireResult {
        WireResult {
            schema: RELIANCE_SCHEMA.into(),
            data: WireData {
                name: self.data_name.clone(),
                fingerprint: self.data_fingerprint.clone(),
            },
            n: self.n_rows,
            n_pos: (self.classes.len() == 2).then(|| self.classes[1].1),
            classes: self
                .classes
                .iter()
                .map(|(name, n)| WireClass { name: name.clone(), n: *n })
                .collect(),
            metric: self.metric,
            chance: self.chance,
            seed: self.seed,
            repeats: self.repeats,
            mode: self.mode,
            level: self.level,
            equivalence_margin: self.equivalence_margin,
            auc_std: Interval::from(&self.standard.metric),
            auc_std_degenerate: self.standard.degenerate,
            acc_std: self.standard.accuracy.as_ref().map(Interval::from),
            cross_entropy_std_nats: self.standard.cross_entropy_nats,
            blocks: self.blocks.iter().map(wire_block).collect(),
            pairs: self
                .pairs
                .iter()
                .map(|pair| WirePair {
                    first: pair.first.clone(),
                    second: pair.second.clone(),
                    auc_rand: Interval::from(&pair.randomized),
                    necessity: pair.necessity,
                    interaction: pair.interaction,
                })
                .collect(),
            unmeasured_strata: self.unmeasured_strata.clone(),
            notes: self.caveats.clone(),
        }
    }
}

impl Serialize for RelianceOutcome {
    /// As in `result.json`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.wire().serialize(serializer)
    }
}

fn wire_condition(condition: &Condition) -> WireCondition {
    WireCondition {
        auc: Interval::from(&condition.metric),
        per_repeat: condition.per_repeat.clone(),
        standard_error_rows: condition.standard_error_rows,
        standard_error_permutations: condition.standard_error_permutations,
        acc: condition.accuracy.as_ref().map(Interval::from),
        cross_entropy_nats: condition.cross_entropy_nats,
        shift: Interval::from(&condition.shift),
        flip: Interval::from(&condition.flips),
        ks: wire_ks(condition),
    }
}

fn wire_ks(condition: &Condition) -> WireKs {
    WireKs {
        pos: Interval::from(&condition.ks_positives),
        all_pos: Interval::from(&condition.ks_all_positives),
    }
}

fn wire_block(block: &BlockOutcome) -> WireBlock {
    let simplicity = block.simplicity.clone().unwrap_or_default();
    WireBlock {
        name: block.name.clone(),
        size: block.size,
        members: block.members.clone(),
        auc_rand: Interval::from(&block.randomized.metric),
        auc_complement_rand: block.complement.as_ref().map(|found| Interval::from(&found.metric)),
        acc_rand: block.randomized.accuracy.as_ref().map(Interval::from),
        acc_null: block.randomized.accuracy_null,
        drop: Interval::from(&block.drop),
        p_value: block.p_value,
        p_value_holm: block.p_value_holm,
        p_value_equivalence: block.p_value_equivalence,
        necessity: block.necessity.as_ref().map(Interval::from),
        sufficiency: block.sufficiency.as_ref().map(Interval::from),
        shift: Interval::from(&block.randomized.shift),
        flip: Interval::from(&block.randomized.flips),
        ks: wire_ks(&block.randomized),
        randomized: wire_condition(&block.randomized),
        complement: block.complement.as_ref().map(wire_condition),
        conflict: block.conflict.as_ref().map(|conflict| WireConflict {
            acc: Interval::from(&conflict.accuracy),
            worst_class: conflict.worst_class.clone(),
            worst_class_acc: conflict.worst_class_accuracy,
        }),
        mean_abs_correlation: block.mean_abs_correlation,
        offmanifold_auc: block.off_manifold_auc,
        solo_auc: simplicity.solo_metric.as_ref().map(Interval::from),
        solo_difference: simplicity.solo_difference.as_ref().map(Interval::from),
        solo_training: simplicity.solo_training.as_ref().map(|training| WireSoloTraining {
            own_architecture: training.own_architecture,
            auc: Interval::from(&training.metric),
            steps: training.steps,
            max_steps: training.max_steps,
        }),
        solo_learner: simplicity.solo_learner,
        pieces: simplicity.pieces,
        probe_rung: simplicity.lowest_rung,
        probe_order: simplicity.probes.iter().map(|probe| probe.name.clone()).collect(),
        probes: simplicity
            .probes
            .iter()
            .map(|probe| (probe.name.clone(), Interval::from(&probe.metric)))
            .collect(),
        solo_steps: simplicity.solo_steps.as_ref().map(Interval::from),
        code_length_bits: simplicity.code_length_bits,
        strata: block
            .strata
            .iter()
            .map(|stratum| WireStratum {
                column: stratum.column.clone(),
                value: stratum.value.clone(),
                n: stratum.n_rows,
                auc_std: Interval::from(&stratum.standard),
                auc_rand: Interval::from(&stratum.randomized),
            })
            .collect(),
        verdict: block.verdict,
        flags: block.flags.clone(),
    }
}

impl WireResult {
    fn outcome(self) -> RelianceOutcome {
        let (level, n) = (self.level, self.n);
        let repeats = self.repeats;
        let rows = |number: Interval| estimate(number, level, n, BOTH);
        let permutations = |number: Interval| estimate(number, level, repeats, "permutations");
        let condition = |wire: WireCondition, accuracy_null: Option<f64>| Condition {
            metric: rows(wire.auc),
            per_repeat: wire.per_repeat,
            standard_error_rows: wire.standard_error_rows,
            standard_error_permutations: wire.standard_error_permutations,
            accuracy: wire.acc.map(rows),
            accuracy_null,
            cross_entropy_nats: wire.cross_entropy_nats,
            shift: permutations(wire.shift),
            flips: permutations(wire.flip),
            ks_positives: permutations(wire.ks.pos),
            ks_all_positives: permutations(wire.ks.all_pos),
        };
        let blocks = self
            .blocks
            .into_iter()
            .map(|wire| {
                let seeds = |number: Interval| estimate(number, level, 0, "seeds");
                let alone = |number: Interval| estimate(number, level, n, "test rows and seeds");
                let simplicity = Simplicity {
                    pieces: wire.pieces,
                    probes: wire
                        .probe_order
                        .iter()
                        .filter_map(|name| {
                            let metric = alone(*wire.probes.get(name)?);
                            Some(crate::outcome::ProbeRung { name: name.clone(), metric })
                        })
                        .collect(),
                    lowest_rung: wire.probe_rung,
                    solo_metric: wire.solo_auc.map(alone),
                    solo_difference: wire.solo_difference.map(alone),
                    solo_training: wire.solo_training.map(|training| SoloTraining {
                        own_architecture: training.own_architecture,
                        metric: alone(training.auc),
                        steps: training.steps,
                        max_steps: training.max_steps,
                    }),
                    solo_learner: wire.solo_learner,
                    solo_steps: wire.solo_steps.map(seeds),
                    code_length_bits: wire.code_length_bits,
                };
                BlockOutcome {
                    name: wire.name,
                    size: wire.size,
                    members: wire.members,
                    randomized: condition(wire.randomized, wire.acc_null),
                    complement: wire.complement.map(|found| condition(found, wire.acc_null)),
                    drop: rows(wire.drop),
                    p_value: wire.p_value,
                    p_value_holm: wire.p_value_holm,
                    p_value_equivalence: wire.p_value_equivalence,
                    necessity: wire.necessity.map(rows),
                    sufficiency: wire.sufficiency.map(rows),
                    conflict: wire.conflict.map(|conflict| Conflict {
                        accuracy: permutations(conflict.acc),
                        worst_class_accuracy: conflict.worst_class_acc,
                        worst_class: conflict.worst_class,
                    }),
                    mean_abs_correlation: wire.mean_abs_correlation,
                    off_manifold_auc: wire.offmanifold_auc,
                    simplicity: (simplicity != Simplicity::default()).then_some(simplicity),
                    strata: wire
                        .strata
                        .into_iter()
                        .map(|stratum| StratumOutcome {
                            column: stratum.column,
                            value: stratum.value,
                            n_rows: stratum.n,
                            standard: estimate(stratum.auc_std, level, stratum.n, "test rows"),
                            randomized: estimate(stratum.auc_rand, level, stratum.n, BOTH),
                        })
                        .collect(),
                    verdict: wire.verdict,
                    flags: wire.flags,
                }
            })
            .collect();
        RelianceOutcome {
            data_name: self.data.name,
            data_fingerprint: self.data.fingerprint,
            n_rows: n,
            classes: self.classes.into_iter().map(|class| (class.name, class.n)).collect(),
            metric: self.metric,
            chance: self.chance,
            mode: self.mode,
            repeats,
            seed: self.seed,
            level,
            equivalence_margin: self.equivalence_margin,
            standard: Standard {
                metric: estimate(self.auc_std, level, n, "test rows"),
                degenerate: self.auc_std_degenerate,
                accuracy: self.acc_std.map(|number| estimate(number, level, n, "test rows")),
                cross_entropy_nats: self.cross_entropy_std_nats,
            },
            blocks,
            pairs: self
                .pairs
                .into_iter()
                .map(|pair| PairOutcome {
                    first: pair.first,
                    second: pair.second,
                    randomized: rows(pair.auc_rand),
                    necessity: pair.necessity,
                    interaction: pair.interaction,
                })
                .collect(),
            unmeasured_strata: self.unmeasured_strata,
            caveats: self.notes,
        }
    }
}
