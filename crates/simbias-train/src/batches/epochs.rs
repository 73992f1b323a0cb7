//! A data set once per epoch, in a new order each time.

use simbias_data::Dataset;
use simbias_nn::Network;
use simbias_stats::Seed;

use super::{Batches, Drawn, Fingerprint, Place, check_drawing, with_weights};
use crate::TrainError;
use crate::batch::{TargetKind, gather};
use crate::fit::Evaluate;
use crate::objective::Objective;

/// Every row once per epoch: epoch `e` visits the rows in the order of the stream `train/shuffle`, `e`. Data stay on the
/// host; batches are uploaded.
#[derive(Clone, Debug)]
pub struct ShuffledEpochs<'a> {
    data: &'a Dataset,
    batch_size: usize,
    weights: Option<&'a [f32]>,
    /// Order of the rows in one epoch of one run.
    order: Option<(Seed, u64, Vec<u32>)>,
}

impl<'a> ShuffledEpochs<'a> {
    /// Batches of `batch_size` rows; the last one of an epoch may be smaller.
    pub fn new(data: &'a Dataset, batch_size: usize) -> Self {
        Self { data, batch_size, weights: None, order: None }
    }

    /// Sets a factor on every row's loss, `[n_rows]`; the batch mean divides by the number of rows.
    pub fn weighted(self, weights: &'a [f32]) -> Self {
        Self { weights: Some(weights), ..self }
    }
}

impl Fingerprint for ShuffledEpochs<'_> {
    fn fingerprint(&self) -> String {
        with_weights(self.data.fingerprint(), self.weights)
    }
}

impl Batches for ShuffledEpochs<'_> {
    fn target(&self) -> TargetKind {
        TargetKind::of(&self.data.target)
    }

    fn steps_per_epoch(&self) -> Option<u64> {
        Some(self.data.n_rows().div_ceil(self.batch_size.max(1)) as u64)
    }

    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        self.data.check(network, objective)?;
        check_drawing(self.data, self.batch_size, self.weights)
    }

    fn training_rows(&self) -> Option<&dyn Evaluate> {
        Some(self.data)
    }

    fn draw(&mut self, _: &Network, place: Place) -> Result<Drawn, TrainError> {
        let n_rows = self.data.n_rows();
        let rows = match &self.order {
            Some((seed, epoch, rows)) if (*seed, *epoch) == (place.seed, place.epoch) => rows,
            _ => {
                let rows = place.seed.child("train/shuffle", place.epoch).permutation(n_rows);
                &self.order.insert((place.seed, place.epoch, rows)).2
            }
        };
        let start = place.within_epoch as usize * self.batch_size;
        let indices = &rows[start..(start + self.batch_size).min(n_rows)];
        Ok(Drawn::Host(gather(self.data, self.weights, indices, place.step, place.epoch)))
    }
}
