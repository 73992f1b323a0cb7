//! The measurement: every block and its complement, over the same donor maps.

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
use crate::block::{Block, BlockSet};
use crate::donors::{DonorMode, DonorSource};
use crate::figures::{Baseline, JobFigures, StratumRows};
use crate::influence::{BlockInfluences, Influences, take_mean_influence};
use crate::metric::{Predictions, Truth};
use crate::outcome::RelianceOutcome;
use crate::randomize::{Randomizer, Side};
use crate::verdict::assign_verdicts;
use caveats::{describe_manifold, mark_constant, repeatability};
use input::check_input;
use summary::PairRuns;

pub(crate) use caveats::{REVERSED, probabilities};
pub(crate) use class_order::CLASS_ORDER;
pub(crate) use input::check_threshold;
pub use options::RelianceOptions;
pub(crate) use summary::{BlockRuns, Context, DataFacts, StandardRun};

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
    check_input(data, blocks, transform, options, scorer.takes_missing())?;
    let truth = Truth::of(&data.target)?;
    let metric = options.metric.unwrap_or_else(|| truth.default_metric());
    let donor_source =
        DonorSource::new(options.mode, data, options.donor_stratum.as_deref(), seed)?;
    let donors: Vec<Vec<u32>> =
        (0..options.repeats).into_par_iter().map(|repeat| donor_source.draw(repeat)).collect();
    let identity: Vec<u32> = (0..data.n_rows() as u32).collect();
    let randomizer = Randomizer::new(scorer, data.rows.view(), transform, options.batch_rows);
    let predictions = |scores: ndarray::Array2<f32>, pass: &str| {
        Predictions::new(scores.view(), &truth, options.threshold, pass)
    };

    progress.keep_going()?;
    let standard_scores = randomizer.standard()?;
    let mut caveats = Vec::new();
    caveats.extend(repeatability(&randomizer, &standard_scores)?);
    let n_outputs = standard_scores.ncols();
    let standard = predictions(standard_scores, "unchanged rows")?;
    caveats.extend(probabilities(&standard, n_outputs));
    let strata = StratumRows::of(&data.strata, &truth);
    let standard_baseline = Baseline::new(standard.clone(), &truth, metric)?;
    let mut standard_figures = standard_baseline.figures(&standard, &strata)?;

    let conflict_donors = conflict_maps(data, &truth, options, seed)?;
    let sides: &[Side] =
        if options.complement { &[Side::Block, Side::Complement] } else { &[Side::Block] };
    let jobs_per_block = 1 + sides.len() * options.repeats + conflict_donors.len();
    let pairs = if options.pairs { index_pairs(blocks.blocks().len()) } else { Vec::new() };
    let total = blocks.blocks().len() * jobs_per_block + pairs.len() * (1 + options.repeats);
    let counter = std::sync::atomic::AtomicUsize::new(0);
    let done = |n: usize| {
        let before = counter.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        progress.advance(before + n, total, "");
    };

    let keeps_influences =
        Influences::are_kept(data.n_rows(), 1 + sides.len() * blocks.blocks().len());
    let mut runs = Vec::new();
    let mut samples = Vec::new();
    let mut influences = Vec::new();
    for block in blocks.blocks() {
        progress.keep_going()?;
        let prepared = randomizer.prepare(&block.columns);
        let reference = predictions(
            randomizer.score(&prepared, &identity, Side::Block)?,
            "unchanged rows, split by block",
        )?;
        let baseline = Baseline::new(reference, &truth, metric)?;
        done(1);
        // Scores of the first repeat are kept for plots.
        let run = |side: Side,
                   repeat: usize,
                   donors: &[u32]|
         -> Result<(JobFigures, Option<Predictions>), RelianceError> {
            progress.keep_going()?;
            let scores = randomizer.score(&prepared, donors, side)?;
            let randomized = predictions(scores, &format!("block {:?} randomized", block.name))?;
            let mut figures = baseline.figures(&randomized, &strata)?;
            if !keeps_influences {
                figures.influence = Vec::new();
            }
            done(1);
            Ok((figures, (repeat == 0).then_some(randomized)))
        };
        let mut per_side = Vec::new();
        let mut sample_of_side = Vec::new();
        for &side in sides {
            let results = in_order(scorer, &donors, |repeat, donors| run(side, repeat, donors))?;
            let (mut figures, scores): (Vec<_>, Vec<_>) = results.into_iter().unzip();
            sample_of_side.push(scores.into_iter().flatten().next());
            per_side.push((take_mean_influence(&mut figures), figures));
        }
        let conflict = in_order(scorer, &conflict_donors, |_, donors| {
            run(Side::Block, 1, donors).map(|(figures, _)| figures)
        })?;
        let mut sides_found = sample_of_side.into_iter();
        if let Some(Some(without)) = sides_found.next() {
            samples.push((block.name.clone(), without, sides_found.next().flatten()));
        }
        let (of_sides, per_side): (Vec<_>, Vec<_>) = per_side.into_iter().unzip();
        let mut of_sides = of_sides.into_iter();
        influences.push(BlockInfluences {
            block: block.name.clone(),
            randomized: of_sides.next().unwrap_or_default(),
            complement: of_sides.next(),
        });
        let mut per_side = per_side.into_iter();
        runs.push(BlockRuns {
            randomized: per_side.next().unwrap_or_default(),
            complement: per_side.next(),
            conflict,
        });
    }

    let mut joint = Vec::new();
    for &(first, second) in &pairs {
        let (a, b) = (&blocks.blocks()[first], &blocks.blocks()[second]);
        let union = Block::new("pair", a.columns.iter().chain(&b.columns).map(|&c| c as usize));
        let prepared = randomizer.prepare(&union.columns);
        let results = in_order(scorer, &donors, |_, donors| {
            progress.keep_going()?;
            let scores = randomizer.score(&prepared, donors, Side::Block)?;
            let mut figures =
                standard_baseline.figures(&predictions(scores, "pair of blocks")?, &[])?;
            figures.influence = Vec::new();
            done(1);
            Ok(figures)
        })?;
        done(1);
        joint.push(PairRuns { first, second, randomized: results });
    }

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

/// One result per donor map, in order, on several threads if the model gains from it.
fn in_order<T: Send>(
    scorer: &dyn Scorer,
    donors: &[Vec<u32>],
    job: impl Fn(usize, &[u32]) -> Result<T, RelianceError> + Sync,
) -> Result<Vec<T>, RelianceError> {
    if scorer.scores_in_parallel() {
        donors.par_iter().enumerate().map(|(repeat, donors)| job(repeat, donors)).collect()
    } else {
        donors.iter().enumerate().map(|(repeat, donors)| job(repeat, donors)).collect()
    }
}

fn index_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|first| (first + 1..n).map(move |second| (first, second))).collect()
}
