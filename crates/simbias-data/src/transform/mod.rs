//! Invertible maps between rows and the coordinates in which blocks are named.
//!
//! A transform may undo the rotation of generated data, give the frequencies of an image, or do nothing. Blocks
//! are then sets of columns of the transformed rows.

mod bands;
mod dct2;
mod error;
mod fft2;
mod linear;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

pub use bands::RadialBand;
pub use dct2::Dct2;
pub use error::TransformError;
pub use fft2::Fft2;
pub use linear::{InverseOrigin, LinearTransform};

/// Rows handled together. Fixed, so that results do not depend on the thread count.
const BLOCK: usize = 256;

/// Largest round-trip error, in units of the largest value, that is still rounding.
pub const ROUND_TRIP_TOLERANCE: f32 = 1e-4;

/// An invertible map of rows. `inverse(forward(x)) = x` up to rounding; see [`check_round_trip`].
///
/// Both directions panic if the number of columns is wrong; check it beforehand.
pub trait Transform: Sync {
    /// Columns of a row.
    fn n_features(&self) -> usize;

    /// Columns of a transformed row; more than [`Self::n_features`] when the coordinates are
    /// redundant.
    fn n_coefficients(&self) -> usize {
        self.n_features()
    }

    /// Rows to coordinates, `[batch, n_features]` → `[batch, n_coefficients]`.
    fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32>;

    /// Coordinates to rows, `[batch, n_coefficients]` → `[batch, n_features]`.
    fn inverse(&self, coefficients: ArrayView2<'_, f32>) -> Array2<f32>;

    /// How far the coordinates are from those of any row: the largest part that [`Self::inverse`]
    /// drops, in units of the largest value that it keeps. 0 when no coordinate is redundant.
    fn dropped_share(&self, _coefficients: ArrayView2<'_, f32>) -> f32 {
        0.0
    }

    /// Whether both directions leave every row as it is.
    fn is_identity(&self) -> bool {
        false
    }

    /// `M` with `inverse(z) = z · M`, shape `[n_coefficients, n_features]`, if the inverse is
    /// linear and its matrix is at hand. Lets a model's first affine layer be moved into these
    /// coordinates.
    fn inverse_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        None
    }
}

/// No transform: blocks are columns of the rows themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    n_features: usize,
}

impl Identity {
    /// For rows of `n_features` columns.
    pub fn new(n_features: usize) -> Self {
        Self { n_features }
    }
}

impl Transform for Identity {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        check_columns(rows, self.n_features);
        rows.to_owned()
    }

    fn inverse(&self, coefficients: ArrayView2<'_, f32>) -> Array2<f32> {
        check_columns(coefficients, self.n_features);
        coefficients.to_owned()
    }
}

/// `‖T⁻¹Tx − x‖∞` over all values of `rows`, in units of the largest `|x|` (0 if all are 0).
pub fn round_trip_error(transform: &dyn Transform, rows: ArrayView2<'_, f32>) -> f32 {
    let restored = transform.inverse(transform.forward(rows).view());
    let largest =
        |values: ArrayView2<'_, f32>| values.iter().fold(0.0_f32, |most, v| worse(most, v.abs()));
    let scale = largest(rows);
    if scale == 0.0 {
        return largest(restored.view());
    }
    largest((&restored - &rows).view()) / scale
}

/// Refuses a transform whose round trip on `rows` is off by more than [`ROUND_TRIP_TOLERANCE`].
///
/// # Errors
///
/// [`TransformError::RoundTrip`], or [`TransformError::WrongColumns`] when the rows do not fit.
pub fn check_round_trip(
    transform: &dyn Transform,
    rows: ArrayView2<'_, f32>,
) -> Result<(), TransformError> {
    if rows.ncols() != transform.n_features() {
        return Err(TransformError::WrongColumns {
            found: rows.ncols(),
            expected: transform.n_features(),
        });
    }
    let error = round_trip_error(transform, rows);
    if error <= ROUND_TRIP_TOLERANCE {
        Ok(())
    } else {
        Err(TransformError::RoundTrip { error, allowed: ROUND_TRIP_TOLERANCE })
    }
}

/// The larger one; NaN counts as the largest, so that no check passes on it.
fn worse(left: f32, right: f32) -> f32 {
    if right.is_nan() || left.is_nan() { f32::NAN } else { left.max(right) }
}

fn check_columns(rows: ArrayView2<'_, f32>, expected: usize) {
    assert_eq!(rows.ncols(), expected, "a transform was given rows of another width");
}

/// Fills a new `[rows, n_columns]` array block by block, in parallel.
fn map_blocks(
    rows: ArrayView2<'_, f32>,
    n_columns: usize,
    fill: impl Fn(ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>) + Sync,
) -> Array2<f32> {
    let mut result = Array2::<f32>::zeros((rows.nrows(), n_columns));
    result
        .axis_chunks_iter_mut(Axis(0), BLOCK)
        .into_par_iter()
        .zip(rows.axis_chunks_iter(Axis(0), BLOCK))
        .for_each(|(target, source)| fill(source, target));
    result
}
