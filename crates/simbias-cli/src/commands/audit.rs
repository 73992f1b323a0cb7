//! `simbias audit`: from labelled data to what a network relies on, ignores, and what remedies change.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use simbias_audit::document::audit_report;
use simbias_audit::{
    AuditInput, AuditOptions, AuditOutcome, NetworkChoice, Remedy, Robustness, Subject, audit,
    demo_input, demo_options, prepared, training_settings,
};
use simbias_data::{SplitOptions, read_splits};
use simbias_nn::device_from_str;
use simbias_reliance::{DonorMode, RelianceOutcome};
use simbias_report::Estimate;
use simbias_train::TrainState;

use super::arguments::{BlocksArgs, ReadingArgs, notes};
use super::checkpoint::Checkpoint;
use super::fail_on::{FailOn, Measured};
use super::influences_file;
use super::model::{OpeningArgs, save};
use crate::shell::{Answer, Failure, Finished, Shell, of_dataset};

/// Audit a network: what it relies on, what it ignores, what remedies change.
///
/// Without DATA: real handwritten digits assembled into dominoes, with a CNN trained from scratch. With DATA: a
/// network trained on your rows, or a model that you bring; blocks are proposed when you name none.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias audit                                  real digits, about a minute
  simbias audit photos/ --image-size 64x64       class = subfolder; blocks: a 3×3 grid
  simbias audit table.csv --labels outcome       blocks: clusters of correlated columns
  simbias audit cells/labels.csv --labels label --label-threshold 0.5 --strata type --image-size 48x48
  simbias audit test.csv --labels y --model net.onnx --blocks blocks.toml
  simbias audit table.csv --labels y --resume runs/audit-….checkpoint")]
pub(crate) struct AuditArgs {
    /// Rows with labels, in any format that `reliance run` reads; the embedded digits when not given
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    /// Model to audit instead of training one: an ONNX file, or the folder of a run of `simbias train` or
    /// `simbias audit` (or its network.safetensors)
    #[arg(long, value_name = "FILE|DIR", requires = "data")]
    model: Option<PathBuf>,
    #[command(flatten)]
    opening: OpeningArgs,
    #[arg(long, value_name = "NAME", default_value = "auto", help = format!("Network that is trained: {}", NetworkChoice::known()))]
    network: NetworkChoice,
    /// Half a minute instead of a minute and a half: fewer rows, repeats and probes
    #[arg(long)]
    quick: bool,
    /// Donor maps; 30, or 5 with --quick, when not given
    #[arg(long, value_name = "N", value_parser = super::reliance::donor_maps)]
    repeats: Option<usize>,
    /// How donors are drawn: permute, independent, swap, within-class, within-stratum
    #[arg(long, value_name = "MODE", default_value = "permute")]
    mode: DonorMode,
    /// Remedies to try, separated by commas: rotating-permutation, last-layer, denied-ensemble (these three when
    /// not given), group-dro; "none" for none
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    remedies: Vec<String>,
    /// Most training steps of the audited network and of each remedy
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_steps: Option<u64>,
    /// Most training steps of each block by itself; 0 leaves these runs out, and with them the denied ensemble
    #[arg(long, value_name = "N")]
    solo_steps: Option<u64>,
    /// Most blocks that are tried alone: the most necessary ones and, of the others, those that a quick linear probe
    /// finds most predictive
    #[arg(long, value_name = "N", default_value_t = AuditOptions::default().most_probed)]
    most_probed: usize,
    /// Share of the rows for validation
    #[arg(long, value_name = "SHARE", default_value_t = SplitOptions::default().validation)]
    validation_share: f64,
    /// Share of the rows for the test
    #[arg(long, value_name = "SHARE", default_value_t = SplitOptions::default().test)]
    test_share: f64,
    /// Stratum whose values stay together in one part, such as a patient
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Go on from the checkpoint that an interrupted run left; give the other flags as before
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    fail_on: FailOn,
    /// New directory for report and result; runs/audit-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl AuditArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(self.out.as_deref())?;
        let options = self.options(shell)?;
        let (mode, complement) = (options.reliance.mode, options.reliance.complement);
        self.fail_on.check(Measured { mode, complement, alone: true })?;
        let mut inputs = Vec::new();
        let input = match &self.data {
            None => demo_input(shell.seed(), self.quick)?,
            Some(path) => {
                let input = self.read(path, shell)?;
                inputs.push(of_dataset(path, &input.split.test.0));
                input
            }
        };
        let test = &input.split.test.0;
        let open = |path: &PathBuf| self.opening.open(path, test, &options.device);
        let brought = self.model.as_ref().map(open).transpose()?;
        inputs.extend(brought.iter().map(|model| model.fingerprint.clone()));

        let checkpoint = Checkpoint::beside(&run);
        // What a network that is trained here sees, and what its checkpoint therefore belongs to.
        let train_rows = prepared(&input, &Subject::Train)?.split.train.0;
        let (recipe, fit) = training_settings(&train_rows, &options)?;
        let subject = match (&brought, &self.resume) {
            (Some(model), _) => model.subject(),
            (None, Some(path)) => {
                let state = Checkpoint::load(
                    path,
                    &options.device,
                    &recipe.architecture,
                    &fit,
                    &train_rows,
                )?;
                Subject::Resume(Box::new(state))
            }
            (None, None) => Subject::Train,
        };
        let progress = shell.progress("audit");
        let mut keep = |state: &TrainState| checkpoint.save(state, &fit, &train_rows);
        let found = audit(&input, subject, &options, &progress, Some(&mut keep));
        drop(progress);
        let outcome = checkpoint.tell_after(found.map_err(Failure::from), shell)?;
        let report = audit_report(&outcome, &input, shell.seed());
        if let Some(network) = &outcome.network {
            save(network, &run)?;
        }
        if let Some(influences) = &outcome.base.influences {
            influences_file::write(&run, influences)?;
        }
        let result = result(&outcome);
        let is_bad = self.fail_on.is_bad(&outcome.base.outcome);
        let closed = shell.close_run(run, Answer { report, result, inputs });
        checkpoint.tell_after(closed, shell)?;
        checkpoint.remove();
        Ok(if is_bad { Finished::BadVerdict } else { Finished::Done })
    }

    fn options(&self, shell: &Shell) -> Result<AuditOptions, Failure> {
        let mut options = match (&self.data, self.quick) {
            (None, quick) | (Some(_), quick @ true) => demo_options(shell.seed(), quick),
            (Some(_), false) => AuditOptions { seed: shell.seed(), ..AuditOptions::default() },
        };
        if self.data.is_some() || self.network != NetworkChoice::Auto {
            options.network = self.network;
        }
        if let Some(repeats) = self.repeats {
            options.reliance.repeats = repeats;
        }
        options.reliance.mode = self.mode;
        options.most_probed = self.most_probed;
        if let Some(max_steps) = self.max_steps {
            options.max_steps = max_steps;
        }
        if let Some(solo_steps) = self.solo_steps {
            options.simplicity.solo_steps = solo_steps;
        }
        options.device = device_from_str(shell.device())?;
        match self.remedies.as_slice() {
            [] => {}
            [none] if none == "none" => options.remedies = Vec::new(),
            names => {
                options.remedies = names
                    .iter()
                    .map(|name| name.parse::<Remedy>().map_err(Failure::input))
                    .collect::<Result<_, _>>()?;
            }
        }
        Ok(options)
    }

    fn read(&self, path: &Path, shell: &Shell) -> Result<AuditInput, Failure> {
        let options = self.reading.all_parts("an audit")?;
        let split = read_splits(
            path,
            &options,
            &SplitOptions {
                validation: self.validation_share,
                test: self.test_share,
                seed: shell.seed(),
                group: self.group.clone(),
            },
        )?;
        super::reliance::label_map(shell, &split.test.0);
        let resolved = self.blocks.resolve(&split.train.0)?;
        let notes = notes(&resolved).into_iter().map(|caveat| caveat.message).collect();
        Ok(AuditInput { split, blocks: resolved.blocks, transform: resolved.transform, notes })
    }
}

/// Version of `result.json`.
const SCHEMA: &str = "simbias.audit/1";

fn result(outcome: &AuditOutcome) -> Value {
    json!({
        "version": SCHEMA,
        "model": outcome.model,
        "n_rows": {
            "train": outcome.n_rows[0],
            "validation": outcome.n_rows[1],
            "test": outcome.n_rows[2],
        },
        "training": outcome.training.as_ref().map(|training| json!({
            "steps": training.steps,
            "kept_step": training.kept_step,
            "ended": training.ended,
        })),
        "reliance": reliance(&outcome.base.outcome),
        "robustness": outcome.robustness.as_ref().map(robustness),
        "solo": outcome.solo.iter().map(|(block, run)| json!({
            "block": block,
            "metric": run.metric,
            "steps_to_learn": run.steps_to_learn,
            "curve": run.curve,
        })).collect::<Vec<_>>(),
        "simplicity_correlation": outcome.simplicity_correlation.map(|(rho, n)| json!({
            "spearman": rho,
            "n_blocks": n,
        })),
        "remedies": outcome.remedies.iter().map(|remedied| json!({
            "remedy": remedied.remedy.name(),
            "steps": remedied.steps,
            "more_diverse": remedied.comparison.is_more_diverse(),
            "sufficient_blocks": remedied.comparison.n_sufficient.map(|(before, after)| json!({
                "before": before,
                "after": after,
            })),
            "reliance": reliance(&remedied.measurement.outcome),
            "robustness": remedied.robustness.as_ref().map(robustness),
            "groups": remedied.groups.iter().map(|group| json!({
                "group": group.group,
                "weight": group.weight,
                "loss_nats": {
                    "train": { "before": number(&group.train_before), "after": number(&group.train_after) },
                    "test": { "before": number(&group.test_before), "after": number(&group.test_after) },
                },
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "notes": outcome.notes,
    })
}

fn reliance(outcome: &RelianceOutcome) -> Value {
    serde_json::from_str(&outcome.to_json()).unwrap_or(Value::Null)
}

fn number(estimate: &Estimate) -> Value {
    json!({ "value": estimate.value, "lo": estimate.low, "hi": estimate.high })
}

fn robustness(found: &Robustness) -> Value {
    let shares = |shares: &[simbias_reliance::BudgetShare]| {
        shares
            .iter()
            .map(|share| {
                json!({
                    "block": share.block,
                    "norm_ratio": share.norm_ratio,
                    "energy_share": share.energy_share,
                })
            })
            .collect::<Vec<_>>()
    };
    json!({
        "data_margin": found.data_margin,
        "at": found.at.iter().map(|at| json!({
            "radius_l2": at.radius,
            "accuracy": number(&at.accuracy),
        })).collect::<Vec<_>>(),
        "shares": shares(&found.shares),
        "universal": found.universals.iter().map(|universal| json!({
            "label_signed": universal.label_signed,
            "norm_l2": universal.norm,
            "accuracy": number(&universal.accuracy),
            "shares": shares(&universal.shares),
        })).collect::<Vec<_>>(),
    })
}
