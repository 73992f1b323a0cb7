//! Eigenvalues of whole matrices, windows and kernels, computed from the stored weights.

use simbias_checkpoint::Checkpoint;
use simbias_spectra::{
    Matrix, Route, Sampling, WindowOptions, division_eigenvalues, eigenvalues, window_eigenvalues,
};

use super::GOLDEN;

/// "eigenvalues: relative 1e-5 for λ > 1e-4 λmax (f32 route), 1e-10 (f64 route, λ > 1e-10 λmax)".
const SINGLE: (f64, f64) = (1e-5, 1e-4);
const DOUBLE: (f64, f64) = (1e-10, 1e-10);
/// A Gram matrix in 32 bits squares the condition: an absolute error of some `2^-23 λmax` on every value.
const SINGLE_GRAM: (f64, f64) = (1e-4, 1e-2);

#[track_caller]
fn compare(what: &str, found: &[f64], expected: &[f64], (tolerance, floor): (f64, f64)) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let mut sorted = expected.to_vec();
    sorted.sort_by(f64::total_cmp);
    let largest = sorted[sorted.len() - 1];
    for (found, expected) in found.iter().zip(&sorted).filter(|pair| *pair.1 > floor * largest) {
        // The stored values of the 32-bit route carry the rounding of a backward stable decomposition,
        // `σ ± ε σmax`, in addition to the stated tolerance.
        let rounding = if tolerance < SINGLE.0 {
            0.0
        } else {
            2.0 * f64::from(f32::EPSILON) * (expected * largest).sqrt()
        };
        assert!(
            (found - expected).abs() <= tolerance * expected + rounding,
            "{what}: {found} is not {expected} within {tolerance:e}"
        );
    }
}

/// `rows=16,Q=1.0,ops=3` or `rows=16,Q=1.0,step=8`.
pub(super) fn window_options(description: &str) -> WindowOptions {
    let mut options = WindowOptions::default();
    for part in description.split(',') {
        let (key, value) = part.split_once('=').unwrap();
        match key {
            "rows" => options.n_rows = Some(value.parse().unwrap()),
            "Q" => options.aspect_ratio = value.parse().unwrap(),
            "ops" => options.sampling = Sampling::PerAxis(value.parse().unwrap()),
            "step" => options.sampling = Sampling::Step(value.parse().unwrap()),
            other => panic!("unknown part {other:?} of {description:?}"),
        }
    }
    options
}

#[test]
fn whole_matrices() {
    let (weights, arrays) =
        (Checkpoint::open(&GOLDEN.path("weights.safetensors")).unwrap(), GOLDEN.arrays("eigs.npz"));
    let mut n_cases = 0;
    for (index, tensor) in weights.tensors().iter().enumerate() {
        let Some(expected) = arrays.get(&format!("{}|eigs_f64", tensor.name)) else { continue };
        let numbers = weights.read(index).unwrap();
        let matrix = Matrix::new(&numbers, tensor.shape[0], tensor.shape[1]);
        for matrix in [matrix, matrix.transposed()] {
            compare(&tensor.name, &eigenvalues(&matrix, Route::Svd).unwrap(), expected, DOUBLE);
            for (route, tolerance) in [(Route::Gram, SINGLE), (Route::GramSingle, SINGLE_GRAM)] {
                compare(&tensor.name, &eigenvalues(&matrix, route).unwrap(), expected, tolerance);
            }
        }
        n_cases += 1;
    }
    assert!(n_cases > 0);
}

#[test]
fn windows() {
    let (weights, arrays) =
        (Checkpoint::open(&GOLDEN.path("weights.safetensors")).unwrap(), GOLDEN.arrays("eigs.npz"));
    let mut n_cases = 0;
    for (name, expected) in arrays.iter() {
        let parts: Vec<&str> = name.split('|').collect();
        let [tensor, "farms", description, "eigs_f32"] = parts[..] else { continue };
        let (index, info) = weights.find(tensor).unwrap();
        let numbers = weights.read(index).unwrap();
        let matrix = Matrix::new(&numbers, info.shape[0], info.shape[1]);
        for (route, tolerance) in
            [(Route::Svd, SINGLE), (Route::Gram, SINGLE), (Route::GramSingle, SINGLE_GRAM)]
        {
            let options = window_options(description);
            let mut found = window_eigenvalues(&matrix, &options, route).unwrap().concat();
            found.sort_by(f64::total_cmp);
            compare(name, &found, expected, tolerance);
        }
        n_cases += 1;
    }
    assert!(n_cases > 0);
}

#[test]
fn kernels_in_divisions() {
    let (weights, arrays) =
        (Checkpoint::open(&GOLDEN.path("weights.safetensors")).unwrap(), GOLDEN.arrays("eigs.npz"));
    let mut n_cases = 0;
    for (name, expected) in arrays.iter() {
        let parts: Vec<&str> = name.split('|').collect();
        let [tensor, "farms_conv", ratio, "eigs"] = parts[..] else { continue };
        let (index, info) = weights.find(tensor).unwrap();
        let numbers = weights.read(index).unwrap();
        let (rows, cols) = (info.shape[0], info.shape[1]);
        let n = info.shape[2] * info.shape[3];
        let positions: Vec<Matrix<'_>> =
            (0..n).map(|at| Matrix::strided(&numbers, at, (rows, cols), (cols * n, n))).collect();
        let ratio: f64 = ratio.strip_prefix("Q=").unwrap().parse().unwrap();
        let divisions = division_eigenvalues(&positions, ratio, Route::Svd).unwrap();
        let mut start = 0;
        for division in divisions {
            let mut found = division.concat();
            found.sort_by(f64::total_cmp);
            // The official path scales kernels by √0.5.
            found.iter_mut().for_each(|value| *value *= 0.5);
            compare(name, &found, &expected[start..start + found.len()], SINGLE);
            start += found.len();
        }
        assert_eq!(start, expected.len(), "{name}");
        n_cases += 1;
    }
    assert!(n_cases > 0);
}
