//! Symmetric matrices that keep only their lower triangle.

use std::ops::Range;

use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, Scale};
use rayon::prelude::*;

use crate::matrix::Real;

/// Columns that are kept together; a multiple of any band's width.
pub(super) const STRIP_COLS: usize = 256;
/// Rows of a tile, so that a few tiles fit the second cache; higher ones were slower.
const TILE_ROWS: usize = 128;
/// Squares on the diagonal are halved until they have at most this many rows, and are then worked on whole.
pub(super) const BLOCK: usize = 64;

/// A symmetric matrix in strips of columns, each from its first row on the diagonal down: little more than half the memory
/// of the whole. Numbers above the diagonal are meaningless.
#[derive(Clone)]
pub(crate) struct Lower<T> {
    n: usize,
    strips: Vec<Mat<T>>,
}

/// A strip, or the part of one that lies in a trailing matrix.
pub(super) struct Strip<'a, T> {
    /// First row and column.
    pub(super) first: usize,
    pub(super) numbers: MatMut<'a, T>,
}

impl<T: Real> Lower<T> {
    /// Zeros, `n` rows and columns.
    pub(crate) fn zeros(n: usize) -> Self {
        let strip = |first| Mat::zeros(n - first, STRIP_COLS.min(n - first));
        Self { n, strips: (0..n).step_by(STRIP_COLS).map(strip).collect() }
    }

    /// Number of rows, which equals the number of columns.
    pub(crate) fn n_rows(&self) -> usize {
        self.n
    }

    /// The numbers of a column from the diagonal down.
    pub(super) fn column(&self, col: usize) -> &[T] {
        let within = col % STRIP_COLS;
        &self.strips[col / STRIP_COLS].col_as_slice(within)[within..]
    }

    /// A copy of the rows and columns `first..first + n`.
    pub(crate) fn window(&self, first: usize, n: usize) -> Self {
        let mut copied = Self::zeros(n);
        copied.strips.par_iter_mut().enumerate().for_each(|(index, strip)| {
            for within in 0..strip.ncols() {
                let column = &self.column(first + index * STRIP_COLS + within);
                let target = &mut strip.col_as_slice_mut(within)[within..];
                target.copy_from_slice(&column[..target.len()]);
            }
        });
        copied
    }

    /// Adds a matrix of as many rows.
    pub(crate) fn add(&mut self, other: &Self) {
        self.strips.par_iter_mut().zip(&other.strips).for_each(|(strip, other)| *strip += other);
    }

    /// Largest number on the diagonal.
    pub(super) fn largest_on_diagonal(&self) -> f64 {
        (0..self.n).map(|col| self.column(col)[0].to_f64()).fold(0.0, f64::max)
    }

    /// Multiplies every number.
    pub(super) fn scale(&mut self, factor: T) {
        for strip in &mut self.strips {
            *strip *= Scale(factor);
        }
    }

    /// The columns `first..first + n`, which lie in one strip, from row `first` down.
    pub(super) fn panel(&mut self, first: usize, n: usize) -> MatMut<'_, T> {
        let within = first % STRIP_COLS;
        self.strips[first / STRIP_COLS].as_mut().get_mut(within.., within..within + n)
    }

    /// The matrix without its first rows and columns. Strips count from there.
    pub(super) fn trailing(&mut self, first: usize) -> Vec<Strip<'_, T>> {
        let strips = self.strips.iter_mut().enumerate().skip(first / STRIP_COLS);
        strips
            .map(|(index, strip)| {
                let start = index * STRIP_COLS;
                let cut = first.saturating_sub(start);
                let numbers = strip.as_mut().get_mut(cut.., cut..);
                Strip { first: start + cut - first, numbers }
            })
            .collect()
    }
}

/// Numbers that a [`Lower`] of `n` rows holds.
pub(crate) fn n_elements(n: usize) -> usize {
    (0..n).step_by(STRIP_COLS).map(|first| (n - first) * STRIP_COLS.min(n - first)).sum()
}

/// Part of a strip, rows and columns counted from its first.
pub(super) struct Piece {
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
}

impl Piece {
    /// Whether this is a square on the diagonal.
    pub(super) fn is_on_diagonal(&self) -> bool {
        self.rows == self.cols
    }

    pub(super) fn of<'a, T>(&self, numbers: &'a mut MatMut<'_, T>) -> MatMut<'a, T> {
        numbers.rb_mut().get_mut(self.rows.clone(), self.cols.clone())
    }
}

/// Cuts a strip into tiles. Their borders depend on its shape alone, so that the numbers are the same on any number of
/// threads.
pub(super) fn pieces((n_rows, n_cols): (usize, usize)) -> Vec<Piece> {
    let mut found = Vec::new();
    on_diagonal(0..n_cols, &mut found);
    for row in (n_cols..n_rows).step_by(TILE_ROWS) {
        found.push(Piece { rows: row..(row + TILE_ROWS).min(n_rows), cols: 0..n_cols });
    }
    found
}

fn on_diagonal(range: Range<usize>, found: &mut Vec<Piece>) {
    if range.len() <= BLOCK {
        found.push(Piece { rows: range.clone(), cols: range });
        return;
    }
    let at = range.start + range.len().div_ceil(BLOCK).div_ceil(2) * BLOCK;
    on_diagonal(range.start..at, found);
    found.push(Piece { rows: at..range.end, cols: range.start..at });
    on_diagonal(at..range.end, found);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A matrix from its elements on and below the diagonal.
    pub(in crate::eigenvalues) fn from_fn<T: Real>(
        n: usize,
        element: impl Fn(usize, usize) -> f64,
    ) -> Lower<T> {
        let mut matrix = Lower::zeros(n);
        for Strip { first, mut numbers } in matrix.trailing(0) {
            for col in 0..numbers.ncols() {
                for row in 0..numbers.nrows() {
                    // Numbers above the diagonal must not be used.
                    let is_kept = row >= col;
                    let value = if is_kept { element(first + row, first + col) } else { 1e9 };
                    numbers[(row, col)] = T::from_f64(value);
                }
            }
        }
        matrix
    }

    /// Row and column in different ways, so that no two places look alike.
    pub(in crate::eigenvalues) fn wave(row: usize, col: usize) -> f64 {
        let (high, low) = (row.max(col) as f64, row.min(col) as f64);
        (0.7 * high + 0.3 * low + 0.01 * high * low).sin()
    }

    pub(in crate::eigenvalues) const SIZES: [usize; 9] = [1, 2, 33, 64, 65, 255, 257, 600, 1100];

    #[test]
    fn pieces_cover_a_strip_once_down_from_its_diagonal() {
        for (n_rows, n_cols) in [(1, 1), (64, 64), (65, 65), (300, 256), (700, 256), (200, 130)] {
            let mut times = vec![0; n_rows * n_cols];
            for piece in pieces((n_rows, n_cols)) {
                assert!(!piece.rows.is_empty() && !piece.cols.is_empty());
                assert!(piece.is_on_diagonal() || piece.rows.start >= piece.cols.end);
                assert!(!piece.is_on_diagonal() || piece.rows.len() <= BLOCK);
                for row in piece.rows.clone() {
                    for col in piece.cols.clone() {
                        times[row * n_cols + col] += 1;
                    }
                }
            }
            for (index, times) in times.into_iter().enumerate() {
                let (row, col) = (index / n_cols, index % n_cols);
                assert!(times == 1 || (row < col && times <= 1), "{n_rows}: {row} {col}");
            }
        }
    }

    #[test]
    fn columns_and_windows_hold_what_was_put_in() {
        for n in SIZES {
            let matrix = from_fn::<f64>(n, wave);
            assert_eq!(
                matrix.strips.iter().map(|strip| strip.nrows() * strip.ncols()).sum::<usize>(),
                n_elements(n)
            );
            for (first, length) in
                [(0, n), (n / 3, n - n / 3), (n / 2, n.div_ceil(4).min(n - n / 2))]
            {
                let window = matrix.window(first, length);
                assert_eq!(window.n_rows(), length);
                for col in 0..length {
                    let column = window.column(col);
                    assert_eq!(column.len(), length - col);
                    for (below, &value) in column.iter().enumerate() {
                        assert_eq!(value, wave(first + col + below, first + col));
                    }
                }
            }
        }
    }
}
