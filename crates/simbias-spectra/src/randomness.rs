//! Whether a layer looks like a random matrix of its shape.
//!
//! Two things are compared with a matrix of independent entries: the exponent of the median rule, which describes the
//! middle of the spectrum, and the upper edge, beyond which a random matrix has no eigenvalue.
//!
//! Eigenvalues of a random matrix repel each other, so its exponent scatters far less than the standard error of a
//! Hill estimate says. With `n` eigenvalues in each of `k` independent matrices and the limit `a` of
//! [`median_exponent`](crate::marchenko_pastur::median_exponent), draws of Gaussian matrices with 16 to 256 eigenvalues
//! and aspect ratios 1 to 4 have a mean of about `a + 2.3 (a - 1)/n` and a standard deviation of 3 to 3.7 times
//! `(a - 1)/(n √k)`, which grows slowly with `n`.

use crate::fit::TailRule;
use crate::table::{LayerRow, LayerTable};

/// Mean of random matrices above the limit, in `(a - 1)/n`.
const OFFSET: f64 = 2.3;
/// Upper bound of the standard deviation, in `(a - 1)/(n √k)`.
const DEVIATION: f64 = 4.0;
/// Standard deviations that are still like a random matrix.
const DEVIATIONS: f64 = 3.0;
/// No exponent is asked to agree better than this.
const LEAST_TOLERANCE: f64 = 0.01;

/// What the spectrum of a layer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Middle and edge are those of a random matrix.
    Random,
    /// The middle is that of a random matrix, but some directions stand out of it.
    RandomWithSpikes,
    /// The middle is not that of a random matrix.
    Structured,
}

/// A layer beside random matrices of its shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Randomness {
    /// Exponent of the layer by the median rule.
    pub exponent: f64,
    /// Mean exponent of random matrices of the shape.
    pub expected: f64,
    /// How far random matrices lie from it: three standard deviations.
    pub tolerance: f64,
    /// Eigenvalues beyond the edge of the random bulk.
    pub n_spikes: usize,
}

impl Randomness {
    /// The comparison for a layer; `None` where it was not measured by the median rule, or its bulk was not fitted.
    pub fn of(layer: &LayerRow) -> Option<Self> {
        let analysis = layer.analysis()?;
        let bulk = analysis.bulk?;
        // Windows of a kernel are pools of positions of their own; the whole kernel is the simpler reference.
        let windows = analysis.windows.as_ref().filter(|_| layer.n_matrices == 1);
        let (spectrum, limit, n_eigenvalues, n_independent) = match windows {
            Some(windows) => (
                &windows.spectrum,
                windows.random_exponent,
                windows.window.0.min(windows.window.1),
                windows.n_disjoint,
            ),
            None => (
                analysis.plain.as_ref()?,
                analysis.random_exponent,
                layer.shape.0.min(layer.shape.1),
                layer.n_matrices,
            ),
        };
        let tail = spectrum.by_rule(TailRule::Median)?.as_ref().ok()?;
        let (expected, tolerance) = reference(limit, n_eigenvalues, n_independent);
        Some(Self { exponent: tail.fit.exponent, expected, tolerance, n_spikes: bulk.n_spikes })
    }

    /// Which of the three it is.
    pub fn likeness(&self) -> Likeness {
        if (self.exponent - self.expected).abs() > self.tolerance {
            Likeness::Structured
        } else if self.n_spikes > 0 {
            Likeness::RandomWithSpikes
        } else {
            Likeness::Random
        }
    }

    /// Whether a small difference would have been seen: random matrices of the shape differ among themselves by less
    /// than a tenth.
    pub fn is_sharp(&self) -> bool {
        self.tolerance <= 0.1
    }
}

/// Mean and three standard deviations of the exponent of random matrices.
fn reference(limit: f64, n_eigenvalues: usize, n_independent: usize) -> (f64, f64) {
    let unit = (limit - 1.0) / n_eigenvalues.max(1) as f64;
    let deviation = DEVIATION * unit / (n_independent.max(1) as f64).sqrt();
    (limit + OFFSET * unit, (DEVIATIONS * deviation).max(LEAST_TOLERANCE))
}

impl LayerTable {
    /// Layers that take part in recommendations and can be compared with random matrices, with the comparison.
    pub fn beside_random(&self) -> impl Iterator<Item = (&LayerRow, Randomness)> {
        self.recommended().filter_map(|layer| Some((layer, Randomness::of(layer)?)))
    }

    /// Layers that look like random matrices, as if they had never been trained.
    pub fn random_layers(&self) -> Vec<(&LayerRow, Randomness)> {
        self.beside_random().filter(|(_, found)| found.likeness() == Likeness::Random).collect()
    }
}
