//! Squared singular values of matrices.
//!
//! Two routes. The singular value decomposition keeps the relative accuracy of small values. The Gram route forms
//! `W Wᵀ` of the shorter side and reduces it to tridiagonal form: about half the work, and windows can share it,
//! but a value below `ε·λmax` is noise, with ε the rounding unit of the arithmetic. Every matrix is first scaled by
//! a power of two to largest entry near one, so that no square overflows and rescaled weights give rescaled
//! values bit for bit.
//!
//! A Gram matrix is reduced in two stages, to a band ([`band`]) and from there to tridiagonal form
//! ([`chase`]), whose eigenvalues are found by counting ([`tridiagonal`]).

mod band;
mod chase;
mod gram;
mod lower;
mod sweep;
mod tridiagonal;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::prelude::default;
use faer::{MatRef, Par};
use serde::{Deserialize, Serialize};

use self::chase::Band;
pub(crate) use self::gram::{GRAM_BLOCK, add_row_gram, row_gram};
pub(crate) use self::lower::{Lower, n_elements};
use crate::SpectraError;
use crate::matrix::{Matrix, Real};

/// Matrices with fewer rows are reduced to the narrower of two bands.
const WIDE_BAND_ROWS: usize = 768;

/// Matrices of smaller numbers are scaled before the reduction.
const FAR_BELOW_ONE: f64 = 1.0 / (1_u64 << 40) as f64;

/// How eigenvalues are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// [`Self::Gram`], but [`Self::Svd`] for weights stored in 64 bits, whose small values the Gram route would lose.
    #[default]
    Auto,
    /// Singular value decomposition in 64 bits.
    Svd,
    /// Gram matrix in 64 bits. Resolves every value that survives the rank cut of weights stored in 32 bits or
    /// fewer, except for spectra that span all 16 digits, whose last values are rounding: the searching rules, which
    /// react to those, then differ from [`Self::Svd`].
    Gram,
    /// Gram matrix in 32 bits: about 1.7 times as fast, for the median rule only; the searching rules react to the
    /// noise of the smallest values. A Gram matrix has no negative eigenvalue: values less than twice as large as the
    /// most negative one found are lost. A matrix that loses more than one value in 500 this way is computed again in
    /// 64 bits.
    GramSingle,
}

impl Route {
    /// The route for weights whose stored type has this epsilon.
    #[must_use]
    pub fn resolve(self, stored_epsilon: f64) -> Self {
        match self {
            Self::Auto if stored_epsilon < 1e-10 => Self::Svd,
            Self::Auto => Self::Gram,
            other => other,
        }
    }

    /// Eigenvalues at or below this are rounding noise of the route, for a matrix of `n` rows or columns.
    pub(crate) fn noise(self, largest: f64, n: usize) -> f64 {
        let n = n as f64;
        match self {
            Self::Svd => (f64::EPSILON * n).powi(2) * largest,
            // What is noise in 32 bits is zero already, but some matrices were computed in 64 after all.
            Self::Gram | Self::Auto | Self::GramSingle => f64::EPSILON * n * largest,
        }
    }
}

/// An eigenvalue iteration that did not converge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoConvergence;

impl NoConvergence {
    pub(crate) fn of(self, layer: &str) -> SpectraError {
        SpectraError::NoConvergence { layer: layer.into() }
    }
}

/// Squared singular values of `matrix`, ascending, `min(rows, cols)` of them. Values below zero, which rounding makes
/// out of zeros, are set to zero. Works on the threads of rayon's current pool; the values do not depend on them.
///
/// # Errors
/// When the iteration does not converge, which finite numbers have not been seen to cause.
pub fn eigenvalues(matrix: &Matrix<'_>, route: Route) -> Result<Vec<f64>, SpectraError> {
    spectrum_of(matrix, route).map_err(|failure| failure.of("matrix"))
}

pub(crate) fn spectrum_of(matrix: &Matrix<'_>, route: Route) -> Result<Vec<f64>, NoConvergence> {
    let n = matrix.shape().0.min(matrix.shape().1);
    let Some(scale) = Scale::of(matrix) else { return Ok(vec![0.0; n]) };
    match route {
        Route::Svd => {
            let squares = singular_values(matrix.to_mat::<f64>(scale.factor).as_ref())?;
            Ok(scale.finish(squares.into_iter().map(|sigma| sigma * sigma)))
        }
        Route::Gram | Route::Auto => {
            let gram = row_gram::<f64>(&matrix.wide(), scale.factor);
            Ok(scale.finish(symmetric_eigenvalues(gram)?))
        }
        Route::GramSingle => {
            let gram = row_gram::<f32>(&matrix.wide(), scale.factor);
            let values = symmetric_eigenvalues(gram)?;
            if is_drowned(&values) {
                return spectrum_of(matrix, Route::Gram);
            }
            Ok(scale.finish(values))
        }
    }
}

/// A power of two that brings the largest entry into `[1/2, 1)`.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) factor: f64,
}

impl Scale {
    /// `None` for a matrix of zeros or without entries.
    pub(crate) fn of(matrix: &Matrix<'_>) -> Option<Self> {
        let largest = matrix.max_abs();
        if largest == 0.0 {
            return None;
        }
        // Beyond ±1000 the factor itself would leave the range of normal numbers.
        let exponent = (largest.log2().floor() as i32 + 1).clamp(-1000, 1000);
        Some(Self { factor: 2.0_f64.powi(-exponent) })
    }

    /// Undoes the scaling, clamps to zero and sorts.
    pub(crate) fn finish(self, values: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut values: Vec<f64> =
            values.into_iter().map(|value| value.max(0.0) / self.factor / self.factor).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

/// Whether 32 bits lost so many eigenvalues that those of 64 bits are needed.
pub(crate) fn is_drowned(values: &[f64]) -> bool {
    /// One in this many may be lost: the median moves by half of that.
    const ONE_OF: usize = 500;
    let n_lost = values.iter().filter(|&&value| value == 0.0).count();
    n_lost > (values.len() / ONE_OF).max(1)
}

/// Eigenvalues, ascending, of a symmetric matrix without negative ones. The band, which takes a small part of the work,
/// is always reduced in 64 bits. Values that rounding to 32 bits may have made out of zeros are zero again, see
/// [`Route::GramSingle`].
pub(crate) fn symmetric_eigenvalues<T: Real>(
    mut matrix: Lower<T>,
) -> Result<Vec<f64>, NoConvergence> {
    // A window may lie far below the rest of its matrix; the following steps expect its largest number near one.
    let largest = matrix.largest_on_diagonal();
    let factor = if largest > 0.0 && largest < FAR_BELOW_ONE {
        let most = if T::IS_SINGLE { 100 } else { 1000 };
        2.0_f64.powi((-largest.log2() as i32).min(most))
    } else {
        1.0
    };
    if factor != 1.0 {
        matrix.scale(T::from_f64(factor));
    }
    let (diagonal, below) = if matrix.n_rows() < WIDE_BAND_ROWS {
        tridiagonal_of::<16, T>(matrix)
    } else {
        tridiagonal_of::<32, T>(matrix)
    };
    let mut values = tridiagonal::eigenvalues(&diagonal, &below)?;
    if factor != 1.0 {
        values.iter_mut().for_each(|value| *value /= factor);
    }
    if T::IS_SINGLE {
        let noise = -2.0 * values.iter().copied().fold(0.0, f64::min);
        values.iter_mut().filter(|value| **value <= noise).for_each(|value| *value = 0.0);
    }
    Ok(values)
}

fn tridiagonal_of<const BAND_WIDTH: usize, T: Real>(mut matrix: Lower<T>) -> (Vec<f64>, Vec<f64>) {
    band::reduce_to_band(&mut matrix, BAND_WIDTH);
    let band = Band::<BAND_WIDTH>::of(&matrix);
    drop(matrix);
    band.tridiagonal()
}

/// Singular values, descending.
pub(crate) fn singular_values(matrix: MatRef<'_, f64>) -> Result<Vec<f64>, NoConvergence> {
    let (n_rows, n_cols) = matrix.shape();
    let mut values = faer::Col::<f64>::zeros(n_rows.min(n_cols));
    let needed = svd_scratch::<f64>(
        n_rows,
        n_cols,
        ComputeSvdVectors::No,
        ComputeSvdVectors::No,
        Par::Seq,
        default(),
    );
    let mut memory = MemBuffer::new(needed);
    svd(
        matrix,
        values.as_mut().as_diagonal_mut(),
        None,
        None,
        Par::Seq,
        MemStack::new(&mut memory),
        default(),
    )
    .map_err(|_| NoConvergence)?;
    Ok(values.iter().copied().collect())
}
