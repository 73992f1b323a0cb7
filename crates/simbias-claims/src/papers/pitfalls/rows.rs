//! The rows of one repetition: drawn and split, with what the generator knows about them.

use std::ops::Range;

use simbias_data::synth::{Preset, PresetOptions, SlabSample, SlabSpec};
use simbias_data::transform::{Identity, LinearTransform, Transform};
use simbias_data::{TestSplit, TrainSplit, ValidationSplit};
use simbias_stats::Seed;

use crate::ClaimError;
use crate::stages::Stages;

/// Rows to choose the step with, drawn beside those of the paper, so that the test rows choose nothing.
const N_VALIDATION: usize = 5_000;

/// Training, validation and test rows of one slab distribution.
pub(crate) struct SlabRows {
    /// Rows to learn from.
    pub(crate) train: TrainSplit,
    /// Rows to choose the step with.
    pub(crate) validation: ValidationSplit,
    /// Rows to judge with.
    pub(crate) test: TestSplit,
    /// Whether a test row is free of noise, one entry per row.
    pub(crate) clean_test: Vec<bool>,
    /// Undoes the rotation.
    pub(crate) transform: Box<dyn Transform>,
    /// Coordinates of the simplest block, after the rotation is undone.
    pub(crate) simple: Range<usize>,
}

impl SlabRows {
    /// Rows of `preset` with the settings of `options` but for the seed; `simple` is its simplest block.
    ///
    /// # Errors
    ///
    /// Invalid settings.
    pub(crate) fn of_preset(
        preset: Preset,
        options: PresetOptions,
        simple: Range<usize>,
        stages: &Stages<'_>,
        seed: Seed,
    ) -> Result<Self, ClaimError> {
        let spec = preset.slab_spec(options).map_err(|error| stages.failure(error))?;
        Self::of_spec(spec, (options.n_train, options.n_test), simple, stages, seed)
    }

    /// `(n_train, n_test)` rows of `spec`, whose own seed is replaced by one of `seed`.
    ///
    /// # Errors
    ///
    /// Invalid settings.
    pub(crate) fn of_spec(
        mut spec: SlabSpec,
        (n_train, n_test): (usize, usize),
        simple: Range<usize>,
        stages: &Stages<'_>,
        seed: Seed,
    ) -> Result<Self, ClaimError> {
        let (n_train, n_test) = (stages.rows(n_train), stages.rows(n_test));
        let n_validation = stages.rows(N_VALIDATION);
        spec.seed = seed.child("claims/data", 0);
        let sample =
            spec.sample(n_train + n_validation + n_test).map_err(|error| stages.failure(error))?;
        let cut = |sample: &SlabSample, n| sample.split_test(n).map_err(|e| stages.failure(e));
        let (rest, test) = cut(&sample, n_test)?;
        let (train, validation) = cut(&rest, n_validation)?;
        let transform: Box<dyn Transform> = match &sample.rotation {
            // Rows are z·Q, and the transform by Q gives z back.
            Some(rotation) => Box::new(
                LinearTransform::new(rotation.view()).map_err(|error| stages.failure(error))?,
            ),
            None => Box::new(Identity::new(spec.dim)),
        };
        Ok(Self {
            train: TrainSplit(train.dataset),
            validation: ValidationSplit(validation.dataset),
            test: TestSplit(test.dataset),
            clean_test: test.clean_mask,
            transform,
            simple,
        })
    }
}
