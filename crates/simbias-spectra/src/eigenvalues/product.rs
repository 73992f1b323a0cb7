//! Gram matrices in tiles.

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::tiles::{BLOCK, TILE_COLS, TILE_ROWS, half};
use crate::matrix::Real;

/// Adds `blockᵀ · block`, which is computed once, to each symmetric matrix of lower triangles `lowers`. Shapes:
/// `[depth, n]`, `[n, n]`. What stands above the diagonals is overwritten. Works on the threads of rayon's current pool.
pub(super) fn add_gram<T: Real>(lowers: Vec<MatMut<'_, T>>, block: MatRef<'_, T>) {
    let n = block.ncols();
    let Some(at) = half(n, if n > TILE_COLS { TILE_COLS } else { BLOCK }) else {
        Tile::new(lowers.len()).add(lowers, block, block);
        return;
    };
    let (mut firsts, mut belows, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for lower in lowers {
        let (first, _, below, last) = lower.split_at_mut(at, at);
        firsts.push(first);
        belows.push(below);
        lasts.push(last);
    }
    let (block_first, block_last) = block.split_at_col(at);
    if n > TILE_COLS {
        rayon::join(
            || add_rectangle(belows, block_last, block_first),
            || rayon::join(|| add_gram(firsts, block_first), || add_gram(lasts, block_last)),
        );
    } else {
        add_rectangle(belows, block_last, block_first);
        add_gram(firsts, block_first);
        add_gram(lasts, block_last);
    }
}

fn add_rectangle<T: Real>(
    mut targets: Vec<MatMut<'_, T>>,
    left: MatRef<'_, T>,
    right: MatRef<'_, T>,
) {
    let Some(at) = half(right.ncols(), TILE_COLS) else {
        let mut tile = Tile::new(targets.len());
        for row in (0..left.ncols()).step_by(TILE_ROWS) {
            let height = TILE_ROWS.min(left.ncols() - row);
            let tiles = targets.iter_mut().map(|target| target.rb_mut().subrows_mut(row, height));
            tile.add(tiles.collect(), left.subcols(row, height), right);
        }
        return;
    };
    let (firsts, lasts) = targets.into_iter().map(|target| target.split_at_col_mut(at)).unzip();
    let (right_first, right_last) = right.split_at_col(at);
    rayon::join(
        || add_rectangle(firsts, left, right_first),
        || add_rectangle(lasts, left, right_last),
    );
}

/// Room for the product of a tile that goes to several matrices.
struct Tile<T> {
    product: Mat<T>,
}

impl<T: Real> Tile<T> {
    fn new(n_targets: usize) -> Self {
        let product = if n_targets > 1 { Mat::zeros(TILE_ROWS, TILE_COLS) } else { Mat::new() };
        Self { product }
    }

    fn add(&mut self, mut targets: Vec<MatMut<'_, T>>, left: MatRef<'_, T>, right: MatRef<'_, T>) {
        let (left, one) = (left.transpose(), T::from_f64(1.0));
        if let [only] = targets.as_mut_slice() {
            matmul(only.rb_mut(), Accum::Add, left, right, one, Par::Seq);
            return;
        }
        let mut product = self.product.as_mut().submatrix_mut(0, 0, left.nrows(), right.ncols());
        matmul(product.rb_mut(), Accum::Replace, left, right, one, Par::Seq);
        for mut target in targets {
            target += product.rb();
        }
    }
}
