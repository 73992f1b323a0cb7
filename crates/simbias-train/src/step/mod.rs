//! How a batch becomes gradients: in one pass, or as many as a rule needs.

mod clipped;
mod gradients;
mod micro_batches;
mod normalised;
mod sam;

use simbias_nn::{Mode, Network, Tensor};
use simbias_stats::Seed;

pub use self::clipped::Clipped;
pub use self::gradients::Gradients;
pub use self::micro_batches::MicroBatches;
pub use self::normalised::Normalised;
pub use self::sam::{Ascent, Sam};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::Objective;

/// How a batch becomes the gradients that the optimiser sees.
///
/// A rule is given the values to take gradients at. They need not be the network's own, so that rules can wrap rules.
pub trait StepRule {
    /// Name and settings, such as `sam 0.05`; a run can only be continued with the same ones.
    fn name(&self) -> String;

    /// Gradients of the mean loss of `batch` for one step, taken at `values` (one per parameter of `network`). `seed`
    /// belongs to this step alone.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] for invalid settings of the rule, and any other error of the rule; it ends training.
    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError>;
}

impl<R: StepRule + ?Sized> StepRule for &mut R {
    fn name(&self) -> String {
        (**self).name()
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        (**self).gradients(network, values, objective, batch, seed)
    }
}

/// One forward and one backward pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

/// [`StepRule::name`] of [`Plain`].
pub(crate) const PLAIN: &str = "plain";

impl StepRule for Plain {
    fn name(&self) -> String {
        PLAIN.into()
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        Ok(Gradients::at(network, values, objective, batch, Mode::Train { seed }))
    }
}
