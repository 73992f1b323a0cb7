//! Models that a person brings: ONNX files of any framework, and networks that simbias saved. Here and nowhere
//! else a path becomes a model.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use simbias_audit::{Subject, TrainedNetwork};
use simbias_data::{Dataset, LossGradient, Scorer, ScorerError};
use simbias_nn::{Device, device_from_str};
use simbias_onnx::{OnnxOptions, OnnxScorer};
use simbias_report::InputFingerprint;

use crate::shell::{Failure, RunDirectory, Shell, at_least_one, of_file};

/// Weights of a network in the folder of its run.
const WEIGHTS: &str = "network.safetensors";
/// What the network is, beside its weights.
const DESCRIPTION: &str = "network.json";

/// Which models.
#[derive(clap::Args, Debug)]
pub(crate) struct ModelArgs {
    /// ONNX file, or the folder of a run of `simbias train` or `simbias audit` (or its network.safetensors);
    /// repeat for models of several training seeds
    #[arg(long = "model", value_name = "FILE|DIR", required = true)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    opening: OpeningArgs,
}

/// How a model is opened.
#[derive(clap::Args, Debug)]
pub(crate) struct OpeningArgs {
    /// Output of an ONNX model that holds the scores, when it has several
    #[arg(long, value_name = "NAME")]
    model_output: Option<String>,
    /// Rows that the model scores at a time; changes memory, not results
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = OnnxOptions::default().batch)]
    batch: usize,
}

/// A model that can be scored, and attacked where it gives gradients.
pub(crate) struct Model {
    /// As the person named it.
    pub(crate) name: String,
    /// The bytes of its weights.
    pub(crate) fingerprint: InputFingerprint,
    origin: Origin,
}

enum Origin {
    Onnx(OnnxScorer),
    Network(Box<TrainedNetwork>),
}

impl ModelArgs {
    /// Opens every model for rows like those of `data`.
    pub(crate) fn open(&self, data: &Dataset, shell: &Shell) -> Result<Vec<Model>, Failure> {
        if self.models.iter().all(|path| is_onnx(path)) {
            shell.computes_on_cpu();
        }
        let device = device_from_str(shell.device())?;
        self.models.iter().map(|path| self.opening.open(path, data, &device)).collect()
    }

    /// Rows that a model scores at a time.
    pub(crate) fn batch(&self) -> usize {
        self.opening.batch
    }
}

impl OpeningArgs {
    /// Opens the model at `path` for rows like those of `data`; networks go to `device`.
    pub(crate) fn open(
        &self,
        path: &Path,
        data: &Dataset,
        device: &Device,
    ) -> Result<Model, Failure> {
        let name = path.display().to_string();
        if is_onnx(path) {
            let options = OnnxOptions {
                batch: self.batch,
                output: self.model_output.clone(),
                ..OnnxOptions::default()
            };
            let scorer = OnnxScorer::open_with(path, &data.layout, &options)
                .map_err(|error| Failure::from(error).about(path))?;
            let origin = Origin::Onnx(scorer);
            return Ok(Model { name, fingerprint: of_file(path)?, origin });
        }
        let weights = weights_file(path)?;
        let network = network(&weights, data, device)?.with_batch(self.batch);
        let origin = Origin::Network(Box::new(network));
        Ok(Model { name, fingerprint: of_file(&weights)?, origin })
    }
}

fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// The file with the weights: `path` itself, or the one that a run leaves in its folder.
fn weights_file(path: &Path) -> Result<PathBuf, Failure> {
    let hint = "give an .onnx file, or the folder of a run of `simbias train` or `simbias audit`";
    if path.is_dir() {
        let weights = path.join(WEIGHTS);
        return if weights.is_file() {
            Ok(weights)
        } else {
            Err(Failure::input(format!("the folder {path:?} holds no {WEIGHTS}")).hint(hint))
        };
    }
    if !path.exists() {
        return Err(Failure::input(format!("there is no {path:?}")).hint(hint));
    }
    match path.extension() {
        Some(extension) if extension == "safetensors" => Ok(path.into()),
        _ => {
            Err(Failure::input(format!("{path:?} is neither ONNX nor a network of simbias"))
                .hint(hint))
        }
    }
}

fn network(weights: &Path, data: &Dataset, device: &Device) -> Result<TrainedNetwork, Failure> {
    let description = weights.with_extension("json");
    let text = std::fs::read_to_string(&description).map_err(|error| {
        Failure::input(format!(
            "cannot read {description:?}, which says what network {weights:?} belongs to: {error}"
        ))
        .hint("keep the two files of a run together, or export the network to ONNX")
    })?;
    let bytes = std::fs::read(weights)
        .map_err(|error| Failure::input(format!("cannot read {weights:?}: {error}")))?;
    let network = TrainedNetwork::load(&text, &bytes, device)
        .map_err(|error| Failure::input(format!("{weights:?} and its {DESCRIPTION}: {error}")))?;
    let expected = network.network.network().n_features();
    if expected != data.n_features() {
        return Err(Failure::input(format!(
            "the network in {weights:?} takes {expected} features, the data have {}",
            data.n_features()
        ))
        .hint("read the data as in the run that trained it (--image-size, --drop, --strata)"));
    }
    Ok(network)
}

/// Leaves the network in the run's directory, where [`OpeningArgs::open`] finds it.
pub(crate) fn save(network: &TrainedNetwork, run: &RunDirectory) -> Result<(), Failure> {
    run.write(WEIGHTS, &network.network.network().to_safetensors())?;
    run.write_json(DESCRIPTION, &network.to_json())
}

impl Model {
    /// The model as the subject of an audit.
    pub(crate) fn subject(&self) -> Subject<'_> {
        match &self.origin {
            Origin::Onnx(model) => Subject::Foreign(model),
            Origin::Network(network) => Subject::Network(network.clone()),
        }
    }

    fn inner(&self) -> &dyn Scorer {
        match &self.origin {
            Origin::Onnx(model) => model,
            Origin::Network(network) => network.as_ref(),
        }
    }
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

    fn scores_in_parallel(&self) -> bool {
        self.inner().scores_in_parallel()
    }
}
