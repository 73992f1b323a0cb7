//! Random rotations.

use ndarray::{Array1, Array2, ArrayView2};
use rand_distr::{Distribution, StandardNormal};
use simbias_stats::Seed;

/// A residual column shorter than this is linearly dependent; the matrix is drawn again.
const SMALLEST_RESIDUAL: f64 = 1e-7;

/// An orthogonal `[dim, dim]` matrix, uniform (Haar) over the orthogonal group.
///
/// It is the Q of a standard-normal matrix with the diagonal of R positive; only that sign makes Q
/// Haar. Gram–Schmidt divides by column lengths, so its R has the sign by construction; every
/// column is projected twice, which keeps Q orthogonal to rounding.
pub fn haar_rotation(dim: usize, seed: Seed) -> Array2<f64> {
    let mut attempt = 0;
    loop {
        let mut stream = seed.child("synth/rotation", attempt).stream();
        // Rows are orthonormalised instead of columns: the transpose of a Haar matrix is Haar, and
        // rows are contiguous in memory.
        let normal =
            Array2::from_shape_simple_fn((dim, dim), || StandardNormal.sample(&mut stream));
        if let Some(rotation) = orthonormal_rows(normal) {
            return rotation;
        }
        attempt += 1;
    }
}

/// Gram–Schmidt over the rows; `None` if they are linearly dependent.
fn orthonormal_rows(mut rows: Array2<f64>) -> Option<Array2<f64>> {
    for row in 0..rows.nrows() {
        let (done, mut rest) = rows.view_mut().split_at(ndarray::Axis(0), row);
        let mut current = rest.row_mut(0);
        for _ in 0..2 {
            let along: Array1<f64> = done.dot(&current);
            current -= &done.t().dot(&along);
        }
        let length = current.dot(&current).sqrt();
        if length < SMALLEST_RESIDUAL {
            return None;
        }
        current /= length;
    }
    Some(rows)
}

/// Largest entry of `|W·Wᵀ − I|`; 0 for an exactly orthogonal square matrix.
pub fn orthogonality_error(matrix: ArrayView2<'_, f64>) -> f64 {
    let mut gram = matrix.dot(&matrix.t());
    gram.diag_mut().map_inplace(|value| *value -= 1.0);
    gram.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_orthogonal() {
        for dim in [1, 2, 7, 50] {
            let rotation = haar_rotation(dim, Seed::new(dim as u64));
            assert!(orthogonality_error(rotation.view()) < 1e-13);
        }
    }

    /// Under Haar measure every entry has mean 0 and variance 1/d; without the sign of R the
    /// diagonal of Q would lean to one side.
    #[test]
    fn entries_have_haar_moments() {
        const N: u64 = 4000;
        const DIM: usize = 3;
        let mut sum = Array2::<f64>::zeros((DIM, DIM));
        let mut square = Array2::<f64>::zeros((DIM, DIM));
        for index in 0..N {
            let rotation = haar_rotation(DIM, Seed::new(5).child("test", index));
            square += &rotation.mapv(|value| value * value);
            sum += &rotation;
        }
        let limit = 4.5 * (1.0 / (DIM as f64 * N as f64)).sqrt();
        assert!(sum.iter().all(|total| (total / N as f64).abs() < limit), "{sum}");
        assert!(square.iter().all(|total| (total / N as f64 - 1.0 / 3.0).abs() < 0.03), "{square}");
    }

    #[test]
    fn dependent_rows_are_noticed() {
        assert!(orthonormal_rows(ndarray::array![[1.0, 2.0], [2.0, 4.0]]).is_none());
    }
}
