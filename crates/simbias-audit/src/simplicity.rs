//! How easy each block is: a ladder of probes, learning time of the audited architecture, code length.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Axis;
use rayon::prelude::*;
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Layout, Scorer};
use simbias_nn::Fcn;
use simbias_reliance::metric::{Metric, MetricValue, Predictions, Truth, cross_entropy};
use simbias_reliance::outcome::{ProbeRung, Simplicity};
use simbias_reliance::{Block, BlockOutcome, RelianceOptions, Side, is_shown_above, pieces};
use simbias_report::{Estimate, Progress};
use simbias_stats::{Seed, mean_estimate};
use simbias_train::{
    Evaluation, FitConfig, Flow, Hooks, KeepBest, Loss, NetScorer, Optimizer, Plain, Prepared,
    Recipe, Schedule, ShuffledEpochs, Standardization, StepRecord, StopOnRequest, TrainError,
    TrainState, Watch,
};

use crate::AuditError;
use crate::block_noise::{BlockNoise, BlockNoiseHook, denied};
use crate::training::fresh;

/// How simplicity is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct SimplicityOptions {
    /// Widths of the one-hidden-layer probes; 0 is the linear one. A probe of 2×128 ends the ladder.
    pub ladder: Vec<usize>,
    /// Maximum number of thresholds tried for blocks of one coordinate.
    pub most_thresholds: usize,
    /// Training seeds of each probe.
    pub probe_seeds: usize,
    /// Steps of each probe.
    pub probe_steps: u64,
    /// A rung counts as reaching the best one within this distance.
    pub tolerance: f64,
    /// Maximum number of steps of the audited architecture on one block; 0 leaves learning time out.
    pub solo_steps: u64,
    /// Steps between two looks at the learning curve.
    pub solo_every: u64,
    /// Training seeds of the learning time.
    pub solo_seeds: usize,
    /// Whether the prequential code length is measured.
    pub code_length: bool,
}

impl Default for SimplicityOptions {
    fn default() -> Self {
        Self {
            ladder: vec![0, 2, 4, 8, 32, 128],
            most_thresholds: 16,
            probe_seeds: 3,
            probe_steps: 400,
            tolerance: 0.01,
            solo_steps: 1500,
            solo_every: 20,
            solo_seeds: 1,
            code_length: false,
        }
    }
}

impl SimplicityOptions {
    /// For whole images by frequency and colour: two probes, since their blocks have as many coordinates as the image, and
    /// no runs of the architecture, whose time goes to the blocks of the user.
    pub(crate) fn of_whole_images(own: &Self) -> Self {
        Self { ladder: vec![0], probe_seeds: 1, solo_steps: 0, ..own.clone() }
    }
}

/// Maximum number of test rows that learning curves are read from.
const CURVE_ROWS: usize = 500;
/// Metric from which learning a block counts as finished.
const LEARNED: f64 = 0.999;
/// Looks above [`LEARNED`] in a row before learning ends.
const LOOKS_LEARNED: usize = 3;
/// What intervals of figures of blocks alone cover.
pub(crate) const ALONE: &str = "test rows and seeds";
/// Fractions of the training rows for the prequential code.
const CODE_FRACTIONS: [f64; 5] = [0.1, 0.2, 0.4, 0.7, 1.0];

/// The three parts that simplicity is measured on.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// To learn from.
    pub train: &'a Dataset,
    /// To choose steps with.
    pub validation: &'a Dataset,
    /// To judge with.
    pub test: &'a Dataset,
}

/// One block learned alone by the audited architecture.
pub struct SoloRun {
    /// The trained network; everything but the block told it nothing.
    pub network: NetScorer,
    /// Steps and metric on held-out rows.
    pub curve: Vec<(u64, f64)>,
    /// Steps to 90 % of the final gain over chance; `None` if the metric on test rows is not shown to be above chance.
    pub steps_to_learn: Option<u64>,
    /// Steps taken; fewer than allowed where the block was learned sooner.
    pub steps: u64,
    /// Best metric on held-out rows, whose weights were kept.
    pub validation_metric: f64,
    /// Metric of the kept weights on test rows with everything but the block exchanged.
    pub metric: MetricValue,
}

impl SoloRun {
    /// Another handle to the same run; weights are shared, not copied.
    pub(crate) fn share(&self) -> Self {
        Self {
            network: self.network.clone(),
            curve: self.curve.clone(),
            steps_to_learn: self.steps_to_learn,
            steps: self.steps,
            validation_metric: self.validation_metric,
            metric: self.metric.clone(),
        }
    }
}

/// Thresholds and probe ladder of one block; the solo metric is that of the rung which is best on the validation
/// rows, measured on the test rows. `progress` counts trained probes.
///
/// # Errors
/// Rows that no probe can learn from, and an interrupt, checked at every step of training.
#[expect(clippy::too_many_arguments, reason = "the parts of one experiment, each used once")]
pub fn probe_block(
    block: &Block,
    transform: &dyn Transform,
    parts: Parts<'_>,
    metric: Metric,
    options: &SimplicityOptions,
    seed: Seed,
    level: f64,
    progress: &dyn Progress,
) -> Result<Simplicity, AuditError> {
    Ok(climb(block, transform, parts, metric, options, seed, level, progress)?.simplicity)
}

/// A probe ladder whose best rung is chosen again when a rung is added.
pub(crate) struct Ladder {
    pub(crate) simplicity: Simplicity,
    /// Metric of every rung on the validation rows, mean over seeds.
    validation: Vec<f64>,
    /// Metric of every rung on the test rows, one per seed.
    test: Vec<Vec<MetricValue>>,
}

impl Ladder {
    /// Adds a rung: its metric on the validation rows, and the runs on the test rows.
    pub(crate) fn push(
        &mut self,
        rung: ProbeRung,
        validation: f64,
        test: Vec<MetricValue>,
        tolerance: f64,
    ) {
        self.simplicity.probes.push(rung);
        self.validation.push(validation);
        self.test.push(test);
        self.choose(tolerance);
    }

    /// Compares the best rung with the whole model, `standard`, on the test rows.
    pub(crate) fn compare(
        &mut self,
        standard: &MetricValue,
        metric: Metric,
        truth: &Truth,
        level: f64,
    ) -> Result<(), AuditError> {
        if let Some(best) = self.best() {
            let found = metric.difference(&self.test[best], standard, truth, level, ALONE)?;
            self.simplicity.solo_difference = Some(found);
        }
        Ok(())
    }

    /// The rung that is best on the validation rows. Test rows choose nothing: the best of many would look too good.
    fn best(&self) -> Option<usize> {
        (0..self.validation.len())
            .max_by(|&a, &b| self.validation[a].total_cmp(&self.validation[b]))
    }

    /// Takes the metric of the rung that is best on the validation rows as the block's solo metric, and the
    /// lowest rung that comes near it.
    fn choose(&mut self, tolerance: f64) {
        let Some(best) = self.best() else { return };
        let near = self.validation.iter().position(|&v| v >= self.validation[best] - tolerance);
        let probes = &self.simplicity.probes;
        self.simplicity.lowest_rung = near.map(|rung| probes[rung].name.clone());
        self.simplicity.solo_metric = Some(probes[best].metric.clone());
    }
}

/// As [`probe_block`].
#[expect(clippy::too_many_arguments, reason = "the parts of one experiment, each used once")]
pub(crate) fn climb(
    block: &Block,
    transform: &dyn Transform,
    parts: Parts<'_>,
    metric: Metric,
    options: &SimplicityOptions,
    seed: Seed,
    level: f64,
    progress: &dyn Progress,
) -> Result<Ladder, AuditError> {
    let train = columns_of(parts.train, transform, block);
    let standardization = Standardization::of(&train);
    let standardized = |part| standardization.dataset(&columns_of(part, transform, block));
    let train = standardization.dataset(&train);
    let (validation, test) = (&standardized(parts.validation), &standardized(parts.test));
    let mut rungs: Vec<(String, usize, usize)> = options
        .ladder
        .iter()
        .map(|&width| match width {
            0 => ("linear".to_string(), 0, 0),
            _ => (format!("width {width}"), width, 1),
        })
        .collect();
    rungs.push(("2 × 128".into(), 128, 2));
    let jobs: Vec<(usize, u64)> = (0..rungs.len())
        .flat_map(|rung| (0..options.probe_seeds as u64).map(move |run| (rung, run)))
        .collect();
    let n_done = AtomicUsize::new(0);
    progress.advance(0, jobs.len(), &rungs[0].0);
    // The same seeds for every block, so that adding a block changes nothing for the others.
    let values: Vec<(f64, MetricValue)> = jobs
        .par_iter()
        .map(|&(rung, run)| {
            let (_, width, n_hidden) = &rungs[rung];
            let n_outputs = n_outputs_of(&train);
            let architecture = Fcn::new(train.n_features(), *width, *n_hidden, n_outputs).into();
            let seed = seed.child("audit/probe", run).child("rung", rung as u64);
            let mut state = fresh(&architecture, seed, &simbias_nn::cpu())?;
            let fit = probe_fit(options.probe_steps, n_outputs, train.n_rows());
            train_probe(&mut state, &train, validation, &fit, progress)?;
            let network = NetScorer::new(state.network);
            let done = n_done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.advance(done, jobs.len(), &rungs[rung].0);
            Ok((value_of(&network, validation, metric)?, metric_of(&network, test, metric)?))
        })
        .collect::<Result<_, AuditError>>()?;
    let mut on_validation = vec![0.0; rungs.len()];
    let mut on_test: Vec<Vec<MetricValue>> = vec![Vec::new(); rungs.len()];
    for (&(rung, _), (validation, test)) in jobs.iter().zip(values) {
        on_validation[rung] += validation / options.probe_seeds as f64;
        on_test[rung].push(test);
    }
    let truth = truth_of(test)?;
    let probes: Vec<ProbeRung> = rungs
        .iter()
        .zip(&on_test)
        .map(|((name, ..), runs)| {
            let metric = metric.estimate(runs, &truth, level, ALONE)?;
            Ok(ProbeRung { name: name.clone(), metric })
        })
        .collect::<Result<_, AuditError>>()?;
    let pieces = match (block.columns.as_slice(), parts.train.class_labels()) {
        ([_], Some(labels)) => {
            let values = columns_of(parts.train, transform, block).rows.column(0).mapv(f64::from);
            pieces(&values.to_vec(), &labels.indices, options.most_thresholds, seed)
        }
        _ => None,
    };
    let code_length_bits = if options.code_length {
        code_length(&train, validation, options, seed, progress)?
    } else {
        None
    };
    let simplicity = Simplicity { pieces, probes, code_length_bits, ..Simplicity::default() };
    let mut ladder = Ladder { simplicity, validation: on_validation, test: on_test };
    ladder.choose(options.tolerance);
    Ok(ladder)
}

/// Trains the audited architecture with everything but `block` exchanged between rows, and follows it on
/// held-out rows treated alike. The weights of the best look are kept, the latest of equals.
#[expect(clippy::too_many_arguments, reason = "the parts of one experiment, each used once")]
pub fn learn_alone(
    block: &Block,
    transform: &dyn Transform,
    parts: Parts<'_>,
    recipe: &Recipe,
    metric: Metric,
    options: &SimplicityOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<SoloRun, AuditError> {
    let deny = |data: &Dataset, purpose: &str| {
        denied(data, transform, &block.columns, Side::Complement, seed.child(purpose, 0))
    };
    let mut few = parts.validation.stratified_order(seed.child("curve", 0));
    few.truncate(CURVE_ROWS);
    let validation = deny(&parts.validation.select(&few), "validation");
    let mut state = fresh(&recipe.architecture, seed, &recipe.device)?;
    let fit = FitConfig {
        max_steps: options.solo_steps,
        evaluate_every: options.solo_every.max(1),
        goal: None,
        patience: None,
        ..recipe.fit.clone()
    };
    let looks_learned = Cell::new(0);
    let mut curve = Curve {
        progress,
        data: &validation,
        metric,
        max_steps: fit.max_steps,
        looks_learned: &looks_learned,
        points: Vec::new(),
    };
    let mut watch = EndWhenLearned { progress, looks_learned: &looks_learned };
    let mut noise = BlockNoiseHook {
        noise: BlockNoise::Deny { columns: &block.columns, side: Side::Complement },
        train: parts.train,
        transform,
    };
    let mut epochs = ShuffledEpochs::new(parts.train, fit.batch_size);
    let mut batches = Prepared::new(&mut epochs, &mut noise);
    let hooks = Hooks { keep: Some(&mut curve), ..Hooks::new(&mut watch) };
    simbias_train::fit(&mut state, &mut batches, &fit.loss, &mut Plain, &fit, hooks)?;
    progress.keep_going()?;
    let chance = metric.chance(&truth_of(&validation)?);
    let best = curve.points.iter().map(|&(_, value)| value).fold(f64::NEG_INFINITY, f64::max);
    let network = NetScorer::new(state.network);
    let test = deny(parts.test, "test");
    let found = metric_of(&network, &test, metric)?;
    // The best of many looks is above chance even for noise; rows that chose nothing decide.
    let level = RelianceOptions::default().level;
    let on_test =
        metric.estimate(std::slice::from_ref(&found), &truth_of(&test)?, level, "test rows")?;
    let steps_to_learn = is_shown_above(&on_test, chance, 1).then(|| {
        curve
            .points
            .iter()
            .find(|&&(_, value)| value - chance >= 0.9 * (best - chance))
            .map_or(state.step, |&(step, _)| step)
    });
    Ok(SoloRun {
        network,
        curve: curve.points,
        steps_to_learn,
        steps: state.step,
        validation_metric: best,
        metric: found,
    })
}

/// Follows a metric on held-out rows and keeps the weights of the best look: the last ones may be those of an unsteady
/// moment.
struct Curve<'a> {
    progress: &'a dyn Progress,
    data: &'a Dataset,
    metric: Metric,
    max_steps: u64,
    /// Looks in a row at which the block was learned.
    looks_learned: &'a Cell<usize>,
    points: Vec<(u64, f64)>,
}

impl KeepBest for Curve<'_> {
    fn score(&mut self, state: &TrainState, _: &Evaluation) -> Result<f64, TrainError> {
        let value = value_of(&NetScorer::new(state.network.clone()), self.data, self.metric);
        // A network without finite scores is reported by the loop itself.
        let value = value.unwrap_or(f64::NAN);
        self.points.push((state.step, value));
        let remark = format!("step {}, {} {value:.3}", state.step, self.metric.title());
        self.progress.advance(state.step as usize, self.max_steps as usize, &remark);
        self.looks_learned.set(if value >= LEARNED { self.looks_learned.get() + 1 } else { 0 });
        Ok(value)
    }

    /// The latest of equals.
    fn replaces(&self, new: f64, best: f64) -> bool {
        best <= new
    }
}

/// Ends training when the block is learned, and on request.
struct EndWhenLearned<'a> {
    progress: &'a dyn Progress,
    looks_learned: &'a Cell<usize>,
}

impl Watch for EndWhenLearned<'_> {
    fn after_step(&mut self, _: &TrainState, _: &StepRecord<'_>) -> Result<Flow, TrainError> {
        Ok(if self.progress.wants_stop() {
            Flow::Stop
        } else if self.looks_learned.get() >= LOOKS_LEARNED {
            Flow::Finish
        } else {
            Flow::Continue
        })
    }
}

/// The leading metric of a scorer on a data set.
fn value_of(scorer: &dyn Scorer, data: &Dataset, metric: Metric) -> Result<f64, AuditError> {
    Ok(metric_of(scorer, data, metric)?.value)
}

/// The leading metric of a scorer on a data set, with the influence of every row.
pub(crate) fn metric_of(
    scorer: &dyn Scorer,
    data: &Dataset,
    metric: Metric,
) -> Result<MetricValue, AuditError> {
    let truth = truth_of(data)?;
    let scores = scorer.score(data.rows.view())?;
    let predictions = Predictions::new(scores.view(), &truth, 0.0, "held-out rows")?;
    Ok(metric.evaluate(&predictions, &truth)?)
}

fn truth_of(data: &Dataset) -> Result<Truth, AuditError> {
    Ok(Truth::of(&data.target)?)
}

fn n_outputs_of(data: &Dataset) -> usize {
    data.class_labels().map_or(1, |labels| labels.n_classes())
}

fn probe_fit(steps: u64, n_outputs: usize, n_rows: usize) -> FitConfig {
    let mut fit = FitConfig::new(Optimizer::adam(1e-4), Schedule::constant(1e-2), steps);
    fit.batch_size = 128.min(n_rows);
    fit.evaluate_every = 50;
    fit.loss = if n_outputs == 1 { Loss::SquaredError } else { Loss::CrossEntropy };
    fit
}

/// Trains a probe without reporting its steps; an interrupt ends it.
fn train_probe(
    state: &mut TrainState,
    train: &Dataset,
    validation: &Dataset,
    fit: &FitConfig,
    progress: &dyn Progress,
) -> Result<(), AuditError> {
    let mut batches = ShuffledEpochs::new(train, fit.batch_size);
    let mut watch = StopOnRequest(progress);
    let hooks = Hooks::new(&mut watch).validated(Some(validation));
    simbias_train::fit(state, &mut batches, &fit.loss, &mut Plain, fit, hooks)?;
    Ok(progress.keep_going()?)
}

/// The block's own columns, in transformed coordinates.
fn columns_of(data: &Dataset, transform: &dyn Transform, block: &Block) -> Dataset {
    let columns: Vec<usize> = block.columns.iter().map(|&column| column as usize).collect();
    let rows = if transform.is_identity() {
        data.rows.select(Axis(1), &columns)
    } else {
        transform.forward(data.rows.view()).select(Axis(1), &columns)
    };
    Dataset::new(data.name.clone(), rows, Layout::array(vec![columns.len()]), data.target.clone())
}

/// Bits per label that a growing model needs to encode the labels given the block: the first part at chance,
/// each further part by a model trained on all parts before it.
fn code_length(
    train: &Dataset,
    validation: &Dataset,
    options: &SimplicityOptions,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Option<f64>, AuditError> {
    let Some(labels) = train.class_labels() else { return Ok(None) };
    let order = seed.child("audit/code-length", 0).permutation(train.n_rows());
    let ends: Vec<usize> = CODE_FRACTIONS
        .iter()
        .map(|fraction| ((fraction * order.len() as f64).round() as usize).min(order.len()))
        .collect();
    let mut bits = ends[0] as f64 * (labels.n_classes() as f64).log2();
    for (index, pair) in ends.windows(2).enumerate() {
        let seen = train.select(&order[..pair[0]]);
        let next = train.select(&order[pair[0]..pair[1]]);
        let n_outputs = n_outputs_of(train);
        let architecture = Fcn::new(train.n_features(), 32, 1, n_outputs).into();
        let mut state = fresh(
            &architecture,
            seed.child("audit/code-length", index as u64 + 1),
            &simbias_nn::cpu(),
        )?;
        let fit = probe_fit(options.probe_steps, n_outputs, seen.n_rows());
        train_probe(&mut state, &seen, validation, &fit, progress)?;
        let scores = NetScorer::new(state.network).score(next.rows.view())?;
        let Ok(truth) = Truth::of(&next.target) else { return Ok(None) };
        let predictions = Predictions::new(scores.view(), &truth, 0.0, "next part")?;
        let nats = cross_entropy(&predictions, &truth).unwrap_or(f64::NAN);
        bits += next.n_rows() as f64 * nats / std::f64::consts::LN_2;
    }
    Ok(Some(bits / order.len() as f64))
}

/// A mean over seeds with its t-interval; one seed has none.
pub(crate) fn over_seeds(
    values: &[f64],
    level: f64,
    (least, most): (f64, f64),
) -> Result<Estimate, AuditError> {
    let n = values.len() as u64;
    if values.len() < 2 {
        let value = values.first().copied().unwrap_or(f64::NAN);
        return Ok(Estimate::without_interval(value).level(level).n(n).varied("seeds"));
    }
    let found = mean_estimate(values, level)?;
    Ok(Estimate::new(found.value, found.low.max(least), found.high.min(most))
        .level(level)
        .n(n)
        .varied("seeds"))
}

/// Rank correlation of simplicity and necessity over blocks that reach at least `share` of the skill of the best alone;
/// needs three of them.
pub fn simplicity_correlation(
    outcome: &simbias_reliance::RelianceOutcome,
    share: f64,
) -> Option<(f64, usize)> {
    let solo = |block: &BlockOutcome| {
        let simplicity = block.simplicity.as_ref()?;
        Some(simplicity.solo_metric.as_ref()?.value)
    };
    let best = outcome.blocks.iter().filter_map(solo).fold(f64::NEG_INFINITY, f64::max);
    let (mut steps, mut necessities) = (Vec::new(), Vec::new());
    for block in &outcome.blocks {
        let Some(necessity) = &block.necessity else { continue };
        let Some(found) = block.simplicity.as_ref().and_then(|found| found.solo_steps.as_ref())
        else {
            continue;
        };
        let enough = outcome.chance + share * (best - outcome.chance);
        if solo(block).is_some_and(|solo| solo >= enough) {
            // Fewer steps are simpler.
            steps.push(-found.value);
            necessities.push(necessity.value);
        }
    }
    if steps.len() < 3 {
        return None;
    }
    simbias_stats::spearman(&steps, &necessities).ok().map(|rho| (rho, steps.len()))
}

/// The `n` most necessary blocks and, among equals, the largest, in the order of the blocks.
pub(crate) fn most_necessary(blocks: &[BlockOutcome], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    let necessity =
        |index: usize| blocks[index].necessity.as_ref().map_or(0.0, |found| found.value);
    order.sort_by(|&a, &b| {
        let by_size = blocks[b].size.cmp(&blocks[a].size);
        necessity(b).total_cmp(&necessity(a)).then(by_size).then(a.cmp(&b))
    });
    order.truncate(n);
    order.sort_unstable();
    order
}

/// Steps of the quick probe that chooses which blocks are worth the whole ladder.
const QUICK_PROBE_STEPS: u64 = 100;

/// The leading metric of one linear probe of a block on the validation rows: cheap, but blind to non-linear relations.
pub(crate) fn quick_probe(
    block: &Block,
    transform: &dyn Transform,
    parts: Parts<'_>,
    metric: Metric,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<f64, AuditError> {
    let train = columns_of(parts.train, transform, block);
    let standardization = Standardization::of(&train);
    let validation = standardization.dataset(&columns_of(parts.validation, transform, block));
    let train = standardization.dataset(&train);
    let n_outputs = n_outputs_of(&train);
    let architecture = Fcn::new(train.n_features(), 0, 0, n_outputs).into();
    let mut state = fresh(&architecture, seed.child("audit/quick-probe", 0), &simbias_nn::cpu())?;
    let fit = probe_fit(QUICK_PROBE_STEPS, n_outputs, train.n_rows());
    train_probe(&mut state, &train, &validation, &fit, progress)?;
    value_of(&NetScorer::new(state.network), &validation, metric)
}
