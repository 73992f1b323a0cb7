//! Weights as safetensors with PyTorch names.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, Tensor, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::{Network, NnError};

/// Prefixes that wrappers put before every name of a `state_dict`.
const WRAPPERS: [&str; 3] = ["module.", "model.", "net."];

impl Network {
    /// All parameters as a safetensors file image; names and shapes are those of a PyTorch `state_dict`.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let encoded: Vec<_> = self
            .parameters()
            .iter()
            .map(|p| (p.name.as_str(), p.shape.clone(), encode(&p.value)))
            .collect();
        let views = encoded
            .iter()
            .map(|(name, shape, (dtype, bytes))| (*name, view(*dtype, shape.clone(), bytes)));
        match serialize(views, None) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("views of live tensors serialize: {error}"),
        }
    }

    /// Takes the values of a safetensors file image.
    ///
    /// Names must be those of [`parameters`](Network::parameters), except that one leading `model.`,
    /// `module.` or `net.` may be missing or added throughout, and batch-norm counters
    /// (`num_batches_tracked`) are passed over.
    ///
    /// # Errors
    ///
    /// Any missing, unexpected, wrongly shaped, non-float or non-finite tensor; the network is then unchanged.
    pub fn load_safetensors(&mut self, bytes: &[u8]) -> Result<(), NnError> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| NnError::File {
            path: "weights".into(),
            message: format!("not a safetensors file: {error}"),
        })?;
        let stored: BTreeMap<String, TensorView<'_>> = file
            .tensors()
            .into_iter()
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .collect();
        let rename = self.renaming(&stored);
        let mut values = Vec::with_capacity(self.parameters().len());
        for parameter in self.parameters() {
            let view =
                stored.get(&rename(&parameter.name)).ok_or_else(|| NnError::MissingParameter {
                    name: parameter.name.clone(),
                    shape: parameter.shape.clone(),
                    found: stored.keys().take(8).cloned().collect(),
                })?;
            if view.shape() != parameter.shape {
                return Err(NnError::ParameterShape {
                    name: parameter.name.clone(),
                    found: view.shape().to_vec(),
                    expected: parameter.shape.clone(),
                });
            }
            let data = decode(&parameter.name, view)?;
            let options = (self.device(), self.precision().dtype());
            values.push(Tensor::from_data(data, options));
        }
        let wanted: Vec<String> = self.parameters().iter().map(|p| rename(&p.name)).collect();
        if let Some(name) = stored.keys().find(|name| !wanted.contains(name)) {
            return Err(NnError::UnexpectedParameter { name: name.clone() });
        }
        self.set_values(values);
        Ok(())
    }

    /// [`load_safetensors`](Network::load_safetensors) from a file.
    ///
    /// # Errors
    ///
    /// As there, and [`NnError::File`].
    pub fn load_file(&mut self, path: &Path) -> Result<(), NnError> {
        let failed = |message: String| NnError::File { path: path.into(), message };
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        self.load_safetensors(&bytes).map_err(|error| match error {
            NnError::File { message, .. } => failed(message),
            other => other,
        })
    }

    /// How our names are spelled in the file: as they are, without our leading `model.`, or behind a wrapper.
    fn renaming(
        &self,
        stored: &BTreeMap<String, TensorView<'_>>,
    ) -> impl Fn(&str) -> String + use<> {
        let first = self.parameters().first().map_or("", |parameter| parameter.name.as_str());
        let unwrapped = first.strip_prefix("model.").filter(|name| stored.contains_key(*name));
        let wrapper =
            WRAPPERS.into_iter().find(|wrapper| stored.contains_key(&format!("{wrapper}{first}")));
        let as_is = stored.contains_key(first);
        let strip = !as_is && unwrapped.is_some();
        let prefix = if as_is || strip { "" } else { wrapper.unwrap_or("") };
        move |name| match name.strip_prefix("model.") {
            Some(rest) if strip => rest.into(),
            _ => format!("{prefix}{name}"),
        }
    }
}

fn view(dtype: Dtype, shape: Vec<usize>, bytes: &[u8]) -> TensorView<'_> {
    match TensorView::new(dtype, shape, bytes) {
        Ok(view) => view,
        Err(error) => unreachable!("a parameter's bytes fit its shape: {error}"),
    }
}

/// Little-endian bytes of a flat tensor.
fn encode(value: &Tensor<1>) -> (Dtype, Vec<u8>) {
    let data = value.to_data();
    if data.dtype() == DType::F64 {
        let values: Vec<f64> = data.iter::<f64>().collect();
        (Dtype::F64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    } else {
        let values = crate::network::host_f32(value);
        (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }
}

fn decode(name: &str, view: &TensorView<'_>) -> Result<TensorData, NnError> {
    let check = |first_bad: Option<usize>| match first_bad {
        Some(index) => Err(NnError::NotFinite { name: name.into(), index }),
        None => Ok(()),
    };
    match view.dtype() {
        Dtype::F32 => {
            let values = read::<4, f32>(view.data(), f32::from_le_bytes);
            check(values.iter().position(|value| !value.is_finite()))?;
            let n = values.len();
            Ok(TensorData::new(values, [n]))
        }
        Dtype::F64 => {
            let values = read::<8, f64>(view.data(), f64::from_le_bytes);
            check(values.iter().position(|value| !value.is_finite()))?;
            let n = values.len();
            Ok(TensorData::new(values, [n]))
        }
        other => Err(NnError::ParameterType { name: name.into(), found: format!("{other:?}") }),
    }
}

fn read<const N: usize, T>(bytes: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| from(*chunk)).collect()
}
