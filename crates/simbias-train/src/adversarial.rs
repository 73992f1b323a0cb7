//! Adversarial training: every batch is replaced by its attacked version.

use simbias_nn::Network;
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::TrainError;
use crate::attack::{Pgd, perturbed_rows, pgd};
use crate::batch::{Batch, BatchTarget};
use crate::batches::PrepareBatch;
use crate::predict::NetScorer;

/// Replaces each batch by its PGD version against the current weights in evaluation mode (Madry et al. 2018).
///
/// Costs `n_steps + 1` input gradients on top of the training step.
#[derive(Clone, Copy, Debug)]
pub struct Adversarial {
    /// The attack on each batch.
    pub attack: Pgd,
}

impl PrepareBatch for Adversarial {
    fn name(&self) -> String {
        format!("adversarial {:?}", self.attack)
    }

    fn prepare(
        &mut self,
        network: &Network,
        batch: &mut Batch,
        seed: Seed,
    ) -> Result<(), TrainError> {
        let BatchTarget::Classes(classes) = &batch.target else {
            return Err(TrainError::Mismatch {
                what: "target under adversarial training",
                found: "values".into(),
                expected: "classes".into(),
            });
        };
        let model = NetScorer::new(network.clone());
        let rows = batch.rows.view();
        let outcome = pgd(&model, rows, classes, &self.attack, seed, classes.len(), &Silent)?;
        batch.rows = perturbed_rows(rows, outcome.delta.view(), self.attack.bounds)?;
        Ok(())
    }
}
