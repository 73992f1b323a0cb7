//! From a symmetric matrix to a band with the same eigenvalues.
//!
//! Panels of columns are reduced by reflections, which are applied to the rest from both sides at once. Nearly all
//! work is then products of matrices, at the speed of the arithmetic, where a reduction straight to tridiagonal form
//! reads the matrix once a column and runs at the speed of the memory. Source: Bischof, Lang, Sun, *A framework for
//! symmetric band reduction*, ACM TOMS 26, 2000.
//!
//! What a panel changes in the rest is put off until the next panel is known: one pass over the rest then makes the
//! change and multiplies by the next reflections ([`sweep`](super::sweep)).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{Reborrow, ReborrowMut, default};
use faer::{Accum, Mat, MatMut, Par};

use super::sweep::{Change, Partials, change_and_multiply};
use crate::matrix::Real;

/// Reduces the symmetric matrix of this lower triangle to one that is zero more than `width` below the diagonal. What
/// stands there and above the diagonal afterwards means nothing.
pub(super) fn reduce_to_band<T: Real>(mut lower: MatMut<'_, T>, width: usize) {
    let n = lower.nrows();
    let Some(longest) = n.checked_sub(width + 1) else { return };
    let mut room = Room::new(longest + 1, width);
    for start in (0..longest).step_by(width) {
        let rest = lower.rb_mut().get_mut(start.., start..);
        let (mut columns, trailing) = rest.split_at_col_mut(width);
        if let Some(change) = room.change(0) {
            change.apply_to(columns.rb_mut(), 0);
        }
        let (_, panel) = columns.split_at_row_mut(width);
        let (_, trailing) = trailing.split_at_row_mut(width);
        reduce_panel(panel, trailing, &mut room);
    }
    let left = room.n_rows;
    if let Some(change) = room.change(0) {
        change.apply_to(lower.get_mut(n - left.., n - left..), 0);
    }
}

/// What every panel needs again.
struct Room<T> {
    /// Rows and columns that the change put off has, and twice the reflections that it comes from.
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

    /// The change put off, less its first `skipped` rows and columns.
    fn change(&self, skipped: usize) -> Option<Change<'_, T>> {
        let n_rows = self.n_rows.checked_sub(skipped).filter(|_| self.depth > 0)?;
        Some(Change {
            left: self.left.submatrix(skipped, 0, n_rows, self.depth),
            right: self.right.submatrix(0, skipped, self.depth, n_rows),
        })
    }
}

/// `panel` becomes triangular by reflections `Q = I - V T⁻¹ Vᵀ`. The symmetric `trailing` is changed as was put off; that it
/// becomes `Qᵀ · trailing · Q` is put off in turn.
fn reduce_panel<T: Real>(mut panel: MatMut<'_, T>, trailing: MatMut<'_, T>, room: &mut Room<T>) {
    let (m, width) = panel.shape();
    let k = m.min(width);
    let mut factor = room.factor.as_mut().submatrix_mut(0, 0, k, k);
    let memory = MemStack::new(&mut room.memory);
    qr_in_place(panel.rb_mut(), factor.rb_mut(), Par::Seq, memory, default());
    let mut reflections = room.reflections.as_mut().submatrix_mut(0, 0, k, m);
    reflections.copy_from(panel.rb().subcols(0, k).transpose());
    for j in 0..k {
        reflections.rb_mut().row_mut(j).subcols_mut(0, j).fill(T::from_f64(0.0));
        reflections[(j, j)] = T::from_f64(1.0);
    }
    // P = S V T⁻¹, X = P - ½ V T⁻ᵀ (Vᵀ P): then Qᵀ S Q = S - X Vᵀ - V Xᵀ. All are transposed here.
    let reflections = room.reflections.submatrix(0, 0, k, m);
    let change = (room.depth > 0).then(|| Change {
        left: room.left.submatrix(width, 0, m, room.depth),
        right: room.right.submatrix(0, width, room.depth, m),
    });
    let mut image = room.image.as_mut().submatrix_mut(0, 0, k, m);
    change_and_multiply(trailing, change, reflections, image.rb_mut(), &mut room.partials);
    let factor = room.factor.submatrix(0, 0, k, k).transpose();
    solve_lower_triangular_in_place(factor, image.rb_mut(), Par::Seq);
    let mut overlap = room.overlap.as_mut().submatrix_mut(0, 0, k, k);
    let (one, half) = (T::from_f64(1.0), T::from_f64(-0.5));
    matmul(overlap.rb_mut(), Accum::Replace, reflections, image.rb().transpose(), one, Par::Seq);
    solve_lower_triangular_in_place(factor, overlap.rb_mut(), Par::Seq);
    let overlap = overlap.rb().transpose();
    matmul(image.rb_mut(), Accum::Add, overlap, reflections, half, Par::Seq);
    let mut left = room.left.as_mut().submatrix_mut(0, 0, m, 2 * k);
    left.rb_mut().subcols_mut(0, k).copy_from(image.rb().transpose());
    left.subcols_mut(k, k).copy_from(panel.rb().subcols(0, k));
    let mut last = room.left.as_mut().submatrix_mut(0, k, m, k);
    for j in 0..k {
        last.rb_mut().col_mut(j).subrows_mut(0, j).fill(T::from_f64(0.0));
        last[(j, j)] = T::from_f64(1.0);
    }
    let mut right = room.right.as_mut().submatrix_mut(0, 0, 2 * k, m);
    right.rb_mut().subrows_mut(0, k).copy_from(reflections);
    right.subrows_mut(k, k).copy_from(image.rb());
    (room.n_rows, room.depth) = (m, 2 * k);
}
