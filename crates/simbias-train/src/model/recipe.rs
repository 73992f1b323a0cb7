//! How a network for some data is trained.

use simbias_data::Dataset;
use simbias_nn::{Architecture, Device, Init};
use simbias_stats::Seed;

use super::{NetworkChoice, architecture};
use crate::TrainError;
use crate::fit::{FitConfig, LossGoal, TrainState};
use crate::objective::Loss;
use crate::optimizer::Optimizer;
use crate::schedule::Schedule;

/// A network and how it is trained.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// What is trained.
    pub architecture: Architecture,
    /// How its weights start.
    pub init: Init,
    /// How it is trained.
    pub fit: FitConfig,
    /// Where.
    pub device: Device,
}

impl Recipe {
    /// Adam at .002 without weight decay, batches of 64 images or 128 rows; weights of the best validation score,
    /// stop at a training loss of .01. A block must not look ignored because its flat phase was never left: on an
    /// XOR of real digits the SGD of the paper's checks stays there beyond a thousand steps. Adam leaves within seven
    /// hundred, but not with an L2 term, which Adam blows up while the gradient is small.
    pub fn new(architecture: Architecture, n_rows: usize, max_steps: u64, device: Device) -> Self {
        let is_image = architecture.input().is_image();
        let batch_size = if is_image { 64 } else { 128 };
        let mut fit = FitConfig::new(Optimizer::adam(0.0), Schedule::constant(2e-3), max_steps);
        fit.batch_size = batch_size.min(n_rows.max(1));
        // An evaluation costs a forward pass of all validation rows.
        fit.evaluate_every = if is_image { 40 } else { 25 };
        fit.loss =
            if architecture.n_outputs() == 1 { Loss::SquaredError } else { Loss::CrossEntropy };
        fit.goal = Some(LossGoal { below: 1e-2, n_rows: 500 });
        Self { architecture, init: Init::default(), fit, device }
    }

    /// The recipe for some data: the network of `choice`, trained on as many rows as `data` has.
    ///
    /// # Errors
    ///
    /// [`TrainError::Data`] if an image network is asked for and the data are not images.
    pub fn for_data(
        choice: NetworkChoice,
        data: &Dataset,
        max_steps: u64,
        device: Device,
    ) -> Result<Self, TrainError> {
        Ok(Self::new(architecture(choice, data)?, data.n_rows(), max_steps, device))
    }

    /// A fresh network before its first step: `weights` is the seed of its weights, `training` the root of all later draws.
    ///
    /// # Errors
    ///
    /// [`TrainError::Network`] for an architecture with invalid sizes.
    pub fn start(&self, weights: Seed, training: Seed) -> Result<TrainState, TrainError> {
        TrainState::fresh(&self.architecture, self.init, &self.device, weights, training)
    }
}
