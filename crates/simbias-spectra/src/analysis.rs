//! One layer: its spectra, their tails and what is random about them.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::SpectraError;
use crate::bulk::{BulkFit, fit_bulk};
use crate::eigenvalues::{NoConvergence, Route, spectrum_of};
use crate::fit::{
    NoFit, TailFit, TailPoint, TailRule, fit_tail, fit_tail_with_ambiguity, jackknife,
    standard_error, tail_curve,
};
use crate::layers::{Layer, LayerNumbers, View};
use crate::marchenko_pastur::median_exponent;
use crate::matrix::Matrix;
use crate::metrics::{Metrics, log_alpha_norm};
use crate::scan::{Compat, ScanOptions};
use crate::shared_gram::matrix_spectra;
use crate::windows::{KernelWindows, WindowOptions, WindowPlan, division_spectra, divisions};

/// WeightWatcher fits eigenvalues above this only.
const WEIGHTWATCHER_FLOOR: f64 = 1e-5;
/// Windows of one row or column have a single eigenvalue each, which is not a spectrum.
const SHORTEST_WINDOW: usize = 2;
/// Bins of a drawn spectrum.
const N_DRAWN_BINS: usize = 80;
/// Points of a drawn curve of distances.
const N_DRAWN_STARTS: usize = 120;
/// A range of equally good exponents wider than this makes a fit uncertain.
pub const LARGE_AMBIGUITY: f64 = 0.5;

/// A tail with its uncertainties.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// The fit. For a kernel that is fitted in divisions, exponent and distance are their means.
    pub fit: TailFit,
    /// Independent values of the tail: overlapping windows repeat each other.
    pub n_effective: f64,
    /// `(exponent - 1)/√n_effective`.
    pub standard_error: f64,
    /// Standard deviation of the exponents of single windows; `None` with fewer than two.
    pub window_deviation: Option<f64>,
    /// Standard error by leaving windows out; `None` with fewer than two.
    pub jackknife_error: Option<f64>,
}

impl Tail {
    /// Whether exponents far apart fit nearly as well.
    pub fn is_ambiguous(&self) -> bool {
        self.fit.ambiguity() > LARGE_AMBIGUITY
    }

    /// The larger of the two standard errors.
    pub fn error(&self) -> f64 {
        self.jackknife_error.unwrap_or(0.0).max(self.standard_error)
    }
}

/// What one rule found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: TailRule,
    /// A tail, or why there is none.
    pub tail: Result<Tail, NoFit>,
}

/// A spectrum in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectrumSummary {
    /// Figures of all eigenvalues; `None` for a matrix of zeros.
    pub metrics: Option<Metrics>,
    /// `exponent · log10 λmax` of the leading rule.
    pub weighted_exponent: Option<f64>,
    /// `log10 Σ λ^exponent` of the leading rule.
    pub log_alpha_norm: Option<f64>,
    /// Eigenvalues above the rounding of the stored type; the others take no part in fits unless a
    /// compatibility mode keeps them.
    pub rank: usize,
    /// Eigenvalues below it.
    pub rank_loss: usize,
    /// Outcomes in the order of the options, the leading rule first.
    pub tails: Vec<RuleOutcome>,
}

impl SpectrumSummary {
    /// What the leading rule found.
    pub fn leading(&self) -> Result<&Tail, NoFit> {
        match self.tails.first() {
            Some(outcome) => outcome.tail.as_ref().map_err(|&reason| reason),
            None => Err(NoFit::TooFew),
        }
    }

    /// What `rule` found.
    pub fn by_rule(&self, rule: TailRule) -> Option<&Result<Tail, NoFit>> {
        self.tails.iter().find(|outcome| outcome.rule == rule).map(|outcome| &outcome.tail)
    }
}

/// Spectra of windows of one shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSummary {
    /// Rows and columns of a window.
    pub window: (usize, usize),
    /// Number of windows; for kernels, of divisions times positions.
    pub n_windows: usize,
    /// Windows that do not touch each other.
    pub n_disjoint: usize,
    /// Groups that were fitted on their own and averaged: divisions of a kernel, else 1.
    pub n_pools: usize,
    /// Share of the weights that lie in some window.
    pub coverage: f64,
    /// Figures of the pooled spectrum.
    pub spectrum: SpectrumSummary,
    /// Exponent of a large random matrix of the window's shape, by the median rule.
    pub random_exponent: f64,
    /// Exponents of single windows by the leading rule, as a grid of row starts and column starts; `None` where
    /// there is no tail. Empty for kernels.
    pub map: Vec<Vec<Option<f64>>>,
}

/// Everything measured on a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerAnalysis {
    /// The whole matrices; `None` when a side is beyond the limit.
    pub plain: Option<SpectrumSummary>,
    /// The windows; `None` when not asked for or not defined (LoRA).
    pub windows: Option<WindowSummary>,
    /// Exponent of a large random matrix of this layer's shape, by the median rule.
    pub random_exponent: f64,
    /// The random bulk of the whole spectrum.
    pub bulk: Option<BulkFit>,
    /// Factor on the singular values of kernels.
    pub kernel_scale: f64,
    /// Floating-point operations of the eigenvalues, estimated.
    pub flops: f64,
    /// What charts need.
    pub drawing: Drawing,
}

/// A spectrum reduced to what charts need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawing {
    /// Edges of bins of equal width in `log10 λ`.
    pub edges: Vec<f64>,
    /// Eigenvalues of the whole matrix per bin.
    pub counts: Vec<u64>,
    /// Exponent and distance along the start of the tail.
    pub curve: Vec<CurvePoint>,
}

/// A point of the distance curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// First eigenvalue of the tail.
    pub xmin: f64,
    /// Exponent there.
    pub exponent: f64,
    /// Distance there.
    pub ks_distance: f64,
}

impl LayerAnalysis {
    /// The spectrum that represents the layer: windows when there are any, else the whole matrix.
    pub fn leading(&self) -> Option<&SpectrumSummary> {
        self.windows.as_ref().map(|windows| &windows.spectrum).or(self.plain.as_ref())
    }

    /// Leading exponent, its error and the value that a random matrix of the shape would have.
    pub fn exponent(&self) -> Option<(f64, f64, f64)> {
        let tail = self.leading()?.leading().ok()?;
        let random =
            self.windows.as_ref().map_or(self.random_exponent, |windows| windows.random_exponent);
        Some((tail.fit.exponent, tail.error(), random))
    }
}

/// Eigenvalues of matrices that are fitted together.
struct Pool {
    /// Ascending eigenvalues of every window or matrix.
    windows: Vec<Vec<f64>>,
    /// Rows and columns of each of them.
    shape: (usize, usize),
    n_disjoint: usize,
}

/// How eigenvalues are prepared for fits.
struct Floor {
    compat: Compat,
    stored_epsilon: f64,
    route: Route,
}

impl Floor {
    /// Eigenvalues of a matrix of `shape` above the rounding of its stored type.
    ///
    /// Rounding to nearest disturbs a matrix of mean square `r²` by random errors of at most `ε·r/2` each, whose
    /// largest singular value is below `ε·r·(√rows + √cols)`; what lies below that, or below the noise of the
    /// route, is indistinguishable from zero.
    fn rank(&self, eigenvalues: &[f64], shape: (usize, usize)) -> usize {
        let (rows, cols) = (shape.0 as f64, shape.1 as f64);
        let largest = eigenvalues.last().copied().unwrap_or(0.0);
        let mean_square = eigenvalues.iter().sum::<f64>() / (rows * cols);
        let stored =
            self.stored_epsilon.powi(2) * mean_square * (rows.sqrt() + cols.sqrt()).powi(2);
        let cut = stored.max(self.route.noise(largest, shape.0.max(shape.1)));
        eigenvalues.len() - eigenvalues.partition_point(|&value| value <= cut)
    }

    /// The values that fits see, out of ascending ones.
    fn kept<'a>(&self, eigenvalues: &'a [f64], shape: (usize, usize)) -> &'a [f64] {
        let first = match self.compat {
            Compat::None => eigenvalues.len() - self.rank(eigenvalues, shape),
            Compat::Official => 0,
            Compat::WeightWatcher => {
                eigenvalues.partition_point(|&value| value <= WEIGHTWATCHER_FLOOR)
            }
        };
        &eigenvalues[first..]
    }
}

/// Measures one layer whose numbers are finite.
pub(crate) fn analyse(
    layer: &Layer,
    numbers: &LayerNumbers,
    options: &ScanOptions,
) -> Result<LayerAnalysis, SpectraError> {
    analyse_matrices(layer, numbers, options).map_err(|failure| failure.of(&layer.name))
}

fn analyse_matrices(
    layer: &Layer,
    numbers: &LayerNumbers,
    options: &ScanOptions,
) -> Result<LayerAnalysis, NoConvergence> {
    let matrices = numbers.matrices(layer);
    let is_lora = matches!(layer.view, View::Lora { .. });
    let stored_epsilon = layer.element.epsilon();
    let route = match options.compat {
        // Their smallest values come from decompositions, and their fits look at them.
        Compat::Official | Compat::WeightWatcher if options.route == Route::Auto => Route::Svd,
        _ => options.route.resolve(stored_epsilon),
    };
    let floor = Floor { compat: options.compat, stored_epsilon, route };
    let kernel_scale = options.kernel_scale(layer);
    let (rows, cols) = layer.shape;
    let mut flops = 0.0;
    let with_whole = rows.min(cols) <= options.max_side || is_lora;
    let is_kernel = matches!(layer.view, View::Kernel { .. });
    let window_options =
        options.windows.as_ref().filter(|_| !is_lora && rows.min(cols) >= SHORTEST_WINDOW);
    let in_divisions =
        is_kernel && window_options.is_some_and(|o| o.kernels == KernelWindows::Divisions);
    let plan = window_options
        .filter(|_| !in_divisions)
        .map(|window_options| WindowPlan::new(layer.shape, window_options));
    let shape = matrices.first().map_or(layer.shape, Matrix::shape);
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    for matrix in &matrices {
        match &plan {
            Some(plan) => {
                let found = matrix_spectra(matrix, plan, with_whole, route)?;
                whole.extend(found.whole.map(|values| scaled(values, kernel_scale)));
                pieces.extend(found.windows.into_iter().map(|values| scaled(values, kernel_scale)));
                if !plan.is_whole(shape) {
                    flops += plan.n_windows() as f64 * eigenvalue_flops(plan.window, route);
                }
            }
            None if with_whole => {
                whole.push(scaled(spectrum_of(matrix, route)?, kernel_scale));
            }
            None => {}
        }
        if with_whole || plan.as_ref().is_some_and(|plan| plan.is_whole(shape)) {
            flops += eigenvalue_flops(shape, route);
        }
    }
    let plain = with_whole.then_some(Pool { n_disjoint: whole.len(), windows: whole, shape });
    let windows = match (plan, window_options) {
        (Some(plan), _) => {
            Some(summarise_windows(layer, matrices.len(), &plan, pieces, options, &floor))
        }
        (None, Some(window_options)) => Some(summarise_divisions(
            layer,
            &matrices,
            window_options,
            options,
            &floor,
            &mut flops,
        )?),
        (None, None) => None,
    };
    let mut drawing = Drawing::default();
    let mut bulk = None;
    let plain = plain.map(|pool| {
        let pooled = pooled(&pool.windows);
        drawing = draw(&pooled, &floor, pool.shape);
        if options.bulk && !is_lora {
            bulk = fit_bulk(&pooled, rows.max(cols), rows.min(cols));
        }
        summarise(&pool, options, &floor)
    });
    Ok(LayerAnalysis {
        plain,
        windows,
        random_exponent: median_exponent(layer.aspect_ratio()),
        bulk,
        kernel_scale,
        flops,
        drawing,
    })
}

/// Eigenvalues of `factor · W`.
fn scaled(mut eigenvalues: Vec<f64>, factor: f64) -> Vec<f64> {
    if factor != 1.0 {
        eigenvalues.iter_mut().for_each(|value| *value *= factor * factor);
    }
    eigenvalues
}

fn pooled(windows: &[impl AsRef<[f64]>]) -> Vec<f64> {
    if let [only] = windows {
        return only.as_ref().to_vec();
    }
    let mut values = Vec::with_capacity(windows.iter().map(|window| window.as_ref().len()).sum());
    windows.iter().for_each(|window| values.extend_from_slice(window.as_ref()));
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Operations of one matrix's eigenvalues: reduction to condensed form, plus the Gram matrix.
fn eigenvalue_flops((rows, cols): (usize, usize), route: Route) -> f64 {
    let (short, long) = (rows.min(cols) as f64, rows.max(cols) as f64);
    match route {
        Route::Svd => 4.0 * short * short * (long - short / 3.0),
        _ => short * short * long + 4.0 / 3.0 * short.powi(3),
    }
}

fn summarise_windows(
    layer: &Layer,
    n_matrices: usize,
    plan: &WindowPlan,
    windows: Vec<Vec<f64>>,
    options: &ScanOptions,
    floor: &Floor,
) -> WindowSummary {
    let is_kernel = matches!(layer.view, View::Kernel { .. });
    let map = if is_kernel { Vec::new() } else { map_of(&windows, plan, options, floor) };
    let covered = |starts: &[usize], side: usize| {
        let mut end = 0;
        let mut covered = 0;
        for &start in starts {
            covered += (start + side).saturating_sub(start.max(end));
            end = end.max(start + side);
        }
        covered as f64
    };
    let (rows, cols) = layer.shape;
    let coverage = covered(&plan.row_starts, plan.window.0)
        * covered(&plan.col_starts, plan.window.1)
        / (rows * cols) as f64;
    let pool = Pool { n_disjoint: plan.n_disjoint * n_matrices, shape: plan.window, windows };
    WindowSummary {
        window: plan.window,
        n_windows: pool.windows.len(),
        n_disjoint: pool.n_disjoint,
        n_pools: 1,
        coverage,
        spectrum: summarise(&pool, options, floor),
        random_exponent: median_exponent(ratio(plan.window)),
        map,
    }
}

fn ratio((rows, cols): (usize, usize)) -> f64 {
    rows.max(cols) as f64 / rows.min(cols).max(1) as f64
}

/// FARMS for kernels: divisions of the longer side, each pooled over positions and fitted, then averaged.
fn summarise_divisions(
    layer: &Layer,
    matrices: &[Matrix<'_>],
    window_options: &WindowOptions,
    options: &ScanOptions,
    floor: &Floor,
    flops: &mut f64,
) -> Result<WindowSummary, NoConvergence> {
    let (rows, cols) = layer.shape;
    let (height, width, n_divisions) = divisions(rows, cols, window_options.aspect_ratio);
    let kernel_scale = options.kernel_scale(layer);
    let mut summaries = Vec::with_capacity(n_divisions);
    for windows in division_spectra(matrices, window_options.aspect_ratio, floor.route)? {
        let windows: Vec<Vec<f64>> =
            windows.into_iter().map(|values| scaled(values, kernel_scale)).collect();
        *flops += windows.len() as f64 * eigenvalue_flops((height, width), floor.route);
        let n_disjoint = windows.len();
        summaries.push(summarise(
            &Pool { windows, shape: (height, width), n_disjoint },
            options,
            floor,
        ));
    }
    let n_windows = n_divisions * matrices.len();
    Ok(WindowSummary {
        window: (height, width),
        n_windows,
        n_disjoint: n_windows,
        n_pools: n_divisions,
        coverage: (n_divisions * height * width) as f64 / (rows * cols) as f64,
        spectrum: averaged(&summaries),
        random_exponent: median_exponent(ratio((height, width))),
        map: Vec::new(),
    })
}

/// Exponents of single windows.
fn map_of(
    windows: &[Vec<f64>],
    plan: &WindowPlan,
    options: &ScanOptions,
    floor: &Floor,
) -> Vec<Vec<Option<f64>>> {
    let rule = options.leading_rule();
    windows
        .chunks(plan.col_starts.len())
        .map(|row| {
            row.iter()
                .map(|values| fit_tail(floor.kept(values, plan.window), rule).ok())
                .map(|fit| fit.map(|fit| fit.exponent))
                .collect()
        })
        .collect()
}

fn summarise(pool: &Pool, options: &ScanOptions, floor: &Floor) -> SpectrumSummary {
    let kept_windows: Vec<&[f64]> =
        pool.windows.iter().map(|values| floor.kept(values, pool.shape)).collect();
    let kept = pooled(&kept_windows);
    let rank = pool.windows.iter().map(|values| floor.rank(values, pool.shape)).sum();
    // One rule after the other: each has enough threads, and pools of many windows are large.
    let tails: Vec<RuleOutcome> = options
        .rules()
        .iter()
        .map(|&rule| RuleOutcome { rule, tail: tail_of(&kept, &kept_windows, pool, rule) })
        .collect();
    drop(kept);
    let all = pooled(&pool.windows);
    let metrics = Metrics::of(&all, pool.shape.0.max(pool.shape.1));
    let exponent =
        tails.first().and_then(|outcome| outcome.tail.ok()).map(|tail| tail.fit.exponent);
    SpectrumSummary {
        weighted_exponent: metrics.zip(exponent).map(|(m, exponent)| m.weighted_exponent(exponent)),
        log_alpha_norm: metrics.and(exponent).map(|exponent| log_alpha_norm(&all, exponent)),
        metrics,
        rank,
        rank_loss: all.len() - rank,
        tails,
    }
}

fn tail_of(kept: &[f64], windows: &[&[f64]], pool: &Pool, rule: TailRule) -> Result<Tail, NoFit> {
    let fit = fit_tail_with_ambiguity(kept, rule)?;
    let share = (pool.n_disjoint as f64 / windows.len() as f64).min(1.0);
    let n_effective = (fit.n_tail as f64 * share).max(1.0);
    let singles: Vec<f64> = windows
        .par_iter()
        .filter_map(|values| fit_tail(values, rule).ok())
        .map(|fit| fit.exponent)
        .collect();
    Ok(Tail {
        fit,
        n_effective,
        standard_error: standard_error(fit.exponent, n_effective),
        window_deviation: deviation(&singles),
        jackknife_error: jackknife(windows, rule, pool.n_disjoint)
            .map(|found| found.standard_error),
    })
}

fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Some((values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Means over divisions; a rule that fails on some of them fails as a whole. The error is that of the mean.
fn averaged(summaries: &[SpectrumSummary]) -> SpectrumSummary {
    let n = summaries.len() as f64;
    let [first, ..] = summaries else {
        return SpectrumSummary {
            metrics: None,
            weighted_exponent: None,
            log_alpha_norm: None,
            rank: 0,
            rank_loss: 0,
            tails: Vec::new(),
        };
    };
    let mean = |pick: &dyn Fn(&SpectrumSummary) -> Option<f64>| -> Option<f64> {
        summaries.iter().map(pick).sum::<Option<f64>>().map(|sum| sum / n)
    };
    let mean_metric =
        |pick: fn(&Metrics) -> f64| mean(&|summary| summary.metrics.as_ref().map(pick));
    let metrics = (|| {
        Some(Metrics {
            n_eigenvalues: summaries.iter().map(|s| s.metrics.map_or(0, |m| m.n_eigenvalues)).sum(),
            spectral_norm: mean_metric(|m| m.spectral_norm)?,
            log_spectral_norm: mean_metric(|m| m.log_spectral_norm)?,
            norm: mean_metric(|m| m.norm)?,
            log_norm: mean_metric(|m| m.log_norm)?,
            stable_rank: mean_metric(|m| m.stable_rank)?,
            norm_stable_rank: mean_metric(|m| m.norm_stable_rank)?,
            matrix_rank: summaries.iter().map(|s| s.metrics.map_or(0, |m| m.matrix_rank)).sum(),
            entropy: mean(&|summary| summary.metrics?.entropy),
        })
    })();
    let tails = (0..first.tails.len())
        .map(|index| {
            let rule = first.tails[index].rule;
            let tails: Result<Vec<Tail>, NoFit> =
                summaries.iter().map(|summary| summary.tails[index].tail).collect();
            RuleOutcome { rule, tail: tails.map(|tails| mean_tail(&tails)) }
        })
        .collect();
    SpectrumSummary {
        metrics,
        weighted_exponent: mean(&|summary| summary.weighted_exponent),
        log_alpha_norm: mean(&|summary| summary.log_alpha_norm),
        rank: summaries.iter().map(|summary| summary.rank).sum(),
        rank_loss: summaries.iter().map(|summary| summary.rank_loss).sum(),
        tails,
    }
}

fn mean_tail(tails: &[Tail]) -> Tail {
    let n = tails.len() as f64;
    let mean = |pick: fn(&Tail) -> f64| tails.iter().map(pick).sum::<f64>() / n;
    let exponents: Vec<f64> = tails.iter().map(|tail| tail.fit.exponent).collect();
    let between = deviation(&exponents);
    let within = tails.iter().map(|tail| tail.standard_error.powi(2)).sum::<f64>().sqrt() / n;
    Tail {
        fit: TailFit {
            rule: tails[0].fit.rule,
            exponent: mean(|tail| tail.fit.exponent),
            ks_distance: mean(|tail| tail.fit.ks_distance),
            xmin: mean(|tail| tail.fit.xmin),
            n_tail: tails.iter().map(|tail| tail.fit.n_tail).sum(),
            near_best: [mean(|tail| tail.fit.near_best[0]), mean(|tail| tail.fit.near_best[1])],
        },
        n_effective: tails.iter().map(|tail| tail.n_effective).sum(),
        standard_error: within,
        window_deviation: between,
        jackknife_error: between.map(|deviation| deviation / n.sqrt()),
    }
}

fn draw(eigenvalues: &[f64], floor: &Floor, shape: (usize, usize)) -> Drawing {
    let kept = floor.kept(eigenvalues, shape);
    let (Some(&low), Some(&high)) = (kept.iter().find(|&&value| value > 0.0), kept.last()) else {
        return Drawing::default();
    };
    let (low, high) = (low.log10(), high.log10());
    if high <= low {
        return Drawing::default();
    }
    let edges: Vec<f64> = (0..=N_DRAWN_BINS)
        .map(|index| low + (high - low) * index as f64 / N_DRAWN_BINS as f64)
        .collect();
    let mut counts = vec![0_u64; N_DRAWN_BINS];
    for value in kept.iter().filter(|&&value| value > 0.0) {
        let position = (value.log10() - low) / (high - low) * N_DRAWN_BINS as f64;
        counts[(position as usize).min(N_DRAWN_BINS - 1)] += 1;
    }
    let curve = tail_curve(kept, N_DRAWN_STARTS)
        .into_iter()
        .map(|TailPoint { start, exponent, ks_distance }| CurvePoint {
            xmin: kept[start],
            exponent,
            ks_distance,
        })
        .collect();
    Drawing { edges, counts, curve }
}
