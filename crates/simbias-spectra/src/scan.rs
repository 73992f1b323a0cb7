//! A whole checkpoint, layer by layer, several at a time within a memory budget.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use simbias_checkpoint::{Checkpoint, Element};
use simbias_report::Progress;

use crate::SpectraError;
use crate::analysis::analyse;
use crate::eigenvalues::{GRAM_BLOCK, Route, n_elements};
use crate::fit::{TailRule, pools_at_once};
use crate::layers::{Layer, LayerNumbers, LayerOptions, SkippedTensor, View, layers_of};
use crate::matrix::Matrix;
use crate::shared_gram::held_elements;
use crate::table::{LayerOutcome, LayerRow, LayerTable};
use crate::windows::{WindowOptions, WindowPlan};

/// Memory beyond three times the largest tensor that jobs may use together: the maximum, the minimum, and what every
/// thread keeps for itself, of which eight are already included.
const MOST_SLACK_BYTES: u64 = 64 << 20;
const LEAST_SLACK_BYTES: u64 = 16 << 20;
const BYTES_OF_A_THREAD: u64 = 6 << 20;
/// Further numbers per row of a Gram matrix that work on it needs: a block of weights, or panels.
const AT_WORK: u64 = GRAM_BLOCK as u64 + 128;
/// Maximum number of layers measured at once: threads hold memory that the gate does not see, and help each other in
/// any case.
const MOST_JOBS: usize = 8;
/// Largest weights of a layer whose squares and sums of squares keep all digits.
const WEIGHTS_WITH_SQUARES: std::ops::RangeInclusive<f64> = 1e-130..=1e140;
/// Reasons named when nothing is left to analyse.
const SHOWN_REASONS: usize = 4;

/// Whose numbers to reproduce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compat {
    /// Our own: eigenvalues below the rounding of the stored type take no part in fits.
    #[default]
    None,
    /// FARMS' official code: zeros are kept, kernels are scaled by `√0.5`.
    Official,
    /// WeightWatcher 0.7.7: fits above 1e-5 by its own rule, kernels scaled by `√0.5`, no windows.
    WeightWatcher,
}

/// Factor on the singular values of convolution kernels. Exponents do not depend on it, norms do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelScale {
    /// As stored; `√0.5` under a compatibility mode.
    #[default]
    Auto,
    /// As stored.
    None,
    /// `√0.5`, as TempBalance and FARMS do.
    TempBalance,
    /// `√(positions/2)`, as WeightWatcher's `conv2d_norm` is meant; the tables of 0.7.7 come out with `√0.5`.
    WeightWatcher,
}

/// How to scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanOptions {
    /// Rules to report, the leading one first.
    pub rules: Vec<TailRule>,
    /// Windows; `None` for whole matrices only.
    pub windows: Option<WindowOptions>,
    /// How eigenvalues are computed.
    pub route: Route,
    /// Whose numbers to reproduce.
    pub compat: Compat,
    /// Factor on kernels.
    pub kernel_scale: KernelScale,
    /// Whether to fit the random bulk.
    pub bulk: bool,
    /// Longest shorter side that is decomposed whole; windows are not limited by it.
    pub max_side: usize,
    /// How layers are told apart.
    pub layers: LayerOptions,
    /// Threads; as many as rayon would use when absent.
    pub n_threads: Option<usize>,
}

impl Default for ScanOptions {
    /// All rules, the stable median rule leading, square windows, everything measured.
    fn default() -> Self {
        Self {
            rules: TailRule::ALL.to_vec(),
            windows: Some(WindowOptions::default()),
            route: Route::Auto,
            compat: Compat::None,
            kernel_scale: KernelScale::Auto,
            bulk: true,
            max_side: 8192,
            layers: LayerOptions::default(),
            n_threads: None,
        }
    }
}

impl ScanOptions {
    /// What reproduces WeightWatcher's table.
    pub fn weightwatcher() -> Self {
        Self {
            rules: vec![TailRule::WeightWatcher],
            windows: None,
            compat: Compat::WeightWatcher,
            ..Self::default()
        }
    }

    pub(crate) fn rules(&self) -> &[TailRule] {
        &self.rules
    }

    pub(crate) fn leading_rule(&self) -> TailRule {
        self.rules.first().copied().unwrap_or_default()
    }

    pub(crate) fn kernel_scale(&self, layer: &Layer) -> f64 {
        if !matches!(layer.view, View::Kernel { .. }) {
            return 1.0;
        }
        let weightwatcher = (layer.n_matrices as f64 / 2.0).sqrt();
        match (self.kernel_scale, self.compat) {
            (KernelScale::Auto, Compat::None) | (KernelScale::None, _) => 1.0,
            (KernelScale::Auto | KernelScale::TempBalance, _) => 0.5_f64.sqrt(),
            (KernelScale::WeightWatcher, _) => weightwatcher,
        }
    }

    fn check(&self) -> Result<(), SpectraError> {
        let option =
            |option, problem: &str| Err(SpectraError::Option { option, problem: problem.into() });
        if self.rules.is_empty() {
            return option("rules", "none is given; give at least one");
        }
        if let Some(windows) = &self.windows {
            let ratio = windows.aspect_ratio;
            if !(ratio.is_finite() && ratio > 0.0) {
                return option("windows", "the aspect ratio must be a positive number");
            }
            if windows.n_rows == Some(0) {
                return option("windows", "a window needs at least one row");
            }
        }
        if self.max_side == 0 {
            return option("max-side", "it must be at least 1");
        }
        Ok(())
    }
}

/// Scans all layers that `select` wants by name.
///
/// Layers that share a tensor are measured from one reading. Matrices at work hold at most three times the largest
/// tensor in 64 bits plus 64 MB at once. The table does not depend on the number of threads.
///
/// `progress` counts layers and names the last one. It is asked before every layer, and a wish to stop ends the scan
/// with what there is: callers that need all layers check [`Progress::keep_going`] afterwards.
///
/// # Errors
/// Options out of range, nothing to analyse, tensors that cannot be read. Layers with NaN or infinite weights are
/// flagged in the table instead.
pub fn scan(
    checkpoint: &Checkpoint,
    options: &ScanOptions,
    select: &(dyn Fn(&str) -> bool + Sync),
    progress: &dyn Progress,
) -> Result<LayerTable, SpectraError> {
    scan_with(checkpoint, options, select, &|_| Ok(()), None, progress)
}

/// [`scan`], of the difference to `other` if there is one.
pub(crate) fn scan_with(
    checkpoint: &Checkpoint,
    options: &ScanOptions,
    select: &(dyn Fn(&str) -> bool + Sync),
    keep: &dyn Fn(&Layer) -> Result<(), SkippedTensor>,
    other: Option<&Checkpoint>,
    progress: &dyn Progress,
) -> Result<LayerTable, SpectraError> {
    options.check()?;
    let (found, mut skipped) = layers_of(checkpoint, &options.layers);
    let mut layers = Vec::with_capacity(found.len());
    for layer in found {
        if !select(&layer.name) {
            let tensor = &checkpoint.tensors()[layer.tensor_index()];
            skipped.push(SkippedTensor {
                name: layer.name,
                shape: tensor.shape.clone(),
                reason: "not selected".into(),
            });
        } else if let Err(reason) = keep(&layer) {
            skipped.push(reason);
        } else {
            layers.push(layer);
        }
    }
    if layers.is_empty() {
        let reasons: Vec<String> = skipped
            .iter()
            .take(SHOWN_REASONS)
            .map(|skipped| format!("{:?}: {}", skipped.name, skipped.reason))
            .collect();
        return Err(SpectraError::NoLayers {
            checkpoint: checkpoint.path().display().to_string(),
            n_tensors: checkpoint.tensors().len(),
            reasons: reasons.join("; "),
        });
    }
    let outcomes = measure_all(checkpoint, other, &layers, options, progress)?;
    let rows = layers
        .into_iter()
        .zip(outcomes)
        .filter_map(|(layer, outcome)| Some((layer, outcome?)))
        .enumerate()
        .map(|(depth, (layer, outcome))| LayerRow::new(layer, depth, outcome))
        .collect();
    Ok(LayerTable::new(checkpoint, options.clone(), rows, skipped))
}

/// Layers that are measured from one reading.
struct Job {
    layers: Vec<usize>,
    n_bytes: u64,
}

/// Outcomes in the order of `layers`; `None` for those that a stop left out.
fn measure_all(
    checkpoint: &Checkpoint,
    other: Option<&Checkpoint>,
    layers: &[Layer],
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<Vec<Option<LayerOutcome>>, SpectraError> {
    let mut by_tensors: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        by_tensors.entry(layer.view.all_tensors()).or_default().push(index);
    }
    let mut largest = 0;
    let mut jobs: Vec<Job> = Vec::with_capacity(by_tensors.len());
    for (tensors, members) in by_tensors {
        for &tensor in &tensors {
            largest = largest.max(8 * checkpoint.tensors()[tensor].n_elements() as u64);
        }
        let n_bytes =
            members.iter().map(|&index| bytes_needed(checkpoint, &layers[index], options));
        jobs.push(Job { n_bytes: n_bytes.max().unwrap_or(0), layers: members });
    }
    // The longest jobs first, so that no worker waits long at the end.
    jobs.sort_by_key(|job| std::cmp::Reverse(job.n_bytes));
    let n_jobs = jobs.len();
    let done = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let outcomes: Mutex<Vec<Option<Result<LayerOutcome, SpectraError>>>> =
        Mutex::new((0..layers.len()).map(|_| None).collect());
    let n_threads = options.n_threads.unwrap_or_else(rayon::current_num_threads).max(1);
    let further_threads = n_threads.saturating_sub(MOST_JOBS) as u64;
    let slack = MOST_SLACK_BYTES.saturating_sub(further_threads * BYTES_OF_A_THREAD);
    let gate = Gate::new(3 * largest + slack.max(LEAST_SLACK_BYTES), jobs);
    // Its own: workers wait for it, and the caller may be a thread of another pool.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
    let pool = pool.map_err(|error| SpectraError::Option {
        option: "n_threads",
        problem: format!("starting {n_threads} threads failed: {error}"),
    })?;
    let work = || {
        while let Some(admitted) = gate.next() {
            let mut numbers = None;
            for &index in &admitted.job.layers {
                if failed.load(Ordering::Relaxed) || progress.wants_stop() {
                    return;
                }
                let layer = &layers[index];
                let outcome =
                    pool.install(|| measure(checkpoint, other, layer, options, &mut numbers));
                if outcome.is_err() {
                    failed.store(true, Ordering::Relaxed);
                }
                outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(outcome);
                let n_done = done.fetch_add(1, Ordering::Relaxed) + 1;
                progress.advance(n_done, layers.len(), &layers[index].name);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads.min(n_jobs).min(MOST_JOBS) {
            scope.spawn(work);
        }
        work();
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    // The first failure in the order of the layers, so that the message does not depend on the threads either.
    outcomes.into_iter().map(Option::transpose).collect()
}

/// `numbers` carries the reading from layer to layer of one tensor.
fn measure(
    checkpoint: &Checkpoint,
    other: Option<&Checkpoint>,
    layer: &Layer,
    options: &ScanOptions,
    numbers: &mut Option<LayerNumbers>,
) -> Result<LayerOutcome, SpectraError> {
    if numbers.is_none() {
        *numbers = Some(LayerNumbers::read(checkpoint, other, layer)?);
    }
    let Some(numbers) = numbers else { return Ok(LayerOutcome::Flagged("not read".into())) };
    if let Some((count, first)) = numbers.not_finite() {
        return Ok(LayerOutcome::Flagged(format!(
            "{count} of its numbers are NaN or infinite, the first at index {first}"
        )));
    }
    if layer.element == Element::F64 {
        let matrices = numbers.matrices(layer);
        let largest = matrices.iter().map(Matrix::max_abs).fold(0.0, f64::max);
        if largest > 0.0 && !WEIGHTS_WITH_SQUARES.contains(&largest) {
            return Ok(LayerOutcome::Flagged(format!(
                "its largest weight is {largest:e}, whose square is out of range"
            )));
        }
    }
    match analyse(layer, numbers, options) {
        Ok(analysis) => Ok(LayerOutcome::Analysed(Box::new(analysis))),
        Err(SpectraError::NoConvergence { .. }) => {
            Ok(LayerOutcome::Flagged("the iteration for its eigenvalues did not converge".into()))
        }
        Err(error) => Err(error),
    }
}

/// Upper bound of the bytes that measuring a layer holds.
fn bytes_needed(checkpoint: &Checkpoint, layer: &Layer, options: &ScanOptions) -> u64 {
    let stored: u64 = layer
        .view
        .all_tensors()
        .into_iter()
        .map(|tensor| {
            let tensor = &checkpoint.tensors()[tensor];
            tensor.n_elements() as u64 * if tensor.element == Element::F64 { 8 } else { 4 }
        })
        .sum();
    let (rows, cols) = (layer.shape.0 as u64, layer.shape.1 as u64);
    let short = rows.min(cols);
    let is_svd = options.compat != Compat::None
        || options.route.resolve(layer.element.epsilon()) == Route::Svd;
    // Also for 32 bits: some of those matrices are computed again in 64.
    let number = 8;
    let whole = if short > options.max_side as u64 {
        0
    } else if is_svd {
        // The copy, and the workspace of the decomposition.
        24 * rows * cols
    } else {
        number * (n_elements(short as usize) as u64 + AT_WORK * short)
    };
    let windows = options.windows.as_ref().map_or(0, |windows| {
        let plan = WindowPlan::new(layer.shape, windows);
        let side = plan.window.0.max(plan.window.1) as u64;
        // Gram matrices with their panels and the values found; afterwards pools, and for every pool that is being
        // fitted a copy, logarithms and their sums.
        let n_values = plan.n_eigenvalues() * layer.n_matrices;
        let found = number * n_values as u64;
        let grams = number * (held_elements(layer.shape, &plan, true) as u64 + AT_WORK * side);
        let n_threads = options.n_threads.unwrap_or_else(rayon::current_num_threads);
        let n_fitted = n_threads.min(pools_at_once(n_values)) as u64;
        (grams + found).max((3 + 3 * n_fitted) * found)
    });
    stored + whole.max(windows)
}

/// Hands out the first waiting job whose memory fits; one that never fits runs alone.
struct Gate {
    budget: u64,
    state: Mutex<GateState>,
    freed: Condvar,
}

struct GateState {
    used: u64,
    waiting: Vec<Job>,
}

/// A job that holds its memory until this is dropped.
struct Admission<'a> {
    gate: &'a Gate,
    job: Job,
}

impl Gate {
    fn new(budget: u64, waiting: Vec<Job>) -> Self {
        Self { budget, state: Mutex::new(GateState { used: 0, waiting }), freed: Condvar::new() }
    }

    /// Waits until a job fits; `None` when there are no more.
    fn next(&self) -> Option<Admission<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.waiting.is_empty() {
            let used = state.used;
            let fits = |job: &Job| used == 0 || used + job.n_bytes <= self.budget;
            if let Some(index) = state.waiting.iter().position(fits) {
                let job = state.waiting.remove(index);
                state.used += job.n_bytes;
                return Some(Admission { gate: self, job });
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used -= self.job.n_bytes;
        self.gate.freed.notify_all();
    }
}
