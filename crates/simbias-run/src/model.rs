//! Models that a user brings: ONNX files of any framework, and networks that simbias saved. This is the only place
//! where a path becomes a model.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use simbias_data::{Dataset, LossGradient, Scorer, ScorerError};
use simbias_nn::Device;
use simbias_onnx::{OnnxOptions, OnnxScorer};
use simbias_report::InputFingerprint;
use simbias_train::TrainedNetwork;

use crate::{RunError, of_file};

/// How a model is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOptions {
    /// Output of an ONNX model that holds the scores, if it has several outputs.
    pub output: Option<String>,
    /// Rows that the model scores at a time; changes memory, not results.
    pub batch: usize,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { output: None, batch: OnnxOptions::default().batch }
    }
}

/// A model that can be scored, and attacked if it gives gradients.
pub struct Model {
    /// As the user named it.
    pub name: String,
    /// The bytes of its weights.
    pub fingerprint: InputFingerprint,
    origin: Origin,
}

enum Origin {
    Onnx(Box<OnnxScorer>),
    Network(Box<TrainedNetwork>),
}

/// Whether the file at `path` is opened as ONNX, which computes on the CPU whatever the device.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

impl Model {
    /// Opens the model at `path` for rows like those of `data`: an ONNX file, or the folder of a run that left a network
    /// (or the file of its weights). Networks go to `device`.
    ///
    /// # Errors
    /// [`RunError::NoModel`], [`RunError::Onnx`], [`RunError::NoDescription`], [`RunError::Network`],
    /// [`RunError::OtherColumns`], [`RunError::Read`].
    pub fn open(
        path: &Path,
        data: &Dataset,
        device: &Device,
        options: &OpenOptions,
    ) -> Result<Self, RunError> {
        let name = path.display().to_string();
        if is_onnx(path) {
            let origin = open_onnx(path, data, options)?;
            return Ok(Self { name, fingerprint: of_file(path)?, origin });
        }
        let weights = weights_file(path)?;
        let network = open_network(&weights, data, device)?.with_batch(options.batch);
        let origin = Origin::Network(Box::new(network));
        Ok(Self { name, fingerprint: of_file(&weights)?, origin })
    }

    /// The network, unless the model is of another framework.
    pub fn network(&self) -> Option<&TrainedNetwork> {
        match &self.origin {
            Origin::Onnx(_) => None,
            Origin::Network(network) => Some(network),
        }
    }

    fn inner(&self) -> &dyn Scorer {
        match &self.origin {
            Origin::Onnx(model) => model.as_ref(),
            Origin::Network(network) => network.as_ref(),
        }
    }
}

fn open_onnx(path: &Path, data: &Dataset, options: &OpenOptions) -> Result<Origin, RunError> {
    let options = OnnxOptions {
        batch: options.batch,
        output: options.output.clone(),
        ..OnnxOptions::default()
    };
    match OnnxScorer::open_with(path, &data.layout, &options) {
        Ok(scorer) => Ok(Origin::Onnx(Box::new(scorer))),
        Err(error) => Err(RunError::Onnx { path: path.into(), source: Box::new(error) }),
    }
}

/// The file with the weights: `path` itself, or the one that a run leaves in its folder.
fn weights_file(path: &Path) -> Result<PathBuf, RunError> {
    if path.is_dir() {
        let weights = path.join(TrainedNetwork::WEIGHTS_FILE);
        return if weights.is_file() {
            Ok(weights)
        } else {
            let name = TrainedNetwork::WEIGHTS_FILE;
            Err(RunError::NoModel { problem: format!("the folder {path:?} holds no {name}") })
        };
    }
    if !path.exists() {
        return Err(RunError::NoModel { problem: format!("there is no {path:?}") });
    }
    match path.extension() {
        Some(extension) if extension == "safetensors" => Ok(path.into()),
        _ => Err(RunError::NoModel {
            problem: format!("{path:?} is neither ONNX nor a network of simbias"),
        }),
    }
}

fn open_network(
    weights: &Path,
    data: &Dataset,
    device: &Device,
) -> Result<TrainedNetwork, RunError> {
    let description = weights.with_extension("json");
    let text = match std::fs::read_to_string(&description) {
        Ok(text) => text,
        Err(source) => {
            return Err(RunError::NoDescription { description, weights: weights.into(), source });
        }
    };
    let bytes = std::fs::read(weights).map_err(|error| RunError::read(weights, error))?;
    let network =
        TrainedNetwork::load(&text, &bytes, device).map_err(|error| RunError::Network {
            weights: weights.into(),
            description: TrainedNetwork::DESCRIPTION_FILE,
            source: Box::new(error),
        })?;
    let expected = network.network.network().n_features();
    if expected != data.n_features() {
        let (weights, found) = (weights.into(), data.n_features());
        return Err(RunError::OtherColumns { weights, expected, found });
    }
    Ok(network)
}

impl Scorer for Model {
    fn n_outputs(&self) -> usize {
        self.inner().n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.inner().score(rows)
    }

    fn gradients(&self) -> Option<&dyn LossGradient> {
        self.inner().gradients()
    }

    fn takes_missing(&self) -> bool {
        self.inner().takes_missing()
    }

    fn scores_in_parallel(&self) -> bool {
        self.inner().scores_in_parallel()
    }
}
