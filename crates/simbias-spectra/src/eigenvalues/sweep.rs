//! One pass over a symmetric matrix that changes it and multiplies it.
//!
//! The matrix is worked on in tiles that fit the cache: each is read once, changed, and multiplied from both sides.
//! Thin matrices are stored transposed, which is fastest for products.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::lower::{BLOCK, Piece, STRIP_COLS, Strip, pieces};
use crate::matrix::Real;

/// Strips per separately gathered sum.
const STRIPS_PER_SUM: usize = 4;

/// What is subtracted from a symmetric matrix: `left · right`, itself symmetric. Shapes: `[n, depth]`, `[depth, n]`.
#[derive(Clone, Copy)]
pub(super) struct Change<'a, T> {
    pub(super) left: MatRef<'a, T>,
    pub(super) right: MatRef<'a, T>,
}

impl<T: Real> Change<'_, T> {
    /// Changes the part of the matrix with these rows and columns.
    pub(super) fn apply_to(&self, part: MatMut<'_, T>, rows: Range<usize>, cols: Range<usize>) {
        let (left, right) = (self.left.get(rows, ..), self.right.get(.., cols));
        matmul(part, Accum::Add, left, right, T::from_f64(-1.0), Par::Seq);
    }
}

/// Sums that are gathered separately, so that several threads can work and the result does not depend on how many do.
pub(super) struct Partials<T> {
    sums: Vec<Mat<T>>,
    blocks: Vec<Mat<T>>,
}

impl<T: Real> Partials<T> {
    /// For thin matrices of at most this shape.
    pub(super) fn new(depth: usize, n: usize) -> Self {
        let n_sums = n_sums(n);
        Self {
            sums: (0..n_sums).map(|_| Mat::zeros(depth, n)).collect(),
            blocks: (0..n_sums).map(|_| Mat::zeros(BLOCK, BLOCK)).collect(),
        }
    }
}

fn n_sums(n: usize) -> usize {
    n.div_ceil(STRIP_COLS * STRIPS_PER_SUM).max(1)
}

/// Changes the symmetric matrix of these strips, and sets `product` to `thin` times it. Shapes of the latter: `[depth, n]`.
pub(super) fn change_and_multiply<T: Real>(
    strips: Vec<Strip<'_, T>>,
    change: Option<Change<'_, T>>,
    thin: MatRef<'_, T>,
    mut product: MatMut<'_, T>,
    partials: &mut Partials<T>,
) {
    let (depth, n) = thin.shape();
    let n_sums = n_sums(n);
    let n_strips = strips.len();
    let mut shares: Vec<Vec<Strip<'_, T>>> = (0..n_sums).map(|_| Vec::new()).collect();
    for (index, strip) in strips.into_iter().enumerate() {
        // The first strips are the longest; each share gets as many short ones.
        shares[index.min(n_strips - 1 - index) % n_sums].push(strip);
    }
    let sums = partials.sums.iter_mut().zip(&mut partials.blocks);
    let work: Vec<_> = shares.into_iter().zip(sums).collect();
    work.into_par_iter().for_each(|(strips, (sum, block))| {
        let mut sum = sum.as_mut().submatrix_mut(0, 0, depth, n);
        sum.fill(T::from_f64(0.0));
        let mut pass = Pass { change, thin, sum, block: block.as_mut() };
        for mut strip in strips {
            for piece in pieces(strip.numbers.shape()) {
                pass.piece(piece.of(&mut strip.numbers), &piece, strip.first);
            }
        }
    });
    product.copy_from(partials.sums[0].submatrix(0, 0, depth, n));
    for sum in &partials.sums[1..n_sums] {
        product += sum.submatrix(0, 0, depth, n);
    }
}

struct Pass<'a, T> {
    change: Option<Change<'a, T>>,
    thin: MatRef<'a, T>,
    sum: MatMut<'a, T>,
    /// Room for a square on the diagonal.
    block: MatMut<'a, T>,
}

impl<T: Real> Pass<'_, T> {
    /// `part` is this piece of a strip that begins at row and column `first`.
    fn piece(&mut self, mut part: MatMut<'_, T>, piece: &Piece, first: usize) {
        let rows = first + piece.rows.start..first + piece.rows.end;
        let cols = first + piece.cols.start..first + piece.cols.end;
        if let Some(change) = &self.change {
            change.apply_to(part.rb_mut(), rows.clone(), cols.clone());
        }
        if piece.is_on_diagonal() {
            let n = rows.len();
            for j in 0..n {
                for i in j..n {
                    let value = part[(i, j)];
                    self.block[(i, j)] = value;
                    self.block[(j, i)] = value;
                }
            }
            let whole = self.block.rb().submatrix(0, 0, n, n);
            add_product(self.sum.rb_mut(), self.thin, rows, whole, cols);
        } else {
            let part = part.rb();
            add_product(self.sum.rb_mut(), self.thin, rows.clone(), part, cols.clone());
            add_product(self.sum.rb_mut(), self.thin, cols, part.transpose(), rows);
        }
    }
}

/// Adds `thin[from] · part` to `sum[to]`.
fn add_product<T: Real>(
    sum: MatMut<'_, T>,
    thin: MatRef<'_, T>,
    from: Range<usize>,
    part: MatRef<'_, T>,
    to: Range<usize>,
) {
    let (sum, thin) = (sum.get_mut(.., to), thin.get(.., from));
    matmul(sum, Accum::Add, thin, part, T::from_f64(1.0), Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::super::lower::Lower;
    use super::super::lower::tests::{SIZES, from_fn, wave};
    use super::*;

    /// The definition, on whole matrices.
    #[test]
    fn a_pass_changes_and_multiplies() {
        let depth = 5;
        for n in SIZES {
            // One of two symmetric parts, so that left · right is symmetric.
            let left = Mat::from_fn(n, 2, |i, j| wave(i, 7 + 3 * j));
            let right = Mat::from_fn(2, n, |i, j| left[(j, i)]);
            let thin = Mat::from_fn(depth, n, |i, j| wave(j, 11 * i));
            let change = Change { left: left.as_ref(), right: right.as_ref() };
            for (first, change) in [(0, None), (0, Some(change)), (n / 3, None)] {
                let mut matrix: Lower<f64> = from_fn(n, wave);
                let m = n - first;
                let thin = thin.subcols(0, m);
                let mut product = Mat::zeros(depth, m);
                let mut partials = Partials::new(depth, n);
                let trailing = matrix.trailing(first);
                change_and_multiply(trailing, change, thin, product.as_mut(), &mut partials);
                let whole = Mat::from_fn(m, m, |i, j| {
                    let subtracted = change.map_or(0.0, |change| {
                        (0..2).map(|k| change.left[(i, k)] * change.right[(k, j)]).sum()
                    });
                    wave(first + i, first + j) - subtracted
                });
                let expected = thin * &whole;
                for i in 0..depth {
                    for j in 0..m {
                        let difference = (product[(i, j)] - expected[(i, j)]).abs();
                        assert!(difference < 1e-11 * m as f64, "{n} {first}: {i} {j}");
                    }
                }
                for col in 0..m {
                    for (below, &value) in matrix.column(first + col).iter().enumerate() {
                        assert!((value - whole[(col + below, col)]).abs() < 1e-13);
                    }
                }
            }
        }
    }
}
