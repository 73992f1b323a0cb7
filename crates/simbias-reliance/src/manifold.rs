//! How far randomized rows are from real ones: permutation breaks correlations (Hooker & Mentch 2019).

use faer::linalg::solvers::Solve;
use faer::{Mat, Side as Triangle};
use ndarray::{Array2, ArrayView2, Axis};
use simbias_stats::{Placements, Seed};

/// Rows used; more change the figures only in the third digit.
const MOST_ROWS: usize = 4000;
/// Coordinates used on each side, evenly spread.
const MOST_COLUMNS: usize = 256;
/// Principal components on each side whose products the domain classifier sees.
const COMPONENTS: usize = 8;

/// Mean absolute Pearson correlation between coordinates of a block and of the rest.
///
/// `rows` has shape `[n_rows, n_coordinates]`. Constant coordinates count as uncorrelated; 0 without a rest.
pub fn mean_abs_correlation(rows: ArrayView2<'_, f32>, block: &[u32], rest: &[u32]) -> f64 {
    let (Some(inside), Some(outside)) = (standardized(rows, block), standardized(rows, rest))
    else {
        return 0.0;
    };
    let correlations = inside.t().dot(&outside) / inside.nrows() as f64;
    correlations.iter().map(|value| value.abs()).sum::<f64>() / correlations.len() as f64
}

/// AUC of a classifier that separates real rows from rows whose block comes from `donors`, on held-out rows.
///
/// The classifier is a logistic regression on the squares and products of the leading principal components of
/// block and rest (what the likelihood ratio of two Gaussians depends on): it sees broken linear dependence,
/// not every kind. `None` for fewer than 100 rows or without a rest.
pub fn off_manifold_auc(
    rows: ArrayView2<'_, f32>,
    block: &[u32],
    rest: &[u32],
    donors: &[u32],
    seed: Seed,
) -> Option<f64> {
    if rows.nrows() < 100 {
        return None;
    }
    let inside = components(&standardized(rows, block)?)?;
    let outside = components(&standardized(rows, rest)?)?;
    let n_looked = inside.nrows();
    let mut order = seed.child("reliance/off-manifold", 0).permutation(n_looked);
    let stride = rows.nrows().div_ceil(MOST_ROWS).max(1);
    // A donor outside the rows used is replaced by one inside, so that both halves come from one sample.
    let donor = |row: usize| (donors[row * stride] as usize / stride).min(n_looked - 1);
    let half = n_looked / 2;
    let test = order.split_off(half);
    let features = |rows: &[u32], swap: bool| {
        let n_features = inside.ncols() * outside.ncols() + inside.ncols() + outside.ncols();
        let mut features = Array2::<f64>::zeros((rows.len(), n_features));
        for (mut target, &row) in features.rows_mut().into_iter().zip(rows) {
            let row = row as usize;
            let own = if swap { donor(row) } else { row };
            let (inside, outside) = (inside.row(own), outside.row(row));
            let products = inside.iter().flat_map(|a| outside.iter().map(move |b| a * b));
            let squares = inside.iter().chain(&outside).map(|value| value * value);
            for (value, found) in target.iter_mut().zip(products.chain(squares)) {
                // Bounded, so that a few extreme rows do not decide.
                *value = found.clamp(-9.0, 9.0);
            }
        }
        features
    };
    let direction = logistic_direction(&features(&order, false), &features(&order, true))?;
    let score = |features: Array2<f64>| features.dot(&direction).to_vec();
    let mut scores = score(features(&test, false));
    let n_real = scores.len();
    scores.extend(score(features(&test, true)));
    let is_real: Vec<bool> = (0..scores.len()).map(|index| index < n_real).collect();
    Some(Placements::new(&scores, &is_real).ok()?.estimate().auc)
}

/// Evenly spread rows and columns, each column with mean 0 and variance 1; `None` without columns.
fn standardized(rows: ArrayView2<'_, f32>, columns: &[u32]) -> Option<Array2<f64>> {
    if columns.is_empty() {
        return None;
    }
    let row_stride = rows.nrows().div_ceil(MOST_ROWS).max(1);
    let column_stride = columns.len().div_ceil(MOST_COLUMNS).max(1);
    let rows_looked: Vec<usize> = (0..rows.nrows()).step_by(row_stride).collect();
    let columns_looked: Vec<usize> =
        columns.iter().step_by(column_stride).map(|&column| column as usize).collect();
    let mut values =
        rows.select(Axis(0), &rows_looked).select(Axis(1), &columns_looked).mapv(f64::from);
    for mut column in values.columns_mut() {
        let mean = column.sum() / column.len() as f64;
        column.mapv_inplace(|value| value - mean);
        let deviation = (column.mapv(|value| value * value).sum() / column.len() as f64).sqrt();
        if deviation > 0.0 {
            column.mapv_inplace(|value| value / deviation);
        }
    }
    Some(values)
}

/// Leading principal components with variance 1, `[n_rows, ≤ COMPONENTS]`.
fn components(values: &Array2<f64>) -> Option<Array2<f64>> {
    let covariance = values.t().dot(values) / values.nrows() as f64;
    let n = covariance.ncols();
    let matrix = Mat::from_fn(n, n, |i, j| covariance[[i, j]]);
    let decomposition = matrix.self_adjoint_eigen(Triangle::Lower).ok()?;
    let (vectors, eigenvalues) = (decomposition.U(), decomposition.S().column_vector());
    let leading: Vec<usize> =
        (0..n).rev().take(COMPONENTS).filter(|&index| eigenvalues[index] > 1e-9).collect();
    if leading.is_empty() {
        return None;
    }
    let directions = Array2::from_shape_fn((n, leading.len()), |(row, index)| {
        vectors[(row, leading[index])] / eigenvalues[leading[index]].sqrt()
    });
    Some(values.dot(&directions))
}

/// Newton steps of the classifier; it has converged, or separates the samples, long before.
const NEWTON_STEPS: usize = 12;

/// Direction of a logistic regression with a small ridge that separates `first` from `second`, `[n, n_features]`
/// each.
fn logistic_direction(first: &Array2<f64>, second: &Array2<f64>) -> Option<ndarray::Array1<f64>> {
    let n_features = first.ncols();
    let n_rows = first.nrows() + second.nrows();
    let mut rows = ndarray::concatenate(Axis(0), &[first.view(), second.view()]).ok()?;
    let mut scales = Vec::with_capacity(n_features);
    for mut column in rows.columns_mut() {
        let mean = column.sum() / n_rows as f64;
        let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n_rows as f64;
        let scale = if variance > 0.0 { 1.0 / variance.sqrt() } else { 0.0 };
        column.mapv_inplace(|value| (value - mean) * scale);
        scales.push(scale);
    }
    let is_first = |row: usize| if row < first.nrows() { 1.0 } else { 0.0 };
    let ridge = 1e-4 * n_rows as f64 / n_features as f64;
    // The last column is the intercept.
    let ones = Array2::<f64>::ones((n_rows, 1));
    let rows = ndarray::concatenate(Axis(1), &[rows.view(), ones.view()]).ok()?;
    let n_columns = n_features + 1;
    let mut direction = ndarray::Array1::<f64>::zeros(n_columns);
    for _ in 0..NEWTON_STEPS {
        let probabilities = rows.dot(&direction).mapv(|logit| 1.0 / (1.0 + (-logit).exp()));
        let residuals: ndarray::Array1<f64> =
            (0..n_rows).map(|row| is_first(row) - probabilities[row]).collect();
        let gradient = rows.t().dot(&residuals) - ridge * &direction;
        let weights = probabilities.mapv(|p| (p * (1.0 - p)).max(1e-6));
        let weighted = &rows * &weights.insert_axis(Axis(1));
        let curvature = rows.t().dot(&weighted);
        let matrix = Mat::from_fn(n_columns, n_columns, |i, j| {
            curvature[[i, j]] + if i == j { ridge } else { 0.0 }
        });
        let right = Mat::from_fn(n_columns, 1, |i, _| gradient[i]);
        let step = matrix.llt(Triangle::Lower).ok()?.solve(&right);
        for i in 0..n_columns {
            direction[i] += step[(i, 0)];
        }
    }
    Some(direction.slice(ndarray::s![..n_features]).to_owned() * ndarray::Array1::from(scales))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(correlated: bool) -> Array2<f32> {
        let wave = |i: usize, k: f64| (((i as f64 + 1.0) * k).sin() * 43758.5453).fract() as f32;
        Array2::from_shape_fn((2000, 4), |(i, j)| match (j, correlated) {
            (0 | 1, _) => wave(i, 12.9898 + j as f64),
            (_, true) => wave(i, 12.9898 + (j - 2) as f64) + 0.1 * wave(i, 78.233),
            (_, false) => wave(i, 39.425 + j as f64),
        })
    }

    #[test]
    fn broken_dependence_is_seen() {
        let donors = Seed::new(1).permutation(2000);
        let found = |rows: &Array2<f32>| {
            (
                mean_abs_correlation(rows.view(), &[0, 1], &[2, 3]),
                off_manifold_auc(rows.view(), &[0, 1], &[2, 3], &donors, Seed::new(2)).unwrap(),
            )
        };
        let (correlation, auc) = found(&rows(true));
        assert!(correlation > 0.45 && auc > 0.8, "correlated: {correlation} {auc}");
        let (correlation, auc) = found(&rows(false));
        assert!(correlation < 0.06 && (auc - 0.5).abs() < 0.06, "independent: {correlation} {auc}");
    }
}
