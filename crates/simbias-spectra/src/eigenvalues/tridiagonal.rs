//! Eigenvalues of a symmetric tridiagonal matrix.
//!
//! The signs of the leading minors of the matrix less a number (Sturm's sequence) show how many eigenvalues lie below
//! the number. Intervals that hold eigenvalues are cut until they are as narrow as the arithmetic allows. The minors
//! obey a recurrence of three terms without division, and every number has its own, so that many are tried at once in
//! wide registers and on all threads. Source: Barth, Martin, Wilkinson, *Calculation of the eigenvalues of a symmetric
//! tridiagonal matrix by the method of bisection*, Numer. Math. 9, 1967.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::NoConvergence;

/// Numbers that one task tries.
const TASK: usize = 128;
/// Registers of numbers that are tried at once, so that the arithmetic units need not wait for a result.
const N_REGISTERS: usize = 4;
/// Numbers in the widest register there is.
const MOST_LANES: usize = 8;
/// Minors are scaled after this many rows; until then they stay within the range of numbers.
const ROWS_BETWEEN_SCALINGS: usize = 8;
/// A number beside the diagonal counts as at least this, where the largest entry is about 1/4: a thousandth of a rounding
/// error. Without it two minors in a row could be zero.
const LEAST_BESIDE: f64 = 1e-3 * f64::EPSILON;
/// Intervals narrower than this, or than the rounding of their eigenvalue, are not cut.
const NARROW: f64 = f64::EPSILON / 64.0;
const SIGN: u64 = 1 << 63;
const EXPONENT: u64 = 0x7ff << 52;
/// Less the exponent of `2ᵏ`, the exponent of `2⁻ᵏ`.
const TWICE_BIAS: u64 = 0x7fe << 52;

/// Eigenvalues, ascending, of the matrix with this diagonal and subdiagonal, which is one shorter. Errors are of the
/// order of the rounding unit times the largest eigenvalue. Works on the threads of rayon's current pool; the numbers do
/// not depend on them.
///
/// # Errors
/// When a number is not finite.
pub(super) fn eigenvalues(diagonal: &[f64], below: &[f64]) -> Result<Vec<f64>, NoConvergence> {
    let largest = diagonal.iter().chain(below).fold(0.0_f64, |m, &x| m.max(x.abs()));
    if !diagonal.iter().chain(below).all(|x| x.is_finite()) {
        return Err(NoConvergence);
    }
    if largest == 0.0 {
        return Ok(vec![0.0; diagonal.len()]);
    }
    // Entries of at most 1/4; beyond ±1000 the factor itself would leave the range of normal numbers.
    let exponent = (largest.log2().floor() as i32 + 3).clamp(-1000, 1000);
    let factor = 2.0_f64.powi(-exponent);
    let tridiagonal = Tridiagonal::new(diagonal, below, factor);
    let mut values = vec![0.0; diagonal.len()];
    let mut intervals = vec![tridiagonal.range()];
    while !intervals.is_empty() {
        intervals.retain(|interval| {
            let resolved = interval.resolved();
            if let Some(value) = resolved {
                values[interval.first..interval.end].fill(value / factor);
            }
            resolved.is_none()
        });
        intervals = tridiagonal.cut(&intervals);
    }
    Ok(values)
}

/// Numbers between which eigenvalues `first..end` lie.
#[derive(Clone, Copy)]
struct Interval {
    low: f64,
    high: f64,
    first: usize,
    end: usize,
}

impl Interval {
    fn n_values(&self) -> usize {
        self.end - self.first
    }

    /// The eigenvalue, when nothing is left to cut.
    fn resolved(&self) -> Option<f64> {
        let middle = self.low.midpoint(self.high);
        let narrow = (f64::EPSILON * middle.abs()).max(NARROW);
        (self.high - self.low <= narrow).then_some(middle)
    }

    /// As many numbers in between as there are eigenvalues.
    fn cuts(&self) -> impl Iterator<Item = f64> {
        let Self { low, high, .. } = *self;
        let n_parts = self.n_values() + 1;
        (1..n_parts).map(move |part| low + (high - low) * (part as f64 / n_parts as f64))
    }
}

/// A matrix whose entries are at most 1/4.
struct Tridiagonal {
    /// For every row, the entry on the diagonal and the negative square of the entry before it.
    rows: Vec<[f64; 2]>,
}

impl Tridiagonal {
    fn new(diagonal: &[f64], below: &[f64], factor: f64) -> Self {
        let before = std::iter::once(0.0).chain(below.iter().copied());
        let row = |(&on, beside): (&f64, f64)| {
            let beside = (beside * factor).abs().max(LEAST_BESIDE);
            [on * factor, -beside * beside]
        };
        Self { rows: diagonal.iter().zip(before).map(row).collect() }
    }

    /// An interval that holds all eigenvalues: no row adds up to more than 3/4.
    fn range(&self) -> Interval {
        Interval { low: -1.0, high: 1.0, first: 0, end: self.rows.len() }
    }

    /// Cuts every interval and keeps the parts that hold eigenvalues.
    fn cut(&self, intervals: &[Interval]) -> Vec<Interval> {
        let cuts: Vec<f64> = intervals.iter().flat_map(Interval::cuts).collect();
        let mut n_below = vec![0; cuts.len()];
        n_below.par_chunks_mut(TASK).zip(cuts.par_chunks(TASK)).for_each(|(n_below, cuts)| {
            Arch::new().dispatch(Count { rows: &self.rows, cuts, n_below })
        });
        let mut found = cuts.into_iter().zip(n_below);
        let mut parts = Vec::with_capacity(intervals.len());
        for &interval in intervals {
            let Interval { mut low, mut first, .. } = interval;
            let within = found.by_ref().take(interval.n_values());
            for (high, end) in within.chain([(interval.high, interval.end)]) {
                // Rounding can make a count smaller than one further down.
                let end = end.clamp(first, interval.end);
                if end > first {
                    parts.push(Interval { low, high, first, end });
                }
                (low, first) = (high, end);
            }
        }
        parts
    }
}

/// Counts the eigenvalues below each cut, compiled for the widest instructions of the machine that runs it.
struct Count<'a> {
    rows: &'a [[f64; 2]],
    cuts: &'a [f64],
    n_below: &'a mut [usize],
}

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n_at_once = N_REGISTERS * S::F64_LANES;
        let groups = self.cuts.chunks(n_at_once).zip(self.n_below.chunks_mut(n_at_once));
        for (cuts, n_below) in groups {
            let mut room = [0.0; N_REGISTERS * MOST_LANES];
            room[..cuts.len()].copy_from_slice(cuts);
            let registers = S::as_mut_simd_f64s(&mut room).0;
            let mut filled = [simd.splat_f64s(0.0); N_REGISTERS];
            filled.copy_from_slice(&registers[..N_REGISTERS]);
            registers[..N_REGISTERS].copy_from_slice(&balances_of_signs(simd, self.rows, filled));
            for (n_below, balance) in n_below.iter_mut().zip(room) {
                *n_below = ((self.rows.len() as f64 - balance) / 2.0) as usize;
            }
        }
    }
}

/// For each number, the count of pairs of successive minors of like sign less that of unlike sign; the latter equals
/// the number of eigenvalues below the number.
#[inline(always)]
fn balances_of_signs<S: Simd>(
    simd: S,
    rows: &[[f64; 2]],
    numbers: [S::f64s; N_REGISTERS],
) -> [S::f64s; N_REGISTERS] {
    let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
    let sign = simd.splat_f64s(f64::from_bits(SIGN));
    let mut balances = [zero; N_REGISTERS];
    let mut before = [zero; N_REGISTERS];
    let mut minors = [one; N_REGISTERS];
    for rows in rows.chunks(ROWS_BETWEEN_SCALINGS) {
        for &[on_diagonal, negative_square] in rows {
            let on_diagonal = simd.splat_f64s(on_diagonal);
            let negative_square = simd.splat_f64s(negative_square);
            for i in 0..N_REGISTERS {
                let less = simd.sub_f64s(on_diagonal, numbers[i]);
                let from_before = simd.mul_f64s(negative_square, before[i]);
                let next = simd.mul_add_e_f64s(less, minors[i], from_before);
                // One with the sign of the product, which itself could be too small for a number. The minors about
                // a zero have unlike signs, so that a zero of either sign is counted once.
                let change = simd.and_f64s(simd.xor_f64s(next, minors[i]), sign);
                balances[i] = simd.add_f64s(balances[i], simd.or_f64s(change, one));
                before[i] = minors[i];
                minors[i] = next;
            }
        }
        for (before, minor) in before.iter_mut().zip(&mut minors) {
            let larger = simd.max_f64s(simd.abs_f64s(*before), simd.abs_f64s(*minor));
            let exponent =
                simd.and_u64s(simd.transmute_u64s_f64s(larger), simd.splat_u64s(EXPONENT));
            let scale = simd.sub_u64s(simd.splat_u64s(TWICE_BIAS), exponent);
            let scale = simd.transmute_f64s_u64s(scale);
            *before = simd.mul_f64s(*before, scale);
            *minor = simd.mul_f64s(*minor, scale);
        }
    }
    balances
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn sorted(diagonal: &[f64], below: &[f64]) -> Vec<f64> {
        let values = eigenvalues(diagonal, below).unwrap();
        assert!(values.is_sorted());
        values
    }

    /// How many eigenvalues lie below `x`, by Sturm's sequence: another algorithm.
    fn count_below(diagonal: &[f64], below: &[f64], x: f64) -> usize {
        let mut pivot = 1.0;
        (0..diagonal.len())
            .filter(|&i| {
                let square = if i == 0 { 0.0 } else { below[i - 1] * below[i - 1] };
                pivot = diagonal[i] - x - square / pivot;
                if pivot == 0.0 {
                    pivot = f64::MIN_POSITIVE;
                }
                pivot < 0.0
            })
            .count()
    }

    #[test]
    fn the_second_difference_has_known_eigenvalues() {
        for n in [1, 2, 3, 4, 31, 500] {
            let found = sorted(&vec![2.0; n], &vec![-1.0; n.saturating_sub(1)]);
            for (k, value) in found.iter().enumerate() {
                let expected = 2.0 - 2.0 * (PI * (k + 1) as f64 / (n + 1) as f64).cos();
                assert!((value - expected).abs() < 1e-13, "{n}: {value} {expected}");
            }
        }
    }

    #[test]
    fn difficult_matrices_agree_with_sturm_sequences() {
        let wilkinson: Vec<f64> = (-10..=10).map(|i| f64::from(i).abs()).collect();
        let graded: Vec<f64> = (0..40).map(|i| 10.0_f64.powi(-i / 2)).collect();
        let zigzag: Vec<f64> = (0..30).map(|i| if i % 2 == 0 { 1e6 } else { 1e-6 }).collect();
        let beside_graded: Vec<f64> = graded.windows(2).map(|pair| 0.3 * pair[1]).collect();
        let glued: Vec<f64> = (0..29).map(|i| if i % 10 == 9 { 1e-9 } else { 1.0 }).collect();
        let cases: [(&str, Vec<f64>, Vec<f64>); 7] = [
            ("Wilkinson's", wilkinson, vec![1.0; 20]),
            ("graded", graded.clone(), beside_graded.clone()),
            (
                "graded the other way",
                graded.into_iter().rev().collect(),
                beside_graded.into_iter().rev().collect(),
            ),
            ("zigzag", zigzag, vec![0.5; 29]),
            ("glued", vec![1.0; 30], glued),
            ("no diagonal", vec![0.0; 25], vec![1.0; 24]),
            ("in parts", vec![3.0, 1.0, 2.0, 0.0, 5.0], vec![0.0, 1.0, 0.0, 2.0]),
        ];
        for (name, diagonal, below) in cases {
            let found = sorted(&diagonal, &below);
            let largest = found.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
            let error = 8.0 * f64::EPSILON * diagonal.len() as f64 * largest;
            for (index, value) in found.iter().enumerate() {
                assert!(count_below(&diagonal, &below, value - error) <= index, "{name} {value}");
                assert!(count_below(&diagonal, &below, value + error) > index, "{name} {value}");
            }
        }
    }

    #[test]
    fn no_rows_zeros_and_numbers_that_are_none() {
        assert!(sorted(&[], &[]).is_empty());
        assert_eq!(sorted(&[0.0; 3], &[0.0; 2]), [0.0; 3]);
        for (diagonal, below) in [([1.0, f64::NAN, 2.0], [1.0; 2]), ([f64::NAN; 3], [0.0; 2])] {
            assert_eq!(eigenvalues(&diagonal, &below), Err(NoConvergence));
        }
    }
}
