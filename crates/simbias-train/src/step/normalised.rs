//! Steps of one length.

use simbias_nn::{Network, Tensor};
use simbias_stats::Seed;

use super::{Gradients, Plain, StepRule};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::Objective;

/// Added to the norm, so that a gradient of zero stays zero.
const EPSILON: f64 = 1e-12;

/// The gradient of another rule, stretched or shortened to a norm of 1 over all parameters: with SGD every step is as
/// long as the learning rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Normalised<R = Plain> {
    /// The rule that computes the gradient.
    pub rule: R,
}

impl<R: StepRule> StepRule for Normalised<R> {
    fn name(&self) -> String {
        format!("normalised of {}", self.rule.name())
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        let mut found = self.rule.gradients(network, values, objective, batch, seed)?;
        let norm = found.norm().add_scalar(EPSILON);
        for gradient in found.values.iter_mut().flatten() {
            *gradient = gradient.clone() / norm.clone();
        }
        Ok(found)
    }
}
