//! Symmetric products in tiles.
//!
//! Only lower triangles are stored. Work is cut into tiles whose borders depend on the shapes alone, so that the
//! numbers are the same on any number of threads. They are computed on the threads of rayon's current pool.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as structured_matmul};
use faer::prelude::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par};

use crate::matrix::Real;

/// Columns of a tile.
const TILE: usize = 256;

/// The first of two halves of `n`, a multiple of a tile; `None` when there is one tile only.
fn half(n: usize) -> Option<usize> {
    (n > TILE).then(|| n.div_ceil(TILE).div_ceil(2) * TILE)
}

/// Adds `factor · left · rightᵀ`, which must be symmetric, to the symmetric matrix of lower triangle `lower`.
/// Shapes: `[n, n]`, `[n, depth]` twice.
pub(super) fn add_product<T: Real>(
    lower: MatMut<'_, T>,
    left: MatRef<'_, T>,
    right: MatRef<'_, T>,
    factor: T,
) {
    let n = lower.ncols();
    let Some(at) = half(n) else {
        structured_matmul(
            lower,
            BlockStructure::TriangularLower,
            Accum::Add,
            left,
            BlockStructure::Rectangular,
            right.transpose(),
            BlockStructure::Rectangular,
            factor,
            Par::Seq,
        );
        return;
    };
    let (first, _, below, last) = lower.split_at_mut(at, at);
    let (left_first, left_last) = left.split_at_row(at);
    let (right_first, right_last) = right.split_at_row(at);
    rayon::join(
        || {
            rayon::join(
                || add_product(first, left_first, right_first, factor),
                || add_product(last, left_last, right_last, factor),
            );
        },
        || add_rectangle(below, left_last, right_first, factor),
    );
}

fn add_rectangle<T: Real>(
    target: MatMut<'_, T>,
    left: MatRef<'_, T>,
    right: MatRef<'_, T>,
    factor: T,
) {
    let Some(at) = half(target.ncols()) else {
        matmul(target, Accum::Add, left, right.transpose(), factor, Par::Seq);
        return;
    };
    let (first, last) = target.split_at_col_mut(at);
    let (right_first, right_last) = right.split_at_row(at);
    rayon::join(
        || add_rectangle(first, left, right_first, factor),
        || add_rectangle(last, left, right_last, factor),
    );
}

/// `product = S · thin` for the symmetric matrix `S` of this lower triangle. Shapes: `[n, depth]`, `[n, n]`,
/// `[n, depth]`.
pub(super) fn symmetric_times<T: Real>(
    mut product: MatMut<'_, T>,
    lower: MatRef<'_, T>,
    thin: MatRef<'_, T>,
) {
    product.fill(T::from_f64(0.0));
    symmetric_rows(product, lower, thin, 0);
}

/// Rows from `first` on of [`symmetric_times`].
fn symmetric_rows<T: Real>(
    mut product: MatMut<'_, T>,
    lower: MatRef<'_, T>,
    thin: MatRef<'_, T>,
    first: usize,
) {
    let n_rows = product.nrows();
    if let Some(at) = half(n_rows) {
        let (top, bottom) = product.split_at_row_mut(at);
        rayon::join(
            || symmetric_rows(top, lower, thin, first),
            || symmetric_rows(bottom, lower, thin, first + at),
        );
        return;
    }
    let (n, end) = (lower.nrows(), first + n_rows);
    let one = T::from_f64(1.0);
    let diagonal = lower.submatrix(first, first, n_rows, n_rows);
    let within = thin.subrows(first, n_rows);
    for (triangle, structure) in [
        (diagonal, BlockStructure::TriangularLower),
        (diagonal.transpose(), BlockStructure::StrictTriangularUpper),
    ] {
        structured_matmul(
            product.rb_mut(),
            BlockStructure::Rectangular,
            Accum::Add,
            triangle,
            structure,
            within,
            BlockStructure::Rectangular,
            one,
            Par::Seq,
        );
    }
    let before = lower.submatrix(first, 0, n_rows, first);
    matmul(product.rb_mut(), Accum::Add, before, thin.subrows(0, first), one, Par::Seq);
    let after = lower.submatrix(end, first, n - end, n_rows).transpose();
    matmul(product, Accum::Add, after, thin.subrows(end, n - end), one, Par::Seq);
}
