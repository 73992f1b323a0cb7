//! The whole training state in one safetensors file, and exact resume from it.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use simbias_checkpoint::{Element, Numbers, safetensors_image, write_whole};
use simbias_nn::{Architecture, Device, Init, Network, Precision, Tensor, host_numbers};
use simbias_stats::Seed;

use crate::TrainError;
use crate::batches::Fingerprint;
use crate::fit::{EpochRates, Evaluation, FitConfig, Followed, Kept, TrainState};
use crate::optimizer::{OptimizerState, Slot};

/// Key of the metadata entry, and its version.
const KEY: &str = "simbias.train-state.v1";

/// What a checkpoint says beside its tensors.
#[derive(Serialize, Deserialize)]
struct Head {
    architecture: Architecture,
    precision: Precision,
    seed: u64,
    step: u64,
    optimizer_steps: u64,
    evaluations: Vec<Evaluation>,
    config: FitConfig,
    data_fingerprint: String,
    #[serde(default)]
    layer_rates: Option<EpochRates>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    followed: Option<Followed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Kept>,
}

impl TrainState {
    /// Writes the state under a temporary name and renames it to `path`. Weights have their PyTorch names with the
    /// prefix `network.`, optimiser memory has `optimizer.first.` and `optimizer.second.`, the best weights have `best.`;
    /// everything else is JSON in the metadata. `source` is the source of batches, or the data set for shuffled epochs.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`] and [`TrainError::Write`].
    pub fn save(
        &self,
        path: &Path,
        config: &FitConfig,
        source: &dyn Fingerprint,
    ) -> Result<(), TrainError> {
        let failed = |message: String| TrainError::File { path: path.into(), message };
        let head = Head {
            architecture: self.network.architecture().clone(),
            precision: self.network.precision(),
            seed: self.seed.value(),
            step: self.step,
            optimizer_steps: self.optimizer.n_steps,
            evaluations: self.evaluations.clone(),
            config: config.clone(),
            data_fingerprint: source.fingerprint(),
            layer_rates: self.layer_rates.clone(),
            followed: self.followed.clone(),
            kept: self.kept,
        };
        let head = serde_json::to_string(&head).map_err(|error| failed(error.to_string()))?;
        let mut tensors: Vec<(String, &[usize], Numbers)> = Vec::new();
        let mut add = |prefix: &str, index: usize, value: &Tensor<1>| {
            let parameter = &self.network.parameters()[index];
            let name = format!("{prefix}.{}", parameter.name);
            tensors.push((name, &parameter.shape, host_numbers(value)));
        };
        for (index, parameter) in self.network.parameters().iter().enumerate() {
            add("network", index, &parameter.value);
            let slot = &self.optimizer.slots[index];
            for (prefix, value) in
                [("optimizer.first", &slot.first), ("optimizer.second", &slot.second)]
            {
                if let Some(value) = value {
                    add(prefix, index, value);
                }
            }
            if let Some(best) = &self.best {
                add("best", index, &best[index]);
            }
        }
        let bytes = safetensors_image(tensors, Some((KEY, &head)))
            .map_err(|error| failed(error.to_string()))?;
        Ok(write_whole(path, |writer| writer.write_all(&bytes))?)
    }

    /// Reads a state that [`save`](Self::save) wrote, to be continued with `config` on `source` by a network of
    /// `architecture`.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`] for a damaged file, [`TrainError::OtherRun`] if the network, the settings (other than
    /// the number of steps) or the training data differ: the result would belong to neither run.
    pub fn load(
        path: &Path,
        device: &Device,
        architecture: &Architecture,
        config: &FitConfig,
        source: &dyn Fingerprint,
    ) -> Result<Self, TrainError> {
        let bytes = std::fs::read(path)
            .map_err(|error| TrainError::File { path: path.into(), message: error.to_string() })?;
        Self::from_bytes(path, &bytes, device, architecture, config, source)
    }

    /// As [`load`](Self::load), from the file's bytes; `path` is its name in errors.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_bytes(
        path: &Path,
        bytes: &[u8],
        device: &Device,
        architecture: &Architecture,
        config: &FitConfig,
        source: &dyn Fingerprint,
    ) -> Result<Self, TrainError> {
        let failed = |message: String| TrainError::File { path: path.into(), message };
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|error| failed(format!("not a safetensors file: {error}")))?;
        let head = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let head = head.ok_or_else(|| {
            failed("holds no training state; plain weights cannot be resumed".into())
        })?;
        let head: Head =
            serde_json::from_str(head).map_err(|error| failed(format!("damaged head: {error}")))?;
        if head.step > head.config.max_steps || head.optimizer_steps > head.step {
            return Err(failed(format!(
                "damaged head: step {} of {}, {} steps of the optimizer",
                head.step, head.config.max_steps, head.optimizer_steps
            )));
        }
        let same_length = FitConfig { max_steps: config.max_steps, ..head.config };
        if same_length != *config {
            let (found, expected) = differences(&same_length, config);
            return Err(TrainError::OtherRun { what: "settings", found, expected });
        }
        let fingerprint = source.fingerprint();
        if head.data_fingerprint != fingerprint {
            return Err(TrainError::OtherRun {
                what: "training data",
                found: head.data_fingerprint,
                expected: fingerprint,
            });
        }
        if head.architecture != *architecture {
            let (found, expected) = differences(&head.architecture, architecture);
            return Err(TrainError::OtherRun { what: "network", found, expected });
        }

        let file = SafeTensors::deserialize(bytes).map_err(|error| failed(error.to_string()))?;
        head.architecture.check_weights(bytes.len())?;
        let seed = Seed::new(head.seed);
        let mut network =
            Network::new(head.architecture, Init::default(), head.precision, seed, device)?;
        let read = |prefix: &str, index: usize| -> Result<Option<Tensor<1>>, TrainError> {
            let parameter = &network.parameters()[index];
            let name = format!("{prefix}.{}", parameter.name);
            let Ok(view) = file.tensor(&name) else { return Ok(None) };
            if view.shape() != parameter.shape {
                return Err(failed(format!("{name:?} has shape {:?}", view.shape())));
            }
            let numbers =
                numbers(&view).ok_or_else(|| failed(format!("{name:?} is not F32 or F64")))?;
            Ok(Some(network.upload_values(numbers)))
        };
        let all = |prefix: &str| -> Result<Option<Vec<Tensor<1>>>, TrainError> {
            (0..network.parameters().len()).map(|index| read(prefix, index)).collect()
        };
        let values = all("network")?.ok_or_else(|| failed("weights are missing".into()))?;
        let best = all("best")?;
        let slots = (0..network.parameters().len())
            .map(|index| {
                let first = read("optimizer.first", index)?;
                Ok(Slot { first, second: read("optimizer.second", index)? })
            })
            .collect::<Result<Vec<Slot>, TrainError>>()?;
        network.set_values(values);
        let fits = |rates: &EpochRates| {
            rates.multipliers.len() == network.parameters().len()
                && rates.multipliers.iter().all(|factor| factor.is_finite())
        };
        if !head.layer_rates.as_ref().is_none_or(fits) {
            return Err(failed("its layer-wise rates do not fit the network".into()));
        }
        Ok(Self {
            network,
            optimizer: OptimizerState { n_steps: head.optimizer_steps, slots },
            seed,
            step: head.step,
            evaluations: head.evaluations,
            layer_rates: head.layer_rates,
            followed: head.followed,
            kept: head.kept,
            best,
        })
    }
}

/// What differs between two descriptions, as text of either side: `batch_size 8, max_steps 5`.
fn differences<T: Serialize>(found: &T, expected: &T) -> (String, String) {
    let fields = |side: &T| match serde_json::to_value(side) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (found, expected) = (fields(found), fields(expected));
    let words = |own: &serde_json::Map<String, serde_json::Value>, other| {
        let differing = own.iter().filter(|(key, value)| {
            let other: &serde_json::Map<String, serde_json::Value> = other;
            other.get(*key) != Some(value)
        });
        let words = differing.map(|(key, value)| format!("{key} {value}").replace('"', ""));
        words.collect::<Vec<String>>().join(", ")
    };
    (words(&found, &expected), words(&expected, &found))
}

/// The numbers of a tensor; `None` for types that no network computes in.
fn numbers(view: &TensorView<'_>) -> Option<Numbers> {
    let element = match view.dtype() {
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        _ => return None,
    };
    Numbers::from_le_bytes(element, view.data())
}
