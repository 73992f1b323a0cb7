//! Tail exponents of matrices and layers by the median rule, plain and FARMS.

use simbias_data::checkpoint::Numbers;
use simbias_spectra::fit::{TailRule, fit_tail};
use simbias_spectra::{
    Matrix, Route, Sampling, WindowOptions, division_eigenvalues, eigenvalues, window_eigenvalues,
};
use simbias_stats::mean;

use crate::ClaimError;
use crate::stages::Stages;

/// Windows of FARMS for the last linear layer of a CNN (`tempbalance_farms.py`).
const LINEAR_WINDOWS: WindowOptions = square_windows(100, 9);

/// `per_axis × per_axis` square windows of `n_rows` rows.
pub(super) const fn square_windows(n_rows: usize, per_axis: usize) -> WindowOptions {
    WindowOptions {
        n_rows: Some(n_rows),
        aspect_ratio: 1.0,
        sampling: Sampling::PerAxis(per_axis),
        kernels: simbias_spectra::KernelWindows::Divisions,
    }
}

/// Exponents of one layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exponents {
    /// Of the whole layer.
    pub(super) plain: f64,
    /// Of windows of one aspect ratio.
    pub(super) farms: f64,
}

/// Exponents of one matrix, whole and of `windows`.
pub(super) fn of_matrix(
    matrix: &Matrix<'_>,
    windows: &WindowOptions,
    stages: &Stages<'_>,
) -> Result<Exponents, ClaimError> {
    let whole = eigenvalues(matrix, Route::Gram).map_err(|error| stages.failure(error))?;
    let cut =
        window_eigenvalues(matrix, windows, Route::Gram).map_err(|error| stages.failure(error))?;
    Ok(Exponents {
        plain: pooled_exponent(&[whole], stages)?,
        farms: pooled_exponent(&cut, stages)?,
    })
}

/// Exponents of a layer's weights as PyTorch stores them: `[out, in]` or `[out, in, height, width]`.
///
/// A linear layer is cut into 9 × 9 windows of 100 × 100, a kernel into FARMS' divisions; a plain kernel pools its
/// positions.
pub(super) fn of_layer(
    weights: &Numbers,
    shape: &[usize],
    stages: &Stages<'_>,
) -> Result<Exponents, ClaimError> {
    let &[n_outputs, n_inputs, ref kernel @ ..] = shape else {
        return Err(stages.failure("a layer has two or more dimensions"));
    };
    if kernel.is_empty() {
        return of_matrix(&Matrix::new(weights, n_outputs, n_inputs), &LINEAR_WINDOWS, stages);
    }
    let n_positions: usize = kernel.iter().product();
    let steps = (n_inputs * n_positions, n_positions);
    let positions: Vec<Matrix<'_>> = (0..n_positions)
        .map(|position| Matrix::strided(weights, position, (n_outputs, n_inputs), steps))
        .collect();
    let whole: Vec<Vec<f64>> = positions
        .iter()
        .map(|matrix| eigenvalues(matrix, Route::Gram))
        .collect::<Result<_, _>>()
        .map_err(|error| stages.failure(error))?;
    let divisions = division_eigenvalues(&positions, 1.0, Route::Gram)
        .map_err(|error| stages.failure(error))?;
    let divided: Vec<f64> = divisions
        .iter()
        .map(|division| pooled_exponent(division, stages))
        .collect::<Result<_, _>>()?;
    Ok(Exponents { plain: pooled_exponent(&whole, stages)?, farms: mean(&divided) })
}

/// The median rule's exponent of all `spectra` together.
fn pooled_exponent(spectra: &[Vec<f64>], stages: &Stages<'_>) -> Result<f64, ClaimError> {
    let mut pool = spectra.concat();
    pool.sort_unstable_by(f64::total_cmp);
    let fit = fit_tail(&pool, TailRule::Median).map_err(|reason| stages.failure(reason))?;
    Ok(fit.exponent)
}
