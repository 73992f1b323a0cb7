//! The measurement: every block and its complement, over the same donor maps.

mod block;
mod caveats;
mod class_order;
mod input;
mod options;
mod summary;

use rayon::prelude::*;
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer};
use simbias_report::Progress;
use simbias_stats::Seed;

use crate::RelianceError;
use crate::block::BlockSet;
use crate::donors::{DonorMode, DonorSource};
use crate::figures::{Baseline, StratumRows};
use crate::influence::{Influences, take_mean_influence};
use crate::journal::{Forgetful, Journal};
use crate::metric::{Predictions, Truth};
use crate::outcome::RelianceOutcome;
use crate::randomize::Randomizer;
use crate::verdict::assign_verdicts;
use block::{Counter, Passes};
use caveats::{describe_manifold, mark_constant, repeatability};
use input::check_input;

pub(crate) use block::BlockFound;
pub(crate) use caveats::{REVERSED, probabilities};
pub(crate) use class_order::CLASS_ORDER;
pub(crate) use input::check_threshold;
pub use options::RelianceOptions;
pub(crate) use summary::{BlockRuns, Context, DataFacts, PairRuns, StandardRun};

/// Donor maps used for the cue-conflict accuracy.
const CONFLICT_REPEATS: usize = 5;

/// Scores of single conditions, for plots: the first repeat of every block.
#[derive(Clone, Debug)]
pub struct ScoreSamples {
    /// Truth of the rows.
    pub truth: Truth,
    /// Unchanged rows.
    pub standard: Predictions,
    /// Per block: its name, scores without the block, scores with the block alone.
    pub blocks: Vec<BlockSample>,
}

/// Name of a block, scores without it, scores with it alone.
pub type BlockSample = (String, Predictions, Option<Predictions>);

/// A measurement and the scores behind its plots.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What was found.
    pub outcome: RelianceOutcome,
    /// First-repeat scores.
    pub samples: ScoreSamples,
    /// The influence of every row on every figure, for comparisons with another model; `None` for measurements so large
    /// that it would not be kept (more than 32 million values).
    pub influences: Option<Influences>,
}

/// Measures how much `scorer` relies on every block of `data`.
///
/// Costs `1 + (1 + 2·repeats)·n_blocks` passes over the rows and memory for a few copies of the scores, not
/// of the rows. The result does not depend on the number of threads. `progress` counts passes.
///
/// # Errors
/// Whatever makes the question meaningless: rows or scores that are not finite, one class, fewer than two
/// rows, sizes that do not fit, a transform that does not undo itself, a failing model. An interrupt, checked before
/// every pass.
///
/// Source: Shah et al. 2020, Definition 2 and Table 1; intervals and verdicts are this tool's own.
pub fn measure(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &RelianceOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Measurement, RelianceError> {
    measure_resumably(scorer, data, blocks, transform, options, seed, progress, &Forgetful)
}

/// As [`measure`], with finished work from and to `journal`: after an interrupt the same call goes on where it was, and its
/// result is the same to the last bit.
///
/// # Errors
/// As [`measure`].
#[expect(clippy::too_many_arguments, reason = "those of `measure`, and the journal")]
pub fn measure_resumably(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &RelianceOptions,
    seed: Seed,
    progress: &dyn Progress,
    journal: &dyn Journal,
) -> Result<Measurement, RelianceError> {
    check_input(data, blocks, transform, options, scorer.takes_missing())?;
    let truth = Truth::of(&data.target)?;
    let metric = options.metric.unwrap_or_else(|| truth.default_metric());
    let donor_source =
        DonorSource::new(options.mode, data, options.donor_stratum.as_deref(), seed)?;
    let donors: Vec<Vec<u32>> =
        (0..options.repeats).into_par_iter().map(|repeat| donor_source.draw(repeat)).collect();
    let identity: Vec<u32> = (0..data.n_rows() as u32).collect();
    let randomizer = Randomizer::new(scorer, data.rows.view(), transform, options.batch_rows);

    progress.keep_going()?;
    let standard_scores = randomizer.standard()?;
    let mut caveats = Vec::new();
    caveats.extend(repeatability(&randomizer, &standard_scores)?);
    let n_outputs = standard_scores.ncols();
    let standard =
        Predictions::new(standard_scores.view(), &truth, options.threshold, "unchanged rows")?;
    drop(standard_scores);
    caveats.extend(probabilities(&standard, n_outputs));
    let strata = StratumRows::of(&data.strata, &truth);
    let standard_baseline = Baseline::new(standard.clone(), &truth, metric)?;
    let mut standard_figures = standard_baseline.figures(&standard, &strata)?;

    let conflict_donors = conflict_maps(data, &truth, options, seed)?;
    let n_blocks = blocks.blocks().len();
    let pairs = if options.pairs { index_pairs(n_blocks) } else { Vec::new() };
    let n_sides = if options.complement { 2 } else { 1 };
    let keeps_influences = Influences::are_kept(data.n_rows(), 1 + n_sides * n_blocks);
    let total = Passes::count(options, n_blocks, conflict_donors.len(), pairs.len());
    let passes = Passes {
        scorer,
        randomizer: &randomizer,
        truth: &truth,
        metric,
        options,
        strata: &strata,
        donors: &donors,
        conflict_donors: &conflict_donors,
        identity: &identity,
        keeps_influences,
        journal,
        counter: Counter::new(progress, total),
    };
    let mut runs = Vec::new();
    let mut samples = Vec::new();
    let mut influences = Vec::new();
    for (index, block) in blocks.blocks().iter().enumerate() {
        let found = passes.block(index, block)?;
        runs.push(found.runs);
        influences.push(found.influences);
        samples.extend(found.sample);
    }
    let joint = pairs
        .iter()
        .map(|&pair| passes.pair(blocks, pair, &standard_baseline))
        .collect::<Result<Vec<_>, _>>()?;

    let facts = DataFacts::of(data);
    let context = Context { facts: &facts, truth: &truth, metric, options, strata: &strata, seed };
    let influences = keeps_influences.then(|| Influences {
        data_fingerprint: facts.fingerprint.clone(),
        standard_value: standard_figures.value,
        standard: take_mean_influence(std::slice::from_mut(&mut standard_figures)),
        blocks: influences,
    });
    let standard_run = StandardRun { predictions: &standard, figures: &standard_figures };
    let mut outcome = context.summarise(blocks, standard_run, &runs, &joint, caveats)?;
    if options.manifold {
        describe_manifold(&mut outcome, blocks, &randomizer, &donors[0], seed);
    }
    mark_constant(&mut outcome, blocks, &randomizer);
    if transform.is_identity() && data.layout.column_names().is_some() {
        for (found, block) in outcome.blocks.iter_mut().zip(blocks.blocks()) {
            found.members = block.members(data);
        }
    }
    assign_verdicts(&mut outcome, &options.thresholds);
    let samples = ScoreSamples { truth, standard, blocks: samples };
    Ok(Measurement { outcome, samples, influences })
}

fn conflict_maps(
    data: &Dataset,
    truth: &Truth,
    options: &RelianceOptions,
    seed: Seed,
) -> Result<Vec<Vec<u32>>, RelianceError> {
    if !options.conflict || matches!(truth, Truth::Values(_)) {
        return Ok(Vec::new());
    }
    let source = DonorSource::new(DonorMode::Swap, data, None, seed.child("reliance/conflict", 0))?;
    Ok((0..CONFLICT_REPEATS.min(options.repeats)).map(|repeat| source.draw(repeat)).collect())
}

fn index_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|first| (first + 1..n).map(move |second| (first, second))).collect()
}
