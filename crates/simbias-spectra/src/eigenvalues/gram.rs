//! Gram matrices.

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::lower::{Lower, STRIP_COLS, Strip, pieces};
use crate::matrix::{Matrix, Real};

/// Rows or columns, along the longer side, that enter a Gram matrix at once.
pub(crate) const GRAM_BLOCK: usize = 512;

/// `s² · M Mᵀ`, which has as many rows as `matrix`.
pub(crate) fn row_gram<T: Real>(matrix: &Matrix<'_>, scale: f64) -> Lower<T> {
    let mut gram = Lower::zeros(matrix.shape().0);
    add_row_gram(&mut gram, matrix, scale);
    gram
}

/// Adds [`row_gram`] to `gram`. Works on the threads of rayon's current pool.
pub(crate) fn add_row_gram<T: Real>(gram: &mut Lower<T>, matrix: &Matrix<'_>, scale: f64) {
    let (n, depth) = matrix.shape();
    let mut room = Mat::<T>::zeros(GRAM_BLOCK.min(depth), n);
    for start in (0..depth).step_by(GRAM_BLOCK) {
        let end = (start + GRAM_BLOCK).min(depth);
        let mut block = room.as_mut().subrows_mut(0, end - start);
        write_on_threads(&matrix.window(0..n, start..end).transposed(), block.rb_mut(), scale);
        add_product(gram, block.rb());
    }
}

fn write_on_threads<T: Real>(matrix: &Matrix<'_>, target: MatMut<'_, T>, scale: f64) {
    let (n_rows, n_cols) = matrix.shape();
    if n_cols <= STRIP_COLS {
        return matrix.write_to(target, scale);
    }
    let at = n_cols.div_ceil(STRIP_COLS).div_ceil(2) * STRIP_COLS;
    let (first, last) = target.split_at_col_mut(at);
    rayon::join(
        || write_on_threads(&matrix.window(0..n_rows, 0..at), first, scale),
        || write_on_threads(&matrix.window(0..n_rows, at..n_cols), last, scale),
    );
}

/// Adds `blockᵀ · block`; shape of `block`: `[depth, n]`.
fn add_product<T: Real>(gram: &mut Lower<T>, block: MatRef<'_, T>) {
    gram.trailing(0).into_par_iter().for_each(|Strip { first, mut numbers }| {
        let block = block.get(.., first..);
        for piece in pieces(numbers.shape()) {
            let (left, right) =
                (block.get(.., piece.rows.clone()), block.get(.., piece.cols.clone()));
            let target = piece.of(&mut numbers);
            matmul(target, Accum::Add, left.transpose(), right, T::from_f64(1.0), Par::Seq);
        }
    });
}

#[cfg(test)]
mod tests {
    use simbias_checkpoint::Numbers;

    use super::super::lower::tests::{SIZES, wave};
    use super::*;

    #[test]
    fn a_gram_matrix_holds_the_products_of_rows() {
        for n in SIZES {
            let depth = 520;
            let weights = |row: usize, col: usize| wave(3 * row + 1, col) as f32;
            let stored: Vec<f32> =
                (0..n * depth).map(|index| weights(index / depth, index % depth)).collect();
            let transposed: Vec<f32> =
                (0..n * depth).map(|index| weights(index % n, index / n)).collect();
            let numbers = [Numbers::F32(stored), Numbers::F32(transposed)];
            for (numbers, is_transposed) in numbers.iter().zip([false, true]) {
                let matrix = if is_transposed {
                    Matrix::new(numbers, depth, n).transposed()
                } else {
                    Matrix::new(numbers, n, depth)
                };
                let once = row_gram::<f64>(&matrix, 1.0);
                let mut more = row_gram::<f64>(&matrix, 0.5);
                add_row_gram(&mut more, &matrix, 0.5);
                more.add(&once);
                for (row, col) in [(0, 0), (n - 1, 0), (n - 1, n - 1), (n / 2, n / 3)] {
                    let expected: f64 = (0..depth)
                        .map(|k| f64::from(weights(row, k)) * f64::from(weights(col, k)))
                        .sum();
                    let found = [&once, &more].map(|gram| gram.column(col)[row - col]);
                    assert!((found[0] - expected).abs() < 1e-11, "{n} {row} {col}");
                    assert!((found[1] - 1.5 * expected).abs() < 1e-11, "{n} {row} {col}");
                }
            }
        }
    }
}
