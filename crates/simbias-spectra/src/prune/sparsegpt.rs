//! Pruning that lets the remaining weights make up for the lost ones (Frantar and Alistarh 2023, *SparseGPT*).

use faer::linalg::solvers::{DenseSolveCore, Llt};
use faer::{Mat, Side};

use super::{InputStatistics, Pattern, WeightMatrix};
use crate::SpectraError;

/// How often damping is raised tenfold when the factorisation fails.
const MAX_RAISES: usize = 3;

/// Constants of the method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SparseGptOptions {
    /// Inputs that are chosen together.
    pub block: usize,
    /// Added to the diagonal, as a share of its mean.
    pub damping: f64,
}

impl Default for SparseGptOptions {
    /// As the official code.
    fn default() -> Self {
        Self { block: 128, damping: 0.01 }
    }
}

/// Prunes `weights` by the pattern and updates what remains; returns the damping that was needed.
///
/// With `H = 2/n Σ x xᵀ` damped and `H⁻¹ = UᵀU`, inputs are handled in blocks: inside a block the smallest
/// `w²/U_jj²` go (`⌊n·share⌋ + 1` over all rows of the block), and the error of every zeroed weight is spread over
/// the inputs after it. Inputs that were never active lose all their weights; their diagonal is set to 1, so that the
/// scale of `H`, two over the number of sequences as in the official code, matters for the damping.
///
/// # Errors
/// Statistics of another layer or without products, a pattern that does not fit, products that stay singular.
pub fn sparsegpt(
    weights: &mut WeightMatrix,
    statistics: &InputStatistics,
    pattern: Pattern,
    options: SparseGptOptions,
) -> Result<f64, SpectraError> {
    pattern.check(&weights.layer, weights.n_cols)?;
    weights.check_length("statistics", statistics.n_inputs())?;
    if pattern == Pattern::Share(0.0) {
        return Ok(0.0);
    }
    let (upper, is_dead, damping) = inverse_factor(&weights.layer, statistics, options.damping)?;
    let (n_rows, n_cols) = (weights.n_rows, weights.n_cols);
    let mut w = Mat::from_fn(n_rows, n_cols, |row, col| {
        if is_dead[col] { 0.0 } else { f64::from(weights.values[row * n_cols + col]) }
    });
    // Groups must not be torn apart by a block's end.
    let block = match pattern {
        Pattern::Groups { of, .. } => options.block.next_multiple_of(of),
        Pattern::Share(_) => options.block,
    }
    .max(1);
    for first in (0..n_cols).step_by(block) {
        let end = (first + block).min(n_cols);
        let mut is_zero = vec![false; n_rows * (end - first)];
        if let Pattern::Share(share) = pattern {
            choose_share(&w, &upper, first..end, share, &mut is_zero);
        }
        let mut errors = Mat::<f64>::zeros(n_rows, end - first);
        for col in first..end {
            if let Pattern::Groups { zeros, of } = pattern
                && (col - first) % of == 0
            {
                choose_groups(&w, &upper, first, col..col + of, zeros, &mut is_zero);
            }
            let pivot = upper[(col, col)];
            for row in 0..n_rows {
                let kept = if is_zero[(col - first) * n_rows + row] { 0.0 } else { w[(row, col)] };
                errors[(row, col - first)] = (w[(row, col)] - kept) / pivot;
            }
            for later in col..end {
                let factor = upper[(col, later)];
                for row in 0..n_rows {
                    w[(row, later)] -= errors[(row, col - first)] * factor;
                }
            }
            for row in 0..n_rows {
                if is_zero[(col - first) * n_rows + row] {
                    w[(row, col)] = 0.0;
                }
            }
        }
        if end < n_cols {
            let spread = &errors * upper.submatrix(first, end, end - first, n_cols - end);
            let mut rest = w.subcols_mut(end, n_cols - end);
            rest -= &spread;
        }
    }
    for row in 0..n_rows {
        for col in 0..n_cols {
            weights.values[row * n_cols + col] = w[(row, col)] as f32;
        }
    }
    Ok(damping)
}

/// `U` with `H⁻¹ = UᵀU`, which inputs are dead, and the damping.
fn inverse_factor(
    layer: &str,
    statistics: &InputStatistics,
    damping: f64,
) -> Result<(Mat<f64>, Vec<bool>, f64), SpectraError> {
    let Some(products) = statistics.products() else {
        return Err(SpectraError::Mismatch {
            layer: layer.into(),
            problem: "the statistics hold no products of inputs".into(),
        });
    };
    let n = products.nrows();
    let is_dead: Vec<bool> = (0..n).map(|j| products[(j, j)] == 0.0).collect();
    let scale = 2.0 / statistics.n_sequences().max(1) as f64;
    let mut hessian = Mat::from_fn(n, n, |i, j| scale * products[(i.max(j), i.min(j))]);
    for j in 0..n {
        if is_dead[j] {
            hessian[(j, j)] = 1.0;
        }
    }
    let mean = (0..n).map(|j| hessian[(j, j)]).sum::<f64>() / n.max(1) as f64;
    let mut damping = damping;
    let mut added = 0.0;
    for raise in 0..=MAX_RAISES {
        if raise > 0 {
            damping *= 10.0;
        }
        for j in 0..n {
            hessian[(j, j)] += damping * mean - added;
        }
        added = damping * mean;
        let Ok(factor) = Llt::new(hessian.as_ref(), Side::Lower) else { continue };
        let inverse = factor.inverse();
        if let Ok(factor) = Llt::new(inverse.as_ref(), Side::Lower) {
            return Ok((factor.L().transpose().to_owned(), is_dead, damping));
        }
    }
    Err(SpectraError::NotPositiveDefinite { layer: layer.into(), damping })
}

fn score(w: &Mat<f64>, upper: &Mat<f64>, row: usize, col: usize) -> f64 {
    (w[(row, col)] / upper[(col, col)]).powi(2)
}

/// Marks the smallest scores of a block of columns; `is_zero` is column-major.
fn choose_share(
    w: &Mat<f64>,
    upper: &Mat<f64>,
    cols: std::ops::Range<usize>,
    share: f64,
    is_zero: &mut [bool],
) {
    let n_rows = w.nrows();
    let mut order: Vec<(f64, usize)> = cols
        .enumerate()
        .flat_map(|(at, col)| (0..n_rows).map(move |row| (at, row, col)))
        .map(|(at, row, col)| (score(w, upper, row, col), at * n_rows + row))
        .collect();
    let last = (order.len() as f64 * share) as usize;
    if last >= order.len() {
        return;
    }
    order.select_nth_unstable_by(last, |left, right| {
        left.0.total_cmp(&right.0).then(left.1.cmp(&right.1))
    });
    for &(_, index) in &order[..=last] {
        is_zero[index] = true;
    }
}

/// Marks the smallest scores of one group in every row, by the current weights.
fn choose_groups(
    w: &Mat<f64>,
    upper: &Mat<f64>,
    first: usize,
    cols: std::ops::Range<usize>,
    zeros: usize,
    is_zero: &mut [bool],
) {
    for row in 0..w.nrows() {
        let mut order: Vec<usize> = cols.clone().collect();
        order.sort_by(|&i, &j| score(w, upper, row, i).total_cmp(&score(w, upper, row, j)));
        for &col in &order[..zeros] {
            is_zero[(col - first) * w.nrows() + row] = true;
        }
    }
}
