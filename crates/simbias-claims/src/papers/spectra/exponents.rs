//! Tail exponents of matrices and layers by the median rule, plain and FARMS.

use simbias_checkpoint::Numbers;
use simbias_spectra::fit::{TailRule, fit_tail};
use simbias_spectra::{
    ExponentKind, Matrix, Route, Sampling, WindowOptions, eigenvalues, layer_exponent,
    window_eigenvalues,
};

use crate::ClaimError;
use crate::stages::Stages;

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

/// Exponents of one matrix: of the whole and of its `windows`.
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
pub(super) fn of_layer(
    weights: &Numbers,
    shape: &[usize],
    stages: &Stages<'_>,
) -> Result<Exponents, ClaimError> {
    let of = |kind| {
        layer_exponent(weights, shape, kind)
            .map_err(|error| stages.failure(error))?
            .ok_or_else(|| stages.failure("no tail can be fitted"))
    };
    Ok(Exponents { plain: of(ExponentKind::Plain)?, farms: of(ExponentKind::Windows)? })
}

/// The median rule's exponent of all `spectra` together.
fn pooled_exponent(spectra: &[Vec<f64>], stages: &Stages<'_>) -> Result<f64, ClaimError> {
    let mut pool = spectra.concat();
    pool.sort_unstable_by(f64::total_cmp);
    let fit = fit_tail(&pool, TailRule::Median).map_err(|reason| stages.failure(reason))?;
    Ok(fit.exponent)
}
