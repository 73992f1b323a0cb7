//! Small models on the host with gradients written out by hand.

use ndarray::{Array1, Array2, ArrayView2, Axis, array};
use simbias_data::{LossGradient, Objective, Scorer, ScorerError};

/// Affine layers with ReLU between them; one layer makes a linear model.
pub(crate) struct ReluMlp {
    /// `[n_out, n_in]` and `[n_out]` of each layer.
    pub(crate) layers: Vec<(Array2<f32>, Array1<f32>)>,
}

impl ReluMlp {
    /// Two logits `∓ weights · x / 2`, so that logit 1 minus logit 0 is `weights · x`.
    pub(crate) fn linear(weights: &[f32]) -> Self {
        let half = Array1::from(weights.to_vec()) * 0.5;
        let weight = ndarray::stack![Axis(0), -&half, half];
        Self { layers: vec![(weight, array![0.0, 0.0])] }
    }

    /// Pre-activations of every layer, the logits last.
    fn forward(&self, rows: ArrayView2<'_, f32>) -> Vec<Array2<f32>> {
        let mut stages: Vec<Array2<f32>> = Vec::new();
        for (weight, bias) in &self.layers {
            let stage = match stages.last() {
                Some(stage) => stage.mapv(|value| value.max(0.0)).dot(&weight.t()) + bias,
                None => rows.dot(&weight.t()) + bias,
            };
            stages.push(stage);
        }
        stages
    }
}

impl Scorer for ReluMlp {
    fn n_outputs(&self) -> usize {
        self.layers.last().unwrap().1.len()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        Ok(self.forward(rows).pop().unwrap())
    }
}

impl LossGradient for ReluMlp {
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError> {
        let Objective::CrossEntropy(labels) = objective else {
            let message = format!("this model knows the cross-entropy only, not {objective:?}");
            return Err(ScorerError::Model { n_rows: rows.nrows(), message });
        };
        let stages = self.forward(rows);
        let logits = stages.last().unwrap();
        let largest = logits.fold_axis(Axis(1), f32::NEG_INFINITY, |a, &b| a.max(b));
        let shifted = logits - &largest.insert_axis(Axis(1));
        let log_sum = shifted.mapv(f32::exp).sum_axis(Axis(1)).mapv(f32::ln);
        let log_probability = shifted - &log_sum.insert_axis(Axis(1));
        let mut slope = log_probability.mapv(f32::exp);
        let mut losses = Vec::new();
        for (row, &label) in labels.iter().enumerate() {
            losses.push(-log_probability[[row, label as usize]]);
            slope[[row, label as usize]] -= 1.0;
        }
        for (index, (weight, _)) in self.layers.iter().enumerate().rev() {
            slope = slope.dot(weight);
            if index > 0 {
                slope.zip_mut_with(&stages[index - 1], |slope, &before| {
                    *slope *= f32::from(u8::from(before > 0.0));
                });
            }
        }
        Ok((losses, slope))
    }
}
