//! A bound on the length of a step's gradient.

use simbias_nn::{Network, Tensor};
use simbias_stats::Seed;

use super::{Gradients, Plain, StepRule};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::Objective;

/// Added to the norm, as in PyTorch's `clip_grad_norm_`.
const EPSILON: f64 = 1e-6;

/// The gradient of another rule, shortened to a norm of at most `max_norm` over all parameters; its direction stays.
#[derive(Clone, Copy, Debug)]
pub struct Clipped<R = Plain> {
    /// Largest Euclidean norm, above 0.
    pub max_norm: f64,
    /// The rule that computes the gradient.
    pub rule: R,
}

impl Clipped {
    /// The gradient of one pass, at most `max_norm` long.
    pub fn new(max_norm: f64) -> Self {
        Self { max_norm, rule: Plain }
    }
}

impl<R: StepRule> StepRule for Clipped<R> {
    fn name(&self) -> String {
        format!("clipped {} of {}", self.max_norm, self.rule.name())
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        if !(self.max_norm.is_finite() && self.max_norm > 0.0) {
            return Err(TrainError::Setting {
                field: "largest norm of a gradient",
                found: self.max_norm.to_string(),
                expected: "a finite norm above 0",
            });
        }
        let mut found = self.rule.gradients(network, values, objective, batch, seed)?;
        let norm = found.norm().add_scalar(EPSILON);
        // On the device, so that no step waits for a number.
        let factor = norm.recip().mul_scalar(self.max_norm).clamp_max(1.0);
        for gradient in found.values.iter_mut().flatten() {
            *gradient = gradient.clone() * factor.clone();
        }
        Ok(found)
    }
}
