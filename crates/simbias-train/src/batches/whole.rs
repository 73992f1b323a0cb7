//! All rows at every step, uploaded once.

use simbias_data::Dataset;
use simbias_nn::{Device, Network, Precision};

use super::{Batches, Drawn, Fingerprint, Place, check_drawing, with_weights};
use crate::TrainError;
use crate::batch::{DeviceBatch, TargetKind, gather};
use crate::fit::Evaluate;
use crate::objective::Objective;

/// The whole data set as the batch of every step, in the order of its rows; for full-batch gradient descent. Rows are
/// uploaded at the first step and stay on the device, which must hold all of them and their activations
/// ([`MicroBatches`](crate::MicroBatches) limits the latter).
#[derive(Clone, Debug)]
pub struct WholeSet<'a> {
    data: &'a Dataset,
    weights: Option<&'a [f32]>,
    held: Option<Held>,
}

/// The rows on a device.
#[derive(Clone, Debug)]
struct Held {
    batch: DeviceBatch,
    device: Device,
    precision: Precision,
}

impl<'a> WholeSet<'a> {
    /// All rows of `data`.
    pub fn new(data: &'a Dataset) -> Self {
        Self { data, weights: None, held: None }
    }

    /// Sets a factor on every row's loss, `[n_rows]`; the mean divides by the number of rows.
    pub fn weighted(self, weights: &'a [f32]) -> Self {
        Self { weights: Some(weights), ..self }
    }
}

impl Fingerprint for WholeSet<'_> {
    fn fingerprint(&self) -> String {
        with_weights(format!("whole {}", self.data.fingerprint()), self.weights)
    }
}

impl Batches for WholeSet<'_> {
    fn target(&self) -> TargetKind {
        TargetKind::of(&self.data.target)
    }

    fn steps_per_epoch(&self) -> Option<u64> {
        Some(1)
    }

    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        self.data.check(network, objective)?;
        check_drawing(self.data, self.data.n_rows(), self.weights)
    }

    fn training_rows(&self) -> Option<&dyn Evaluate> {
        Some(self.data)
    }

    fn draw(&mut self, network: &Network, place: Place) -> Result<Drawn, TrainError> {
        // Another network may live on another device, or in another precision.
        let (device, precision) = (network.device(), network.precision());
        let fits = |held: &Held| held.device == *device && held.precision == precision;
        let held = match self.held.take().filter(fits) {
            Some(held) => held,
            None => {
                let all: Vec<u32> = (0..self.data.n_rows() as u32).collect();
                let batch = gather(self.data, self.weights, &all, place.step, place.epoch);
                let batch = DeviceBatch::new(&batch, network);
                Held { batch, device: device.clone(), precision }
            }
        };
        Ok(Drawn::Device(self.held.insert(held).batch.clone()))
    }
}
