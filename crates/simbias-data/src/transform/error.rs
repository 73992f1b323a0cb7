//! Why a transform cannot be used.

/// Why a transform cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// The matrix does not map rows onto themselves.
    #[error("transform matrix: found shape {found:?}, expected {expected:?}")]
    NotSquare {
        /// Shape of the matrix.
        found: [usize; 2],
        /// Shape that it should have.
        expected: [usize; 2],
    },
    /// The matrix holds NaN or infinity.
    #[error("transform matrix: entry [{row}, {column}] is {value}; all entries must be finite")]
    NotFinite {
        /// Row of the first such entry.
        row: usize,
        /// Column of the first such entry.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// The matrix has no usable inverse.
    #[error(
        "transform matrix: it is singular to rounding (condition {condition:.1e}); use an \
         invertible matrix"
    )]
    Singular {
        /// Condition number in the 1-norm; infinite when elimination met a zero pivot.
        condition: f64,
    },
    /// The supplied inverse is not the inverse of the matrix.
    #[error(
        "transform inverse: the product with the matrix differs from the identity by {error:.1e}, \
         allowed {allowed:.1e}; check the order and the transposition of both files"
    )]
    NotTheInverse {
        /// Largest entry of `|W·W⁻¹ − I|`.
        error: f64,
        /// Largest allowed value.
        allowed: f64,
    },
    /// Transforming there and back does not give the original rows.
    #[error(
        "transform: going there and back changes values by {error:.1e} of the largest one, allowed \
         {allowed:.1e}; the inverse does not belong to the transform"
    )]
    RoundTrip {
        /// Largest change, in units of the largest value.
        error: f32,
        /// Largest allowed value.
        allowed: f32,
    },
    /// The rows have another width than the transform.
    #[error("transform: rows have {found} columns, the transform {expected}")]
    WrongColumns {
        /// Columns of the rows.
        found: usize,
        /// Columns of the transform.
        expected: usize,
    },
    /// A band that is empty by its bounds or holds no coefficient.
    #[error(
        "band [{low}, {high}) cycles/pixel holds no coefficient of these images; give \
         bounds with low < high; frequencies run from 0 to {largest:.4}"
    )]
    EmptyBand {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
        /// Largest frequency of the images.
        largest: f64,
    },
    /// There is nothing to transform.
    #[error("transform: images of shape {shape:?} ([channels, height, width]) have no pixel")]
    NoPixel {
        /// The shape.
        shape: [usize; 3],
    },
}
