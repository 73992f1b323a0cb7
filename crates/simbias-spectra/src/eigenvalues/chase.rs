//! From a band to a tridiagonal matrix with the same eigenvalues.
//!
//! A reflection makes one column tridiagonal and pushes a bulge out of the band, which further reflections chase down
//! to the end, one block of the band's width at a time. Only the first column of a bulge is removed each time; the rest
//! stays and moves along with the next chase. Source: Lang, *A parallel algorithm for reducing symmetric banded
//! matrices to tridiagonal form*, SIAM J. Sci. Comput. 14, 1993.
//!
//! Blocks have one size, written in whole registers: the matrix is followed by zeros, which reflections leave alone,
//! and numbers outside a triangle are multiplied by zero.

use pulp::{Arch, Simd, WithSimd};

use super::lower::Lower;
use crate::matrix::Real;

/// Subdiagonals of the widest band.
const MOST_WIDTH: usize = 32;
/// `STEP[MOST_WIDTH - j ..]` is zero up to index `j` and one from there on.
const STEP: [f64; 2 * MOST_WIDTH] = {
    let mut step = [0.0; 2 * MOST_WIDTH];
    let mut i = MOST_WIDTH;
    while i < step.len() {
        step[i] = 1.0;
        i += 1;
    }
    step
};
/// One at index 0, zero elsewhere.
const UNIT: [f64; MOST_WIDTH] = {
    let mut unit = [0.0; MOST_WIDTH];
    unit[0] = 1.0;
    unit
};

/// A sum of squares below this has lost digits to underflow, and a reflection by it would not be orthogonal; such
/// numbers are negligible beside a matrix entry of a quarter or more.
const NEGLIGIBLE_SQUARE: f64 = f64::MIN_POSITIVE / (f64::EPSILON * f64::EPSILON);

/// A symmetric matrix with `WIDTH` subdiagonals, a multiple of any register's size: columns of the lower triangle from
/// the diagonal down. A wider band makes the reduction to a band faster, because it reads the matrix less often, and
/// the reduction from the band slower.
pub(super) struct Band<const WIDTH: usize> {
    n: usize,
    columns: Vec<f64>,
}

impl<const WIDTH: usize> Band<WIDTH> {
    /// Numbers kept of a column: the band, and room for the bulge.
    const STRIDE: usize = {
        assert!(WIDTH <= MOST_WIDTH, "within the tables of steps");
        2 * WIDTH
    };

    /// The band of this matrix; numbers below the band are not read.
    pub(super) fn of<T: Real>(matrix: &Lower<T>) -> Self {
        let n = matrix.n_rows();
        // A chase reads at most two blocks beyond the last column.
        let mut columns = vec![0.0; (n + 2 * WIDTH) * Self::STRIDE];
        for (j, column) in columns.chunks_exact_mut(Self::STRIDE).enumerate().take(n) {
            for (value, &kept) in column.iter_mut().zip(matrix.column(j)).take(WIDTH + 1) {
                *value = kept.to_f64();
            }
        }
        Self { n, columns }
    }

    /// Diagonal and first subdiagonal (one shorter) of a tridiagonal matrix with the same eigenvalues.
    pub(super) fn tridiagonal(mut self) -> (Vec<f64>, Vec<f64>) {
        Arch::new().dispatch(Chases(&mut self));
        let columns = self.columns.chunks_exact(Self::STRIDE).take(self.n);
        let (diagonal, mut below): (Vec<f64>, Vec<f64>) =
            columns.map(|column| (column[0], column[1])).unzip();
        below.pop();
        (diagonal, below)
    }

    /// The registers of `WIDTH` numbers of a column.
    #[inline(always)]
    fn part<S: Simd>(&mut self, start: usize) -> &mut [S::f64s] {
        S::as_mut_simd_f64s(&mut self.columns[start..start + WIDTH]).0
    }
}

/// All chases, compiled for the widest instructions of the machine that runs them.
struct Chases<'a, const WIDTH: usize>(&'a mut Band<WIDTH>);

impl<const WIDTH: usize> WithSimd for Chases<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for column in 0..self.0.n.saturating_sub(2) {
            chase(simd, self.0, column);
        }
    }
}

/// Makes `column` tridiagonal and restores the band below.
#[inline(always)]
fn chase<S: Simd, const WIDTH: usize>(simd: S, band: &mut Band<WIDTH>, column: usize) {
    let mut reflection =
        Reflection::clearing(simd, band.part::<S>(column * Band::<WIDTH>::STRIDE + 1));
    let mut first = column + 1;
    loop {
        reflection.change_diagonal_block(simd, band, first);
        if first + WIDTH >= band.n {
            return;
        }
        reflection = reflection.change_block_below(simd, band, first);
        first += WIDTH;
    }
}

/// `I - factor · v vᵀ`, with `v[0] = 1`.
struct Reflection<const WIDTH: usize> {
    vector: [f64; WIDTH],
    factor: f64,
}

impl<const WIDTH: usize> Reflection<WIDTH> {
    /// The one that leaves only the first number of `column`. The matrix is assumed to have an entry near one.
    #[inline(always)]
    fn clearing<S: Simd>(simd: S, column: &mut [S::f64s]) -> Self {
        let mut vector = [0.0; WIDTH];
        let head = S::as_mut_simd_f64s(&mut vector).0;
        let mut tail_square = simd.splat_f64s(0.0);
        for ((kept, &part), &step) in head.iter_mut().zip(&*column).zip(step_at::<S, WIDTH>(1)) {
            *kept = simd.mul_f64s(part, step);
            tail_square = simd.mul_add_e_f64s(*kept, *kept, tail_square);
        }
        let tail_square = simd.reduce_sum_f64s(tail_square);
        let first = first_number::<S>(column);
        if tail_square < NEGLIGIBLE_SQUARE {
            for (part, &unit) in column.iter_mut().zip(S::as_simd_f64s(&UNIT[..WIDTH]).0) {
                *part = simd.mul_f64s(*part, unit);
            }
            vector = [0.0; WIDTH];
            vector[0] = 1.0;
            return Self { vector, factor: 0.0 };
        }
        let norm = (first * first + tail_square).sqrt().copysign(first);
        // The sign avoids cancellation. Twice the reciprocal of vᵀv is pivot / norm.
        let pivot = first + norm;
        let scale = simd.splat_f64s(1.0 / pivot);
        let left = simd.splat_f64s(-norm);
        for ((part, v), &unit) in column.iter_mut().zip(head).zip(S::as_simd_f64s(&UNIT[..WIDTH]).0)
        {
            *v = simd.mul_add_e_f64s(*v, scale, unit);
            *part = simd.mul_f64s(left, unit);
        }
        Self { vector, factor: pivot / norm }
    }

    /// Applies it from both sides to the symmetric block whose rows and columns begin at `first`.
    #[inline(always)]
    fn change_diagonal_block<S: Simd>(&self, simd: S, band: &mut Band<WIDTH>, first: usize) {
        // Numbers before the diagonal belong to other columns.
        let place = |j: usize| (first + j) * Band::<WIDTH>::STRIDE - j;
        let vector = S::as_simd_f64s(&self.vector).0;
        let mut image = [0.0; WIDTH];
        let image = S::as_mut_simd_f64s(&mut image).0;
        let mut transposed = [0.0; WIDTH];
        for (j, transposed) in transposed.iter_mut().enumerate() {
            let v = simd.splat_f64s(self.vector[j]);
            let mut sum = simd.splat_f64s(0.0);
            let steps = step_at::<S, WIDTH>(j).iter().zip(step_at::<S, WIDTH>(j + 1));
            let parts = band.part::<S>(place(j)).iter().zip(&mut *image).zip(vector).zip(steps);
            for (((&part, image), &vector), (&from_diagonal, &below)) in parts {
                *image = simd.mul_add_e_f64s(simd.mul_f64s(part, below), v, *image);
                sum = simd.mul_add_e_f64s(simd.mul_f64s(part, from_diagonal), vector, sum);
            }
            *transposed = simd.reduce_sum_f64s(sum);
        }
        let mut along = simd.splat_f64s(0.0);
        let transposed = S::as_simd_f64s(&transposed).0;
        for ((image, &other), &vector) in image.iter_mut().zip(transposed).zip(vector) {
            *image = simd.add_f64s(*image, other);
            along = simd.mul_add_e_f64s(*image, vector, along);
        }
        let along = -0.5 * self.factor * self.factor * simd.reduce_sum_f64s(along);
        let (along, factor) = (simd.splat_f64s(along), simd.splat_f64s(self.factor));
        let mut weights = [0.0; WIDTH];
        let weight = S::as_mut_simd_f64s(&mut weights).0;
        for ((weight, &image), &vector) in weight.iter_mut().zip(&*image).zip(vector) {
            *weight = simd.mul_add_e_f64s(along, vector, simd.mul_f64s(factor, image));
        }
        let weight = S::as_simd_f64s(&weights).0;
        for (j, (&v, &w)) in self.vector.iter().zip(&weights).enumerate() {
            let (v, w) = (simd.splat_f64s(-v), simd.splat_f64s(-w));
            let parts = band.part::<S>(place(j)).iter_mut().zip(vector).zip(weight);
            for (((part, &vector), &weight), &step) in parts.zip(step_at::<S, WIDTH>(j)) {
                let change = simd.mul_add_e_f64s(vector, w, simd.mul_f64s(weight, v));
                *part = simd.mul_add_e_f64s(change, step, *part);
            }
        }
    }

    /// Applies it from the right to the block below; then applies a new one from the left that clears the first column
    /// of the result. Returns the new one.
    #[inline(always)]
    fn change_block_below<S: Simd>(&self, simd: S, band: &mut Band<WIDTH>, first: usize) -> Self {
        let place = |j: usize| (first + j) * Band::<WIDTH>::STRIDE + WIDTH - j;
        let mut image = [0.0; WIDTH];
        let image = S::as_mut_simd_f64s(&mut image).0;
        for j in 0..WIDTH {
            let v = simd.splat_f64s(self.vector[j] * self.factor);
            for (image, &part) in image.iter_mut().zip(&*band.part::<S>(place(j))) {
                *image = simd.mul_add_e_f64s(part, v, *image);
            }
        }
        let column = band.part::<S>(place(0));
        for (part, &image) in column.iter_mut().zip(&*image) {
            *part = simd.sub_f64s(*part, image);
        }
        let next = Self::clearing(simd, column);
        let vector = S::as_simd_f64s(&next.vector).0;
        for j in 1..WIDTH {
            let v = simd.splat_f64s(-self.vector[j]);
            let column = band.part::<S>(place(j));
            let mut sum = simd.splat_f64s(0.0);
            for ((part, &image), &vector) in column.iter_mut().zip(&*image).zip(vector) {
                *part = simd.mul_add_e_f64s(image, v, *part);
                sum = simd.mul_add_e_f64s(*part, vector, sum);
            }
            let share = simd.splat_f64s(-next.factor * simd.reduce_sum_f64s(sum));
            for (part, &vector) in column.iter_mut().zip(vector) {
                *part = simd.mul_add_e_f64s(vector, share, *part);
            }
        }
        next
    }
}

/// One from index `j` on, zero before.
#[inline(always)]
fn step_at<S: Simd, const WIDTH: usize>(j: usize) -> &'static [S::f64s] {
    S::as_simd_f64s(&STEP[MOST_WIDTH - j..MOST_WIDTH - j + WIDTH]).0
}

#[inline(always)]
fn first_number<S: Simd>(column: &[S::f64s]) -> f64 {
    pulp::bytemuck::cast_slice::<S::f64s, f64>(column)[0]
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::super::lower::tests::from_fn;
    use super::*;

    #[test]
    fn numbers_whose_squares_leave_the_range_disturb_nothing() {
        for exponent in 120..170 {
            let tiny = 10.0_f64.powi(-exponent);
            let matrix = from_fn::<f64>(40, |i, j| match i - j {
                0 => 1.0 + (i as f64).sin(),
                2..5 => tiny * (1.0 + j as f64),
                _ => 0.0,
            });
            let squares: f64 = (0..40).map(|j| matrix.column(j)[0].powi(2)).sum();
            let (diagonal, below) = Band::<32>::of(&matrix).tridiagonal();
            let found: f64 = diagonal.iter().map(|x| x * x).sum::<f64>()
                + 2.0 * below.iter().map(|x| x * x).sum::<f64>();
            assert!((found - squares).abs() < 1e-13 * squares, "1e-{exponent}: {found} {squares}");
        }
    }

    #[test]
    fn narrow_and_wide_registers_agree() {
        check_registers::<16>();
        check_registers::<32>();
    }

    fn check_registers<const WIDTH: usize>() {
        let stride = Band::<WIDTH>::STRIDE;
        for n in [1, 2, 3, 31, 32, 33, 34, 65, 97, 130] {
            let matrix = from_fn::<f64>(n, |i, j| ((7 * i + 3 * j + i * j) as f64).sin());
            let of = |run: &dyn Fn(Chases<'_, WIDTH>)| {
                let mut band = Band::<WIDTH>::of(&matrix);
                run(Chases(&mut band));
                band.columns
            };
            let narrow = of(&|chases| chases.with_simd(Scalar));
            let wide = of(&|chases| Arch::new().dispatch(chases));
            let trace: f64 = (0..n).map(|j| matrix.column(j)[0]).sum();
            let sum: f64 = narrow.chunks_exact(stride).take(n).map(|column| column[0]).sum();
            assert!((trace - sum).abs() < 1e-11, "{n}: {trace} {sum}");
            for (index, (narrow, wide)) in narrow.iter().zip(&wide).enumerate() {
                let (column, below) = (index / stride, index % stride);
                assert!((narrow - wide).abs() < 1e-9, "{n}, column {column}: {narrow} {wide}");
                let is_tridiagonal = below < 2 && column + below < n;
                assert!(is_tridiagonal || narrow.abs() < 1e-12, "{n}: {column} {below} {narrow}");
            }
        }
    }
}
