//! States of training beside a run's directory, so that they survive whatever ends the process.

use std::fs;
use std::path::{Path, PathBuf};

use simbias_data::Dataset;
use simbias_nn::{Architecture, Device};
use simbias_train::{FitConfig, TrainError, TrainState};

use crate::{RunDirectory, RunError};

/// The checkpoint of one run.
#[derive(Clone, Debug)]
pub struct TrainingCheckpoint {
    path: PathBuf,
}

impl TrainingCheckpoint {
    /// `DIR.checkpoint` for the run directory DIR.
    pub fn beside(run: &RunDirectory) -> Self {
        Self { path: with_suffix(run.path(), ".checkpoint") }
    }

    /// The state at `path`, to be continued with `fit` on `train` by a network of `architecture`.
    ///
    /// # Errors
    /// [`RunError::Checkpoint`] for a file that is not a state, or that belongs to another run.
    pub fn load(
        path: &Path,
        device: &Device,
        architecture: &Architecture,
        fit: &FitConfig,
        train: &Dataset,
    ) -> Result<TrainState, RunError> {
        TrainState::load(path, device, architecture, fit, train).map_err(RunError::Checkpoint)
    }

    /// Where the traces recorded up to the checkpoint at `path` are kept.
    pub fn traces(path: &Path) -> PathBuf {
        with_suffix(path, ".traces")
    }

    /// The checkpoint's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the state, whole or not at all.
    ///
    /// # Errors
    /// As [`TrainState::save`].
    pub fn save(
        &self,
        state: &TrainState,
        fit: &FitConfig,
        train: &Dataset,
    ) -> Result<(), TrainError> {
        state.save(&self.path, fit, train)
    }

    /// Whether there is a state to continue from.
    pub fn is_saved(&self) -> bool {
        self.path.is_file()
    }

    /// Removes the file: the run is complete and no longer needs it.
    pub fn remove(&self) {
        // They may never have been written.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(Self::traces(&self.path));
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}
