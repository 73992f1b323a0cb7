//! How the networks of an audit are trained.

use simbias_nn::{Architecture, Device, Init};
use simbias_report::Interrupted;
use simbias_stats::Seed;
use simbias_train::{Batches, FitConfig, Hooks, StepRule, StopReason, TrainState, TrainingSummary};

use crate::AuditError;

/// A fresh network before its first step.
pub(crate) fn fresh(
    architecture: &Architecture,
    seed: Seed,
    device: &Device,
) -> Result<TrainState, AuditError> {
    let weights = seed.child("audit/init", 0);
    Ok(TrainState::fresh(architecture, Init::default(), device, weights, seed)?)
}

/// Trains one network from `state` by the loss of `fit`.
pub(crate) fn train(
    state: &mut TrainState,
    batches: &mut dyn Batches,
    rule: &mut dyn StepRule,
    fit: &FitConfig,
    hooks: Hooks<'_>,
) -> Result<TrainingSummary, AuditError> {
    let outcome = simbias_train::fit(state, batches, &fit.loss, rule, fit, hooks)?;
    if outcome.reason == StopReason::Watcher {
        return Err(Interrupted.into());
    }
    Ok(TrainingSummary::new(state, outcome))
}
