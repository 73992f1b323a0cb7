//! Rows drawn anew at every step, from a set too large for epochs to be useful.

use rand::RngExt;
use simbias_data::Dataset;
use simbias_nn::Network;

use super::{Batches, Drawn, Fingerprint, Place, check_drawing};
use crate::TrainError;
use crate::batch::{TargetKind, gather};
use crate::fit::Evaluate;
use crate::objective::Objective;

/// A fixed number of rows at every step, drawn with replacement, as rays are drawn from all pixels of a scene's pictures;
/// shuffling all of them would cost more than it is worth. Never ends; step `s` draws from its own stream.
#[derive(Clone, Copy, Debug)]
pub struct RandomRows<'a> {
    data: &'a Dataset,
    batch_size: usize,
}

impl<'a> RandomRows<'a> {
    /// `batch_size` rows of `data` per step.
    pub fn new(data: &'a Dataset, batch_size: usize) -> Self {
        Self { data, batch_size }
    }
}

impl Fingerprint for RandomRows<'_> {
    fn fingerprint(&self) -> String {
        format!("random {} {}", self.batch_size, self.data.fingerprint())
    }
}

impl Batches for RandomRows<'_> {
    fn target(&self) -> TargetKind {
        TargetKind::of(&self.data.target)
    }

    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        self.data.check(network, objective)?;
        check_drawing(self.data, self.batch_size, None)
    }

    fn training_rows(&self) -> Option<&dyn Evaluate> {
        Some(self.data)
    }

    fn draw(&mut self, _: &Network, place: Place) -> Result<Drawn, TrainError> {
        let mut stream = place.seed.child("train/random-rows", place.step).stream();
        let n_rows = self.data.n_rows() as u32;
        let indices: Vec<u32> =
            (0..self.batch_size).map(|_| stream.random_range(0..n_rows)).collect();
        Ok(Drawn::Host(gather(self.data, None, &indices, place.step, place.epoch)))
    }
}
