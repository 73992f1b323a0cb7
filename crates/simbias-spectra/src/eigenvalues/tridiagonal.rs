//! Eigenvalues of a symmetric tridiagonal matrix.
//!
//! The QL iteration without square roots, on squares of the numbers beside the diagonal. Source: Parlett, *The Symmetric
//! Eigenvalue Problem*, section 8.15 (the variant of Pal, Walker and Kahan).

use super::NoConvergence;

/// Sweeps allowed for each eigenvalue, on average; about two are needed.
const SWEEPS_PER_VALUE: usize = 30;
/// A number beside the diagonal below this part of a rounding error of the whole matrix counts as zero.
const PART_OF_ROUNDING: f64 = 1e-3;

/// Replaces `diagonal` by the eigenvalues, in no particular order; `below`, the subdiagonal, is overwritten. Errors are of
/// the order of the rounding unit times the largest eigenvalue. Squares of entries must not overflow.
pub(super) fn eigenvalues_in_place(
    diagonal: &mut [f64],
    below: &mut [f64],
) -> Result<(), NoConvergence> {
    if !diagonal.iter().chain(&*below).all(|x| x.is_finite()) {
        return Err(NoConvergence);
    }
    let largest = diagonal.iter().chain(&*below).fold(0.0_f64, |m, &x| m.max(x.abs()));
    if largest == 0.0 {
        return Ok(());
    }
    let epsilon = f64::EPSILON;
    let negligible = Negligible {
        relative: epsilon.powi(2),
        absolute: (PART_OF_ROUNDING * epsilon * largest).powi(2),
    };
    for value in below.iter_mut() {
        *value = *value * *value;
    }
    let squares = below;
    let mut sweeps_left = SWEEPS_PER_VALUE * diagonal.len();
    let mut start = 0;
    while start < diagonal.len() {
        let end = start + negligible.end_of_block(&diagonal[start..], &squares[start..]);
        let block = &mut diagonal[start..=end];
        let block_squares = &mut squares[start..end];
        // The iteration finds values at the front first, small ones best.
        if block[end - start].abs() < block[0].abs() {
            block.reverse();
            block_squares.reverse();
        }
        let mut first = 0;
        while first < block.len() {
            let last = first + negligible.end_of_block(&block[first..], &block_squares[first..]);
            if last == first {
                first += 1;
                continue;
            }
            sweeps_left = sweeps_left.checked_sub(1).ok_or(NoConvergence)?;
            sweep(&mut block[first..=last], &mut block_squares[first..last]);
        }
        start = end + 1;
    }
    Ok(())
}

/// Which squares beside the diagonal part a matrix in two.
struct Negligible {
    relative: f64,
    absolute: f64,
}

impl Negligible {
    /// Index of the last diagonal entry before the first negligible square.
    fn end_of_block(&self, diagonal: &[f64], squares: &[f64]) -> usize {
        let parts =
            squares.iter().zip(diagonal).zip(&diagonal[1..]).position(|((&square, &a), &b)| {
                square <= self.absolute || square <= self.relative * (a * b).abs()
            });
        parts.unwrap_or(diagonal.len() - 1)
    }
}

/// One sweep over a block of at least two rows none of whose squares are negligible, which moves the first square towards
/// zero.
fn sweep(diagonal: &mut [f64], squares: &mut [f64]) {
    let last = squares.len();
    if last == 1 {
        (diagonal[0], diagonal[1]) = eigenvalues_of_two(diagonal[0], squares[0], diagonal[1]);
        squares[0] = 0.0;
        return;
    }
    let shift = wilkinson_shift(diagonal[0], squares[0], diagonal[1]);
    // Below this, the general formula for `p` would divide by zero.
    let tiny = f64::EPSILON.powi(4);
    let (mut cosine, mut sine) = (1.0, 0.0);
    let mut gamma = diagonal[last] - shift;
    let mut p = gamma * gamma;
    for i in (0..last).rev() {
        let square = squares[i];
        let r = p + square;
        if i + 1 < last {
            squares[i + 1] = sine * r;
        }
        // At the same time as the cosine, not after it.
        let inverse_cosine = r / p;
        let cosine_before = cosine;
        cosine = p / r;
        sine = square / r;
        let gamma_before = gamma;
        gamma = cosine * (diagonal[i] - shift) - sine * gamma_before;
        diagonal[i + 1] = gamma_before + (diagonal[i] - gamma);
        p = if cosine > tiny { gamma * gamma * inverse_cosine } else { cosine_before * square };
    }
    squares[0] = sine * p;
    diagonal[0] = shift + gamma;
}

/// The eigenvalue of `[[a, √square], [√square, b]]` next to `a`.
fn wilkinson_shift(a: f64, square: f64, b: f64) -> f64 {
    let off = square.sqrt();
    let sigma = (b - a) / (2.0 * off);
    a - off / (sigma + sigma.hypot(1.0).copysign(sigma))
}

fn eigenvalues_of_two(a: f64, square: f64, b: f64) -> (f64, f64) {
    let off = square.sqrt();
    let sum = a + b;
    let root = (a - b).hypot(2.0 * off);
    let larger = 0.5 * (sum + root.copysign(sum));
    // The other one without cancellation.
    let smaller = if larger == 0.0 { 0.0 } else { a / larger * b - off / larger * off };
    (larger, smaller)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn sorted(diagonal: &[f64], below: &[f64]) -> Vec<f64> {
        let (mut diagonal, mut below) = (diagonal.to_vec(), below.to_vec());
        eigenvalues_in_place(&mut diagonal, &mut below).unwrap();
        diagonal.sort_by(f64::total_cmp);
        diagonal
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
        for (mut diagonal, mut below) in
            [([1.0, f64::NAN, 2.0], [1.0; 2]), ([f64::NAN; 3], [0.0; 2])]
        {
            assert_eq!(eigenvalues_in_place(&mut diagonal, &mut below), Err(NoConvergence));
        }
    }
}
