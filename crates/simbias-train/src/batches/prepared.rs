//! A source whose batches a hook rewrites.

use std::fmt;

use simbias_nn::Network;
use simbias_stats::Seed;

use super::{Batches, Drawn, Fingerprint, Place};
use crate::TrainError;
use crate::batch::{Batch, TargetKind};
use crate::fit::Evaluate;
use crate::objective::Objective;

/// May rewrite a batch before its step: augmentation, adversarial examples, block permutation.
pub trait PrepareBatch {
    /// Name and settings; a run can only be continued with the same ones. By default the name of the type.
    fn name(&self) -> String {
        std::any::type_name::<Self>().into()
    }

    /// Changes `batch` in place. `seed` belongs to this step alone.
    ///
    /// # Errors
    ///
    /// Any error of the hook; it ends training.
    fn prepare(
        &mut self,
        network: &Network,
        batch: &mut Batch,
        seed: Seed,
    ) -> Result<(), TrainError>;
}

/// A source of batches on the host, each rewritten before its step.
pub struct Prepared<'a> {
    source: &'a mut dyn Batches,
    prepare: &'a mut dyn PrepareBatch,
}

impl<'a> Prepared<'a> {
    /// The batches of `source`, rewritten by `prepare`.
    pub fn new(source: &'a mut dyn Batches, prepare: &'a mut dyn PrepareBatch) -> Self {
        Self { source, prepare }
    }
}

impl fmt::Debug for Prepared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

impl Fingerprint for Prepared<'_> {
    fn fingerprint(&self) -> String {
        format!("{} prepared by {}", self.source.fingerprint(), self.prepare.name())
    }
}

impl Batches for Prepared<'_> {
    fn target(&self) -> TargetKind {
        self.source.target()
    }

    fn steps_per_epoch(&self) -> Option<u64> {
        self.source.steps_per_epoch()
    }

    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        self.source.check(network, objective)
    }

    fn training_rows(&self) -> Option<&dyn Evaluate> {
        self.source.training_rows()
    }

    fn draw(&mut self, network: &Network, place: Place) -> Result<Drawn, TrainError> {
        match self.source.draw(network, place)? {
            Drawn::Host(mut batch) => {
                let seed = place.step_seed().child("prepare", 0);
                self.prepare.prepare(network, &mut batch, seed)?;
                Ok(Drawn::Host(batch))
            }
            Drawn::Device(_) => Err(TrainError::Mismatch {
                what: "batches under a hook that rewrites them",
                found: "batches that stay on the device".into(),
                expected: "batches on the host".into(),
            }),
        }
    }
}
