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
mod product;
mod sweep;
mod tiles;
mod tridiagonal;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::prelude::{Reborrow, ReborrowMut, default};
use faer::{Mat, MatMut, MatRef, Par};
use serde::{Deserialize, Serialize};

use self::chase::Band;
use crate::SpectraError;
use crate::matrix::{Matrix, Real};

/// Rows or columns, along the longer side, that enter a Gram matrix at once.
const GRAM_BLOCK: usize = 512;

/// Matrices with fewer rows are reduced to the narrower of two bands.
const WIDE_BAND_ROWS: usize = 768;

/// How eigenvalues are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// [`Self::Gram`], but [`Self::Svd`] for weights stored in 64 bits, whose small values the former would lose.
    #[default]
    Auto,
    /// Singular value decomposition in 64 bits.
    Svd,
    /// Gram matrix in 64 bits. Resolves every value that survives the rank cut of weights stored in 32 bits or
    /// fewer.
    Gram,
    /// Gram matrix in 32 bits: about twice as fast, for the median rule only; the searching rules react to the
    /// noise of the smallest values. A Gram matrix has no negative eigenvalue: whatever is not twice as large as
    /// the most negative one that comes out is lost. A matrix that loses more than one value in 500 this way is
    /// computed again in 64 bits.
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
            Self::Gram | Self::Auto => f64::EPSILON * n * largest,
            // Zero already.
            Self::GramSingle => 0.0,
        }
    }
}

/// An eigenvalue iteration that did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoConvergence;

impl NoConvergence {
    pub(crate) fn of(self, layer: &str) -> SpectraError {
        SpectraError::NoConvergence { layer: layer.into() }
    }
}

/// Squared singular values of `matrix`, ascending, `min(rows, cols)` of them. Values below zero, which rounding
/// makes of zeros, are set to zero. Works on the threads of rayon's current pool; the values do not depend on them.
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
            let mut gram = row_gram::<f64>(&matrix.wide(), scale.factor);
            Ok(scale.finish(symmetric_eigenvalues(gram.as_mut())?))
        }
        Route::GramSingle => {
            let mut gram = row_gram::<f32>(&matrix.wide(), scale.factor);
            let values = symmetric_eigenvalues(gram.as_mut())?;
            drop(gram);
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

/// Lower triangle of `s² · M Mᵀ`, shape `[n_rows, n_rows]`; what stands above it means nothing.
pub(crate) fn row_gram<T: Real>(matrix: &Matrix<'_>, scale: f64) -> Mat<T> {
    let n = matrix.shape().0;
    let mut gram = Mat::<T>::zeros(n, n);
    add_row_gram(&mut [&mut gram], matrix, scale);
    gram
}

/// Adds [`row_gram`] to the lower triangles of `grams`.
pub(crate) fn add_row_gram<T: Real>(grams: &mut [&mut Mat<T>], matrix: &Matrix<'_>, scale: f64) {
    let (n, depth) = matrix.shape();
    let mut room = Mat::<T>::zeros(GRAM_BLOCK.min(depth), n);
    for start in (0..depth).step_by(GRAM_BLOCK) {
        let end = (start + GRAM_BLOCK).min(depth);
        let mut block = room.as_mut().subrows_mut(0, end - start);
        write_on_threads(&matrix.window(0..n, start..end).transposed(), block.rb_mut(), scale);
        product::add_gram(grams.iter_mut().map(|gram| gram.as_mut()).collect(), block.rb());
    }
}

fn write_on_threads<T: Real>(matrix: &Matrix<'_>, target: MatMut<'_, T>, scale: f64) {
    let (n_rows, n_cols) = matrix.shape();
    let Some(at) = tiles::half(n_cols, tiles::TILE_COLS) else {
        return matrix.write_to(target, scale);
    };
    let (first, last) = target.split_at_col_mut(at);
    rayon::join(
        || write_on_threads(&matrix.window(0..n_rows, 0..at), first, scale),
        || write_on_threads(&matrix.window(0..n_rows, at..n_cols), last, scale),
    );
}

/// Whether 32 bits lost so many eigenvalues that those of 64 bits are needed.
pub(crate) fn is_drowned(values: &[f64]) -> bool {
    /// One of so many may be lost: the median moves by half of that.
    const ONE_OF: usize = 500;
    let n_lost = values.iter().filter(|&&value| value == 0.0).count();
    n_lost > (values.len() / ONE_OF).max(1)
}

/// Eigenvalues of the symmetric matrix with this lower triangle, which is overwritten. The band, which takes a small part
/// of the work, is reduced in 64 bits always. What rounding to 32 bits may have made of zeros is zero again, see
/// [`Route::GramSingle`].
pub(crate) fn symmetric_eigenvalues<T: Real>(
    lower: MatMut<'_, T>,
) -> Result<Vec<f64>, NoConvergence> {
    let (diagonal, below) = if lower.nrows() < WIDE_BAND_ROWS {
        tridiagonal_of::<16, T>(lower)
    } else {
        tridiagonal_of::<32, T>(lower)
    };
    let mut values = tridiagonal::eigenvalues(&diagonal, &below)?;
    if T::IS_SINGLE {
        let noise = -2.0 * values.iter().copied().fold(0.0, f64::min);
        values.iter_mut().filter(|value| **value <= noise).for_each(|value| *value = 0.0);
    }
    Ok(values)
}

fn tridiagonal_of<const BAND_WIDTH: usize, T: Real>(
    mut lower: MatMut<'_, T>,
) -> (Vec<f64>, Vec<f64>) {
    band::reduce_to_band(lower.rb_mut(), BAND_WIDTH);
    Band::<BAND_WIDTH>::of(lower.rb()).tridiagonal()
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
