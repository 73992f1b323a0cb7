//! Several networks as one model.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use simbias_data::{LossGradient, Objective, Scorer, ScorerError};

use crate::predict::NetScorer;

/// Mean of the logits of several networks.
pub struct Ensemble {
    members: Vec<NetScorer>,
}

impl Ensemble {
    /// An ensemble of at least one network.
    ///
    /// # Panics
    /// Without members.
    pub fn new(members: Vec<NetScorer>) -> Self {
        assert!(!members.is_empty(), "an ensemble needs a member");
        Self { members }
    }

    /// The networks.
    pub fn members(&self) -> &[NetScorer] {
        &self.members
    }
}

impl Scorer for Ensemble {
    fn n_outputs(&self) -> usize {
        self.members[0].n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        // A pass of a small network keeps one core busy; on other devices passes would only wait for each other.
        let is_on_cpu = *self.members[0].network().device() == simbias_nn::cpu();
        let scores: Vec<Array2<f32>> = if is_on_cpu {
            self.members.par_iter().map(|member| member.score(rows)).collect::<Result<_, _>>()?
        } else {
            self.members.iter().map(|member| member.score(rows)).collect::<Result<_, _>>()?
        };
        let mut total = Array2::zeros((rows.nrows(), self.n_outputs()));
        scores.iter().for_each(|scores| total += scores);
        Ok(total / self.members.len() as f32)
    }

    fn gradients(&self) -> Option<&dyn LossGradient> {
        Some(self)
    }

    fn scores_in_parallel(&self) -> bool {
        false
    }
}

impl LossGradient for Ensemble {
    /// `∂L/∂x = Σ_m (∂L/∂z̄ · ∂z_m/∂x) / M` with `∂L/∂z̄ = softmax(z̄) − onehot`.
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError> {
        let logits = self.score(rows)?;
        let (losses, upstream) = match objective {
            Objective::CrossEntropy(classes) => cross_entropy_and_slope(&logits, classes),
            Objective::WeightedLogits(weights) => {
                ((&logits * &weights).sum_axis(Axis(1)).to_vec(), weights.to_owned())
            }
        };
        let upstream = upstream / self.members.len() as f32;
        let mut gradient = Array2::zeros(rows.raw_dim());
        for member in &self.members {
            gradient += &member.loss_gradient(rows, Objective::WeightedLogits(upstream.view()))?.1;
        }
        Ok((losses, gradient))
    }
}

/// Cross-entropy of every row in nats, `[batch]`, and its slope in the logits, `[batch, n_classes]`, on the host.
///
/// # Panics
///
/// On a class without a logit.
pub fn cross_entropy_and_slope(logits: &Array2<f32>, classes: &[u32]) -> (Vec<f32>, Array2<f32>) {
    let mut slope = logits.clone();
    let mut losses = Vec::with_capacity(classes.len());
    for (mut row, &class) in slope.rows_mut().into_iter().zip(classes) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let own = row[class as usize];
        row.mapv_inplace(|logit| (logit - largest).exp());
        let sum = row.sum();
        losses.push(largest + sum.ln() - own);
        row.mapv_inplace(|value| value / sum);
        row[class as usize] -= 1.0;
    }
    (losses, slope)
}
