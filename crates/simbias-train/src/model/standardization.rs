//! Columns on a common scale.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, SplitDataset, TestSplit, TrainSplit, ValidationSplit};

/// Variance below which a column counts as constant.
const CONSTANT: f64 = 1e-12;

/// `x ↦ (x − mean) · scale` by column: mean 0 and variance 1 on the rows that it was taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    pub(super) mean: Vec<f32>,
    /// One over the standard deviation; 0 for constant columns, which become 0.
    pub(super) scale: Vec<f32>,
}

impl Standardization {
    /// The standardisation to mean 0 and variance 1 on the rows of `train`.
    pub fn of(train: &Dataset) -> Self {
        let n = train.n_rows() as f64;
        let moments = train.rows.columns().into_iter().map(|column| {
            let values = || column.iter().map(|&value| f64::from(value));
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
            let scale = if variance > CONSTANT { 1.0 / variance.sqrt() } else { 0.0 };
            (mean as f32, scale as f32)
        });
        let (mean, scale) = moments.unzip();
        Self { mean, scale }
    }

    /// What this tool's networks do to their inputs: [`of`](Self::of) for tables, `None` for images.
    pub fn of_table(train: &Dataset) -> Option<Self> {
        train.layout.image_shape().is_none().then(|| Self::of(train))
    }

    /// Columns of a row.
    pub fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// Standardised `rows`, shape `[n_rows, n_features]`.
    pub fn rows(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut rows = rows.to_owned();
        for (column, mut values) in rows.columns_mut().into_iter().enumerate() {
            let (mean, scale) = (self.mean[column], self.scale[column]);
            values.mapv_inplace(|value| (value - mean) * scale);
        }
        rows
    }

    /// `data` with standardised rows.
    pub fn dataset(&self, data: &Dataset) -> Dataset {
        Dataset { rows: self.rows(data.rows.view()), ..data.clone() }
    }

    /// All parts with standardised rows.
    pub fn split(&self, split: &SplitDataset) -> SplitDataset {
        SplitDataset {
            train: TrainSplit(self.dataset(&split.train.0)),
            validation: ValidationSplit(self.dataset(&split.validation.0)),
            test: TestSplit(self.dataset(&split.test.0)),
        }
    }
}
