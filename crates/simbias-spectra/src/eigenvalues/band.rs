//! From a symmetric matrix to a band with the same eigenvalues.
//!
//! Panels of columns are reduced by reflections, which are applied to the rest from both sides at once. Nearly all work
//! is then products of matrices, at the speed of the arithmetic. A reduction straight to tridiagonal form reads the
//! matrix once per column and runs at the speed of the memory. Source: Bischof, Lang, Sun, *A framework for symmetric
//! band reduction*, ACM TOMS 26, 2000.
//!
//! The change that a panel makes to the rest is postponed until the next panel is known: one pass over the rest then
//! makes the change and multiplies by the next reflections ([`sweep`](super::sweep)).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{Reborrow, ReborrowMut, default};
use faer::{Accum, Mat, MatMut, Par};

use super::lower::{Lower, STRIP_COLS, Strip};
use super::sweep::{Change, Partials, change_and_multiply};
use crate::matrix::Real;

/// Reduces a symmetric matrix to one that is zero more than `width` (a divisor of [`STRIP_COLS`]) below the diagonal.
/// The numbers stored there afterwards are meaningless.
pub(super) fn reduce_to_band<T: Real>(matrix: &mut Lower<T>, width: usize) {
    debug_assert!(STRIP_COLS.is_multiple_of(width), "a panel lies in one strip");
    let n = matrix.n_rows();
    let Some(longest) = n.checked_sub(width + 1) else { return };
    let mut room = Room::new(longest + 1, width);
    for start in (0..longest).step_by(width) {
        let mut columns = matrix.panel(start, width);
        if let Some(change) = room.change() {
            change.apply_to(columns.rb_mut(), 0..n - start, 0..width);
        }
        room.reflect(columns.split_at_row_mut(width).1);
        room.put_off(matrix.trailing(start + width), width);
    }
    let left = room.n_rows;
    if let Some(change) = room.change() {
        for Strip { first, numbers } in matrix.trailing(n - left) {
            let (rows, cols) = numbers.shape();
            change.apply_to(numbers, first..first + rows, first..first + cols);
        }
    }
}

/// Memory that all panels reuse.
struct Room<T> {
    /// Rows and columns of the postponed change, and twice the number of its reflections.
    n_rows: usize,
    depth: usize,
    /// `X` and `V` beside each other, and `Vᵀ` on `Xᵀ`.
    left: Mat<T>,
    right: Mat<T>,
    /// The next `Vᵀ`, and `Xᵀ`.
    reflections: Mat<T>,
    image: Mat<T>,
    partials: Partials<T>,
    /// `T`, and `½ T⁻ᵀ Vᵀ P`.
    factor: Mat<T>,
    overlap: Mat<T>,
    memory: MemBuffer,
}

impl<T: Real> Room<T> {
    fn new(n_rows: usize, width: usize) -> Self {
        let square = || Mat::zeros(width, width);
        Self {
            n_rows: 0,
            depth: 0,
            left: Mat::zeros(n_rows, 2 * width),
            right: Mat::zeros(2 * width, n_rows),
            reflections: Mat::zeros(width, n_rows),
            image: Mat::zeros(width, n_rows),
            partials: Partials::new(width, n_rows),
            factor: square(),
            overlap: square(),
            memory: MemBuffer::new(qr_in_place_scratch::<T>(
                n_rows,
                width,
                width.min(n_rows),
                Par::Seq,
                default(),
            )),
        }
    }

    /// The postponed change.
    fn change(&self) -> Option<Change<'_, T>> {
        (self.depth > 0).then(|| Change {
            left: self.left.submatrix(0, 0, self.n_rows, self.depth),
            right: self.right.submatrix(0, 0, self.depth, self.n_rows),
        })
    }

    /// Makes `panel` triangular by reflections `Q = I - V T⁻¹ Vᵀ`, which are kept.
    fn reflect(&mut self, mut panel: MatMut<'_, T>) {
        let (m, width) = panel.shape();
        let k = m.min(width);
        let factor = self.factor.as_mut().submatrix_mut(0, 0, k, k);
        let memory = MemStack::new(&mut self.memory);
        qr_in_place(panel.rb_mut(), factor, Par::Seq, memory, default());
        let mut reflections = self.reflections.as_mut().submatrix_mut(0, 0, k, m);
        reflections.copy_from(panel.rb().subcols(0, k).transpose());
        for j in 0..k {
            reflections.rb_mut().row_mut(j).subcols_mut(0, j).fill(T::from_f64(0.0));
            reflections[(j, j)] = T::from_f64(1.0);
        }
    }

    /// Applies the postponed change, without its first `width` rows and columns, to the symmetric `trailing` matrix
    /// `S`, and postpones the change to `Qᵀ S Q`.
    fn put_off(&mut self, trailing: Vec<Strip<'_, T>>, width: usize) {
        let m = trailing.first().map_or(0, |strip| strip.numbers.nrows());
        let k = m.min(width);
        // P = S V T⁻¹, X = P - ½ V T⁻ᵀ (Vᵀ P): then Qᵀ S Q = S - X Vᵀ - V Xᵀ. All are transposed here.
        let reflections = self.reflections.submatrix(0, 0, k, m);
        let mut image = self.image.as_mut().submatrix_mut(0, 0, k, m);
        let change = (self.depth > 0).then(|| Change {
            left: self.left.submatrix(width, 0, m, self.depth),
            right: self.right.submatrix(0, width, self.depth, m),
        });
        change_and_multiply(trailing, change, reflections, image.rb_mut(), &mut self.partials);
        let factor = self.factor.submatrix(0, 0, k, k).transpose();
        solve_lower_triangular_in_place(factor, image.rb_mut(), Par::Seq);
        let mut overlap = self.overlap.as_mut().submatrix_mut(0, 0, k, k);
        let (one, half) = (T::from_f64(1.0), T::from_f64(-0.5));
        matmul(
            overlap.rb_mut(),
            Accum::Replace,
            reflections,
            image.rb().transpose(),
            one,
            Par::Seq,
        );
        solve_lower_triangular_in_place(factor, overlap.rb_mut(), Par::Seq);
        let overlap = overlap.rb().transpose();
        matmul(image.rb_mut(), Accum::Add, overlap, reflections, half, Par::Seq);
        let image = image.rb();
        let left = self.left.as_mut().submatrix_mut(0, 0, m, 2 * k);
        let (mut images, mut reflected) = left.split_at_col_mut(k);
        images.copy_from(image.transpose());
        reflected.copy_from(reflections.transpose());
        let right = self.right.as_mut().submatrix_mut(0, 0, 2 * k, m);
        let (mut reflected, mut images) = right.split_at_row_mut(k);
        reflected.copy_from(reflections);
        images.copy_from(image);
        (self.n_rows, self.depth) = (m, 2 * k);
    }
}

#[cfg(test)]
mod tests {
    use super::super::lower::tests::{SIZES, from_fn, wave};
    use super::*;

    /// Orthogonal changes keep the trace and the sum of all squares; the tests of spectra compare the eigenvalues.
    #[test]
    fn a_band_keeps_trace_and_squares() {
        for width in [16, 32] {
            for n in SIZES {
                let mut matrix: Lower<f64> = from_fn(n, wave);
                reduce_to_band(&mut matrix, width);
                let (mut trace, mut squares) = (0.0, 0.0);
                let (mut expected_trace, mut expected_squares) = (0.0, 0.0);
                for col in 0..n {
                    for (below, &value) in matrix.column(col).iter().enumerate().take(width + 1) {
                        let times = if below == 0 { 1.0 } else { 2.0 };
                        trace += if below == 0 { value } else { 0.0 };
                        squares += times * value * value;
                    }
                    for row in 0..n {
                        expected_trace += if row == col { wave(row, col) } else { 0.0 };
                        expected_squares += wave(row, col) * wave(row, col);
                    }
                }
                assert!((trace - expected_trace).abs() < 1e-11 * n as f64, "{width} {n}");
                let error = (squares - expected_squares).abs();
                assert!(error < 1e-12 * expected_squares.max(1.0), "{width} {n}");
            }
        }
    }
}
