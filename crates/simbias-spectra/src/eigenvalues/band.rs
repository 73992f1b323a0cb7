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

use super::product::{Spread, add_product, symmetric_times};
use crate::matrix::Real;

/// Reduces the symmetric matrix of this lower triangle to one that is zero more than `width` below the diagonal. What
/// stands there afterwards means nothing.
pub(super) fn reduce_to_band<T: Real>(mut lower: MatMut<'_, T>, width: usize, spread: Spread) {
    let n = lower.nrows();
    for start in (0..n.saturating_sub(width + 1)).step_by(width) {
        let rest = lower.rb_mut().get_mut(start.., start..);
        let (_, _, panel, trailing) = rest.split_at_mut(width, width);
        reduce_panel(panel, trailing, spread);
    }
}

/// `panel` becomes triangular by reflections `Q = I - V T⁻¹ Vᵀ`, and the symmetric `trailing` becomes `Qᵀ · trailing · Q`.
fn reduce_panel<T: Real>(mut panel: MatMut<'_, T>, trailing: MatMut<'_, T>, spread: Spread) {
    let (m, width) = panel.shape();
    let n_reflections = m.min(width);
    let mut factor = Mat::<T>::zeros(n_reflections, n_reflections);
    let needed = qr_in_place_scratch::<T>(m, width, n_reflections, Par::Seq, default());
    qr_in_place(
        panel.rb_mut(),
        factor.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(needed)),
        default(),
    );
    let reflections = Mat::<T>::from_fn(m, n_reflections, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => T::from_f64(0.0),
        std::cmp::Ordering::Equal => T::from_f64(1.0),
        std::cmp::Ordering::Greater => panel[(i, j)],
    });
    // P = S V T⁻¹, X = P - ½ V T⁻ᵀ (Vᵀ P): then Qᵀ S Q = S - X Vᵀ - V Xᵀ.
    let mut image = Mat::<T>::zeros(m, n_reflections);
    symmetric_times(image.as_mut(), trailing.rb(), reflections.as_ref(), spread);
    let transposed_factor = factor.transpose();
    solve_lower_triangular_in_place(transposed_factor, image.transpose_mut(), Par::Seq);
    let mut overlap = Mat::<T>::zeros(n_reflections, n_reflections);
    let (one, half) = (T::from_f64(1.0), T::from_f64(-0.5));
    matmul(
        overlap.as_mut(),
        Accum::Replace,
        reflections.transpose(),
        image.as_ref(),
        one,
        Par::Seq,
    );
    solve_lower_triangular_in_place(transposed_factor, overlap.as_mut(), Par::Seq);
    matmul(image.as_mut(), Accum::Add, reflections.as_ref(), overlap.as_ref(), half, Par::Seq);
    // One product of twice the depth instead of two.
    let side_by_side = |left: &Mat<T>, right: &Mat<T>| {
        let mut both = Mat::<T>::zeros(m, 2 * n_reflections);
        let (mut first, mut last) = both.as_mut().split_at_col_mut(n_reflections);
        first.copy_from(left);
        last.copy_from(right);
        both
    };
    let left = side_by_side(&image, &reflections);
    let right = side_by_side(&reflections, &image);
    add_product(trailing, left.as_ref(), right.as_ref(), T::from_f64(-1.0), spread);
}
