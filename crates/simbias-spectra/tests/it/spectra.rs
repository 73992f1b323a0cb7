//! Invariances of spectra and windows.

use proptest::prelude::*;
use simbias_spectra::fit::{TailRule, fit_tail};
use simbias_spectra::marchenko_pastur::median_exponent;
use simbias_spectra::{
    Matrix, Route, Sampling, WindowOptions, WindowPlan, eigenvalues, window_eigenvalues,
};

use crate::sample::{gaussian, numbers};

fn median(values: &[f64]) -> f64 {
    fit_tail(values, TailRule::Median).unwrap().exponent
}

fn pooled(matrix: &Matrix<'_>, options: &WindowOptions, route: Route) -> Vec<f64> {
    let mut values = window_eigenvalues(matrix, options, route).unwrap().concat();
    values.sort_by(f64::total_cmp);
    values
}

/// All eigenvalues near, relative to themselves where they exceed the rounding of the Gram matrix.
#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().copied().fold(0.0, f64::max);
    let n = expected.len() as f64;
    for (found, expected) in found.iter().zip(expected) {
        let allowed = relative * expected + 4.0 * n * f64::EPSILON * largest;
        assert!((found - expected).abs() <= allowed, "{found} {expected}");
    }
}

#[test]
fn two_by_two_by_hand() {
    // [[3, 0], [4, 5]]: eigenvalues of WᵀW are 45 and 5.
    let values = numbers(&[3.0, 0.0, 4.0, 5.0]);
    let matrix = Matrix::new(&values, 2, 2);
    for route in [Route::Svd, Route::Gram] {
        let found = eigenvalues(&matrix, route).unwrap();
        assert!((found[0] - 5.0).abs() < 1e-12 && (found[1] - 45.0).abs() < 1e-12, "{found:?}");
    }
}

#[test]
fn vectors_scalars_and_zeros() {
    let values = numbers(&[3.0, 4.0]);
    for route in [Route::Svd, Route::Gram, Route::GramSingle] {
        for matrix in [Matrix::new(&values, 1, 2), Matrix::new(&values, 2, 1)] {
            let found = eigenvalues(&matrix, route).unwrap();
            assert!(found.len() == 1 && (found[0] - 25.0).abs() < 1e-5);
        }
        let zero = numbers(&[0.0; 6]);
        assert_eq!(eigenvalues(&Matrix::new(&zero, 2, 3), route).unwrap(), [0.0, 0.0]);
        let one = numbers(&[-2.0]);
        assert_eq!(eigenvalues(&Matrix::new(&one, 1, 1), route).unwrap(), [4.0]);
    }
}

#[test]
fn huge_and_tiny_weights_do_not_overflow() {
    for exponent in [-100, 100] {
        let scale = 2.0_f32.powi(exponent);
        let plain = gaussian(30 * 20, 1);
        let scaled: Vec<f32> = plain.iter().map(|value| value * scale).collect();
        let (plain, scaled) = (numbers(&plain), numbers(&scaled));
        let found = eigenvalues(&Matrix::new(&scaled, 30, 20), Route::Gram).unwrap();
        let expected = eigenvalues(&Matrix::new(&plain, 30, 20), Route::Gram).unwrap();
        let square = 4.0_f64.powi(exponent);
        // A power of two changes no digit.
        assert!(found.iter().zip(&expected).all(|(found, expected)| *found == expected * square));
    }
}

#[test]
fn random_matrices_follow_marchenko_and_pastur() {
    for (ratio, tolerance) in [(1, 0.01), (2, 0.01), (4, 0.01)] {
        let (rows, cols) = (1000, 1000 / ratio);
        let values = numbers(&gaussian(rows * cols, ratio as u64));
        let found = median(&eigenvalues(&Matrix::new(&values, rows, cols), Route::Gram).unwrap());
        let expected = median_exponent(ratio as f64);
        assert!((found / expected - 1.0).abs() < tolerance + 0.01, "{found} {expected}");
    }
}

#[test]
fn windows_take_the_shape_out_of_the_exponent() {
    let options = WindowOptions {
        n_rows: Some(64),
        sampling: Sampling::PerAxis(5),
        ..WindowOptions::default()
    };
    let (mut plain, mut windowed) = (Vec::new(), Vec::new());
    for (index, cols) in [256, 128, 64].into_iter().enumerate() {
        let values = numbers(&gaussian(256 * cols, 10 + index as u64));
        let matrix = Matrix::new(&values, 256, cols);
        plain.push(median(&eigenvalues(&matrix, Route::Gram).unwrap()));
        windowed.push(median(&pooled(&matrix, &options, Route::Gram)));
    }
    let spread = |values: &[f64]| {
        values.iter().copied().fold(f64::MIN, f64::max)
            - values.iter().copied().fold(f64::MAX, f64::min)
    };
    assert!(spread(&plain) > 1.0, "{plain:?}");
    assert!(spread(&windowed) < 0.1, "{windowed:?}");
}

#[test]
fn an_aspect_ratio_is_columns_over_rows() {
    let options = |ratio| WindowOptions {
        n_rows: Some(10),
        aspect_ratio: ratio,
        sampling: Sampling::PerAxis(3),
        ..WindowOptions::default()
    };
    assert_eq!(WindowPlan::new((40, 30), &options(2.0)).window, (10, 20));
    assert_eq!(WindowPlan::new((40, 30), &options(0.5)).window, (10, 5));
    // Too wide for the matrix: the window shrinks in both directions.
    assert_eq!(WindowPlan::new((40, 12), &options(2.0)).window, (6, 12));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn windows_lie_inside_and_are_as_many_as_stated(
        rows in 1_usize..60,
        cols in 1_usize..60,
        side in 1_usize..70,
        ratio in prop::sample::select(vec![0.3, 0.5, 1.0, 1.7, 3.0]),
        kind in 0_usize..5,
    ) {
        let sampling = [
            Sampling::Cover, Sampling::PerAxis(1), Sampling::PerAxis(4), Sampling::PerAxis(9), Sampling::Step(5),
        ][kind];
        let options = WindowOptions {
            n_rows: Some(side), aspect_ratio: ratio, sampling, ..WindowOptions::default()
        };
        let plan = WindowPlan::new((rows, cols), &options);
        let (height, width) = plan.window;
        prop_assert!(height >= 1 && width >= 1);
        prop_assert!(plan.row_starts.iter().all(|start| start + height <= rows));
        prop_assert!(plan.col_starts.iter().all(|start| start + width <= cols));
        prop_assert_eq!(plan.n_eigenvalues(), plan.n_windows() * height.min(width));
        if sampling == Sampling::Cover {
            let mut covered = vec![false; rows];
            for start in &plan.row_starts {
                covered[*start..start + height].fill(true);
            }
            prop_assert!(covered.into_iter().all(|is_covered| is_covered));
        }
        let values = numbers(&gaussian(rows * cols, 7));
        let windows =
            window_eigenvalues(&Matrix::new(&values, rows, cols), &options, Route::Gram).unwrap();
        prop_assert_eq!(windows.concat().len(), plan.n_eigenvalues());
    }

    #[test]
    fn shared_gram_matrices_give_the_windows_own_values(
        rows in 8_usize..50,
        cols in 8_usize..50,
        side in 4_usize..20,
        ratio in prop::sample::select(vec![0.5, 1.0, 2.0]),
        per_axis in 2_usize..8,
        index in any::<u64>(),
    ) {
        let options = WindowOptions {
            n_rows: Some(side),
            aspect_ratio: ratio,
            sampling: Sampling::PerAxis(per_axis),
            ..WindowOptions::default()
        };
        let values = numbers(&gaussian(rows * cols, index));
        let matrix = Matrix::new(&values, rows, cols);
        let shared = window_eigenvalues(&matrix, &options, Route::Gram).unwrap();
        let separate = window_eigenvalues(&matrix, &options, Route::Svd).unwrap();
        for (shared, separate) in shared.iter().zip(&separate) {
            assert_near(shared, separate, 1e-9);
        }
    }

    #[test]
    fn transposition_permutation_and_norms(
        rows in 2_usize..40,
        cols in 2_usize..40,
        index in any::<u64>(),
    ) {
        let weights = gaussian(rows * cols, index);
        let values = numbers(&weights);
        let matrix = Matrix::new(&values, rows, cols);
        let plain = eigenvalues(&matrix, Route::Svd).unwrap();
        assert_near(&eigenvalues(&matrix.transposed(), Route::Svd).unwrap(), &plain, 1e-10);
        assert_near(&eigenvalues(&matrix, Route::Gram).unwrap(), &plain, 1e-9);
        // Rows in reverse order.
        let reversed: Vec<f32> = weights.chunks(cols).rev().flatten().copied().collect();
        let reversed = numbers(&reversed);
        assert_near(&eigenvalues(&Matrix::new(&reversed, rows, cols), Route::Svd).unwrap(), &plain, 1e-10);
        let squares: f64 = weights.iter().map(|&value| f64::from(value).powi(2)).sum();
        prop_assert!((plain.iter().sum::<f64>() / squares - 1.0).abs() < 1e-6);
        // Square windows see the same in a transposed matrix.
        let options = WindowOptions {
            n_rows: Some(5), sampling: Sampling::PerAxis(4), ..WindowOptions::default()
        };
        let (one, other) =
            (pooled(&matrix, &options, Route::Svd), pooled(&matrix.transposed(), &options, Route::Svd));
        assert_near(&one, &other, 1e-9);
        // The largest value agrees with power iterations of WᵀW.
        let mut vector = vec![1.0; cols];
        let mut norm = 0.0;
        for _ in 0..2000 {
            let product: Vec<f64> = (0..rows)
                .map(|row| (0..cols).map(|col| matrix.get(row, col) * vector[col]).sum())
                .collect();
            let next: Vec<f64> = (0..cols)
                .map(|col| (0..rows).map(|row| matrix.get(row, col) * product[row]).sum())
                .collect();
            norm = next.iter().map(|value| value * value).sum::<f64>().sqrt();
            vector = next.iter().map(|value| value / norm).collect();
        }
        prop_assert!(norm <= plain[plain.len() - 1] * (1.0 + 1e-9));
        prop_assert!(norm >= plain[plain.len() - 1] * 0.99);
    }

    #[test]
    fn one_whole_window_is_the_plain_spectrum(rows in 2_usize..30, index in any::<u64>()) {
        let values = numbers(&gaussian(rows * rows, index));
        let matrix = Matrix::new(&values, rows, rows);
        for sampling in [Sampling::Cover, Sampling::PerAxis(1), Sampling::PerAxis(7)] {
            let options = WindowOptions { sampling, ..WindowOptions::default() };
            let windows = window_eigenvalues(&matrix, &options, Route::Gram).unwrap();
            prop_assert_eq!(windows.len(), 1);
            prop_assert_eq!(&windows[0], &eigenvalues(&matrix, Route::Gram).unwrap());
        }
    }
}

#[test]
fn both_routes_agree_on_either_side_of_the_bands_width() {
    // The Gram route reduces to a band of 32 subdiagonals first, in tiles of 256.
    for side in [3, 31, 32, 33, 34, 65, 100, 257, 300] {
        let values = numbers(&gaussian(side * (side + 7), side as u64));
        let matrix = Matrix::new(&values, side, side + 7);
        let expected = eigenvalues(&matrix, Route::Svd).unwrap();
        assert_near(&eigenvalues(&matrix, Route::Gram).unwrap(), &expected, 1e-9);
    }
}

#[test]
fn special_matrices_survive_the_reduction_to_a_band() {
    let side = 70;
    let identity: Vec<f32> =
        (0..side * side).map(|i| if i % (side + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let ones = vec![1.0_f32; side * side];
    let mut one_entry = vec![0.0_f32; side * side];
    one_entry[side * side - 1] = 3.0;
    for (values, largest, rank) in [(identity, 1.0, side), (ones, 4900.0, 1), (one_entry, 9.0, 1)] {
        let values = numbers(&values);
        let found = eigenvalues(&Matrix::new(&values, side, side), Route::Gram).unwrap();
        assert!((found[side - 1] - largest).abs() < 1e-9 * largest, "{found:?}");
        assert_eq!(found.iter().filter(|&&value| value > 1e-9 * largest).count(), rank);
    }
}

#[test]
fn threads_do_not_change_an_eigenvalue() {
    let values = numbers(&gaussian(600 * 700, 3));
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| eigenvalues(&Matrix::new(&values, 600, 700), Route::Gram).unwrap())
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn thirty_two_bits_keep_the_median_exponent_and_find_the_rank() {
    let side = 300;
    let full = gaussian(side * side, 5);
    let (left, right) = (gaussian(side * 180, 6), gaussian(180 * side, 7));
    let low: Vec<f32> = (0..side * side)
        .map(|at| (0..180).map(|k| left[at / side * 180 + k] * right[k * side + at % side]).sum())
        .collect();
    // A spike a hundred times the bulk's edge, which drowns most of it in 32 bits.
    let mut spiked = gaussian(side * side, 8);
    spiked.iter_mut().for_each(|weight| *weight += 10.0 * (2.0 / (side as f32).sqrt()));
    let mut steep = gaussian(side * side, 9);
    steep
        .iter_mut()
        .enumerate()
        .for_each(|(at, weight)| *weight /= ((at / side + 1) as f32).powi(2));
    for (weights, rank) in [(full, side), (low, 180), (spiked, side), (steep, side - 8)] {
        let values = numbers(&weights);
        let matrix = Matrix::new(&values, side, side);
        let double = eigenvalues(&matrix, Route::Svd).unwrap();
        let single = eigenvalues(&matrix, Route::GramSingle).unwrap();
        let kept = |all: &[f64]| -> Vec<f64> {
            all.iter().copied().filter(|&value| value > 1e-12 * all[side - 1]).collect()
        };
        let single = kept(&single);
        assert!(single.len().abs_diff(rank) <= 1, "{} of {rank}", single.len());
        let (found, expected) = (median(&single), median(&kept(&double)));
        assert!((found - expected).abs() < 0.005 * expected, "{found} {expected}");
    }
}

/// All windows in 64 bits, rather than all in 32 and those that lost much again.
#[test]
fn windows_that_drown_in_thirty_two_bits_are_those_of_sixty_four() {
    let side = 300;
    let mut weights = gaussian(side * side, 8);
    let options = WindowOptions {
        n_rows: Some(200),
        sampling: Sampling::PerAxis(3),
        ..WindowOptions::default()
    };
    let of = |weights: &[f32], route| {
        let values = numbers(weights);
        window_eigenvalues(&Matrix::new(&values, side, side), &options, route).unwrap()
    };
    assert!(of(&weights, Route::GramSingle) != of(&weights, Route::Gram));
    weights.iter_mut().for_each(|weight| *weight += 30.0);
    assert!(of(&weights, Route::GramSingle) == of(&weights, Route::Gram));
}

#[test]
fn reflections_stay_orthogonal_at_the_end_of_the_range_of_numbers() {
    for tiny in [3e-43, 5e-43, 5.4e-43, 7e-43, 1e-40, 1e-30] {
        let mut weights = [0.0_f32; 12];
        (weights[0], weights[5], weights[10]) = (1.2e38, 1.7e38, 2e38);
        (weights[3], weights[11]) = (tiny, tiny);
        let values = numbers(&weights);
        let matrix = Matrix::new(&values, 3, 4);
        let expected = eigenvalues(&matrix, Route::Svd).unwrap();
        let found = eigenvalues(&matrix, Route::Gram).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found / expected - 1.0).abs() < 1e-12, "{tiny}: {found} {expected}");
        }
    }
}
