//! The measurement: every block and its complement, over the same donor maps.

use rayon::prelude::*;
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer, Target};
use simbias_report::{Caveat, Estimate};
use simbias_stats::{Seed, equivalence_test, holm, normal_cdf, permuted_accuracy};

use crate::RelianceError;
use crate::block::{Block, BlockSet};
use crate::donors::{DonorMode, DonorSource};
use crate::figures::{
    Baseline, JobFigures, StratumRows, accuracies, condition, edge_variance, metric_interval,
    over_permutations, statistic, variance_parts,
};
use crate::manifold::{mean_abs_correlation, off_manifold_auc};
use crate::metric::{Metric, Predictions, Truth, cross_entropy};
use crate::outcome::{
    BlockOutcome, Condition, Conflict, PairOutcome, RelianceOutcome, Standard, StratumOutcome,
};
use crate::randomize::{Randomizer, Side};
use crate::verdict::{VerdictThresholds, assign_verdicts};

/// Fewest rows of the rarer class below which intervals are marked as rough.
const FEW_ROWS: usize = 30;
/// Domain-classifier AUC from which randomized rows are called off-manifold.
const OFF_MANIFOLD: f64 = 0.9;
/// Donor maps used for the cue-conflict accuracy.
const CONFLICT_REPEATS: usize = 5;

/// How to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct RelianceOptions {
    /// How donors are drawn.
    pub mode: DonorMode,
    /// Number of donor maps; 10 for a look, 30 for a report.
    pub repeats: usize,
    /// Whether the complement of every block is randomized too.
    pub complement: bool,
    /// Leading metric; ROC-AUC for classes and R² for numbers when not given.
    pub metric: Option<Metric>,
    /// Nominal coverage of the intervals.
    pub level: f64,
    /// Margin of the equivalence test, in units of the metric.
    pub equivalence_margin: f64,
    /// Whether pairs of blocks are randomized together.
    pub pairs: bool,
    /// Whether cue-conflict accuracies are measured (two classes or more).
    pub conflict: bool,
    /// Whether the distance of randomized rows from real ones is measured.
    pub manifold: bool,
    /// Stratum column for [`DonorMode::WithinStratum`]; the first one when not given.
    pub donor_stratum: Option<String>,
    /// Score above which a single-output binary model predicts the second class.
    pub threshold: f64,
    /// Rows that a model without an affine first layer sees at a time.
    pub batch_rows: usize,
    /// Where the verdict words begin and end.
    pub thresholds: VerdictThresholds,
}

impl Default for RelianceOptions {
    fn default() -> Self {
        Self {
            mode: DonorMode::Permute,
            repeats: 10,
            complement: true,
            metric: None,
            level: 0.95,
            equivalence_margin: 0.02,
            pairs: false,
            conflict: true,
            manifold: true,
            donor_stratum: None,
            threshold: 0.0,
            // 512 rows of a 3×64×32 image are 12 MB; larger batches gain nothing on the CPU.
            batch_rows: 512,
            thresholds: VerdictThresholds::default(),
        }
    }
}

/// What is told to whoever watches a long measurement.
pub trait Watch: Sync {
    /// `done` of `total` jobs are scored.
    fn scored(&self, done: usize, total: usize);
}

/// Watches nothing.
pub struct Unwatched;

impl Watch for Unwatched {
    fn scored(&self, _done: usize, _total: usize) {}
}

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
}

/// Measures how much `scorer` relies on every block of `data`.
///
/// Costs `1 + (1 + 2·repeats)·n_blocks` passes over the rows and memory for a few copies of the scores, not
/// of the rows. The result does not depend on the number of threads.
///
/// # Errors
/// Whatever makes the question meaningless: rows or scores that are not finite, one class, fewer than two
/// rows, sizes that do not fit, a transform that does not undo itself, a failing model.
///
/// Source: Shah et al. 2020, Definition 2 and Table 1; intervals and verdicts are this tool's own.
pub fn measure(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &RelianceOptions,
    seed: Seed,
    watch: &dyn Watch,
) -> Result<Measurement, RelianceError> {
    check_input(data, blocks, transform, options)?;
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

    let standard_scores = randomizer.standard()?;
    let mut caveats = Vec::new();
    caveats.extend(repeatability(&randomizer, &standard_scores)?);
    let standard = predictions(standard_scores, "unchanged rows")?;
    let strata = StratumRows::of(&data.strata, &truth);
    let standard_baseline = Baseline::new(standard.clone(), &truth, metric)?;
    let standard_figures = standard_baseline.figures(&standard, &strata)?;

    let conflict_donors = conflict_maps(data, &truth, options, seed)?;
    let sides: &[Side] =
        if options.complement { &[Side::Block, Side::Complement] } else { &[Side::Block] };
    let jobs_per_block = 1 + sides.len() * options.repeats + conflict_donors.len();
    let pairs = if options.pairs { index_pairs(blocks.blocks().len()) } else { Vec::new() };
    let total = blocks.blocks().len() * jobs_per_block + pairs.len() * (1 + options.repeats);
    let counter = std::sync::atomic::AtomicUsize::new(0);
    let done = |n: usize| {
        let before = counter.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        watch.scored(before + n, total);
    };

    let mut runs = Vec::new();
    let mut samples = Vec::new();
    for block in blocks.blocks() {
        let prepared = randomizer.prepare(&block.columns);
        let reference = predictions(
            randomizer.score(&prepared, &identity, Side::Block)?,
            "unchanged rows, split by block",
        )?;
        let baseline = Baseline::new(reference, &truth, metric)?;
        done(1);
        let run = |side: Side,
                   donors: &[u32]|
         -> Result<(JobFigures, Predictions), RelianceError> {
            let scores = randomizer.score(&prepared, donors, side)?;
            let randomized = predictions(scores, &format!("block {:?} randomized", block.name))?;
            let figures = baseline.figures(&randomized, &strata)?;
            done(1);
            Ok((figures, randomized))
        };
        let mut per_side = Vec::new();
        let mut sample_of_side = Vec::new();
        for &side in sides {
            let mut results = in_order(scorer, &donors, |donors| run(side, donors))?;
            sample_of_side.push(results.first().map(|(_, predictions)| predictions.clone()));
            per_side.push(results.drain(..).map(|(figures, _)| figures).collect::<Vec<_>>());
        }
        let conflict = in_order(scorer, &conflict_donors, |donors| {
            run(Side::Block, donors).map(|(figures, _)| figures)
        })?;
        let mut sides_found = sample_of_side.into_iter();
        if let Some(Some(without)) = sides_found.next() {
            samples.push((block.name.clone(), without, sides_found.next().flatten()));
        }
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
        let results = in_order(scorer, &donors, |donors| {
            let scores = randomizer.score(&prepared, donors, Side::Block)?;
            let figures =
                standard_baseline.figures(&predictions(scores, "pair of blocks")?, &[])?;
            done(1);
            Ok(figures)
        })?;
        done(1);
        joint.push(PairRuns { first, second, randomized: results });
    }

    let facts = DataFacts::of(data);
    let context = Context { facts: &facts, truth: &truth, metric, options, strata: &strata, seed };
    let standard_run = StandardRun { predictions: &standard, figures: &standard_figures };
    let mut outcome = context.summarise(blocks, standard_run, &runs, &joint, caveats)?;
    if options.manifold {
        describe_manifold(&mut outcome, blocks, &randomizer, &donors[0], seed);
    }
    mark_constant(&mut outcome, blocks, &randomizer);
    assign_verdicts(&mut outcome, &options.thresholds);
    Ok(Measurement { outcome, samples: ScoreSamples { truth, standard, blocks: samples } })
}

/// Figures of all jobs of one block.
pub(crate) struct BlockRuns {
    pub(crate) randomized: Vec<JobFigures>,
    pub(crate) complement: Option<Vec<JobFigures>>,
    pub(crate) conflict: Vec<JobFigures>,
}

/// Figures of two blocks randomized together.
pub(crate) struct PairRuns {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) randomized: Vec<JobFigures>,
}

/// What a result says about its data, without the rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataFacts {
    pub(crate) name: String,
    pub(crate) fingerprint: String,
    /// Class names with the rows of each; empty for numbers.
    pub(crate) classes: Vec<(String, usize)>,
}

impl DataFacts {
    pub(crate) fn of(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            fingerprint: data.fingerprint(),
            classes: Self::classes(&data.target),
        }
    }

    pub(crate) fn classes(target: &Target) -> Vec<(String, usize)> {
        match target {
            Target::Classes(labels) => labels.names.iter().cloned().zip(labels.counts()).collect(),
            Target::Values(_) => Vec::new(),
        }
    }
}

/// The unchanged rows, scored.
#[derive(Clone, Copy)]
pub(crate) struct StandardRun<'a> {
    pub(crate) predictions: &'a Predictions,
    pub(crate) figures: &'a JobFigures,
}

/// What every summary needs to know.
pub(crate) struct Context<'a> {
    pub(crate) facts: &'a DataFacts,
    pub(crate) truth: &'a Truth,
    pub(crate) metric: Metric,
    pub(crate) options: &'a RelianceOptions,
    pub(crate) strata: &'a [StratumRows],
    pub(crate) seed: Seed,
}

fn check_input(
    data: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &RelianceOptions,
) -> Result<(), RelianceError> {
    let option =
        |name: &str, problem: String| RelianceError::Option { option: name.into(), problem };
    if options.repeats == 0 {
        return Err(option("repeats", "0 donor maps measure nothing; use 1 or more".into()));
    }
    if !(options.level > 0.0 && options.level < 1.0) {
        return Err(option("ci", format!("{} is not between 0 and 1", options.level)));
    }
    if !(options.equivalence_margin > 0.0 && options.equivalence_margin.is_finite()) {
        return Err(option("equiv", format!("{} is not above 0", options.equivalence_margin)));
    }
    if data.n_features() != transform.n_features() {
        return Err(RelianceError::FeatureCount {
            found: data.n_features(),
            expected: transform.n_features(),
            by: "the transform".into(),
        });
    }
    if transform.n_coefficients() != blocks.n_features() {
        return Err(RelianceError::FeatureCount {
            found: transform.n_coefficients(),
            expected: blocks.n_features(),
            by: "the blocks".into(),
        });
    }
    if let Some(((row, column), &value)) =
        data.rows.indexed_iter().find(|(_, value)| !value.is_finite())
    {
        return Err(RelianceError::NotFiniteInput {
            row,
            column: data.layout.column_name(column),
            value,
        });
    }
    if !transform.is_identity() {
        let scale = data.rows.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
        let few = data.rows.slice(ndarray::s![..data.n_rows().min(256), ..]);
        let back = transform.inverse(transform.forward(few).view());
        let error = few.iter().zip(&back).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        let allowed = 1e-4 * f64::from(scale.max(f32::MIN_POSITIVE));
        if f64::from(error) > allowed || error.is_nan() {
            return Err(RelianceError::RoundTrip { error: f64::from(error), allowed });
        }
    }
    Ok(())
}

/// Scores some rows twice; evaluation mode must give the same scores.
fn repeatability(
    randomizer: &Randomizer<'_>,
    first: &ndarray::Array2<f32>,
) -> Result<Option<Caveat>, RelianceError> {
    let second = randomizer.standard()?;
    let worst = first.iter().zip(&second).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
    Ok((worst > 0.0).then(|| {
        Caveat::warning(
            "stochastic-model",
            format!(
                "Two passes over the same rows differ by up to {worst:.3e}: the model is not \
                 deterministic. Switch dropout off and put batch normalisation into evaluation mode."
            ),
        )
    }))
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

/// One result a donor map, in order, on several threads if the model gains from it.
fn in_order<T: Send>(
    scorer: &dyn Scorer,
    donors: &[Vec<u32>],
    job: impl Fn(&[u32]) -> Result<T, RelianceError> + Sync,
) -> Result<Vec<T>, RelianceError> {
    if scorer.scores_in_parallel() {
        donors.par_iter().map(|donors| job(donors)).collect()
    } else {
        donors.iter().map(|donors| job(donors)).collect()
    }
}

fn index_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|first| (first + 1..n).map(move |second| (first, second))).collect()
}

impl Context<'_> {
    pub(crate) fn summarise(
        &self,
        blocks: &BlockSet,
        standard: StandardRun<'_>,
        runs: &[BlockRuns],
        joint: &[PairRuns],
        mut caveats: Vec<Caveat>,
    ) -> Result<RelianceOutcome, RelianceError> {
        let StandardRun { predictions: standard, figures: standard_figures } = standard;
        let level = self.options.level;
        let found = metric_interval(
            self.metric,
            self.truth,
            &[standard_figures.value],
            &[standard_figures.variance],
            level,
            "test rows",
        )?;
        let chance = self.metric.chance(self.truth);
        let has_signal = found.estimate.low > chance;
        let accuracy = match accuracies(standard, self.truth).0 {
            Some(accuracy) => {
                let n = self.truth.n_rows() as f64;
                let (low, high) =
                    simbias_stats::wilson_interval(accuracy, n, level).map_err(statistic)?;
                Some(
                    Estimate::new(accuracy, low, high)
                        .level(level)
                        .n(self.truth.n_rows() as u64)
                        .varied("test rows"),
                )
            }
            None => None,
        };
        caveats.extend(self.caveats(blocks, has_signal, &found.estimate, chance));

        let mut outcomes = Vec::new();
        for (block, runs) in blocks.blocks().iter().zip(runs) {
            outcomes.push(self.block(block, standard_figures, runs, chance, has_signal)?);
        }
        let p_values: Vec<f64> = outcomes.iter().map(|block| block.p_value).collect();
        for (block, adjusted) in outcomes.iter_mut().zip(holm(&p_values).map_err(statistic)?) {
            block.p_value_holm = adjusted;
            if adjusted < 1.0 - level {
                block.flags.push("significant".into());
            }
        }
        let pairs = joint
            .iter()
            .map(|pair| self.pair(&outcomes, pair, standard_figures, chance, has_signal))
            .collect::<Result<_, _>>()?;
        Ok(RelianceOutcome {
            data_name: self.facts.name.clone(),
            data_fingerprint: self.facts.fingerprint.clone(),
            n_rows: self.truth.n_rows(),
            classes: self.facts.classes.clone(),
            metric: self.metric,
            chance,
            mode: self.options.mode,
            repeats: self.options.repeats,
            seed: self.seed.value(),
            level,
            equivalence_margin: self.options.equivalence_margin,
            standard: Standard {
                metric: found.estimate,
                degenerate: found.degenerate,
                accuracy,
                cross_entropy_nats: cross_entropy(standard, self.truth),
            },
            blocks: outcomes,
            pairs,
            caveats,
        })
    }

    fn caveats(
        &self,
        blocks: &BlockSet,
        has_signal: bool,
        standard: &Estimate,
        chance: f64,
    ) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        if !has_signal {
            caveats.push(Caveat::warning(
                "no-signal",
                format!(
                    "The interval of the {} on unchanged rows reaches down to chance ({:.3} ≤ {chance:.3}), \
                     so there is no skill to attribute: verdicts, necessity and sufficiency are withheld.",
                    self.metric.title(),
                    standard.low
                ),
            ));
        }
        let rarest = crate::figures::effective_rows(self.truth);
        if rarest < FEW_ROWS {
            caveats.push(Caveat::caution(
                "few-rows",
                format!(
                    "The rarer class has {rarest} rows; intervals are rough below {FEW_ROWS}. \
                     Where the metric reaches its end, Wilson's interval is used."
                ),
            ));
        }
        if blocks.rest_added() {
            caveats.push(Caveat::note(
                "rest",
                "Coordinates that no block names were collected in the block \"rest\".",
            ));
        }
        if let Some(positive) = match self.truth {
            Truth::Binary(positive) => Some(positive),
            _ => None,
        } {
            let n_positive = positive.iter().filter(|&&positive| positive).count();
            let share = n_positive as f64 / positive.len() as f64;
            if !(0.2..=0.8).contains(&share) {
                caveats.push(Caveat::note(
                    "imbalance",
                    format!(
                        "{:.1} % of the rows are of the second class: a perfect model of one block keeps an \
                         accuracy of {:.3} when that block is permuted. Judge by the AUC.",
                        100.0 * share,
                        share * share + (1.0 - share) * (1.0 - share)
                    ),
                ));
            }
        }
        caveats
    }

    fn block(
        &self,
        block: &Block,
        standard: &JobFigures,
        runs: &BlockRuns,
        chance: f64,
        has_signal: bool,
    ) -> Result<BlockOutcome, RelianceError> {
        let level = self.options.level;
        let null = match self.options.mode {
            DonorMode::Permute | DonorMode::Independent => {
                permuted_accuracy(&self.truth.class_counts()).ok()
            }
            DonorMode::Swap => Some(0.0),
            DonorMode::WithinClass | DonorMode::WithinStratum => None,
        }
        .filter(|_| !matches!(self.truth, Truth::Values(_)));
        let (randomized, degenerate) =
            condition(&runs.randomized, self.metric, self.truth, level, null)?;
        let complement = match &runs.complement {
            Some(jobs) => Some(condition(jobs, self.metric, self.truth, level, null)?.0),
            None => None,
        };
        let (drop, variance) = self.drop(standard, &runs.randomized)?;
        let standard_error = variance.sqrt();
        let p_value = 1.0 - normal_cdf(drop.value / standard_error);
        let equivalence =
            equivalence_test(drop.value, standard_error, self.options.equivalence_margin)
                .map_err(statistic)?;
        let necessity = has_signal
            .then(|| self.kept_share(standard, &runs.randomized, chance))
            .transpose()?
            .map(|kept| {
                Estimate::new(1.0 - kept.value, 1.0 - kept.high, 1.0 - kept.low)
                    .level(level)
                    .n(kept.n)
                    .varied(kept.varied)
            });
        let sufficiency = match (&runs.complement, has_signal) {
            (Some(jobs), true) => Some(self.kept_share(standard, jobs, chance)?),
            _ => None,
        };
        let flags = if degenerate { vec!["degenerate".to_string()] } else { Vec::new() };
        Ok(BlockOutcome {
            name: block.name.clone(),
            size: block.columns.len(),
            strata: self.strata_of(standard, &runs.randomized)?,
            conflict: self.conflict(&runs.conflict)?,
            randomized,
            complement,
            drop,
            p_value,
            p_value_holm: p_value,
            p_value_equivalence: equivalence.p_value,
            necessity,
            sufficiency,
            mean_abs_correlation: 0.0,
            off_manifold_auc: None,
            simplicity: None,
            verdict: None,
            flags,
        })
    }

    /// Standard minus randomized, with the paired variance. A metric at its end (where the paired variance
    /// vanishes) is granted the variance of Wilson's bound.
    fn drop(
        &self,
        standard: &JobFigures,
        jobs: &[JobFigures],
    ) -> Result<(Estimate, f64), RelianceError> {
        let level = self.options.level;
        let drops: Vec<f64> = jobs.iter().map(|job| standard.value - job.value).collect();
        let paired: Vec<f64> = jobs.iter().map(|job| job.paired_variance).collect();
        let (rows, permutations) = variance_parts(&drops, &paired)?;
        let mut variance = rows + permutations;
        if variance <= 0.0 {
            variance = if self.metric == Metric::R2 {
                f64::MIN_POSITIVE
            } else {
                edge_variance(self.truth, level)?
            };
        }
        let value = simbias_stats::mean(&drops);
        let (low, high) =
            simbias_stats::wald_interval(value, variance, level).map_err(statistic)?;
        let estimate = Estimate::new(value, low, high)
            .level(level)
            .n(self.truth.n_rows() as u64)
            .varied("test rows and permutations");
        Ok((estimate, variance))
    }

    /// `(m − c) / (m₀ − c)` for the metric `m` of the jobs, by the delta method:
    /// `ψ = ψ_m / d − (m − c) / d² · ψ₀` with `d = m₀ − c`.
    fn kept_share(
        &self,
        standard: &JobFigures,
        jobs: &[JobFigures],
        chance: f64,
    ) -> Result<Estimate, RelianceError> {
        let d = standard.value - chance;
        let kept: Vec<f64> = jobs.iter().map(|job| (job.value - chance) / d).collect();
        let row_variances: Vec<f64> = jobs
            .iter()
            .zip(&kept)
            .map(|(job, kept)| {
                let covariance = (job.variance + standard.variance - job.paired_variance) / 2.0;
                let variance =
                    job.variance - 2.0 * kept * covariance + kept * kept * standard.variance;
                (variance / (d * d)).max(0.0)
            })
            .collect();
        let (rows, permutations) = variance_parts(&kept, &row_variances)?;
        let value = simbias_stats::mean(&kept);
        let (low, high) =
            simbias_stats::wald_interval(value, rows + permutations, self.options.level)
                .map_err(statistic)?;
        Ok(Estimate::new(value, low, high)
            .level(self.options.level)
            .n(self.truth.n_rows() as u64)
            .varied("test rows and permutations"))
    }

    fn conflict(&self, jobs: &[JobFigures]) -> Result<Option<Conflict>, RelianceError> {
        let accuracies: Vec<f64> = jobs.iter().filter_map(|job| job.accuracy).collect();
        if accuracies.is_empty() {
            return Ok(None);
        }
        let n_classes = self.truth.n_classes();
        let mut worst = (0, f64::INFINITY);
        for class in 0..n_classes {
            let mean =
                jobs.iter().map(|job| job.class_accuracies[class]).sum::<f64>() / jobs.len() as f64;
            if mean < worst.1 {
                worst = (class, mean);
            }
        }
        Ok(Some(Conflict {
            accuracy: over_permutations(&accuracies, self.options.level, (0.0, 1.0))?,
            worst_class_accuracy: worst.1,
            worst_class: self.facts.classes[worst.0].0.clone(),
        }))
    }

    fn strata_of(
        &self,
        standard: &JobFigures,
        jobs: &[JobFigures],
    ) -> Result<Vec<StratumOutcome>, RelianceError> {
        let level = self.options.level;
        let mut found = Vec::new();
        for (index, stratum) in self.strata.iter().enumerate() {
            let Some(before) = standard.strata[index] else { continue };
            let after: Vec<(f64, f64)> = jobs.iter().filter_map(|job| job.strata[index]).collect();
            if after.len() < jobs.len() {
                continue;
            }
            let Some(truth) = self.truth.select(&stratum.rows) else { continue };
            let (values, variances): (Vec<f64>, Vec<f64>) = after.into_iter().unzip();
            let interval = |values: &[f64], variances: &[f64], varied: &str| {
                metric_interval(self.metric, &truth, values, variances, level, varied)
                    .map(|found| found.estimate)
            };
            found.push(StratumOutcome {
                column: stratum.column.clone(),
                value: stratum.value.clone(),
                n_rows: stratum.rows.len(),
                standard: interval(&[before.0], &[before.1], "test rows")?,
                randomized: interval(&values, &variances, "test rows and permutations")?,
            });
        }
        Ok(found)
    }

    fn pair(
        &self,
        blocks: &[BlockOutcome],
        pair: &PairRuns,
        standard: &JobFigures,
        chance: f64,
        has_signal: bool,
    ) -> Result<PairOutcome, RelianceError> {
        let level = self.options.level;
        let (found, _): (Condition, bool) =
            condition(&pair.randomized, self.metric, self.truth, level, None)?;
        let necessity =
            has_signal.then(|| (standard.value - found.metric.value) / (standard.value - chance));
        let alone = |index: usize| blocks[index].necessity.as_ref().map(|found| found.value);
        let interaction = match (necessity, alone(pair.first), alone(pair.second)) {
            (Some(joint), Some(first), Some(second)) => Some(joint - first - second),
            _ => None,
        };
        Ok(PairOutcome {
            first: blocks[pair.first].name.clone(),
            second: blocks[pair.second].name.clone(),
            randomized: found.metric,
            necessity,
            interaction,
        })
    }
}

fn describe_manifold(
    outcome: &mut RelianceOutcome,
    blocks: &BlockSet,
    randomizer: &Randomizer<'_>,
    donors: &[u32],
    seed: Seed,
) {
    let mut off = Vec::new();
    let coordinates = randomizer.coordinates();
    for (found, block) in outcome.blocks.iter_mut().zip(blocks.blocks()) {
        let rest = blocks.complement(block);
        found.mean_abs_correlation = mean_abs_correlation(coordinates, &block.columns, &rest);
        found.off_manifold_auc = off_manifold_auc(coordinates, &block.columns, &rest, donors, seed);
        if found.off_manifold_auc.is_some_and(|auc| auc >= OFF_MANIFOLD) {
            found.flags.push("off-manifold".into());
            off.push(format!("{:?}", found.name));
        }
    }
    if !off.is_empty() {
        outcome.caveats.insert(
            0,
            Caveat::warning(
                "off-manifold",
                format!(
                    "A simple classifier tells rows with randomized {} from real ones (AUC ≥ {OFF_MANIFOLD}). \
                     Read those figures as behaviour of the model, not as importance in the data, or draw \
                     donors within class or within stratum.",
                    off.join(", ")
                ),
            ),
        );
    }
}

/// Flags blocks whose values never vary: randomizing them changes nothing by construction.
fn mark_constant(outcome: &mut RelianceOutcome, blocks: &BlockSet, randomizer: &Randomizer<'_>) {
    let coordinates = randomizer.coordinates();
    let mut constant = Vec::new();
    for (found, block) in outcome.blocks.iter_mut().zip(blocks.blocks()) {
        let varies = block.columns.iter().any(|&column| {
            let values = coordinates.column(column as usize);
            values.iter().any(|&value| value != values[0])
        });
        if !varies {
            found.flags.push("constant".into());
            constant.push(format!("{:?}", found.name));
        }
    }
    if !constant.is_empty() {
        outcome.caveats.push(Caveat::note(
            "constant",
            format!(
                "Constant on these rows, so nothing can rely on them: {}.",
                constant.join(", ")
            ),
        ));
    }
}
