//! An audit as an answer.

use std::io::{self, Write};

use serde::Serialize;
use simbias_reliance::document::{BesideDocument, SufficientBlocks};
use simbias_reliance::{BudgetShare, RelianceOutcome};
use simbias_report::{Answer, AnswerFile, Interval, Report, write_json};
use simbias_stats::Seed;

use super::audit_report;
use crate::audit::{AuditInput, AuditOutcome, RemedyOutcome};
use crate::cue_conflict::GroupLoss;
use crate::robustness::{Robustness, UniversalResult};
use crate::simplicity::SoloRun;
use simbias_train::TrainedNetwork;

/// Name and version of the result of an audit.
pub const AUDIT_SCHEMA: &str = "simbias.audit/1";

/// An audit as an answer.
pub struct AuditAnswer {
    /// What was found.
    pub outcome: AuditOutcome,
    /// What was audited.
    pub input: AuditInput,
    /// Root of all randomness.
    pub seed: Seed,
}

#[derive(Serialize)]
struct WireAudit<'a> {
    schema: &'static str,
    model: &'a str,
    n_rows: WireRows,
    training: Option<WireTraining<'a>>,
    reliance: &'a RelianceOutcome,
    #[serde(flatten)]
    beside: BesideDocument<'a>,
    robustness: Option<WireRobustness<'a>>,
    solo: Vec<WireSolo<'a>>,
    simplicity_correlation: Option<WireCorrelation>,
    remedies: Vec<WireRemedy<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct WireRows {
    train: usize,
    validation: usize,
    test: usize,
}

#[derive(Serialize)]
struct WireTraining<'a> {
    steps: u64,
    kept_step: u64,
    ended: &'a str,
}

#[derive(Serialize)]
struct WireSolo<'a> {
    block: &'a str,
    metric: f64,
    steps_to_learn: Option<u64>,
    curve: &'a [(u64, f64)],
}

impl<'a> From<&'a (String, SoloRun)> for WireSolo<'a> {
    fn from((block, run): &'a (String, SoloRun)) -> Self {
        Self {
            block,
            metric: run.metric.value,
            steps_to_learn: run.steps_to_learn,
            curve: &run.curve,
        }
    }
}

#[derive(Serialize)]
struct WireCorrelation {
    spearman: f64,
    n_blocks: usize,
}

#[derive(Serialize)]
struct WireRemedy<'a> {
    remedy: &'static str,
    steps: Option<u64>,
    more_diverse: bool,
    sufficient_blocks: Option<SufficientBlocks>,
    reliance: &'a RelianceOutcome,
    robustness: Option<WireRobustness<'a>>,
    groups: Vec<WireGroup<'a>>,
}

impl<'a> From<&'a RemedyOutcome> for WireRemedy<'a> {
    fn from(remedied: &'a RemedyOutcome) -> Self {
        Self {
            remedy: remedied.remedy.name(),
            steps: remedied.steps,
            more_diverse: remedied.comparison.is_more_diverse(),
            sufficient_blocks: SufficientBlocks::of(&remedied.comparison),
            reliance: &remedied.measurement.outcome,
            robustness: remedied.robustness.as_ref().map(Into::into),
            groups: remedied.groups.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct WireGroup<'a> {
    group: &'a str,
    weight: f64,
    loss_nats: WireLosses,
}

#[derive(Serialize)]
struct WireLosses {
    train: WireLoss,
    test: WireLoss,
}

#[derive(Serialize)]
struct WireLoss {
    before: Interval,
    after: Interval,
}

impl<'a> From<&'a GroupLoss> for WireGroup<'a> {
    fn from(group: &'a GroupLoss) -> Self {
        Self {
            group: &group.group,
            weight: group.weight,
            loss_nats: WireLosses {
                train: WireLoss {
                    before: (&group.train_before).into(),
                    after: (&group.train_after).into(),
                },
                test: WireLoss {
                    before: (&group.test_before).into(),
                    after: (&group.test_after).into(),
                },
            },
        }
    }
}

#[derive(Serialize)]
struct WireRobustness<'a> {
    data_margin: f64,
    at: Vec<WireRobustAt>,
    shares: &'a [BudgetShare],
    universal: Vec<WireUniversal<'a>>,
}

#[derive(Serialize)]
struct WireRobustAt {
    radius_l2: f64,
    accuracy: Interval,
}

#[derive(Serialize)]
struct WireUniversal<'a> {
    label_signed: bool,
    norm_l2: f64,
    accuracy: Interval,
    shares: &'a [BudgetShare],
}

impl<'a> From<&'a UniversalResult> for WireUniversal<'a> {
    fn from(universal: &'a UniversalResult) -> Self {
        Self {
            label_signed: universal.label_signed,
            norm_l2: universal.norm,
            accuracy: (&universal.accuracy).into(),
            shares: &universal.shares,
        }
    }
}

impl<'a> From<&'a Robustness> for WireRobustness<'a> {
    fn from(found: &'a Robustness) -> Self {
        let at = found
            .at
            .iter()
            .map(|at| WireRobustAt { radius_l2: at.radius, accuracy: (&at.accuracy).into() });
        Self {
            data_margin: found.data_margin,
            at: at.collect(),
            shares: &found.shares,
            universal: found.universals.iter().map(Into::into).collect(),
        }
    }
}

impl Answer for AuditAnswer {
    fn schema(&self) -> &str {
        AUDIT_SCHEMA
    }

    fn report(&self) -> Report {
        audit_report(&self.outcome, &self.input, self.seed)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let outcome = &self.outcome;
        let [train, validation, test] = outcome.n_rows;
        let wire = WireAudit {
            schema: AUDIT_SCHEMA,
            model: &outcome.model,
            n_rows: WireRows { train, validation, test },
            training: outcome.training.as_ref().map(|training| WireTraining {
                steps: training.steps,
                kept_step: training.kept_step,
                ended: training.ended,
            }),
            reliance: &outcome.base.outcome,
            beside: outcome.beside.document(&outcome.base.outcome),
            robustness: outcome.robustness.as_ref().map(Into::into),
            solo: outcome.solo.iter().map(Into::into).collect(),
            simplicity_correlation: outcome
                .simplicity_correlation
                .map(|(spearman, n_blocks)| WireCorrelation { spearman, n_blocks }),
            remedies: outcome.remedies.iter().map(Into::into).collect(),
            notes: &outcome.notes,
        };
        write_json(out, &wire)
    }

    /// The influences of the audited model, and the network that was audited unless it is of another framework.
    fn files(&self) -> Vec<AnswerFile<'_>> {
        let influences = self.outcome.base.influences.as_ref().map(|influences| influences.file());
        let network = self.outcome.network.as_ref().map(TrainedNetwork::files);
        influences.into_iter().chain(network.into_iter().flatten()).collect()
    }
}
