//! Models and rows in standard deviations of the columns.

use ndarray::{Array2, ArrayView2, Axis};
use simbias_data::{Dataset, LossGradient, Objective, Scorer, ScorerError};

/// Mean and standard deviation of every column of some rows.
pub(crate) struct Deviations {
    mean: Vec<f32>,
    /// 0 for constant columns, which nothing moves.
    deviation: Vec<f32>,
}

impl Deviations {
    /// Those of the rows of `data`.
    pub(crate) fn of(data: &Dataset) -> Self {
        let rows = data.rows.mapv(f64::from);
        let n = rows.nrows() as f64;
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        for column in rows.axis_iter(Axis(1)) {
            let centre = column.sum() / n;
            let variance = column.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / n;
            mean.push(centre as f32);
            deviation.push(variance.sqrt() as f32);
        }
        Self { mean, deviation }
    }

    /// `data` with its rows in standard deviations from the mean.
    pub(crate) fn scaled(&self, data: &Dataset) -> Dataset {
        let mut rows = data.rows.clone();
        for (column, mut values) in rows.columns_mut().into_iter().enumerate() {
            let (mean, deviation) = (self.mean[column], self.deviation[column]);
            values.mapv_inplace(
                |value| if deviation > 0.0 { (value - mean) / deviation } else { 0.0 },
            );
        }
        Dataset { rows, ..data.clone() }
    }

    /// Rows in units of the data.
    fn unscaled(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut rows = rows.to_owned();
        for (column, mut values) in rows.columns_mut().into_iter().enumerate() {
            let (mean, deviation) = (self.mean[column], self.deviation[column]);
            values.mapv_inplace(|value| value * deviation + mean);
        }
        rows
    }
}

/// A model of rows in standard deviations.
pub(crate) struct InDeviations<'a> {
    pub(crate) model: &'a dyn Scorer,
    pub(crate) deviations: &'a Deviations,
}

impl Scorer for InDeviations<'_> {
    fn n_outputs(&self) -> usize {
        self.model.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.model.score(self.deviations.unscaled(rows).view())
    }

    fn gradients(&self) -> Option<&dyn LossGradient> {
        self.model.gradients().map(|_| self as &dyn LossGradient)
    }

    fn scores_in_parallel(&self) -> bool {
        self.model.scores_in_parallel()
    }
}

impl LossGradient for InDeviations<'_> {
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError> {
        let Some(gradients) = self.model.gradients() else {
            let message = "the model has no gradients".into();
            return Err(ScorerError::Model { n_rows: rows.nrows(), message });
        };
        let (losses, mut gradient) =
            gradients.loss_gradient(self.deviations.unscaled(rows).view(), objective)?;
        for (mut column, &deviation) in
            gradient.columns_mut().into_iter().zip(&self.deviations.deviation)
        {
            column *= deviation;
        }
        Ok((losses, gradient))
    }
}
