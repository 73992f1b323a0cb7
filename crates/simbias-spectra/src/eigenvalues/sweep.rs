//! One pass over a symmetric matrix that changes it and multiplies it.
//!
//! Only the lower triangle is stored, and it is worked on in tiles that fit the cache: each is read once, changed, and
//! multiplied from both sides. Thin matrices lie on their side, which products of matrices are fastest with.

use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::tiles::{BLOCK, TILE_COLS, TILE_ROWS, half};
use crate::matrix::Real;

/// Columns of tiles for each sum that is gathered by itself.
const COLUMNS_PER_SUM: usize = 4;

/// What is subtracted from a symmetric matrix: `left · right`, itself symmetric. Shapes: `[n, depth]`, `[depth, n]`.
#[derive(Clone, Copy)]
pub(super) struct Change<'a, T> {
    pub(super) left: MatRef<'a, T>,
    pub(super) right: MatRef<'a, T>,
}

impl<T: Real> Change<'_, T> {
    /// Changes the part of the matrix that begins on the diagonal at row `first`.
    pub(super) fn apply_to(&self, part: MatMut<'_, T>, first: usize) {
        let (n_rows, n_cols) = part.shape();
        self.apply_at(part, first..first + n_rows, first..first + n_cols);
    }

    fn apply_at(
        &self,
        part: MatMut<'_, T>,
        rows: std::ops::Range<usize>,
        cols: std::ops::Range<usize>,
    ) {
        let left = self.left.get(rows, ..);
        let right = self.right.get(.., cols);
        matmul(part, Accum::Add, left, right, T::from_f64(-1.0), Par::Seq);
    }
}

/// Sums that are gathered separately, so that several threads can work and the result does not depend on how many do.
pub(super) struct Partials<T> {
    sums: Vec<Mat<T>>,
    blocks: Vec<Mat<T>>,
}

impl<T: Real> Partials<T> {
    /// For thin matrices of this shape at most.
    pub(super) fn new(depth: usize, n: usize) -> Self {
        let n_sums = n_sums(n);
        Self {
            sums: (0..n_sums).map(|_| Mat::zeros(depth, n)).collect(),
            blocks: (0..n_sums).map(|_| Mat::zeros(BLOCK, BLOCK)).collect(),
        }
    }
}

fn n_sums(n: usize) -> usize {
    n.div_ceil(TILE_COLS * COLUMNS_PER_SUM).max(1)
}

/// Changes the symmetric matrix of this lower triangle, and sets `product` to `thin` times it. Shapes of the latter:
/// `[depth, n]`. What stands above the diagonal is overwritten.
pub(super) fn change_and_multiply<T: Real>(
    lower: MatMut<'_, T>,
    change: Option<Change<'_, T>>,
    thin: MatRef<'_, T>,
    mut product: MatMut<'_, T>,
    partials: &mut Partials<T>,
) {
    let (depth, n) = thin.shape();
    let n_sums = n_sums(n);
    let n_columns = n.div_ceil(TILE_COLS);
    let mut shares: Vec<Vec<(usize, MatMut<'_, T>)>> = (0..n_sums).map(|_| Vec::new()).collect();
    let mut rest = lower;
    for column in 0..n_columns {
        let width = TILE_COLS.min(rest.ncols());
        let (tiles, after) = rest.split_at_col_mut(width);
        // The first columns are the longest; each share gets as many short ones.
        let share = column.min(n_columns - 1 - column) % n_sums;
        shares[share].push((column * TILE_COLS, tiles));
        rest = after.split_at_row_mut(width).1;
    }
    let sums = partials.sums.iter_mut().zip(&mut partials.blocks);
    let work: Vec<_> = shares.into_iter().zip(sums).collect();
    work.into_par_iter().for_each(|(columns, (sum, block))| {
        let mut sum = sum.as_mut().submatrix_mut(0, 0, depth, n);
        sum.fill(T::from_f64(0.0));
        let mut pass = Pass { change, thin, sum, block: block.as_mut() };
        for (first, tiles) in columns {
            pass.column_of_tiles(tiles, first);
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
    /// Room for a block on the diagonal.
    block: MatMut<'a, T>,
}

impl<T: Real> Pass<'_, T> {
    /// A column of tiles from the one on the diagonal down, which begins at row and column `first`.
    fn column_of_tiles(&mut self, tiles: MatMut<'_, T>, first: usize) {
        let width = tiles.ncols();
        let (on_diagonal, mut below) = tiles.split_at_row_mut(width);
        self.symmetric(on_diagonal, first);
        let mut row = first + width;
        while below.nrows() > 0 {
            let height = TILE_ROWS.min(below.nrows());
            let (tile, after) = below.split_at_row_mut(height);
            self.rectangle(tile, row, first);
            row += height;
            below = after;
        }
    }

    fn rectangle(&mut self, mut tile: MatMut<'_, T>, row: usize, col: usize) {
        let (rows, cols) = (row..row + tile.nrows(), col..col + tile.ncols());
        if let Some(change) = &self.change {
            change.apply_at(tile.rb_mut(), rows.clone(), cols.clone());
        }
        self.add_product(rows.clone(), tile.rb(), cols.clone());
        self.add_product(cols, tile.rb().transpose(), rows);
    }

    /// Adds `thin[from] · part` to `sum[to]`.
    fn add_product(
        &mut self,
        from: std::ops::Range<usize>,
        part: MatRef<'_, T>,
        to: std::ops::Range<usize>,
    ) {
        let thin = self.thin.get(.., from);
        let sum = self.sum.rb_mut().get_mut(.., to);
        matmul(sum, Accum::Add, thin, part, T::from_f64(1.0), Par::Seq);
    }

    fn symmetric(&mut self, part: MatMut<'_, T>, first: usize) {
        let n = part.nrows();
        if let Some(at) = half(n, BLOCK) {
            let (upper, _, below, last) = part.split_at_mut(at, at);
            self.symmetric(upper, first);
            self.rectangle(below, first + at, first);
            self.symmetric(last, first + at);
            return;
        }
        let mut part = part;
        if let Some(change) = &self.change {
            change.apply_to(part.rb_mut(), first);
        }
        let mut whole = self.block.rb_mut().submatrix_mut(0, 0, n, n);
        for j in 0..n {
            for i in j..n {
                let value = part[(i, j)];
                whole[(i, j)] = value;
                whole[(j, i)] = value;
            }
        }
        let thin = self.thin.subcols(first, n);
        let sum = self.sum.rb_mut().subcols_mut(first, n);
        matmul(sum, Accum::Add, thin, whole.rb(), T::from_f64(1.0), Par::Seq);
    }
}
