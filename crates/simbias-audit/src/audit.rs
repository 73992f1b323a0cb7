//! The audit: train or take a model, measure, find what it ignores, try remedies, measure again.

use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer, SplitDataset};
use simbias_nn::Device;
use simbias_reliance::screen::Screen;
use simbias_reliance::{
    Beside, BlockSet, Comparison, Forgetful, Measurement, RelianceOptions, View, assign_verdicts,
    compare, heat_map, inside_the_leading_block, measure,
};
use simbias_report::{Part, Progress};
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Hooks, KeepState, LearnedFrom, NetScorer, NetworkChoice, Observed, Plain, Recipe,
    ShuffledEpochs, Standardization, TrainState, TrainedNetwork, TrainingSummary,
};

use crate::AuditError;
use crate::blocks_alone::BlocksAlone;
use crate::check::check_split;
use crate::cue_conflict::GroupLoss;
use crate::remedy::{Applied, Ingredients, Remedied, RemediedModel, Remedy};
use crate::robustness::{Robustness, RobustnessOptions, measure_robustness};
use crate::simplicity::{Parts, SimplicityOptions, SoloRun, simplicity_correlation};
use crate::training::{fresh, train};

/// How to audit.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Root of all randomness.
    pub seed: Seed,
    /// How reliance is measured.
    pub reliance: RelianceOptions,
    /// How simplicity is measured.
    pub simplicity: SimplicityOptions,
    /// How robustness is measured.
    pub robustness: RobustnessOptions,
    /// Which remedies are tried.
    pub remedies: Vec<Remedy>,
    /// Network trained when no model is given.
    pub network: NetworkChoice,
    /// Where networks are trained; probes of single blocks stay on the CPU.
    pub device: Device,
    /// Maximum number of training steps of the audited network and of a remedy.
    pub max_steps: u64,
    /// Maximum number of blocks whose simplicity is measured: half of them the most necessary ones, half those that a
    /// quick linear probe finds most predictive among the others.
    pub most_probed: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            seed: Seed::new(0),
            reliance: RelianceOptions { repeats: 30, ..RelianceOptions::default() },
            simplicity: SimplicityOptions::default(),
            robustness: RobustnessOptions::default(),
            remedies: Remedy::DEFAULT.to_vec(),
            network: NetworkChoice::Auto,
            device: simbias_nn::cpu(),
            max_steps: 1500,
            most_probed: 12,
        }
    }
}

/// The data under audit.
pub struct AuditInput {
    /// Rows in their three parts.
    pub split: SplitDataset,
    /// Blocks over the transform's coordinates.
    pub blocks: BlockSet,
    /// The transform.
    pub transform: Box<dyn Transform + Send>,
    /// Whole images by frequency and colour, measured beside the blocks.
    pub whole_images: Option<View>,
    /// What was decided while reading, in sentences.
    pub notes: Vec<String>,
}

/// Which model is audited.
pub enum Subject<'a> {
    /// Train one.
    Train,
    /// Go on training from a saved state.
    Resume(Box<TrainState>),
    /// A network of this tool, trained before.
    Network(Box<TrainedNetwork>),
    /// A model of another framework; attacked where it gives gradients.
    Foreign(&'a dyn Scorer),
}

/// One remedy, measured.
pub struct RemedyOutcome {
    /// Which.
    pub remedy: Remedy,
    /// What it made.
    pub model: RemediedModel,
    /// Steps of training that it took; `None` where nothing was trained for it.
    pub steps: Option<u64>,
    /// Reliance afterwards.
    pub measurement: Measurement,
    /// Before and after.
    pub comparison: Comparison,
    /// Attacks afterwards.
    pub robustness: Option<Robustness>,
    /// Losses of the groups of [`Remedy::GroupDro`]; empty for the others.
    pub groups: Vec<GroupLoss>,
}

/// Everything an audit found.
pub struct AuditOutcome {
    /// The parts' sizes: training, validation, test rows.
    pub n_rows: [usize; 3],
    /// Reliance of the audited model, with simplicity and verdicts: on the test rows for a network trained here, on all rows
    /// for a given model.
    pub base: Measurement,
    /// A given network on the test rows, with which its remedies are compared; `None` where `base` is that.
    pub on_test: Option<Measurement>,
    /// Single columns, whole images, members of the leading block.
    pub beside: Beside,
    /// How the audited network was trained; `None` for given models.
    pub training: Option<TrainingSummary>,
    /// What was trained, in words.
    pub model: String,
    /// Recipe of everything trained here.
    pub recipe: Recipe,
    /// Attacks on the audited model.
    pub robustness: Option<Robustness>,
    /// Blocks learned alone, in the order of the probed blocks: name and run.
    pub solo: Vec<(String, SoloRun)>,
    /// Rank correlation of simplicity and necessity with the number of blocks, where it is defined.
    pub simplicity_correlation: Option<(f64, usize)>,
    /// Remedies in the order they were asked for.
    pub remedies: Vec<RemedyOutcome>,
    /// Sentences about decisions on the way.
    pub notes: Vec<String>,
    /// The trained network, to be saved.
    pub network: Option<TrainedNetwork>,
}

/// Training settings of an audit's own network, as [`audit`] uses them; needed to load a saved state.
pub fn training_settings(
    data: &Dataset,
    options: &AuditOptions,
) -> Result<(Recipe, FitConfig), AuditError> {
    let (max_steps, device) = (options.max_steps, options.device.clone());
    let recipe = Recipe::for_data(options.network, data, max_steps, device)?;
    let fit = recipe.fit.clone();
    Ok((recipe, fit))
}

/// Data as a model sees them.
pub struct Prepared {
    /// Rows in their three parts.
    pub split: SplitDataset,
    /// What was done to the columns; `None` if they are as they were read.
    pub standardization: Option<Standardization>,
    /// The same in a sentence.
    pub note: Option<&'static str>,
}

/// Data as `subject` sees them. Networks trained here see the columns of tables standardised by the training
/// part; networks trained before, as they were then; everything else sees the rows as they were read.
///
/// # Errors
/// [`AuditError::Data`] for a network that knows other columns, or that was trained on standardised columns
/// while the blocks live behind a transform of the columns themselves.
pub fn prepared(input: &AuditInput, subject: &Subject<'_>) -> Result<Prepared, AuditError> {
    let split = &input.split;
    let train = &split.train.0;
    let (standardization, note) = match subject {
        Subject::Foreign(_) => (None, ""),
        Subject::Network(network) => (network.standardization.clone(), GIVEN_NOTE),
        // Blocks behind a transform are coordinates of the rows as they are.
        _ if !input.transform.is_identity() => (None, ""),
        Subject::Train | Subject::Resume(_) => (Standardization::of_table(train), OWN_NOTE),
    };
    let Some(standardization) = standardization else {
        return Ok(Prepared { split: split.clone(), standardization: None, note: None });
    };
    let refused = |problem: String| AuditError::Data { name: train.name.clone(), problem };
    if standardization.n_features() != train.n_features() {
        return Err(refused(format!(
            "the network takes {} columns, the rows have {}",
            standardization.n_features(),
            train.n_features()
        )));
    }
    if !input.transform.is_identity() {
        return Err(refused(
            "the network was trained on standardised columns, so that blocks behind a transform of the \
             columns do not fit its rows; measure it by itself, or audit without the transform"
                .into(),
        ));
    }
    let split = standardization.split(split);
    Ok(Prepared { split, standardization: Some(standardization), note: Some(note) })
}

const OWN_NOTE: &str = "Columns were standardised by the mean and deviation of the training part; exchanging \
                        blocks between rows is the same before and after.";
const GIVEN_NOTE: &str = "Columns were standardised as in the training of the given network; exchanging blocks \
                          between rows is the same before and after.";

const SEEN_NOTE: &str = "The given model was measured on all given rows. It is unknown which rows it was trained on; if \
                         these were among them, its figures are too good. Blocks alone, attacks and remedies are judged \
                         on the test part, since what is learned here learns from the rest.";

/// Runs an audit.
///
/// `progress` is told of every stage and may end the audit in each of them. `keep` is handed states of the training of
/// the audited network: now and then, before an interrupt, and when it is finished. [`Subject::Resume`] goes on from
/// any of them to the same result; after the last one the audited network is not trained again.
///
/// # Errors
/// Data or blocks that make no sense, a training that diverges, errors of `keep`, an interrupt.
pub fn audit(
    input: &AuditInput,
    subject: Subject<'_>,
    options: &AuditOptions,
    progress: &dyn Progress,
    mut keep: Option<&mut KeepState<'_>>,
) -> Result<AuditOutcome, AuditError> {
    check_split(&input.split)?;
    let Prepared { split, standardization, note } = prepared(input, &subject)?;
    let mut notes = input.notes.clone();
    notes.extend(note.map(String::from));
    let (train_rows, validation, test) = (&split.train.0, &split.validation.0, &split.test.0);
    let parts = Parts { train: train_rows, validation, test };
    let transform: &dyn Transform = input.transform.as_ref();
    let seed = options.seed;
    let n_stages = 5 + options.remedies.len();
    let (mut recipe, fit) = training_settings(train_rows, options)?;
    let is_given = matches!(subject, Subject::Foreign(_) | Subject::Network(_));

    progress.stage("looking at single columns", 1, n_stages);
    let all_rows = input.split.joined();
    let (wanted, level) = (options.reliance.metric, options.reliance.level);
    let screen = (all_rows.n_rows() >= Screen::LEAST_ROWS)
        .then(|| Screen::of(&all_rows, wanted, level, seed, progress))
        .transpose()?;
    drop(all_rows);

    progress.stage("training the network", 2, n_stages);
    let mut own_network = None;
    let mut training = None;
    let mut foreign: Option<&dyn Scorer> = None;
    let model_words = match subject {
        Subject::Foreign(model) => {
            foreign = Some(model);
            notes.push(SEEN_NOTE.into());
            "the model that was given".to_string()
        }
        Subject::Network(network) => {
            // Blocks are learned alone, and remedies trained, by the architecture that was given.
            recipe = Recipe::new(
                network.network.network().architecture().clone(),
                train_rows.n_rows(),
                options.max_steps,
                recipe.device,
            );
            notes.push(SEEN_NOTE.into());
            own_network = Some(network.network);
            "the checkpoint that was given".to_string()
        }
        Subject::Train | Subject::Resume(_) => {
            let mut state = match subject {
                Subject::Resume(state) => *state,
                _ => fresh(&recipe.architecture, seed.child("audit/model", 0), &recipe.device)?,
            };
            let mut watch = Observed::new(progress);
            if let Some(keep) = keep.as_deref_mut() {
                watch = watch.keeping(KEEP_EVERY, keep);
            }
            let mut batches = ShuffledEpochs::new(train_rows, fit.batch_size);
            let hooks = Hooks::new(&mut watch).validated(Some(validation));
            training = Some(train(&mut state, &mut batches, &mut Plain, &fit, hooks)?);
            if let Some(keep) = keep {
                // Whatever ends a later stage, this training need not be repeated.
                keep(&state)?;
            }
            own_network = Some(NetScorer::new(state.network));
            format!("{} trained here", recipe.architecture.title())
        }
    };
    let model: &dyn Scorer = match (&own_network, foreign) {
        (Some(network), _) => network,
        (None, Some(model)) => model,
        (None, None) => unreachable!("every subject gives a model"),
    };

    progress.stage("measuring reliance", 3, n_stages);
    let measure_on = |model: &dyn Scorer,
                      rows: &Dataset,
                      progress: &dyn Progress|
     -> Result<Measurement, AuditError> {
        Ok(measure(model, rows, &input.blocks, transform, &options.reliance, seed, progress)?)
    };
    // Nothing here was trained for a given model, so that every row can judge it.
    let joined = is_given.then(|| split.joined());
    let measured = joined.as_ref().unwrap_or(test);
    let of_blocks = if measured.layout.image_shape().is_some() { BLOCKS_MEASURED } else { 1.0 };
    let mut base = measure_on(model, measured, &Part::new(progress, (0.0, of_blocks)))?;
    let mapping = Part::new(progress, (of_blocks, 1.0));
    let heat_map = {
        let (outcome, options) = (&base.outcome, &options.reliance);
        heat_map(model, measured, outcome, options, seed, &mapping, &Forgetful)?
    };
    let has_remedies = own_network.is_some() && !options.remedies.is_empty();
    let on_test =
        (is_given && has_remedies).then(|| measure_on(model, test, progress)).transpose()?;
    progress.keep_going()?;

    progress.stage("learning each block alone", 4, n_stages);
    let metric = base.outcome.metric;
    let alone = BlocksAlone {
        model,
        blocks: &input.blocks,
        transform,
        parts,
        recipe: &recipe,
        own_architecture: own_network.is_some(),
        metric,
        options,
        progress,
    };
    let solo = alone.learn(&mut base)?;
    let n_blocks = base.outcome.blocks.len();
    if n_blocks > options.most_probed {
        notes.push(format!(
            "Of {n_blocks} blocks only {} were tried alone: the {} most necessary ones and, of the others, those that a \
             quick linear probe finds most predictive. It is not known whether the rest predicts by itself in \
             non-linear ways. Join blocks or raise the number to see all.",
            options.most_probed,
            options.most_probed.div_ceil(2)
        ));
    }
    assign_verdicts(&mut base.outcome, &options.reliance.thresholds);
    let whole_images = match &input.whole_images {
        Some(View { blocks, transform }) => {
            let mut measured =
                measure(model, measured, blocks, &**transform, &options.reliance, seed, progress)?;
            let simplicity = SimplicityOptions::of_whole_images(&options.simplicity);
            let options = AuditOptions { simplicity, ..options.clone() };
            let alone = BlocksAlone { blocks, transform: &**transform, options: &options, ..alone };
            alone.learn(&mut measured)?;
            assign_verdicts(&mut measured.outcome, &options.reliance.thresholds);
            Some(measured)
        }
        None => None,
    };
    let inside = inside_the_leading_block(
        model,
        measured,
        &input.blocks,
        &base.outcome,
        &options.reliance,
        seed,
        progress,
    )?
    .filter(|_| transform.is_identity());
    let beside = Beside { screen, whole_images, inside, heat_map };
    let correlation = options
        .reliance
        .mode
        .shows_what_is_needed()
        .then(|| {
            simplicity_correlation(&base.outcome, options.reliance.thresholds.predictive_share)
        })
        .flatten();

    progress.stage("attacking the model", 5, n_stages);
    let attack = |model: &dyn Scorer, progress: &dyn Progress| {
        measure_robustness(
            model,
            validation,
            test,
            &input.blocks,
            transform,
            &options.robustness,
            seed,
            options.reliance.level,
            progress,
        )
    };
    let robustness = attack(model, progress)?;

    let mut remedies = Vec::new();
    match &own_network {
        Some(network) => {
            let networks: Vec<SoloRun> = solo.iter().map(|(_, run)| run.share()).collect();
            let retraining = Part::new(progress, (0.0, RETRAINED));
            let measuring = Part::new(progress, (RETRAINED, MEASURED));
            let attacking = Part::new(progress, (MEASURED, 1.0));
            let ingredients = Ingredients {
                parts,
                blocks: &input.blocks,
                transform,
                recipe: &recipe,
                base: network,
                solo: &networks,
                seed,
                level: options.reliance.level,
                progress: &retraining,
            };
            for (index, &remedy) in options.remedies.iter().enumerate() {
                progress.keep_going()?;
                progress.stage(remedy.title(), 6 + index, n_stages);
                let Remedied { model, steps, groups } = match ingredients.apply(remedy)? {
                    Applied::Model(remedied) => remedied,
                    Applied::LeftOut(reason) => {
                        notes.push(format!("The {} was left out: {reason}.", remedy.title()));
                        continue;
                    }
                };
                let measurement = measure_on(model.as_model(), test, &measuring)?;
                let before = on_test.as_ref().unwrap_or(&base);
                let influences = before.influences.as_ref().zip(measurement.influences.as_ref());
                let comparison = compare(&before.outcome, &measurement.outcome, influences)?;
                let robustness = attack(model.as_model(), &attacking)?;
                remedies.push(RemedyOutcome {
                    remedy,
                    model,
                    steps,
                    measurement,
                    comparison,
                    robustness,
                    groups,
                });
            }
        }
        None if !options.remedies.is_empty() => notes.push(
            "Remedies need a network that can be retrained here; the model that was given is only measured. \
             Leave out the model to see what remedies do to a network trained on the same data."
                .into(),
        ),
        None => {}
    }
    Ok(AuditOutcome {
        n_rows: [train_rows.n_rows(), validation.n_rows(), test.n_rows()],
        base,
        on_test,
        beside,
        training,
        model: model_words,
        recipe,
        robustness,
        solo,
        simplicity_correlation: correlation,
        remedies,
        notes,
        network: own_network.map(|network| TrainedNetwork {
            network,
            standardization,
            learned_from: Some(LearnedFrom::new(&input.split.train.0)),
        }),
    })
}

/// Steps between two states of the audited network that are kept.
const KEEP_EVERY: u64 = 200;
/// Share of the measurement of images that is done when their blocks are measured; the heat map is the rest.
const BLOCKS_MEASURED: f64 = 0.6;
/// Shares of a remedy's stage that are done when its model is trained and when its reliance is measured; attacks are
/// the rest.
const RETRAINED: f64 = 0.6;
const MEASURED: f64 = 0.8;
