//! The stages of one claim's measurement: announced, interruptible, and named in every error.

use std::fmt::Display;
use std::path::PathBuf;

use simbias_data::Dataset;
use simbias_nn::{Architecture, Device, Init, device_from_str};
use simbias_report::StopOnly;
use simbias_stats::Seed;
use simbias_train::{
    Batches, FitConfig, Hooks, Objective, Outcome, Plain, StopOnRequest, TrainState,
};

use crate::{ClaimError, MeasureContext, Scale};

/// Rows and steps of a quick run: enough to pass through the code, too few to find anything.
const QUICK_ROWS: usize = 600;
const QUICK_STEPS: u64 = 20;
/// Independent draws of a quick run.
const QUICK_DRAWS: u64 = 3;

/// What a measurement is doing, for those who wait.
pub(crate) struct Stages<'a> {
    claim: &'static str,
    context: &'a MeasureContext<'a>,
    device: Device,
    current: String,
    begun: usize,
    total: usize,
}

impl<'a> Stages<'a> {
    /// The stages of a claim that has `per_seed` of them for every seed of `context`.
    ///
    /// # Errors
    ///
    /// A device that this build does not have.
    pub(crate) fn new(
        claim: &'static str,
        context: &'a MeasureContext<'a>,
        per_seed: usize,
    ) -> Result<Self, ClaimError> {
        let device = device_from_str(&context.device).map_err(|error| ClaimError::Measure {
            claim,
            stage: "choice of the device".into(),
            message: error.to_string(),
        })?;
        let total = per_seed * context.seeds.len();
        Ok(Self { claim, context, device, current: String::new(), begun: 0, total })
    }

    /// Announces a stage, and ends the measurement if the user asked to stop.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Interrupted`].
    pub(crate) fn begin(&mut self, seed: Seed, stage: impl Display) -> Result<(), ClaimError> {
        self.current = format!("seed {}, {stage}", seed.value());
        self.context.stage(self.claim, &self.current, self.begun, self.total)?;
        self.begun += 1;
        Ok(())
    }

    /// A failure of the current stage; [`ClaimError::Interrupted`] if the method failed because the user asked to stop.
    pub(crate) fn failure(&self, error: impl Display) -> ClaimError {
        if let Err(interrupted) = self.check_interrupt() {
            return interrupted;
        }
        ClaimError::Measure {
            claim: self.claim,
            stage: self.current.clone(),
            message: error.to_string(),
        }
    }

    /// The error of a measurement that lacks files of the user's; `what` completes "needs …".
    pub(crate) fn needs(&self, what: impl Display) -> ClaimError {
        ClaimError::Needs { claim: self.claim, what: what.to_string() }
    }

    /// Folder with the user's data sets: the context's, else that of the environment variable
    /// `SIMBIAS_DATA`.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        let of_environment = || std::env::var_os("SIMBIAS_DATA").map(PathBuf::from);
        self.context.data_folder.clone().or_else(of_environment)
    }

    /// Ends the measurement if the user asked to stop.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Interrupted`].
    pub(crate) fn check_interrupt(&self) -> Result<(), ClaimError> {
        let claim = self.claim;
        self.context.progress.keep_going().map_err(|_| ClaimError::Interrupted { claim })
    }

    /// The progress for methods within the current stage: it only passes on the request to stop.
    pub(crate) fn quiet(&self) -> StopOnly<'a> {
        StopOnly(self.context.progress)
    }

    /// A network with fresh weights before its first step; `seed` determines the weights and all later draws.
    ///
    /// # Errors
    ///
    /// Invalid sizes.
    pub(crate) fn fresh(
        &self,
        architecture: &Architecture,
        init: Init,
        seed: Seed,
    ) -> Result<TrainState, ClaimError> {
        let (weights, training) = (seed.child("claims/init", 0), seed.child("claims/train", 0));
        TrainState::fresh(architecture, init, &self.device, weights, training)
            .map_err(|error| self.failure(error))
    }

    /// Trains `state`, one pass per step, until the training or the measurement ends.
    ///
    /// # Errors
    ///
    /// Data that do not fit the network, a loss that is no longer finite, [`ClaimError::Interrupted`].
    pub(crate) fn fit(
        &self,
        state: &mut TrainState,
        batches: &mut dyn Batches,
        objective: &dyn Objective,
        validation: Option<&Dataset>,
        config: &FitConfig,
    ) -> Result<Outcome, ClaimError> {
        let mut watch = StopOnRequest(self.context.progress);
        let hooks = Hooks::new(&mut watch).validated(validation);
        let outcome = simbias_train::fit(state, batches, objective, &mut Plain, config, hooks)
            .map_err(|error| self.failure(error))?;
        self.check_interrupt()?;
        Ok(outcome)
    }

    /// Where to compute.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// How large the check is.
    pub(crate) fn scale(&self) -> Scale {
        self.context.scale
    }

    /// The repetitions.
    pub(crate) fn seeds(&self) -> &'a [Seed] {
        &self.context.seeds
    }

    /// `n_rows`, or few in a quick run.
    pub(crate) fn rows(&self, n_rows: usize) -> usize {
        if self.context.quick { n_rows.min(QUICK_ROWS) } else { n_rows }
    }

    /// `n_draws` inside one repetition, or few in a quick run.
    pub(crate) fn draws(&self, n_draws: u64) -> u64 {
        if self.context.quick { n_draws.min(QUICK_DRAWS) } else { n_draws }
    }

    /// Whether sizes are reduced.
    pub(crate) fn is_quick(&self) -> bool {
        self.context.quick
    }

    /// `n_steps`, or few in a quick run.
    pub(crate) fn steps(&self, n_steps: u64) -> u64 {
        if self.context.quick { n_steps.min(QUICK_STEPS) } else { n_steps }
    }
}
