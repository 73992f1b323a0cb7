//! Figures of a spectrum other than the exponent.
//!
//! Source: WeightWatcher 0.7.7 and FARMS `esd_utils_farms.py`; names are WeightWatcher's where it has one. None of
//! them divides by the number of rows.

use serde::{Deserialize, Serialize};

/// Added to every share of the entropy.
const ENTROPY_OFFSET: f64 = 1e-10;

/// Figures of all eigenvalues of a layer, zeros included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Number of eigenvalues.
    pub n_eigenvalues: usize,
    /// Largest eigenvalue: the square of the spectral norm.
    pub spectral_norm: f64,
    /// `log10` of it.
    pub log_spectral_norm: f64,
    /// Sum of eigenvalues: the square of the Frobenius norm.
    pub norm: f64,
    /// `log10` of it.
    pub log_norm: f64,
    /// Sum over largest eigenvalue.
    pub stable_rank: f64,
    /// Sum over number of eigenvalues.
    pub norm_stable_rank: f64,
    /// Singular values above `σmax · long side · ε` in 64 bits.
    pub matrix_rank: usize,
    /// Entropy of the eigenvalues as shares, over the logarithm of the rank; 1 for a flat spectrum, `None` for a
    /// rank below 2.
    pub entropy: Option<f64>,
}

impl Metrics {
    /// Figures of ascending `eigenvalues` of matrices whose longer side is `long`; `None` when there is none or
    /// all are zero.
    pub fn of(eigenvalues: &[f64], long: usize) -> Option<Self> {
        let largest = *eigenvalues.last()?;
        if !(largest > 0.0 && largest.is_finite()) {
            return None;
        }
        let norm: f64 = eigenvalues.iter().sum();
        let n = eigenvalues.len();
        let smallest_sigma = largest.sqrt() * long as f64 * f64::EPSILON;
        let matrix_rank =
            eigenvalues.iter().filter(|&&value| value.sqrt() > smallest_sigma).count();
        let entropy: f64 = eigenvalues
            .iter()
            .map(|value| value / norm + ENTROPY_OFFSET)
            .map(|share| -share * share.ln())
            .sum();
        let entropy =
            (matrix_rank > 1).then(|| entropy / (matrix_rank as f64 + ENTROPY_OFFSET).ln());
        Some(Self {
            n_eigenvalues: n,
            spectral_norm: largest,
            log_spectral_norm: largest.log10(),
            norm,
            log_norm: norm.log10(),
            stable_rank: norm / largest,
            norm_stable_rank: norm / n as f64,
            matrix_rank,
            entropy,
        })
    }

    /// `exponent · log10 λmax`, alpha-hat; WeightWatcher's `alpha_weighted`.
    pub fn weighted_exponent(&self, exponent: f64) -> f64 {
        exponent * self.log_spectral_norm
    }
}

/// `log10 Σ λ^exponent`, the log alpha norm, without overflow.
pub fn log_alpha_norm(eigenvalues: &[f64], exponent: f64) -> f64 {
    let Some(&largest) = eigenvalues.last().filter(|&&largest| largest > 0.0) else {
        return f64::NEG_INFINITY;
    };
    let sum: f64 = eigenvalues.iter().map(|value| (value / largest).powf(exponent)).sum();
    exponent * largest.log10() + sum.log10()
}
