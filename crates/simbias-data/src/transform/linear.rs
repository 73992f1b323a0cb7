//! A matrix as a transform.

use ndarray::{Array2, ArrayView2, Axis, linalg::general_mat_mul, s};

use super::{Transform, TransformError, check_columns, map_blocks};

/// Largest entry of `|W·Wᵀ − I|` up to which a matrix counts as orthogonal; matrices come from
/// files of 32 bits.
const ORTHOGONALITY_TOLERANCE: f64 = 1e-4;
/// Largest entry of `|W·W⁻¹ − I|` that a supplied inverse may have.
const INVERSE_TOLERANCE: f64 = 1e-3;
/// Above this condition, rows of 32 bits do not survive the round trip.
const LARGEST_CONDITION: f64 = 1e6;

/// `z = x · Wᵀ` for rows `x`, which undoes `x = z · W` for an orthogonal `W`.
///
/// Row `i` of `W` is the direction whose coordinate is `z_i`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearTransform {
    /// `Wᵀ`, shape `[n, n]`.
    to_coefficients: Array2<f32>,
    /// `W⁻ᵀ`, shape `[n, n]`.
    to_rows: Array2<f32>,
    origin: InverseOrigin,
}

/// Where the inverse comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InverseOrigin {
    /// The matrix is orthogonal: its transpose.
    Transpose,
    /// Supplied and checked.
    Supplied,
    /// Computed by elimination. Blocks of a matrix that is not orthogonal overlap in the rows,
    /// which a report should say.
    Computed {
        /// Condition number of the matrix in the 1-norm; round-trip errors grow with it.
        condition: f64,
    },
}

impl LinearTransform {
    /// A transform by `matrix`, shape `[n, n]`; the inverse is the transpose if the matrix is
    /// orthogonal and computed otherwise ([`Self::inverse_origin`] tells).
    ///
    /// # Errors
    ///
    /// When the matrix is not square, not finite or singular.
    pub fn new(matrix: ArrayView2<'_, f64>) -> Result<Self, TransformError> {
        check_matrix(matrix, matrix.nrows())?;
        if identity_error(matrix.dot(&matrix.t())) <= ORTHOGONALITY_TOLERANCE {
            return Ok(Self::from_parts(matrix, matrix.t(), InverseOrigin::Transpose));
        }
        let inverse =
            invert(matrix).ok_or(TransformError::Singular { condition: f64::INFINITY })?;
        let condition = one_norm(matrix) * one_norm(inverse.view());
        if condition > LARGEST_CONDITION {
            return Err(TransformError::Singular { condition });
        }
        Ok(Self::from_parts(matrix, inverse.view(), InverseOrigin::Computed { condition }))
    }

    /// A transform by `matrix` with its `inverse`, both of shape `[n, n]`.
    ///
    /// # Errors
    ///
    /// When a matrix is not square or not finite, or when they are not one another's inverse.
    pub fn with_inverse(
        matrix: ArrayView2<'_, f64>,
        inverse: ArrayView2<'_, f64>,
    ) -> Result<Self, TransformError> {
        check_matrix(matrix, matrix.nrows())?;
        check_matrix(inverse, matrix.nrows())?;
        let error = identity_error(matrix.dot(&inverse));
        if error > INVERSE_TOLERANCE {
            return Err(TransformError::NotTheInverse { error, allowed: INVERSE_TOLERANCE });
        }
        Ok(Self::from_parts(matrix, inverse, InverseOrigin::Supplied))
    }

    /// Where the inverse comes from.
    pub fn inverse_origin(&self) -> InverseOrigin {
        self.origin
    }

    fn from_parts(
        matrix: ArrayView2<'_, f64>,
        inverse: ArrayView2<'_, f64>,
        origin: InverseOrigin,
    ) -> Self {
        // Fresh arrays in C order: a transposed view written as it is stored comes back transposed.
        let transposed = |matrix: ArrayView2<'_, f64>| {
            matrix.t().as_standard_layout().mapv(|value| value as f32)
        };
        Self { to_coefficients: transposed(matrix), to_rows: transposed(inverse), origin }
    }
}

impl Transform for LinearTransform {
    fn n_features(&self) -> usize {
        self.to_coefficients.nrows()
    }

    fn inverse_matrix(&self) -> Option<ArrayView2<'_, f32>> {
        Some(self.to_rows.view())
    }

    fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        check_columns(rows, self.n_features());
        map_blocks(rows, self.n_features(), |source, mut target| {
            general_mat_mul(1.0, &source, &self.to_coefficients, 0.0, &mut target);
        })
    }

    fn inverse(&self, coefficients: ArrayView2<'_, f32>) -> Array2<f32> {
        check_columns(coefficients, self.n_features());
        map_blocks(coefficients, self.n_features(), |source, mut target| {
            general_mat_mul(1.0, &source, &self.to_rows, 0.0, &mut target);
        })
    }
}

fn check_matrix(matrix: ArrayView2<'_, f64>, n: usize) -> Result<(), TransformError> {
    if matrix.dim() != (n, n) || n == 0 {
        let found = [matrix.nrows(), matrix.ncols()];
        return Err(TransformError::NotSquare { found, expected: [n.max(1); 2] });
    }
    match matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(TransformError::NotFinite { row, column, value }),
        None => Ok(()),
    }
}

fn identity_error(mut product: Array2<f64>) -> f64 {
    product.diag_mut().map_inplace(|value| *value -= 1.0);
    product.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// Largest column sum of absolute values.
fn one_norm(matrix: ArrayView2<'_, f64>) -> f64 {
    matrix.mapv(f64::abs).sum_axis(Axis(0)).iter().copied().fold(0.0, f64::max)
}

/// Gauss–Jordan elimination with row pivoting; `None` on a zero pivot.
fn invert(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let mut left = matrix.as_standard_layout().into_owned();
    let mut right = Array2::<f64>::eye(n);
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| left[[a, column]].abs().total_cmp(&left[[b, column]].abs()))?;
        if left[[pivot, column]] == 0.0 {
            return None;
        }
        for side in [&mut left, &mut right] {
            if pivot != column {
                let (mut upper, mut lower) = side.multi_slice_mut((s![column, ..], s![pivot, ..]));
                ndarray::Zip::from(&mut upper).and(&mut lower).for_each(std::mem::swap);
            }
        }
        let scale = 1.0 / left[[column, column]];
        left.row_mut(column).map_inplace(|value| *value *= scale);
        right.row_mut(column).map_inplace(|value| *value *= scale);
        let (pivot_left, pivot_right) = (left.row(column).to_owned(), right.row(column).to_owned());
        for row in (0..n).filter(|&row| row != column) {
            let factor = left[[row, column]];
            if factor != 0.0 {
                left.row_mut(row).scaled_add(-factor, &pivot_left);
                right.row_mut(row).scaled_add(-factor, &pivot_right);
            }
        }
    }
    Some(right)
}
