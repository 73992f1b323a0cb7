//! `simbias audit`: from labelled data to what a network relies on, ignores, and what remedies change.

use std::path::{Path, PathBuf};

use simbias_audit::document::AuditAnswer;
use simbias_audit::{
    AuditInput, AuditOptions, Budgeted, Cost, NetworkChoice, Remedy, Subject, audit, demo_input,
    demo_options, prepared, training_settings, within_budget,
};
use simbias_data::{
    SplitDataset, SplitOptions, TestSplit, TrainSplit, ValidationSplit, read_splits,
};
use simbias_nn::{Device, device_from_str};
use simbias_reliance::DonorMode;
use simbias_report::format;
use simbias_run::{Model, TrainingCheckpoint, of_dataset};
use simbias_train::TrainState;

use super::arguments::{BlocksArgs, OutArgs, ReadingArgs, SplitArgs, in_words, notes};
use super::fail_on::{FailOn, Measured};
use super::heat_map::HeatMapArgs;
use super::model::OpeningArgs;
use crate::shell::{Failure, Finished, Shell};

/// Audit a network: what it relies on, what it ignores, what remedies change.
///
/// Without DATA: real handwritten digits assembled into dominoes, with a CNN trained from scratch. With DATA: a
/// network trained on your rows, or a model that you bring; blocks are proposed when you name none.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias audit                                  real digits, about a minute
  simbias audit photos/ --image-size 64x64       class = subfolder; blocks: a 3×3 grid
  simbias audit photos/ --image-size 64x64 --region logo=48..64,40..64
  simbias audit table.csv --labels outcome       blocks: clusters of correlated columns
  simbias audit cells/labels.csv --labels label --label-threshold 0.5 --strata type --image-size 48x48
  simbias audit test.csv --labels y --model net.onnx --blocks blocks.toml
  simbias audit table.csv --labels y --resume runs/audit-….checkpoint")]
pub(crate) struct AuditArgs {
    /// Rows with labels, in any format that `reliance run` reads, or - for standard input; the embedded digits when not
    /// given
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
    /// Donor maps; 30 when not given, 5 with --quick
    #[arg(long, value_name = "N", value_parser = super::reliance::donor_maps)]
    repeats: Option<usize>,
    /// How donors are drawn: permute, independent, swap, within-class, within-stratum
    #[arg(long, value_name = "MODE", default_value = "permute")]
    mode: DonorMode,
    /// Remedies to try, separated by commas: rotating-permutation, last-layer, denied-ensemble (these three when
    /// not given), group-dro; "none" for none
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    remedies: Vec<String>,
    /// Maximum training steps of the audited network and of each remedy
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_steps: Option<u64>,
    /// Maximum training steps on each block alone; 0 leaves these runs out, and with them the denied ensemble
    #[arg(long, value_name = "N")]
    solo_steps: Option<u64>,
    /// Maximum number of blocks tried alone: the most necessary ones, then those that a quick linear probe finds most
    /// predictive
    #[arg(long, value_name = "N", default_value_t = AuditOptions::default().most_probed)]
    most_probed: usize,
    #[command(flatten)]
    heat_map: HeatMapArgs,
    /// Minutes that the audit may take on two cores. Work is counted, not timed: the same audit does the same on every
    /// machine. What does not fit is reduced and listed: first remedies, then blocks alone, last the training
    #[arg(long, value_name = "M", default_value_t = 5.0, value_parser = minutes)]
    minutes: f64,
    #[command(flatten)]
    split: SplitArgs,
    /// Stratum whose values stay together in one part, such as a patient
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Continue from the checkpoint of an interrupted run; give the other flags as before
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    fail_on: FailOn,
    #[command(flatten)]
    out: OutArgs,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "write a number of minutes".to_string())?;
    if minutes > 0.0 && minutes.is_finite() {
        Ok(minutes)
    } else {
        Err("more than 0 minutes are needed".into())
    }
}

impl AuditArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let mut options = self.options(shell)?;
        let (mode, complement) = (options.reliance.mode, options.reliance.complement);
        self.fail_on.check(Measured { mode, complement, alone: true })?;
        let mut inputs = Vec::new();
        let (mut input, brought) = match &self.data {
            None => (demo_input(shell.seed(), self.quick)?, None),
            Some(path) => {
                let (input, brought) = self.read(path, &options.device, shell)?;
                inputs.push(of_dataset(path, &input.split.test.0));
                (input, brought)
            }
        };
        if self.data.is_some() && !self.quick {
            options = self.within_budget(&mut input, options, shell)?;
        }
        inputs.extend(brought.iter().map(|model| model.fingerprint.clone()));

        let checkpoint = TrainingCheckpoint::beside(&run);
        // The rows that a network trained here sees; its checkpoint belongs to them.
        let train_rows = prepared(&input, &Subject::Train)?.split.train.0;
        let (recipe, fit) = training_settings(&train_rows, &options)?;
        let subject = match (&brought, &self.resume) {
            (Some(model), _) => match model.network() {
                Some(network) => Subject::Network(Box::new(network.clone())),
                None => Subject::Foreign(model),
            },
            (None, Some(path)) => {
                let state = TrainingCheckpoint::load(
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
        let outcome = shell.tell_how_to_resume(&checkpoint, found.map_err(Failure::from))?;
        let answer = AuditAnswer { outcome, input, seed: shell.seed() };
        let closed = shell.close_run(run, &answer, inputs);
        shell.tell_how_to_resume(&checkpoint, closed)?;
        checkpoint.remove();
        Ok(self.fail_on.ending([&answer.outcome.base.outcome]))
    }

    /// The settings that keep to the budget; what the user asked for by a flag stays. Says what the audit costs.
    fn within_budget(
        &self,
        input: &mut AuditInput,
        options: AuditOptions,
        shell: &Shell,
    ) -> Result<AuditOptions, Failure> {
        let Budgeted { options: mut fitted, reduced, .. } =
            within_budget(input, &options, 60.0 * self.minutes)?;
        if self.repeats.is_some() {
            fitted.reliance.repeats = options.reliance.repeats;
        }
        if let Some(cells) = self.heat_map.given() {
            fitted.reliance.heat_map_cells = cells;
        }
        if self.max_steps.is_some() {
            fitted.max_steps = options.max_steps;
        }
        if self.solo_steps.is_some() {
            fitted.simplicity.solo_steps = options.simplicity.solo_steps;
        }
        if !self.remedies.is_empty() {
            fitted.remedies.clone_from(&options.remedies);
        }
        let cost = Cost::of(input, &fitted)?;
        shell.note(&format!(
            "this takes about {} on two cores (--minutes {})",
            format::duration(cost.seconds()),
            self.minutes
        ));
        if !reduced.is_empty() {
            let is_kept = cost.seconds() <= 60.0 * self.minutes;
            let words = format!(
                "{} (two cores): {}. --minutes changes the budget.",
                if is_kept {
                    format!("To keep to --minutes {}", self.minutes)
                } else {
                    format!("--minutes {} cannot be met; this is the least", self.minutes)
                },
                reduced.join(", ")
            );
            shell.note(&words);
            input.notes.push(words);
        }
        Ok(fitted)
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
        options.reliance = self.heat_map.set(options.reliance);
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

    /// Reads the rows and opens the model that the user brings, if any.
    fn read(
        &self,
        path: &Path,
        device: &Device,
        shell: &Shell,
    ) -> Result<(AuditInput, Option<Model>), Failure> {
        let options = self.reading.all_parts("an audit")?;
        let split = read_splits(
            shell.source(path)?,
            &options,
            &SplitOptions { group: self.group.clone(), ..self.split.options(shell) },
        )?;
        shell.caveats(&split.notes());
        for (part, data) in [
            ("train", &split.train.0),
            ("validation", &split.validation.0),
            ("test", &split.test.0),
        ] {
            shell.detail(|| format!("{part}: {}", in_words(data)));
        }
        let (split, brought) = self.open(split, device, shell)?;
        super::reliance::label_map(shell, &split.test.0);
        let resolved = self.blocks.resolve(&split.train.0, shell)?;
        let notes = notes(&[], &resolved).into_iter().map(|caveat| caveat.message).collect();
        let input = AuditInput {
            split,
            blocks: resolved.blocks,
            transform: resolved.transform,
            whole_images: resolved.whole_images,
            notes,
        };
        Ok((input, brought))
    }

    /// Opens the model that the user brings, if any, and brings the rows into its order.
    fn open(
        &self,
        split: SplitDataset,
        device: &Device,
        shell: &Shell,
    ) -> Result<(SplitDataset, Option<Model>), Failure> {
        let Some(path) = &self.model else { return Ok((split, None)) };
        let parts = vec![split.test.0, split.train.0, split.validation.0];
        let opened =
            self.opening.open(std::slice::from_ref(path), parts, &self.reading, device, shell)?;
        let mut parts = opened.parts.into_iter();
        let (Some(mut test), Some(train), Some(validation)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::input("the rows have lost a part"));
        };
        // What matching decided belongs to the data from here on, with its severity.
        test.notes.extend(opened.notes);
        let split = SplitDataset {
            train: TrainSplit(train),
            validation: ValidationSplit(validation),
            test: TestSplit(test),
        };
        Ok((split, opened.models.into_iter().next()))
    }
}
