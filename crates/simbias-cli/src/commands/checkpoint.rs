//! States of training beside a run's directory, so that they survive whatever ends the process.

use std::fs;
use std::path::{Path, PathBuf};

use simbias_data::Dataset;
use simbias_nn::{Architecture, Device};
use simbias_train::{FitConfig, TrainError, TrainState};

use crate::shell::{Failure, RunDirectory, Shell};

/// The checkpoint of one run.
pub(crate) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    /// `DIR.checkpoint` for the run directory DIR.
    pub(crate) fn beside(run: &RunDirectory) -> Self {
        Self { path: with_suffix(run.path(), ".checkpoint") }
    }

    /// The state at `path`, to be continued with `fit` on `train` by a network of `architecture`.
    pub(crate) fn load(
        path: &Path,
        device: &Device,
        architecture: &Architecture,
        fit: &FitConfig,
        train: &Dataset,
    ) -> Result<TrainState, Failure> {
        TrainState::load(path, device, architecture, fit, train).map_err(|error| {
            let is_file = matches!(error, TrainError::File { .. });
            let failure = Failure::from(error);
            if is_file {
                failure
                    .hint("--resume takes the DIR.checkpoint that lies beside an interrupted run")
            } else {
                failure
            }
        })
    }

    /// Where the traces recorded up to the checkpoint at `path` are kept.
    pub(crate) fn traces(path: &Path) -> PathBuf {
        with_suffix(path, ".traces")
    }

    /// The checkpoint's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the state, whole or not at all.
    pub(crate) fn save(
        &self,
        state: &TrainState,
        fit: &FitConfig,
        train: &Dataset,
    ) -> Result<(), TrainError> {
        state.save(&self.path, fit, train)
    }

    /// Says how to go on when `ended` is an interrupt, whatever was being done.
    pub(crate) fn tell_after<T>(
        &self,
        ended: Result<T, Failure>,
        shell: &Shell,
    ) -> Result<T, Failure> {
        if matches!(ended, Err(Failure::Interrupted)) && self.path.is_file() {
            shell.note(&format!(
                "the run can be continued: the same command with --resume {}",
                self.path.display()
            ));
        }
        ended
    }

    /// The run is complete and needs it no more.
    pub(crate) fn remove(&self) {
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
