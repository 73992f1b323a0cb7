//! Models that a user brings: ONNX files of any framework, and networks that simbias saved. This is the only place
//! where a path becomes a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use simbias_data::{Dataset, Layout, LossGradient, OwnRows, Scorer, ScorerError};
use simbias_nn::Device;
use simbias_onnx::{OnnxOptions, OnnxScorer, Runtime, RuntimeChoice};
use simbias_report::{Caveat, InputFingerprint};
use simbias_train::TrainedNetwork;

use crate::foreign_model::ForeignModel;
use crate::matching::Matched;
use crate::{RunError, of_file};

/// How a model is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOptions {
    /// Output of an ONNX model that holds the scores, if it has several outputs.
    pub output: Option<String>,
    /// Rows that the model scores at a time; changes memory, not results.
    pub batch: usize,
    /// Which runtime computes ONNX models.
    pub runtime: RuntimeChoice,
    /// The library of ONNX Runtime, if it is installed; see [`find_onnx_runtime`](crate::find_onnx_runtime).
    pub library: Option<PathBuf>,
    /// Whether the classes of the data are in the model's order already, because the user said so. Otherwise the order
    /// that an ONNX file tells is taken.
    pub classes_are_ordered: bool,
    /// Whether labels that are numbers stay numbers, because the user said so. Otherwise whole numbers are classes for a
    /// model that knows them as such.
    pub labels_are_values: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            output: None,
            batch: OnnxOptions::default().batch,
            runtime: RuntimeChoice::Auto,
            library: None,
            classes_are_ordered: false,
            labels_are_values: false,
        }
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
    Given(GivenScorer),
}

/// Makes the scorer of a model in memory for a data set, or says why it does not fit.
pub type OpenGiven = dyn Fn(&Dataset) -> Result<GivenScorer, String> + Send + Sync;

/// What scores for a model in memory.
pub type GivenScorer = Box<dyn Scorer + Send + Sync>;

/// A model that a caller holds in memory.
#[derive(Clone)]
pub struct GivenModel {
    /// How it is called in results.
    pub name: String,
    /// Makes what scores, once the data are read: their layout says what a row is.
    pub open: Arc<OpenGiven>,
    /// Its classes in the order of its outputs, if it knows them.
    pub classes: Option<Vec<String>>,
}

impl std::fmt::Debug for GivenModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GivenModel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where a model comes from.
#[derive(Clone, Debug)]
pub enum ModelSource {
    /// An ONNX file, or the folder of a run that left a network (or the file of its weights).
    Path(PathBuf),
    /// In memory.
    Given(GivenModel),
}

impl From<&Path> for ModelSource {
    fn from(path: &Path) -> Self {
        Self::Path(path.into())
    }
}

/// Models with the data as they know them.
pub struct OpenedModels {
    /// The models, in the order of their paths.
    pub models: Vec<Model>,
    /// The data: columns, categories and classes in the order of the models.
    pub parts: Vec<Dataset>,
    /// What was decided on the way.
    pub notes: Vec<Caveat>,
}

/// Whether the file at `path` is opened as ONNX, which computes on the CPU whatever the device.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Opens models for the data in `parts`, which share their columns and classes, and brings these into the order of the
/// models: networks of this tool know columns, categories and classes by name, ONNX files and models in memory may tell
/// their classes. Networks go to `device`.
///
/// # Errors
/// [`RunError::NoModel`], [`RunError::Onnx`], [`RunError::NoDescription`], [`RunError::Network`],
/// [`RunError::OtherColumns`], [`RunError::Read`]; [`RunError::Data`] for columns or labels that a network does not know;
/// [`RunError::ModelsDiffer`] for models that need the data in different orders.
pub fn open_models(
    sources: &[ModelSource],
    parts: Vec<Dataset>,
    device: &Device,
    options: &OpenOptions,
) -> Result<OpenedModels, RunError> {
    let mut matched = Matched::new(parts, options.labels_are_values);
    let mut networks = Vec::new();
    for source in sources {
        let path = match source {
            ModelSource::Path(path) if !is_onnx(path) => path,
            _ => {
                networks.push(None);
                continue;
            }
        };
        let weights = weights_file(path, &matched.data().layout)?;
        let network = load_network(&weights, device)?;
        if let Some(learned_from) = &network.learned_from {
            matched.columns(&learned_from.layout, path)?;
        }
        networks.push(Some((weights, network)));
    }
    let mut models = Vec::with_capacity(sources.len());
    for (source, network) in sources.iter().zip(networks) {
        let path = match source {
            ModelSource::Path(path) => path,
            ModelSource::Given(given) => {
                let known = given.classes.as_deref().filter(|_| !options.classes_are_ordered);
                let scorer = (given.open)(matched.data()).map_err(|problem| RunError::NoModel {
                    problem: format!("{}: {problem}", given.name),
                })?;
                matched.classes_if_they_fit(known, scorer.n_outputs(), Path::new(&given.name))?;
                models.push(Model::given(given, scorer, matched.data(), options.batch)?);
                continue;
            }
        };
        let name = path.display().to_string();
        let model = match network {
            None => {
                let origin = open_onnx(path, matched.data(), options)?;
                Model { name, fingerprint: of_file(path)?, origin }
            }
            Some((weights, network)) => {
                let expected = network.network.network().n_features();
                let found = matched.data().n_features();
                if expected != found {
                    return Err(RunError::OtherColumns { weights, expected, found });
                }
                let fingerprint = of_file(&weights)?;
                let origin = Origin::Network(Box::new(network.with_batch(options.batch)));
                Model { name, fingerprint, origin }
            }
        };
        match &model.origin {
            Origin::Network(network) => {
                let learned_from = network.learned_from.as_ref();
                if let Some(classes) = learned_from.and_then(|from| from.classes.as_deref()) {
                    matched.classes(classes, path)?;
                }
            }
            Origin::Onnx(scorer) if !options.classes_are_ordered => {
                matched.classes_if_they_fit(scorer.classes(), scorer.n_outputs(), path)?;
            }
            Origin::Onnx(_) | Origin::Given(_) => {}
        }
        if let Some(runtime @ Runtime::OnnxRuntime { .. }) = model.runtime() {
            matched.note(Caveat::note("runtime", format!("{} ran on {runtime}.", model.name)));
        }
        models.push(model);
    }
    let (parts, notes) = matched.finish();
    Ok(OpenedModels { models, parts, notes })
}

impl Model {
    /// A model in memory. Its weights are not known here: its scores of `data` tell it from others.
    fn given(
        model: &GivenModel,
        scorer: GivenScorer,
        data: &Dataset,
        batch: usize,
    ) -> Result<Self, RunError> {
        let fingerprint = fingerprint_of_scores(&*scorer, data, batch.max(1))
            .map_err(|error| RunError::NoModel { problem: format!("{}: {error}", model.name) })?;
        let fingerprint = InputFingerprint { name: model.name.clone(), fingerprint };
        Ok(Self { name: model.name.clone(), fingerprint, origin: Origin::Given(scorer) })
    }

    /// The network, unless the model is of another framework.
    pub fn network(&self) -> Option<&TrainedNetwork> {
        match &self.origin {
            Origin::Onnx(_) | Origin::Given(_) => None,
            Origin::Network(network) => Some(network),
        }
    }

    /// Which runtime computes an ONNX model; `None` for networks of this tool.
    pub fn runtime(&self) -> Option<Runtime> {
        match &self.origin {
            Origin::Onnx(scorer) => Some(scorer.runtime()),
            Origin::Network(_) | Origin::Given(_) => None,
        }
    }

    fn inner(&self) -> &dyn Scorer {
        match &self.origin {
            Origin::Onnx(model) => model.as_ref(),
            Origin::Network(network) => network.as_ref(),
            Origin::Given(scorer) => scorer.as_ref(),
        }
    }
}

fn fingerprint_of_scores(
    scorer: &dyn Scorer,
    data: &Dataset,
    batch: usize,
) -> Result<String, ScorerError> {
    let mut hasher = blake3::Hasher::new();
    let everyone_its_own: Vec<u32> = (0..data.n_rows() as u32).collect();
    for start in (0..data.n_rows()).step_by(batch) {
        let span = start..(start + batch).min(data.n_rows());
        let scores = match scorer.own_rows() {
            Some(own) => own.score_exchanged(span, &everyone_its_own, &[])?,
            None => scorer.score(data.rows.slice(ndarray::s![span, ..]))?,
        };
        for score in &scores {
            hasher.update(&score.to_le_bytes());
        }
    }
    Ok(format!("scores:{}", &hasher.finalize().to_hex()[..32]))
}

fn open_onnx(path: &Path, data: &Dataset, options: &OpenOptions) -> Result<Origin, RunError> {
    let options = OnnxOptions {
        batch: options.batch,
        output: options.output.clone(),
        runtime: options.runtime,
        library: options.library.clone(),
        ..OnnxOptions::default()
    };
    match OnnxScorer::open_with(path, &data.layout, &options) {
        Ok(scorer) => Ok(Origin::Onnx(Box::new(scorer))),
        Err(error) => Err(RunError::Onnx { path: path.into(), source: Box::new(error) }),
    }
}

/// The file with the weights: `path` itself, or the one that a run leaves in its folder.
fn weights_file(path: &Path, layout: &Layout) -> Result<PathBuf, RunError> {
    if let Some(foreign) = ForeignModel::at(path) {
        return Err(foreign.refused(path, layout));
    }
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

fn load_network(weights: &Path, device: &Device) -> Result<TrainedNetwork, RunError> {
    let description = weights.with_extension("json");
    let text = match std::fs::read_to_string(&description) {
        Ok(text) => text,
        Err(source) => {
            return Err(RunError::NoDescription { description, weights: weights.into(), source });
        }
    };
    let bytes = std::fs::read(weights).map_err(|error| RunError::read(weights, error))?;
    TrainedNetwork::load(&text, &bytes, device).map_err(|error| RunError::Network {
        weights: weights.into(),
        description: TrainedNetwork::DESCRIPTION_FILE,
        source: Box::new(error),
    })
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

    fn own_rows(&self) -> Option<&dyn OwnRows> {
        self.inner().own_rows()
    }

    fn takes_missing(&self) -> bool {
        self.inner().takes_missing()
    }

    fn scores_in_parallel(&self) -> bool {
        self.inner().scores_in_parallel()
    }
}
