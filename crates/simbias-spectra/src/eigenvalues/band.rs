//! From a symmetric matrix to a band with the same eigenvalues.
//!
//! Panels of columns are reduced by reflections, which are applied to the rest from both sides at once. Nearly all
//! work is then products of matrices, at the speed of the arithmetic, where a reduction straight to tridiagonal form
//! reads the matrix once a column and runs at the speed of the memory. Source: Bischof, Lang, Sun, *A framework for
//! symmetric band reduction*, ACM TOMS 26, 2000.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{Reborrow, ReborrowMut, default};
use faer::{Accum, Mat, MatMut, Par};

use super::product::{add_product, symmetric_times};
use crate::matrix::Real;

/// Reduces the symmetric matrix of this lower triangle to one that is zero more than `width` below the diagonal. What
/// stands there afterwards means nothing.
pub(super) fn reduce_to_band<T: Real>(mut lower: MatMut<'_, T>, width: usize) {
    let n = lower.nrows();
    let Some(longest) = n.checked_sub(width + 1) else { return };
    let mut room = Room::new(longest + 1, width);
    for start in (0..longest).step_by(width) {
        let rest = lower.rb_mut().get_mut(start.., start..);
        let (_, _, panel, trailing) = rest.split_at_mut(width, width);
        reduce_panel(panel, trailing, &mut room);
    }
}

/// What every panel needs again.
struct Room<T> {
    /// `X` and `V` beside each other, and the other way round.
    left: Mat<T>,
    right: Mat<T>,
    /// `T`, and `½ T⁻ᵀ Vᵀ P`.
    factor: Mat<T>,
    overlap: Mat<T>,
    memory: MemBuffer,
}

impl<T: Real> Room<T> {
    fn new(n_rows: usize, width: usize) -> Self {
        let square = || Mat::zeros(width, width);
        Self {
            left: Mat::zeros(n_rows, 2 * width),
            right: Mat::zeros(n_rows, 2 * width),
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
}

/// `panel` becomes triangular by reflections `Q = I - V T⁻¹ Vᵀ`, and the symmetric `trailing` becomes `Qᵀ · trailing · Q`.
fn reduce_panel<T: Real>(mut panel: MatMut<'_, T>, trailing: MatMut<'_, T>, room: &mut Room<T>) {
    let (m, width) = panel.shape();
    let k = m.min(width);
    let mut factor = room.factor.as_mut().submatrix_mut(0, 0, k, k);
    let memory = MemStack::new(&mut room.memory);
    qr_in_place(panel.rb_mut(), factor.rb_mut(), Par::Seq, memory, default());
    let (mut image, mut last) =
        room.left.as_mut().submatrix_mut(0, 0, m, 2 * k).split_at_col_mut(k);
    let (mut reflections, mut last_image) =
        room.right.as_mut().submatrix_mut(0, 0, m, 2 * k).split_at_col_mut(k);
    for j in 0..k {
        reflections.rb_mut().col_mut(j).copy_from(panel.rb().col(j));
        reflections.rb_mut().col_mut(j).subrows_mut(0, j).fill(T::from_f64(0.0));
        reflections[(j, j)] = T::from_f64(1.0);
    }
    last.copy_from(reflections.rb());
    let reflections = reflections.rb();
    // P = S V T⁻¹, X = P - ½ V T⁻ᵀ (Vᵀ P): then Qᵀ S Q = S - X Vᵀ - V Xᵀ.
    symmetric_times(image.rb_mut(), trailing.rb(), reflections);
    let transposed_factor = factor.rb().transpose();
    solve_lower_triangular_in_place(transposed_factor, image.rb_mut().transpose_mut(), Par::Seq);
    let mut overlap = room.overlap.as_mut().submatrix_mut(0, 0, k, k);
    let (one, half) = (T::from_f64(1.0), T::from_f64(-0.5));
    let transposed = reflections.transpose();
    matmul(overlap.rb_mut(), Accum::Replace, transposed, image.rb(), one, Par::Seq);
    solve_lower_triangular_in_place(transposed_factor, overlap.rb_mut(), Par::Seq);
    matmul(image.rb_mut(), Accum::Add, reflections, overlap.rb(), half, Par::Seq);
    last_image.copy_from(image.rb());
    // One product of twice the depth instead of two.
    let (left, right) = (room.left.submatrix(0, 0, m, 2 * k), room.right.submatrix(0, 0, m, 2 * k));
    add_product(trailing, left, right, T::from_f64(-1.0));
}
