//! A model's score over two coordinates.
//!
//! The official notebook fills the other coordinates with uniform noise that leaves the range of the data;
//! sampled rows keep to it. Both are offered and named.

use ndarray::{Array2, ArrayView2, Axis};
use simbias_data::Scorer;
use simbias_data::transform::Transform;
use simbias_stats::Seed;

use crate::RelianceError;

/// The values of the coordinates that do not vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Values of sampled rows.
    SampledRows,
    /// Uniform draws between 0 and the coordinate's largest absolute value, as in the official notebook 01.
    UniformFromZero,
}

/// Mean scores on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionMap {
    /// Name of the horizontal coordinate.
    pub x_name: String,
    /// Name of the vertical coordinate.
    pub y_name: String,
    /// Horizontal positions.
    pub x: Vec<f64>,
    /// Vertical positions.
    pub y: Vec<f64>,
    /// Mean score, `[y, x]`: logit difference for two outputs, the first output otherwise.
    pub scores: Array2<f64>,
    /// The values of the other coordinates, in words.
    pub others: String,
}

/// Rows whose other coordinates are averaged over.
const N_BACKGROUND: usize = 32;

/// Scores over a grid of `n_grid` × `n_grid` values of two coordinates after `transform`.
///
/// # Errors
/// A coordinate out of range, or a failing model.
pub fn decision_map(
    scorer: &dyn Scorer,
    rows: ArrayView2<'_, f32>,
    transform: &dyn Transform,
    coordinates: (usize, usize),
    n_grid: usize,
    others: Others,
    seed: Seed,
) -> Result<DecisionMap, RelianceError> {
    use rand::RngExt;

    let moved = transform.forward(rows);
    for column in [coordinates.0, coordinates.1] {
        if column >= moved.ncols() {
            return Err(RelianceError::ColumnOutOfRange {
                block: "decision map".into(),
                column,
                n_features: moved.ncols(),
            });
        }
    }
    let chosen: Vec<usize> = seed
        .child("reliance/decision-map", 0)
        .permutation(moved.nrows())
        .into_iter()
        .take(N_BACKGROUND)
        .map(|row| row as usize)
        .collect();
    let mut background = moved.select(Axis(0), &chosen);
    if others == Others::UniformFromZero {
        let mut stream = seed.child("reliance/decision-map", 1).stream();
        for (index, mut column) in background.columns_mut().into_iter().enumerate() {
            let width =
                moved.column(index).iter().fold(0.0_f32, |width, value| width.max(value.abs()));
            column.mapv_inplace(|_| width * stream.random::<f32>());
        }
    }
    let axis = |column: usize| -> Vec<f64> {
        let (low, high) = moved
            .column(column)
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let step = f64::from(high - low) / (n_grid.max(2) - 1) as f64;
        (0..n_grid.max(2)).map(|i| f64::from(low) + step * i as f64).collect()
    };
    let (x, y) = (axis(coordinates.0), axis(coordinates.1));
    let mut scores = Array2::zeros((y.len(), x.len()));
    for (i, &vertical) in y.iter().enumerate() {
        let n_background = background.nrows();
        let mut batch = Array2::zeros((x.len() * n_background, moved.ncols()));
        for (j, &horizontal) in x.iter().enumerate() {
            for k in 0..n_background {
                let mut row = batch.row_mut(j * n_background + k);
                row.assign(&background.row(k));
                row[coordinates.0] = horizontal as f32;
                row[coordinates.1] = vertical as f32;
            }
        }
        let found = scorer.score(transform.inverse(batch.view()).view())?;
        for j in 0..x.len() {
            let mean: f64 = (0..n_background)
                .map(|k| {
                    let outputs = found.row(j * n_background + k);
                    if outputs.len() == 2 {
                        f64::from(outputs[1]) - f64::from(outputs[0])
                    } else {
                        f64::from(outputs[0])
                    }
                })
                .sum::<f64>()
                / n_background as f64;
            scores[[i, j]] = mean;
        }
    }
    Ok(DecisionMap {
        x_name: format!("coordinate {}", coordinates.0),
        y_name: format!("coordinate {}", coordinates.1),
        x,
        y,
        scores,
        others: match others {
            Others::SampledRows => format!("{} sampled rows", background.nrows()),
            Others::UniformFromZero => {
                "uniform draws that leave the range of the data (as the official notebook)".into()
            }
        },
    })
}
