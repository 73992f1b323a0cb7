//! Views into the numbers of a tensor.

use std::ops::{Add, Div, Mul, Range, Sub};

use faer::prelude::ReborrowMut;
use faer::traits::RealField;
use faer::{Mat, MatMut};
use simbias_checkpoint::Numbers;

/// Floats in which spectra are computed.
pub(crate) trait Real:
    RealField
    + Copy
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    /// Whether these are numbers of 32 bits.
    const IS_SINGLE: bool;

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
}

impl Real for f64 {
    const IS_SINGLE: bool = false;

    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }
}

impl Real for f32 {
    const IS_SINGLE: bool = true;

    fn from_f64(value: f64) -> Self {
        value as f32
    }

    fn to_f64(self) -> f64 {
        self.into()
    }
}

/// A matrix of `n_rows × n_cols` inside a tensor: element `(i, j)` is at
/// `offset + i·row_step + j·col_step`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    numbers: &'a Numbers,
    offset: usize,
    n_rows: usize,
    n_cols: usize,
    row_step: usize,
    col_step: usize,
}

impl<'a> Matrix<'a> {
    /// A whole tensor in C order as one matrix.
    ///
    /// # Panics
    /// When there are not `n_rows · n_cols` numbers.
    pub fn new(numbers: &'a Numbers, n_rows: usize, n_cols: usize) -> Self {
        assert_eq!(numbers.len(), n_rows * n_cols, "one number per element");
        Self { numbers, offset: 0, n_rows, n_cols, row_step: n_cols, col_step: 1 }
    }

    /// A matrix at `offset` with the given steps.
    ///
    /// # Panics
    /// When the last element lies outside the numbers.
    pub fn strided(
        numbers: &'a Numbers,
        offset: usize,
        shape: (usize, usize),
        steps: (usize, usize),
    ) -> Self {
        let ((n_rows, n_cols), (row_step, col_step)) = (shape, steps);
        if n_rows > 0 && n_cols > 0 {
            let last = offset + (n_rows - 1) * row_step + (n_cols - 1) * col_step;
            assert!(last < numbers.len(), "a view must lie inside its tensor");
        }
        Self { numbers, offset, n_rows, n_cols, row_step, col_step }
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.n_rows, self.n_cols)
    }

    /// Rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            n_rows: self.n_cols,
            n_cols: self.n_rows,
            row_step: self.col_step,
            col_step: self.row_step,
            ..self
        }
    }

    /// The matrix or its transpose, whichever has fewer rows.
    pub(crate) fn wide(self) -> Self {
        if self.n_rows <= self.n_cols { self } else { self.transposed() }
    }

    /// A part of the matrix.
    ///
    /// # Panics
    /// When the ranges leave the matrix.
    #[must_use]
    pub fn window(&self, rows: Range<usize>, cols: Range<usize>) -> Self {
        assert!(rows.end <= self.n_rows && cols.end <= self.n_cols, "a window inside the matrix");
        Self {
            offset: self.offset + rows.start * self.row_step + cols.start * self.col_step,
            n_rows: rows.len(),
            n_cols: cols.len(),
            ..*self
        }
    }

    /// Element `(row, col)`.
    pub fn get(&self, row: usize, col: usize) -> f64 {
        self.numbers.get(self.offset + row * self.row_step + col * self.col_step)
    }

    /// Largest absolute value.
    pub(crate) fn max_abs(&self) -> f64 {
        fn largest<S: Real>(matrix: &Matrix<'_>, values: &[S]) -> f64 {
            // Several at once: comparisons with a single one would wait for each other.
            let zero = S::from_f64(0.0);
            let mut largest = [zero; 16];
            let along = if matrix.row_step == 1 { matrix.transposed() } else { *matrix };
            for row in 0..along.n_rows {
                let start = along.offset + row * along.row_step;
                let line = &values[start..start + (along.n_cols - 1) * along.col_step + 1];
                let mut keep = |lane: usize, value: S| {
                    let size = if value < zero { zero - value } else { value };
                    largest[lane] = if size > largest[lane] { size } else { largest[lane] };
                };
                if along.col_step == 1 {
                    let chunks = line.chunks_exact(16);
                    chunks.remainder().iter().for_each(|&value| keep(0, value));
                    for chunk in chunks {
                        for (lane, &value) in chunk.iter().enumerate() {
                            keep(lane, value);
                        }
                    }
                } else {
                    line.iter().step_by(along.col_step).for_each(|&value| keep(0, value));
                }
            }
            largest.into_iter().map(Real::to_f64).fold(0.0, f64::max)
        }
        match self.numbers {
            _ if self.n_rows == 0 || self.n_cols == 0 => 0.0,
            Numbers::F32(values) => largest(self, values),
            Numbers::F64(values) => largest(self, values),
        }
    }

    /// A copy in column-major order, multiplied by `scale`.
    pub(crate) fn to_mat<T: Real>(self, scale: f64) -> Mat<T> {
        let mut copied = Mat::zeros(self.n_rows, self.n_cols);
        self.write_to(copied.as_mut(), scale);
        copied
    }

    /// Writes the elements, multiplied by `scale`, over those of a column-major matrix of the same shape.
    ///
    /// # Panics
    /// When the target is not column-major.
    pub(crate) fn write_to<T: Real>(self, target: MatMut<'_, T>, scale: f64) {
        match self.numbers {
            Numbers::F32(values) => self.write_all(values, scale, target),
            Numbers::F64(values) => self.write_all(values, scale, target),
        }
    }

    /// Tile by tile, so that reading along rows and writing along columns both stay in the cache.
    fn write_all<S: Copy + Into<f64>, T: Real>(
        &self,
        values: &[S],
        scale: f64,
        mut target: MatMut<'_, T>,
    ) {
        const TILE: usize = 32;
        let tile_rows = if self.row_step == 1 { self.n_rows.max(1) } else { TILE };
        for row_tile in (0..self.n_rows).step_by(tile_rows) {
            let rows = row_tile..(row_tile + tile_rows).min(self.n_rows);
            for col_tile in (0..self.n_cols).step_by(TILE) {
                for col in col_tile..(col_tile + TILE).min(self.n_cols) {
                    let start = self.offset + col * self.col_step;
                    let column = target.rb_mut().col_mut(col).subrows_mut(row_tile, rows.len());
                    let column = column.try_as_col_major_mut().expect("a column-major target");
                    if self.row_step == 1 {
                        let line = &values[start + row_tile..][..rows.len()];
                        for (target, &value) in column.as_slice_mut().iter_mut().zip(line) {
                            *target = T::from_f64(scale * value.into());
                        }
                        continue;
                    }
                    for (row, target) in rows.clone().zip(column.as_slice_mut()) {
                        let value: f64 = values[start + row * self.row_step].into();
                        *target = T::from_f64(scale * value);
                    }
                }
            }
        }
    }
}
