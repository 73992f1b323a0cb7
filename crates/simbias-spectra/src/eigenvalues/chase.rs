//! From a band to a tridiagonal matrix with the same eigenvalues.
//!
//! A reflection makes one column tridiagonal and pushes a bulge out of the band, which further reflections chase down
//! to the end, one block of the band's width at a time. Only the first column of a bulge is removed each time; the rest
//! stays and moves along with the next chase. Source: Lang, *A parallel algorithm for reducing symmetric banded
//! matrices to tridiagonal form*, SIAM J. Sci. Comput. 14, 1993.

use faer::MatRef;
use pulp::Arch;

use crate::matrix::Real;

/// Diagonal and first subdiagonal (one shorter) of a tridiagonal matrix with the eigenvalues of the symmetric matrix of
/// this lower triangle, of which only the diagonal and `width ≥ 1` subdiagonals are read.
pub(super) fn tridiagonal_of_band<T: Real>(lower: MatRef<'_, T>, width: usize) -> (Vec<T>, Vec<T>) {
    let mut band = Band::of(lower, width);
    // Compiled for the widest instructions of the machine that runs it.
    Arch::new().dispatch(|| band.chase_all());
    let n = band.n;
    let diagonal = (0..n).map(|j| band.columns[j * band.stride]).collect();
    let below = (0..n.saturating_sub(1)).map(|j| band.columns[j * band.stride + 1]).collect();
    (diagonal, below)
}

/// Columns of the lower triangle from the diagonal down, with room for bulges.
struct Band<T> {
    n: usize,
    width: usize,
    /// Numbers kept of a column.
    stride: usize,
    columns: Vec<T>,
    /// The reflection `I - factor · v vᵀ` at work, and room for products with it.
    vector: Vec<T>,
    next: Vec<T>,
    image: Vec<T>,
}

impl<T: Real> Band<T> {
    fn of(lower: MatRef<'_, T>, width: usize) -> Self {
        let n = lower.nrows();
        let stride = 2 * width;
        let zero = T::from_f64(0.0);
        let mut columns = vec![zero; n * stride];
        for (j, column) in columns.chunks_exact_mut(stride).enumerate() {
            for (i, value) in column.iter_mut().enumerate().take((width + 1).min(n - j)) {
                *value = lower[(j + i, j)];
            }
        }
        let room = || vec![zero; width];
        Self { n, width, stride, columns, vector: room(), next: room(), image: room() }
    }

    #[inline(always)]
    fn chase_all(&mut self) {
        for column in 0..self.n.saturating_sub(2) {
            self.chase(column);
        }
    }

    /// Makes `column` tridiagonal and restores the band below.
    #[inline(always)]
    fn chase(&mut self, column: usize) {
        let mut first = column + 1;
        let mut length = self.width.min(self.n - first);
        let start = column * self.stride + 1;
        let mut factor =
            reflect(&mut self.columns[start..start + length], &mut self.vector[..length]);
        loop {
            self.reflect_diagonal_block(first, length, factor);
            let below = first + length;
            let n_below = self.width.min(self.n - below);
            if n_below == 0 {
                return;
            }
            factor = self.reflect_block_below(first, length, n_below, factor);
            std::mem::swap(&mut self.vector, &mut self.next);
            (first, length) = (below, n_below);
        }
    }

    /// Both sides of the symmetric block of `length` rows from `first` on.
    #[inline(always)]
    fn reflect_diagonal_block(&mut self, first: usize, length: usize, factor: T) {
        let Self { columns, vector, image, stride, .. } = self;
        let (vector, image) = (&vector[..length], &mut image[..length]);
        image.fill(T::from_f64(0.0));
        for j in 0..length {
            let start = (first + j) * *stride;
            let column = &columns[start..start + length - j];
            let (head, tail) = (column[0], &column[1..]);
            let (image_head, image_tail) = image[j..].split_at_mut(1);
            image_head[0] = image_head[0] + head * vector[j] + dot(tail, &vector[j + 1..]);
            add_scaled(image_tail, vector[j], tail);
        }
        let half = T::from_f64(0.5) * factor * factor * dot(image, vector);
        for (value, &v) in image.iter_mut().zip(vector) {
            *value = factor * *value - half * v;
        }
        for j in 0..length {
            let start = (first + j) * *stride;
            let column = &mut columns[start..start + length - j];
            let (v, w) = (vector[j], image[j]);
            for ((value, &vi), &wi) in column.iter_mut().zip(&vector[j..]).zip(&image[j..]) {
                *value = *value - vi * w - wi * v;
            }
        }
    }

    /// The reflection from the right on the block below, whose first column a new reflection then clears.
    #[inline(always)]
    fn reflect_block_below(&mut self, first: usize, length: usize, n_below: usize, factor: T) -> T {
        let Self { columns, vector, next, image, stride, .. } = self;
        let (vector, next, image) =
            (&vector[..length], &mut next[..n_below], &mut image[..n_below]);
        let place = |j: usize| {
            let start = (first + j) * *stride + length - j;
            start..start + n_below
        };
        image.fill(T::from_f64(0.0));
        for (j, &v) in vector.iter().enumerate() {
            add_scaled(image, v, &columns[place(j)]);
        }
        for (j, &v) in vector.iter().enumerate() {
            subtract_scaled(&mut columns[place(j)], factor * v, image);
        }
        let new_factor = reflect(&mut columns[place(0)], next);
        for j in 1..length {
            let column = &mut columns[place(j)];
            let share = new_factor * dot(column, next);
            subtract_scaled(column, share, next);
        }
        new_factor
    }
}

/// The reflection `I - factor · v vᵀ` that leaves nothing of `column` but its first number; returns the factor.
#[inline(always)]
fn reflect<T: Real>(column: &mut [T], vector: &mut [T]) -> T {
    let (zero, one) = (T::from_f64(0.0), T::from_f64(1.0));
    let (head, tail) = (column[0], &column[1..]);
    let tail_square = dot(tail, tail);
    vector.fill(zero);
    vector[0] = one;
    if tail_square == zero {
        return zero;
    }
    let norm = T::from_f64((head * head + tail_square).to_f64().sqrt());
    // Away from cancellation.
    let pivot = if head < zero { head - norm } else { head + norm };
    for (v, &value) in vector[1..].iter_mut().zip(tail) {
        *v = value / pivot;
    }
    column.fill(zero);
    column[0] = head - pivot;
    T::from_f64(2.0) / (one + tail_square / (pivot * pivot))
}

/// In eight sums, which the compiler keeps in one register.
#[inline(always)]
fn dot<T: Real>(left: &[T], right: &[T]) -> T {
    const LANES: usize = 8;
    let mut sums = [T::from_f64(0.0); LANES];
    let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let mut rest = T::from_f64(0.0);
    for (&a, &b) in left_chunks.remainder().iter().zip(right_chunks.remainder()) {
        rest += a * b;
    }
    for (a, b) in left_chunks.zip(right_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.into_iter().fold(rest, |sum, part| sum + part)
}

#[inline(always)]
fn add_scaled<T: Real>(target: &mut [T], factor: T, source: &[T]) {
    for (value, &other) in target.iter_mut().zip(source) {
        *value += factor * other;
    }
}

#[inline(always)]
fn subtract_scaled<T: Real>(target: &mut [T], factor: T, source: &[T]) {
    for (value, &other) in target.iter_mut().zip(source) {
        *value -= factor * other;
    }
}
