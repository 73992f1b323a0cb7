//! What a measurement gets and what it returns.

use std::path::PathBuf;

use simbias_report::{Caveat, Progress};
use simbias_stats::Seed;

use crate::{ClaimError, Scale};

/// The circumstances of a measurement.
pub struct MeasureContext<'a> {
    /// How large the check is.
    pub scale: Scale,
    /// One seed per repetition, for training and data; at least [`crate::MIN_SEEDS`] for a verdict.
    pub seeds: Vec<Seed>,
    /// Reduced sizes, to see that the code runs; such a run is never judged.
    pub quick: bool,
    /// Device to compute on, as the user named it.
    pub device: String,
    /// Folder with the user's data sets, one folder each (`mnist`, `cifar10`), for claims that need them;
    /// without it the environment variable `SIMBIAS_DATA` is used.
    pub data_folder: Option<PathBuf>,
    /// Is told of every stage: each is an equal part, its name is the remark.
    pub progress: &'a dyn Progress,
}

impl<'a> MeasureContext<'a> {
    /// `n_seeds` consecutive seeds from `root` on, on the CPU, at full size.
    pub fn new(scale: Scale, root: u64, n_seeds: usize, progress: &'a dyn Progress) -> Self {
        let seeds = (0..n_seeds as u64).map(|index| Seed::new(root.wrapping_add(index))).collect();
        Self { scale, seeds, quick: false, device: "cpu".into(), data_folder: None, progress }
    }

    /// Announces a stage, and ends the measurement if the user asked to stop.
    ///
    /// # Errors
    /// [`ClaimError::Interrupted`].
    pub fn stage(
        &self,
        claim: &'static str,
        stage: &str,
        done: usize,
        total: usize,
    ) -> Result<(), ClaimError> {
        self.progress.keep_going().map_err(|_| ClaimError::Interrupted { claim })?;
        self.progress.advance(done, total, stage);
        Ok(())
    }
}

/// One judged number.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Name of the criterion in the table.
    pub criterion: &'static str,
    /// Seed of the repetition.
    pub seed: u64,
    /// The number; NaN if the repetition gave none.
    pub value: f64,
}

/// One number shown beside the judged ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// What was measured.
    pub name: String,
    /// Seed of the repetition.
    pub seed: u64,
    /// The number.
    pub value: f64,
}

/// Everything a measurement found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// Judged numbers.
    pub observations: Vec<Observation>,
    /// Numbers beside them.
    pub controls: Vec<Control>,
    /// Doubts.
    pub caveats: Vec<Caveat>,
}

impl Measurement {
    /// Adds a judged number.
    pub fn observe(&mut self, criterion: &'static str, seed: Seed, value: f64) {
        self.observations.push(Observation { criterion, seed: seed.value(), value });
    }

    /// Adds a number that is shown and not judged.
    pub fn control(&mut self, name: impl Into<String>, seed: Seed, value: f64) {
        self.controls.push(Control { name: name.into(), seed: seed.value(), value });
    }

    /// Adds a doubt, once.
    pub fn caveat(&mut self, caveat: Caveat) {
        if !self.caveats.contains(&caveat) {
            self.caveats.push(caveat);
        }
    }
}
