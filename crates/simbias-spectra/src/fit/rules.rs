//! How the start of the tail is chosen.

use serde::{Deserialize, Serialize};

/// Tails that span less than this, as a share of their smallest value, come from an orthogonal matrix and rounding.
const FLAT: f64 = 1e-3;

use super::scan::{TailPoint, Tails, is_decaying};

/// Bins of the histogram of `log10 λ` whose first mode the peak rules use.
const N_BINS: usize = 100;
/// Minimum number of values for a fit.
const MIN_VALUES: usize = 2;
/// WeightWatcher leaves tails shorter than this out when it has few values.
const SHORTEST_SMALL_TAIL: usize = 8;
/// Fewer values than this are fitted by WeightWatcher's rule for small samples.
const SMALL_SAMPLE: usize = 20;

/// Where a tail begins. Exponents by different rules cannot be compared with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TailRule {
    /// The upper half of the values: `i = ⌊N/2⌋` (`xmin_mid`). The only rule whose result is stable under
    /// small changes of the spectrum; used by FARMS for convolutional networks.
    #[default]
    Median,
    /// Around the mode of the histogram of `log10 λ`, as in FARMS and WeightWatcher (`xmin_peak`). Its lower
    /// bound compares `λ` with `log10(0.95 λ_mode)`, a slip that lets the search begin at the smallest value;
    /// kept for reproducing published results.
    Peak,
    /// [`Self::Peak`] with the lower bound `0.95 λ_mode` that was meant.
    PeakFixed,
    /// The start with the smallest Kolmogorov-Smirnov distance (Clauset et al. 2009; WeightWatcher's default).
    Ks,
    /// WeightWatcher 0.7.7: [`Self::Ks`], but below 20 values the exponent uses `n - 1` and the distance is
    /// lowered by `0.868/√n`, tails having at least 8 values.
    WeightWatcher,
}

impl TailRule {
    /// The rules that a scan reports.
    pub const ALL: [Self; 4] = [Self::Median, Self::Peak, Self::PeakFixed, Self::Ks];

    /// Name in tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::Peak => "peak",
            Self::PeakFixed => "peak-fixed",
            Self::Ks => "ks",
            Self::WeightWatcher => "weightwatcher",
        }
    }

    /// Whether the rule searches for the start, so that small changes of the spectrum can move it far.
    pub const fn searches(self) -> bool {
        !matches!(self, Self::Median)
    }
}

/// Why there is no exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoFit {
    /// Not enough values.
    #[error("too few eigenvalues")]
    TooFew,
    /// All values of the tail are equal, as for orthogonal weights.
    #[error("flat spectrum")]
    Flat,
    /// A zero value is where the tail begins, or enters the histogram.
    #[error("zero eigenvalues")]
    Zeros,
    /// No start gives a decaying power law.
    #[error("no decaying tail")]
    NoDecay,
}

/// Power law `p(λ) ∝ λ^(-exponent)` on `λ ≥ xmin`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TailFit {
    /// How the start was chosen.
    pub rule: TailRule,
    /// Exponent of the density; that of the cumulative tail is smaller by one.
    pub exponent: f64,
    /// Largest gap between fitted and empirical tail, in `[0, 1]`.
    pub ks_distance: f64,
    /// First eigenvalue of the tail.
    pub xmin: f64,
    /// Number of eigenvalues of the tail.
    pub n_tail: usize,
    /// Smallest and largest exponent of all starts whose distance is at most 1.1 times the smallest; equal
    /// ends for the median rule, which has one start.
    pub near_best: [f64; 2],
}

impl TailFit {
    fn new(rule: TailRule, eigenvalues: &[f64], point: TailPoint, near_best: [f64; 2]) -> Self {
        Self {
            rule,
            exponent: point.exponent,
            ks_distance: point.ks_distance,
            xmin: eigenvalues[point.start],
            n_tail: eigenvalues.len() - point.start,
            near_best,
        }
    }

    /// Width of the range of exponents that fit nearly as well: the fit's own ambiguity.
    pub fn ambiguity(&self) -> f64 {
        self.near_best[1] - self.near_best[0]
    }
}

/// Fits a tail to ascending `eigenvalues`; [`TailFit::near_best`] covers the evaluated starts only.
///
/// # Errors
/// [`NoFit`] says why the spectrum has no such tail.
pub fn fit_tail(eigenvalues: &[f64], rule: TailRule) -> Result<TailFit, NoFit> {
    fit(eigenvalues, rule, false)
}

/// [`fit_tail`] with the exact range of exponents of all nearly equal fits, at the price of more evaluated starts.
///
/// # Errors
/// As [`fit_tail`].
pub fn fit_tail_with_ambiguity(eigenvalues: &[f64], rule: TailRule) -> Result<TailFit, NoFit> {
    fit(eigenvalues, rule, true)
}

fn fit(eigenvalues: &[f64], rule: TailRule, with_ambiguity: bool) -> Result<TailFit, NoFit> {
    let n = eigenvalues.len();
    if n < MIN_VALUES {
        return Err(NoFit::TooFew);
    }
    let is_flat = |start: usize| eigenvalues[n - 1] <= eigenvalues[start] * (1.0 + FLAT);
    if is_flat(0) {
        return Err(if eigenvalues[0] > 0.0 { NoFit::Flat } else { NoFit::Zeros });
    }
    let tails = Tails::new(eigenvalues);
    let candidates = match rule {
        TailRule::Median => {
            let start = n / 2;
            if n - start < MIN_VALUES {
                return Err(NoFit::TooFew);
            }
            if eigenvalues[start] <= 0.0 {
                return Err(NoFit::Zeros);
            }
            if is_flat(start) {
                return Err(NoFit::Flat);
            }
            let exponent = tails.exponent(start);
            let point = tails.point(start);
            return Ok(TailFit::new(rule, eigenvalues, point, [exponent; 2]));
        }
        TailRule::Peak | TailRule::PeakFixed => {
            let mode = first_mode(eigenvalues).ok_or(NoFit::Zeros)?;
            let low = match rule {
                TailRule::Peak => (0.95 * mode).log10(),
                _ => 0.95 * mode,
            };
            let first = eigenvalues.partition_point(|&value| value < low);
            let end = eigenvalues.partition_point(|&value| value <= 1.5 * mode);
            first..end.min(n - 1)
        }
        TailRule::WeightWatcher if n < SMALL_SAMPLE => {
            return small_sample(eigenvalues, &tails);
        }
        TailRule::Ks | TailRule::WeightWatcher => 0..n - 1,
    };
    let (point, near_best) = tails.best(candidates, with_ambiguity).ok_or(NoFit::NoDecay)?;
    Ok(TailFit::new(rule, eigenvalues, point, near_best))
}

/// Left edge of the fullest bin of `log10 λ` between the smallest and the largest value, the first among
/// equals; `None` when a value is not positive.
fn first_mode(eigenvalues: &[f64]) -> Option<f64> {
    let (low, high) = (eigenvalues.first()?.log10(), eigenvalues.last()?.log10());
    if !low.is_finite() || !high.is_finite() {
        return None;
    }
    let mut counts = [0_usize; N_BINS];
    for value in eigenvalues {
        let position = (value.log10() - low) / (high - low) * N_BINS as f64;
        counts[(position as usize).min(N_BINS - 1)] += 1;
    }
    let fullest = *counts.iter().max()?;
    let bin = counts.iter().position(|&count| count == fullest)?;
    Some(10.0_f64.powf(low + (high - low) * bin as f64 / N_BINS as f64))
}

/// WeightWatcher's fit of fewer than [`SMALL_SAMPLE`] values.
fn small_sample(eigenvalues: &[f64], tails: &Tails<'_>) -> Result<TailFit, NoFit> {
    let n = eigenvalues.len();
    let corrected = |start: usize| {
        let n_tail = (n - start) as f64;
        1.0 + (tails.exponent(start) - 1.0) * (n_tail - 1.0) / n_tail
    };
    let mut best: Option<(f64, TailPoint)> = None;
    for start in 0..n.saturating_sub(SHORTEST_SMALL_TAIL - 1) {
        let exponent = corrected(start);
        if !is_decaying(exponent) {
            continue;
        }
        let ks_distance = tails.ks_distance(start, exponent);
        let objective = ks_distance - 0.868 / ((n - start) as f64).sqrt();
        if best.is_none_or(|(smallest, _)| objective < smallest) {
            best = Some((objective, TailPoint { start, exponent, ks_distance }));
        }
    }
    let point = match best {
        Some((_, point)) => point,
        None => {
            let exponent = corrected(0);
            if !is_decaying(exponent) {
                return Err(NoFit::NoDecay);
            }
            TailPoint { start: 0, exponent, ks_distance: tails.ks_distance(0, exponent) }
        }
    };
    Ok(TailFit::new(TailRule::WeightWatcher, eigenvalues, point, [point.exponent; 2]))
}
