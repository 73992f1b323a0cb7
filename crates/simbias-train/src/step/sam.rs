//! Two passes: the second one uphill.

use simbias_nn::{Network, Tensor};
use simbias_stats::Seed;

use super::{Gradients, Plain, StepRule};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::Objective;

/// Sharpness-aware minimisation (Foret et al. 2021): the gradient at `w + ρ g / ‖g‖`, with the norm over all parameters.
/// Another rule computes both gradients.
#[derive(Clone, Copy, Debug)]
pub struct Sam<R = Plain> {
    /// ρ, the length of the step uphill.
    pub radius: f64,
    /// The rule that computes either gradient.
    pub rule: R,
}

impl Sam {
    /// SAM of radius `radius` with one pass per gradient.
    pub fn new(radius: f64) -> Self {
        Self { radius, rule: Plain }
    }
}

impl<R: StepRule> StepRule for Sam<R> {
    fn name(&self) -> String {
        format!("sam {} of {}", self.radius, self.rule.name())
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        if !(self.radius.is_finite() && self.radius >= 0.0) {
            return Err(TrainError::Setting {
                field: "radius of SAM",
                found: self.radius.to_string(),
                expected: "a finite radius from 0 up",
            });
        }
        let here = self.rule.gradients(network, values, objective, batch, seed)?;
        let norm = here.norm().add_scalar(1e-12);
        let uphill: Vec<Tensor<1>> = values
            .iter()
            .zip(here.values)
            .map(|(value, gradient)| match gradient {
                Some(gradient) => value.clone() + gradient.mul_scalar(self.radius) / norm.clone(),
                None => value.clone(),
            })
            .collect();
        let there = self.rule.gradients(network, &uphill, objective, batch, seed)?;
        // Losses and running statistics are those at the values that were asked for.
        Ok(Gradients {
            loss: here.loss,
            values: there.values,
            statistics: here.statistics,
            rows: here.rows,
        })
    }
}
