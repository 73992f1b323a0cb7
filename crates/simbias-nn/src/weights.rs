//! Weights from checkpoints of any format, and as safetensors with PyTorch names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::{DType, Tensor, TensorData};
use simbias_checkpoint::{
    Checkpoint, Numbers, SafetensorsImage, TensorInfo, TensorSource, safetensors_image,
};

use crate::{Network, NnError, Parameter, Precision};

/// Prefixes that wrappers put before every name of a `state_dict`; there may be two of them.
const WRAPPERS: [&str; 4] = ["module.", "model.", "net.", "_orig_mod."];

/// How the names of a whole checkpoint differ from the expected ones.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spelling {
    /// Our names start with a `model.` that the checkpoint lacks.
    Unwrapped,
    /// The checkpoint's names start with this; often it is empty.
    Wrapped(String),
}

impl Spelling {
    /// `name` as the checkpoint spells it.
    fn of(&self, name: &str) -> String {
        match self {
            Self::Unwrapped => name.strip_prefix("model.").unwrap_or(name).into(),
            Self::Wrapped(prefix) => format!("{prefix}{name}"),
        }
    }

    /// A name of the checkpoint without the wrappers' prefix.
    fn strip<'a>(&self, stored: &'a str) -> &'a str {
        match self {
            Self::Unwrapped => stored,
            Self::Wrapped(prefix) => stored.strip_prefix(prefix.as_str()).unwrap_or(stored),
        }
    }

    /// All spellings: as they are, without our `model.`, with one wrapper's prefix, with two.
    fn all() -> impl Iterator<Item = Self> {
        let twice = WRAPPERS
            .iter()
            .flat_map(|outer| WRAPPERS.iter().map(move |inner| format!("{outer}{inner}")));
        let wrapped = WRAPPERS.iter().map(ToString::to_string).chain(twice).map(Self::Wrapped);
        [Self::Wrapped(String::new()), Self::Unwrapped].into_iter().chain(wrapped)
    }
}

/// The tensors of a checkpoint that can be parameters, by name.
type Stored<'a> = BTreeMap<&'a str, (usize, &'a TensorInfo)>;

impl Network {
    /// All parameters as a safetensors file image; names and shapes are those of a PyTorch `state_dict`.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let tensors = self
            .parameters()
            .iter()
            .map(|parameter| (&parameter.name, &parameter.shape, host_numbers(&parameter.value)));
        match safetensors_image(tensors, None) {
            Ok(bytes) => bytes,
            Err(error) => unreachable!("live parameters fit their shapes: {error}"),
        }
    }

    /// [`load`](Self::load) from a safetensors file image.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_safetensors(&mut self, bytes: &[u8]) -> Result<(), NnError> {
        let image = SafetensorsImage::parse(Path::new("weights"), bytes);
        self.load(&image.map_err(|error| NnError::Checkpoint(error.into()))?)
    }

    /// [`load`](Self::load) from a checkpoint on disk: safetensors, also in shards, PyTorch's `.pth`, `.pt` and `.bin`,
    /// `.npz`, GGUF.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_file(&mut self, path: &Path) -> Result<(), NnError> {
        self.load(&Checkpoint::open(path)?)
    }

    /// Takes the values of a checkpoint. They may be floats of any width, and become those of the network's.
    ///
    /// A parameter is looked for under its own name, then under those of
    /// [`foreign_names`](crate::Architecture::foreign_names). The leading `model.` may be missing from all names, or all
    /// may have wrappers' prefixes (`module.`, `model.`, `net.`, `_orig_mod.`). Batch-norm counters
    /// (`num_batches_tracked`) and tensors that the architecture [`ignores`](crate::Architecture::ignores) are skipped.
    ///
    /// # Errors
    ///
    /// Any missing, unexpected, wrongly shaped, non-float or non-finite tensor, and unreadable checkpoints. The network
    /// is then unchanged.
    pub fn load(&mut self, source: &dyn TensorSource) -> Result<(), NnError> {
        let stored: Stored<'_> = source
            .tensors()
            .iter()
            .enumerate()
            .filter(|(_, tensor)| !tensor.name.ends_with("num_batches_tracked"))
            .map(|(index, tensor)| (tensor.name.as_str(), (index, tensor)))
            .collect();
        let spelling = self.spelling(&stored);
        let mut taken = BTreeSet::new();
        let mut values = Vec::with_capacity(self.parameters().len());
        for parameter in self.parameters() {
            let found = self
                .names(&parameter.name)
                .iter()
                .find_map(|name| stored.get_key_value(spelling.of(name).as_str()));
            let (&name, &(index, tensor)) = found.ok_or_else(|| NnError::MissingParameter {
                name: parameter.name.clone(),
                shape: parameter.shape.clone(),
                found: stored.keys().take(8).map(ToString::to_string).collect(),
            })?;
            taken.insert(name);
            let numbers = read(source, index, tensor, parameter)?;
            let numbers = match self.precision() {
                Precision::F32 => Numbers::F32(numbers.into_f32()),
                Precision::F64 => numbers,
            };
            // Narrowing may leave the range of numbers.
            if let Some((_, index)) = numbers.not_finite() {
                return Err(NnError::NotFinite { name: parameter.name.clone(), index });
            }
            values.push(self.upload_values(numbers));
        }
        let is_needless = |name: &str| self.architecture().ignores(spelling.strip(name));
        let mut left = stored.keys().filter(|name| !taken.contains(*name));
        if let Some(name) = left.find(|name| !is_needless(name)) {
            return Err(NnError::UnexpectedParameter { name: name.to_string() });
        }
        self.set_values(values);
        Ok(())
    }

    /// `numbers` as the values of a parameter, on the network's device and in its precision.
    pub fn upload_values(&self, numbers: Numbers) -> Tensor<1> {
        let data = match numbers {
            Numbers::F32(values) => flat(values),
            Numbers::F64(values) => flat(values),
        };
        Tensor::from_data(data, (self.device(), self.precision().dtype()))
    }

    /// Names that a parameter may have in a checkpoint, its own first.
    fn names(&self, own: &str) -> Vec<String> {
        let foreign = self.architecture().foreign_names(own);
        std::iter::once(own.into()).chain(foreign).collect()
    }

    /// The spelling under which the checkpoint has the first parameter; names stay as they are if there is none.
    fn spelling(&self, stored: &Stored<'_>) -> Spelling {
        let first =
            self.parameters().first().map_or_else(Vec::new, |first| self.names(&first.name));
        let fits = |spelling: &Spelling| {
            first.iter().any(|name| stored.contains_key(spelling.of(name).as_str()))
        };
        Spelling::all().find(fits).unwrap_or(Spelling::Wrapped(String::new()))
    }
}

/// The values of a parameter on the host, in their own precision.
pub fn host_numbers(value: &Tensor<1>) -> Numbers {
    let data = value.to_data();
    if data.dtype() == DType::F64 {
        Numbers::F64(data.iter::<f64>().collect())
    } else {
        Numbers::F32(data.iter::<f32>().collect())
    }
}

/// The numbers of a tensor that is to be the value of `parameter`.
fn read(
    source: &dyn TensorSource,
    index: usize,
    tensor: &TensorInfo,
    parameter: &Parameter,
) -> Result<Numbers, NnError> {
    if tensor.shape != parameter.shape {
        return Err(NnError::ParameterShape {
            name: parameter.name.clone(),
            found: tensor.shape.clone(),
            expected: parameter.shape.clone(),
        });
    }
    if tensor.element.piece().is_none() {
        return Err(NnError::ParameterType {
            name: parameter.name.clone(),
            found: tensor.element.name().into(),
        });
    }
    Ok(source.read(index)?)
}

fn flat<T: burn::tensor::Element>(values: Vec<T>) -> TensorData {
    let n = values.len();
    TensorData::new(values, [n])
}
