//! Batches from a function of seed and step.

use std::fmt;

use simbias_nn::Network;
use simbias_stats::Seed;

use super::{Batches, Drawn, Fingerprint, Place};
use crate::TrainError;
use crate::batch::{Batch, TargetKind};

/// Endless fresh data: `draw(seed, step)` makes the batch of a step, where each step has its own seed.
///
/// The function must depend on its arguments only, so that a resumed run equals one that was never interrupted.
pub struct Generated<F> {
    name: String,
    target: TargetKind,
    draw: F,
}

impl<F: FnMut(Seed, u64) -> Result<Batch, TrainError>> Generated<F> {
    /// Batches with targets of kind `target`. `name` tells generators and their settings apart in saved states.
    pub fn new(name: impl Into<String>, target: TargetKind, draw: F) -> Self {
        Self { name: name.into(), target, draw }
    }
}

impl<F> fmt::Debug for Generated<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generated")
            .field("name", &self.name)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl<F> Fingerprint for Generated<F> {
    fn fingerprint(&self) -> String {
        format!("generated {}", self.name)
    }
}

impl<F: FnMut(Seed, u64) -> Result<Batch, TrainError>> Batches for Generated<F> {
    fn target(&self) -> TargetKind {
        self.target
    }

    fn draw(&mut self, network: &Network, place: Place) -> Result<Drawn, TrainError> {
        let mut batch = (self.draw)(place.step_seed().child("generate", 0), place.step)?;
        batch.step = place.step;
        batch.check(network, self.target)?;
        Ok(Drawn::Host(batch))
    }
}
