//! Largest eigenvalues of a symmetric matrix that is known only by its products with vectors.

use rand::RngExt;

use crate::seed::Seed;

/// How long to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanczosOptions {
    /// Eigenvalues wanted, from the largest down.
    pub n_wanted: usize,
    /// Most products with the matrix, each of which costs one vector of memory.
    pub most_products: usize,
    /// An eigenvalue is found when the residual of its vector is at most this part of the largest eigenvalue.
    pub relative_residual: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenpairs {
    /// Eigenvalues, descending; fewer than wanted if the matrix has fewer different ones.
    pub values: Vec<f64>,
    /// A vector of length 1 for each of them.
    pub vectors: Vec<Vec<f64>>,
    /// Length of `A v - λ v` for each of them; a bound on the error of the eigenvalue.
    pub residuals: Vec<f64>,
    /// Products that were computed.
    pub n_products: usize,
}

/// The largest eigenvalues of the symmetric matrix `A` of `n` rows, and their vectors, by Lanczos' method with full
/// orthogonalisation. `apply` returns `A v`. An eigenvalue that occurs several times is found once.
///
/// Products are with vectors of length 1, the first of them drawn at random from `seed`.
///
/// # Errors
/// Those of `apply`.
///
/// # Panics
/// When the matrix has no rows, or a product has another length.
pub fn largest_eigenpairs<E>(
    n: usize,
    options: LanczosOptions,
    seed: Seed,
    apply: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Eigenpairs, E> {
    let mut stream = seed.child("stats/lanczos", 0).stream();
    let start: Vec<f64> = (0..n).map(|_| stream.random::<f64>() - 0.5).collect();
    largest_eigenpairs_from(start, options, apply)
}

/// The same from a first vector of one's own, such as the eigenvector of a similar matrix.
///
/// # Errors
/// Those of `apply`.
///
/// # Panics
/// When `start` is empty or zero, or a product has another length.
pub fn largest_eigenpairs_from<E>(
    start: Vec<f64>,
    options: LanczosOptions,
    mut apply: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Eigenpairs, E> {
    let n = start.len();
    let length = norm(&start);
    assert!(length > 0.0, "the first vector of Lanczos' method has a direction");
    let mut basis = vec![scaled(start, 1.0 / length)];
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    loop {
        let newest = basis.last().expect("it begins with one vector");
        let mut product = apply(newest)?;
        assert_eq!(product.len(), n, "a product has as many numbers as the vector");
        diagonal.push(dot(&product, newest));
        // Twice, because once leaves rounding errors that grow with every product.
        for _ in 0..2 {
            for vector in &basis {
                let along = dot(&product, vector);
                for (number, &base) in product.iter_mut().zip(vector) {
                    *number -= along * base;
                }
            }
        }
        let rest = norm(&product);
        let mut last = vec![0.0; diagonal.len()];
        last[diagonal.len() - 1] = 1.0;
        let (values, lasts) = tridiagonal(&diagonal, &beside, vec![last]);
        let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let n_found = options.n_wanted.min(values.len());
        let is_precise = (0..n_found)
            .all(|index| rest * lasts[0][index].abs() <= options.relative_residual * largest);
        let is_exhausted = rest <= 4.0 * f64::EPSILON * largest || basis.len() == n;
        if is_exhausted
            || (is_precise && n_found == options.n_wanted)
            || basis.len() == options.most_products.max(1)
        {
            return Ok(pairs(&basis, &diagonal, &beside, rest, n_found));
        }
        beside.push(rest);
        basis.push(scaled(product, 1.0 / rest));
    }
}

fn pairs(
    basis: &[Vec<f64>],
    diagonal: &[f64],
    beside: &[f64],
    rest: f64,
    n_found: usize,
) -> Eigenpairs {
    let k = diagonal.len();
    let identity = (0..k).map(|row| (0..k).map(|at| f64::from(u8::from(at == row))).collect());
    let (values, rows) = tridiagonal(diagonal, beside, identity.collect());
    let vector = |index: usize| {
        let mut vector = vec![0.0; basis[0].len()];
        for (base, row) in basis.iter().zip(&rows) {
            for (number, &base) in vector.iter_mut().zip(base) {
                *number += row[index] * base;
            }
        }
        let length = norm(&vector);
        scaled(vector, 1.0 / length)
    };
    Eigenpairs {
        values: values[..n_found].to_vec(),
        vectors: (0..n_found).map(vector).collect(),
        residuals: (0..n_found).map(|index| rest * rows[k - 1][index].abs()).collect(),
        n_products: k,
    }
}

/// Eigenvalues of a symmetric tridiagonal matrix, descending, and `rows` times the matrix of its eigenvectors, by QR
/// steps with Wilkinson's shift.
///
/// Source: Golub & Van Loan, *Matrix computations*, section 8.3.
fn tridiagonal(
    diagonal: &[f64],
    beside: &[f64],
    mut rows: Vec<Vec<f64>>,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut on = diagonal.to_vec();
    let mut off = beside.to_vec();
    let mut end = on.len() - 1;
    while end > 0 {
        for at in 0..end {
            if off[at].abs() <= f64::EPSILON * (on[at].abs() + on[at + 1].abs()) {
                off[at] = 0.0;
            }
        }
        if off[end - 1] == 0.0 {
            end -= 1;
            continue;
        }
        let start = (0..end - 1).rev().find(|&at| off[at] == 0.0).map_or(0, |at| at + 1);
        qr_step(&mut on, &mut off, start, end, &mut rows);
    }
    let mut order: Vec<usize> = (0..on.len()).collect();
    order.sort_by(|&one, &other| on[other].total_cmp(&on[one]));
    let sorted = |numbers: &[f64]| order.iter().map(|&at| numbers[at]).collect::<Vec<f64>>();
    (sorted(&on), rows.iter().map(|row| sorted(row)).collect())
}

/// One step on the rows `start..=end`, which are connected.
fn qr_step(on: &mut [f64], off: &mut [f64], start: usize, end: usize, rows: &mut [Vec<f64>]) {
    let half = (on[end - 1] - on[end]) / 2.0;
    let beside = off[end - 1];
    let shift = on[end] - beside * beside / (half + half.hypot(beside).copysign(half));
    let (mut x, mut bulge) = (on[start] - shift, off[start]);
    for at in start..end {
        let length = x.hypot(bulge);
        let (cosine, sine) = if length == 0.0 { (1.0, 0.0) } else { (x / length, bulge / length) };
        if at > start {
            off[at - 1] = length;
        }
        let (upper, between, lower) = (on[at], off[at], on[at + 1]);
        let mixed = 2.0 * cosine * sine * between;
        on[at] = cosine * cosine * upper + mixed + sine * sine * lower;
        on[at + 1] = sine * sine * upper - mixed + cosine * cosine * lower;
        off[at] = cosine * sine * (lower - upper) + (cosine * cosine - sine * sine) * between;
        if at + 1 < end {
            x = off[at];
            bulge = sine * off[at + 1];
            off[at + 1] *= cosine;
        }
        for row in rows.iter_mut() {
            let (one, other) = (row[at], row[at + 1]);
            row[at] = cosine * one + sine * other;
            row[at + 1] = cosine * other - sine * one;
        }
    }
}

/// The product of two vectors of equal length, in eight sums side by side.
pub fn dot(one: &[f64], other: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (ones, ends) = one.as_chunks::<LANES>();
    let (others, other_ends) = other.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f64 = ends.iter().zip(other_ends).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

fn scaled(mut vector: Vec<f64>, factor: f64) -> Vec<f64> {
    for number in &mut vector {
        *number *= factor;
    }
    vector
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const ALL: LanczosOptions =
        LanczosOptions { n_wanted: 3, most_products: 200, relative_residual: 1e-12 };

    /// The second difference of `n` places, whose eigenvalues are 2 - 2 cos(kπ / (n + 1)).
    fn second_difference(vector: &[f64]) -> Result<Vec<f64>, Infallible> {
        let at = |place: usize| vector.get(place).copied().unwrap_or(0.0);
        Ok((0..vector.len())
            .map(|place| 2.0 * vector[place] - at(place.wrapping_sub(1)) - at(place + 1))
            .collect())
    }

    #[test]
    fn eigenvalues_of_the_second_difference() {
        let n = 60;
        let Ok(found) = largest_eigenpairs(n, ALL, Seed::new(1), second_difference);
        for (index, (value, vector)) in found.values.iter().zip(&found.vectors).enumerate() {
            let k = (n - index) as f64;
            let expected = 2.0 - 2.0 * (k * std::f64::consts::PI / (n as f64 + 1.0)).cos();
            assert!((value - expected).abs() < 1e-12, "{value} and {expected}");
            let Ok(product) = second_difference(vector);
            let error = product.iter().zip(vector).map(|(p, v)| (p - value * v).powi(2));
            assert!(error.sum::<f64>().sqrt() < 1e-10);
        }
    }

    #[test]
    fn the_largest_value_is_not_the_one_of_largest_size() {
        let values = [1.0, 0.5, -7.0, 0.25];
        let apply = |vector: &[f64]| {
            Ok::<_, Infallible>(vector.iter().zip(values).map(|(v, value)| v * value).collect())
        };
        let Ok(found) = largest_eigenpairs(4, ALL, Seed::new(0), apply);
        for (value, expected) in found.values.iter().zip([1.0, 0.5, 0.25]) {
            assert!((value - expected).abs() < 1e-14);
        }
        assert!((found.vectors[0][0].abs() - 1.0).abs() < 1e-14);
    }

    #[test]
    fn a_matrix_of_rank_one_has_one_value_besides_zero() {
        let direction: Vec<f64> = (0..30).map(|place| f64::from(place % 7) - 2.0).collect();
        let square = dot(&direction, &direction);
        let Ok(found) = largest_eigenpairs(30, ALL, Seed::new(3), |vector: &[f64]| {
            Ok::<_, Infallible>(scaled(direction.clone(), dot(&direction, vector)))
        });
        assert!((found.values[0] / square - 1.0).abs() < 1e-14);
        assert!(found.values[1..].iter().all(|value| value.abs() < 1e-10 * square));
        assert!(found.n_products <= 4);
    }

    #[test]
    fn a_warm_start_needs_fewer_products() {
        let coarse = LanczosOptions { n_wanted: 1, most_products: 100, relative_residual: 1e-6 };
        let Ok(cold) = largest_eigenpairs(80, coarse, Seed::new(1), second_difference);
        let start = cold.vectors[0].clone();
        let Ok(warm) = largest_eigenpairs_from(start, coarse, second_difference);
        assert!(warm.n_products < cold.n_products / 4, "{} {}", warm.n_products, cold.n_products);
    }

    #[test]
    fn a_diagonal_and_a_single_number() {
        let (values, rows) = tridiagonal(&[1.0, 3.0, 2.0], &[0.0, 0.0], vec![vec![1.0, 2.0, 3.0]]);
        assert_eq!((values, rows), (vec![3.0, 2.0, 1.0], vec![vec![2.0, 3.0, 1.0]]));
        assert_eq!(tridiagonal(&[4.0], &[], Vec::new()).0, [4.0]);
    }
}
