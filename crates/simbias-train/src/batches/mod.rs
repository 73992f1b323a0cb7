//! Where batches come from: a data set in shuffled epochs, all of it at once, rows drawn at random, a generator.
//!
//! The batch of a step depends on the run's seed and the step alone, never on earlier batches. A run that goes on from a
//! saved state therefore sees the same batches as an uninterrupted one.

mod epochs;
mod generated;
mod prepared;
mod random_rows;
mod whole;

use simbias_data::Dataset;
use simbias_nn::Network;
use simbias_stats::Seed;

pub use self::epochs::ShuffledEpochs;
pub use self::generated::Generated;
pub use self::prepared::{PrepareBatch, Prepared};
pub use self::random_rows::RandomRows;
pub use self::whole::WholeSet;
use crate::TrainError;
use crate::batch::{Batch, DeviceBatch, TargetKind};
use crate::fit::Evaluate;
use crate::objective::Objective;

/// Which batch is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Root of the run's draws.
    pub seed: Seed,
    /// Step of the run, counted from 0.
    pub step: u64,
    /// Epoch of the step, counted from 0; 0 throughout for a source without epochs.
    pub epoch: u64,
    /// Steps of this epoch before it.
    pub within_epoch: u64,
}

impl Place {
    /// The place of `step` if an epoch has `steps_per_epoch` steps, or never ends.
    pub fn new(seed: Seed, step: u64, steps_per_epoch: Option<u64>) -> Self {
        let (epoch, within_epoch) = match steps_per_epoch {
            Some(length) => (step / length.max(1), step % length.max(1)),
            None => (0, step),
        };
        Self { seed, step, epoch, within_epoch }
    }

    /// The seed of this step alone.
    pub fn step_seed(&self) -> Seed {
        self.seed.child("train/step", self.step)
    }
}

/// A batch as a source hands it out.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Drawn {
    /// On the host; it is uploaded after hooks have rewritten it.
    Host(Batch),
    /// On the network's device.
    Device(DeviceBatch),
}

/// What a saved state of training belongs to.
pub trait Fingerprint {
    /// A short text that differs if the rows or the way they are drawn differ.
    fn fingerprint(&self) -> String;
}

impl Fingerprint for Dataset {
    fn fingerprint(&self) -> String {
        self.fingerprint()
    }
}

/// A source of batches.
pub trait Batches: Fingerprint {
    /// The kind of targets of every batch.
    fn target(&self) -> TargetKind;

    /// Steps until all rows were visited once; `None` for a source that never ends.
    fn steps_per_epoch(&self) -> Option<u64> {
        None
    }

    /// Refuses a network or an objective that does not fit the batches, and invalid settings of the source; called once
    /// before training.
    ///
    /// # Errors
    ///
    /// [`TrainError::Mismatch`] and [`TrainError::Setting`].
    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        objective.check(network, self.target())
    }

    /// The rows that [`LossGoal`](crate::LossGoal) looks at; `None` if the source keeps none.
    fn training_rows(&self) -> Option<&dyn Evaluate> {
        None
    }

    /// The batch of `place`, which depends on its seed and step alone. `network` is the trained one before the step.
    ///
    /// # Errors
    ///
    /// Any error of the source; it ends training.
    fn draw(&mut self, network: &Network, place: Place) -> Result<Drawn, TrainError>;
}

/// The fingerprint of a source with example weights: `source`, and that of the weights if there are any.
fn with_weights(source: String, weights: Option<&[f32]>) -> String {
    let Some(weights) = weights else { return source };
    let mut hasher = blake3::Hasher::new();
    for weight in weights {
        hasher.update(&weight.to_le_bytes());
    }
    let hash = hasher.finalize().to_hex();
    format!("{source} weighted {}", &hash[..16])
}

/// Refuses a batch size of 0, and example weights unless there is one for each row, finite and from 0 up.
fn check_drawing(
    data: &Dataset,
    batch_size: usize,
    weights: Option<&[f32]>,
) -> Result<(), TrainError> {
    if batch_size == 0 {
        return Err(TrainError::Setting {
            field: "batch size",
            found: "0".into(),
            expected: "at least 1 row",
        });
    }
    let Some(weights) = weights else { return Ok(()) };
    let mismatch = |found: String, expected: String| {
        Err(TrainError::Mismatch { what: "example weights", found, expected })
    };
    let n_rows = data.n_rows();
    if weights.len() != n_rows {
        return mismatch(weights.len().to_string(), format!("{n_rows}, one per row"));
    }
    match weights.iter().position(|weight| !(weight.is_finite() && 0.0 <= *weight)) {
        Some(row) => {
            mismatch(format!("{} at row {row}", weights[row]), "finite weights from 0 up".into())
        }
        None => Ok(()),
    }
}
