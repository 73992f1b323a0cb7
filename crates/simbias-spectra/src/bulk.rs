//! How much of a spectrum looks random: a Marchenko-Pastur law fitted to its bulk.
//!
//! Source: WeightWatcher 0.7.7, `mp_fit`. Eigenvalues are rescaled to mean one; a triangular-kernel density is
//! compared with the law on a grid; the scale `s` minimises the squared difference, by grid search and simplex. The
//! density does not depend on `s`, so it is computed once here.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Half width of the triangular kernel.
const BANDWIDTH: f64 = 0.1;
const N_GRID: usize = 1000;
/// Grid points with less density than this are left out.
const SMALLEST_DENSITY: f64 = 0.01;
/// Residual of every grid point for an invalid scale.
const PENALTY: f64 = 1000.0;
/// Grid of scales, in units of the one that puts the upper edge on the largest value.
const SCALES: (f64, f64, f64) = (0.05, 2.0, 0.01);
/// When the simplex stops, in position and in value.
const TOLERANCE: f64 = 1e-4;
const MAX_STEPS: usize = 200;

/// The random bulk of a spectrum and what lies beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkFit {
    /// Scale `s` of the law for eigenvalues of mean one.
    pub sigma: f64,
    /// Factor by which singular values were rescaled to that mean.
    pub weight_scale: f64,
    /// Lower edge of the bulk, in the units of the eigenvalues.
    pub bulk_min: f64,
    /// Upper edge of the bulk.
    pub bulk_max: f64,
    /// Eigenvalues beyond the upper edge and its Tracy-Widom fluctuation.
    pub n_spikes: usize,
    /// Upper edge over largest eigenvalue, `R_mp`.
    pub soft_rank: f64,
}

/// Fits the bulk of ascending `eigenvalues` of a matrix (or of several of one shape) with sides `long ≥ short`.
///
/// A square matrix is fitted by the quarter-circle law of its singular values. `None` for spectra of zeros and for
/// those so spread out that the density has no support above 0.01.
pub fn fit_bulk(eigenvalues: &[f64], long: usize, short: usize) -> Option<BulkFit> {
    let total: f64 = eigenvalues.iter().sum();
    if !(total > 0.0 && total.is_finite()) || short == 0 {
        return None;
    }
    let weight_scale = (eigenvalues.len() as f64 / total).sqrt();
    let rescaled: Vec<f64> =
        eigenvalues.iter().map(|value| weight_scale * weight_scale * value).collect();
    let largest = *rescaled.last()?;
    let aspect_ratio = long as f64 / short as f64;
    let root = 1.0 / aspect_ratio.sqrt();
    let values = if aspect_ratio == 1.0 {
        rescaled.iter().map(|value| value.sqrt()).collect()
    } else {
        rescaled.clone()
    };
    let observed = Density::of(&values)?;
    let unit = (largest / (1.0 + root).powi(2)).sqrt();
    let sigma = minimise(unit, |sigma| observed.residual(sigma, aspect_ratio));
    let edge = |sign: f64| (sigma * (1.0 + sign * root)).powi(2);
    let (bulk_min, bulk_max) = (edge(-1.0), edge(1.0));
    let fluctuation = (root * bulk_max.powf(2.0 / 3.0) * (short as f64).powf(-2.0 / 3.0)).sqrt();
    Some(BulkFit {
        sigma,
        weight_scale,
        bulk_min: bulk_min / (weight_scale * weight_scale),
        bulk_max: bulk_max / (weight_scale * weight_scale),
        n_spikes: rescaled.iter().filter(|&&value| value > bulk_max + fluctuation).count(),
        soft_rank: bulk_max / largest,
    })
}

/// Kernel density at the grid points where there is any.
struct Density {
    x: Vec<f64>,
    y: Vec<f64>,
    /// First point of the largest density.
    mode: f64,
}

impl Density {
    /// `values` ascending.
    fn of(values: &[f64]) -> Option<Self> {
        let end = values.last()? + 0.5;
        let mut sums = Vec::with_capacity(values.len() + 1);
        sums.push(0.0);
        for value in values {
            sums.push(sums[sums.len() - 1] + value);
        }
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for index in 0..N_GRID {
            let at = end * index as f64 / (N_GRID - 1) as f64;
            let low = values.partition_point(|&value| value <= at - BANDWIDTH);
            let middle = values.partition_point(|&value| value <= at);
            let high = values.partition_point(|&value| value < at + BANDWIDTH);
            // Σ (1 - |at - value|/h) over both halves of the kernel.
            let distance = at * (middle - low) as f64 - (sums[middle] - sums[low])
                + (sums[high] - sums[middle])
                - at * (high - middle) as f64;
            let weight = (high - low) as f64 - distance / BANDWIDTH;
            let density = weight / (values.len() as f64 * BANDWIDTH);
            if density > SMALLEST_DENSITY {
                x.push(at);
                y.push(density);
            }
        }
        let largest = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mode = x[y.iter().position(|&density| density == largest)?];
        Some(Self { x, y, mode })
    }

    /// Sum of squared differences to the law of scale `sigma`.
    fn residual(&self, sigma: f64, aspect_ratio: f64) -> f64 {
        let law: Box<dyn Fn(f64) -> f64> = if aspect_ratio == 1.0 {
            let factor = 1.0 / (PI * sigma * sigma);
            Box::new(move |x| factor * (4.0 - x * x).max(0.0).sqrt())
        } else {
            let root = (1.0 / aspect_ratio).sqrt();
            let high = (sigma * (1.0 + root)).powi(2);
            let low = (sigma * (1.0 - root)).powi(2);
            let last = self.x[self.x.len() - 1];
            if high < self.mode || high > last || low > self.mode {
                return PENALTY * PENALTY * self.x.len() as f64;
            }
            let factor = aspect_ratio / (2.0 * PI * sigma * sigma);
            Box::new(move |x| {
                let product = (high - x) * (x - low);
                if product > 0.0 && x > 0.0 { factor / x * product.sqrt() } else { 0.0 }
            })
        };
        self.x.iter().zip(&self.y).map(|(&x, &y)| (law(x) - y).powi(2)).sum()
    }
}

/// Grid search over multiples of `unit`, then a downhill simplex of two points.
fn minimise(unit: f64, residual: impl Fn(f64) -> f64) -> f64 {
    let (first, end, step) = (SCALES.0 * unit, SCALES.1 * unit, SCALES.2 * unit);
    let n = ((end - first) / step).ceil() as usize;
    let mut best = (f64::INFINITY, first);
    for index in 0..n {
        let sigma = first + index as f64 * step;
        let value = residual(sigma);
        if value < best.0 {
            best = (value, sigma);
        }
    }
    simplex(best.1, residual)
}

/// Nelder and Mead 1965 in one dimension, with SciPy's first step of 5 % and its stopping rule.
fn simplex(start: f64, residual: impl Fn(f64) -> f64) -> f64 {
    let mut points = [(residual(start), start), (residual(1.05 * start), 1.05 * start)];
    let in_order = |points: &mut [(f64, f64); 2]| {
        if points[1].0 < points[0].0 {
            points.swap(0, 1);
        }
    };
    in_order(&mut points);
    for _ in 0..MAX_STEPS {
        let [(best, x), (worst, y)] = points;
        if (y - x).abs() <= TOLERANCE && (worst - best).abs() <= TOLERANCE {
            break;
        }
        let at = |t: f64| {
            let position = x + t * (x - y);
            (residual(position), position)
        };
        let reflected = at(1.0);
        let candidate = if reflected.0 < best {
            let expanded = at(2.0);
            Some(if expanded.0 < reflected.0 { expanded } else { reflected })
        } else if reflected.0 < worst {
            Some(at(0.5)).filter(|contracted| contracted.0 <= reflected.0)
        } else {
            Some(at(-0.5)).filter(|contracted| contracted.0 < worst)
        };
        points[1] = candidate.unwrap_or_else(|| at(-0.5));
        in_order(&mut points);
    }
    points[0].1
}
