//! What commands that train share: checkpoints beside the run, and networks saved by simbias.

use std::fs;
use std::path::{Path, PathBuf};

use simbias_data::Dataset;
use simbias_nn::{Architecture, Device, Init, Network, Precision};
use simbias_stats::Seed;
use simbias_train::{FitConfig, NetScorer, TrainError, TrainState};

use crate::shell::{Failure, RunDirectory, Shell};

/// A state of training beside the run's directory, so that it survives whatever ends the process.
pub(crate) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    /// `DIR.checkpoint` for the run directory DIR.
    pub(crate) fn beside(run: &RunDirectory) -> Self {
        let mut name = run.path().as_os_str().to_os_string();
        name.push(".checkpoint");
        Self { path: name.into() }
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

    /// Says how to go on.
    pub(crate) fn tell(&self, shell: &Shell) {
        if self.path.is_file() {
            shell.note(&format!(
                "training can be continued: the same command with --resume {}",
                self.path.display()
            ));
        }
    }

    /// The run is complete and needs it no more.
    pub(crate) fn remove(&self) {
        // It may never have been written.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens `network.safetensors` with the `network.json` beside it (or a folder that holds both) for rows like
/// those of `data`.
pub(crate) fn open_network(
    path: &Path,
    data: &Dataset,
    device: &Device,
) -> Result<NetScorer, Failure> {
    let weights = if path.is_dir() { path.join("network.safetensors") } else { path.to_path_buf() };
    let head = weights.with_extension("json");
    let text = fs::read_to_string(&head).map_err(|error| {
        Failure::input(format!(
            "cannot read {head:?}, which says how the network is built: {error}"
        ))
        .hint("give an .onnx file, or the folder of a run of `simbias train` or `simbias audit`")
    })?;
    let architecture: Architecture = serde_json::from_str(&text)
        .map_err(|error| Failure::input(format!("{head:?} is no architecture: {error}")))?;
    let mut network =
        Network::new(architecture, Init::default(), Precision::F32, Seed::new(0), device)?;
    if network.n_features() != data.n_features() {
        return Err(Failure::input(format!(
            "the network in {weights:?} takes {} features, the data have {}",
            network.n_features(),
            data.n_features()
        ))
        .hint("read the data as in the run that trained it (--image-size, --drop, --strata)"));
    }
    network.load_file(&weights)?;
    Ok(NetScorer::new(network))
}
