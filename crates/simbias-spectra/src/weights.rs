//! Exponents of weights in memory, while a network trains.

use simbias_checkpoint::Numbers;
use simbias_stats::mean;

use crate::eigenvalues::{Route, eigenvalues};
use crate::fit::{NoFit, TailRule, fit_tail};
use crate::matrix::Matrix;
use crate::windows::{
    KernelWindows, Sampling, WindowOptions, division_eigenvalues, window_eigenvalues,
};
use crate::{ExponentKind, SpectraError};

/// Windows of FARMS for the last linear layer of a CNN (`tempbalance_farms.py`).
const LINEAR_WINDOWS: WindowOptions = WindowOptions {
    n_rows: Some(100),
    aspect_ratio: 1.0,
    sampling: Sampling::PerAxis(9),
    kernels: KernelWindows::Divisions,
};

/// Exponent by the median rule of a layer's weights as PyTorch stores them, `[out, in]` or `[out, in, height, width]`,
/// of the whole layer or of windows of one shape.
///
/// A linear layer is cut into 9 × 9 windows of 100 × 100, a kernel into FARMS' divisions, over which exponents are
/// averaged; a plain kernel pools its positions. `None` where no tail can be fitted.
///
/// # Errors
/// Shapes of fewer than two axes, iterations that do not converge.
pub fn layer_exponent(
    weights: &Numbers,
    shape: &[usize],
    kind: ExponentKind,
) -> Result<Option<f64>, SpectraError> {
    let &[n_outputs, n_inputs, ref kernel @ ..] = shape else {
        return Err(SpectraError::Option {
            option: "shape",
            problem: "a layer has two or more axes".into(),
        });
    };
    let n_positions: usize = kernel.iter().product();
    let steps = (n_inputs * n_positions, n_positions);
    let matrices: Vec<Matrix<'_>> = (0..n_positions)
        .map(|position| Matrix::strided(weights, position, (n_outputs, n_inputs), steps))
        .collect();
    let found = match (kind, kernel.is_empty()) {
        (ExponentKind::Plain, _) => {
            let whole: Vec<Vec<f64>> = matrices
                .iter()
                .map(|matrix| eigenvalues(matrix, Route::Gram))
                .collect::<Result<_, _>>()?;
            pooled_exponent(&whole)
        }
        (ExponentKind::Windows, true) => {
            let matrix = Matrix::new(weights, n_outputs, n_inputs);
            pooled_exponent(&window_eigenvalues(&matrix, &LINEAR_WINDOWS, Route::Gram)?)
        }
        (ExponentKind::Windows, false) => {
            let divisions = division_eigenvalues(&matrices, 1.0, Route::Gram)?;
            let exponents: Result<Vec<f64>, NoFit> =
                divisions.iter().map(|division| pooled_exponent(division)).collect();
            exponents.map(|exponents| mean(&exponents))
        }
    };
    Ok(found.ok())
}

/// The median rule's exponent of all `spectra` together.
fn pooled_exponent(spectra: &[Vec<f64>]) -> Result<f64, NoFit> {
    let mut pool = spectra.concat();
    pool.sort_unstable_by(f64::total_cmp);
    fit_tail(&pool, TailRule::Median).map(|fit| fit.exponent)
}
