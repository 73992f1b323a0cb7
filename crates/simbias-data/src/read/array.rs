//! One array with its shape, whatever file it came from.

use std::path::{Path, PathBuf};

use super::{content, idx, labels::RawLabels, npy, npz, safetensors};
use crate::DataError;

/// An array of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// Name inside the file; the file's stem when the file holds one array.
    pub name: String,
    /// Lengths of the axes; C order.
    pub shape: Vec<usize>,
    /// The values, C order.
    pub values: ArrayValues,
}

/// Values in the widest type that their stored type needs.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// 16-bit and 32-bit floats (also bfloat16).
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// All integers but unsigned bytes.
    I64(Vec<i64>),
    /// Unsigned bytes.
    U8(Vec<u8>),
    /// Truth values, 0 or 1.
    Bool(Vec<u8>),
    /// Texts.
    Texts(Vec<String>),
}

impl ArrayValues {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U8(values) | Self::Bool(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl NamedArray {
    /// The values as 64-bit floats; `None` for texts.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        Some(match &self.values {
            ArrayValues::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            ArrayValues::F64(values) => values.clone(),
            ArrayValues::I64(values) => values.iter().map(|&value| value as f64).collect(),
            ArrayValues::U8(values) | ArrayValues::Bool(values) => {
                values.iter().map(|&value| f64::from(value)).collect()
            }
            ArrayValues::Texts(_) => return None,
        })
    }

    /// The values as 32-bit floats, unscaled; `None` for texts.
    pub fn into_f32(self) -> Option<Vec<f32>> {
        Some(match self.values {
            ArrayValues::F32(values) => values,
            ArrayValues::F64(values) => values.into_iter().map(|value| value as f32).collect(),
            ArrayValues::I64(values) => values.into_iter().map(|value| value as f32).collect(),
            ArrayValues::U8(values) | ArrayValues::Bool(values) => {
                values.into_iter().map(f32::from).collect()
            }
            ArrayValues::Texts(_) => return None,
        })
    }

    /// Length of the first axis; 1 for a scalar.
    pub fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// One label a row: shape `[n]`, `[n, 1]`, or one-hot `[n, n_classes]`.
    pub(super) fn into_labels(self, file: &Path) -> Result<RawLabels, DataError> {
        let n_rows = self.n_rows();
        let n_values: usize = self.shape.iter().skip(1).product();
        let is_one_hot = n_values > 1 && self.shape.len() == 2;
        if self.shape.is_empty() || (n_rows > 0 && n_values != 1 && !is_one_hot) {
            return Err(label_shape(file, &self));
        }
        if n_values == 1 || n_rows == 0 {
            return Ok(match self.values {
                ArrayValues::Texts(texts) => RawLabels::Texts(texts.into_iter().collect()),
                _ => RawLabels::Numbers(self.to_f64().expect("not texts")),
            });
        }
        let Some(values) = self.to_f64() else { return Err(label_shape(file, &self)) };
        let mut classes = Vec::with_capacity(n_rows);
        for one_hot in values.chunks_exact(n_values) {
            let n_ones = one_hot.iter().filter(|&&value| value == 1.0).count();
            let n_zeros = one_hot.iter().filter(|&&value| value == 0.0).count();
            let hot = one_hot.iter().position(|&value| value == 1.0);
            match hot {
                Some(class) if n_ones == 1 && n_zeros + 1 == n_values => classes.push(class as f64),
                _ => return Err(label_shape(file, &self)),
            }
        }
        Ok(RawLabels::Numbers(classes))
    }
}

fn label_shape(file: &Path, array: &NamedArray) -> DataError {
    DataError::option(
        file,
        format!(
            "labels {:?} have shape {:?}; expected one label a row ([n], [n, 1] or one-hot [n, classes])",
            array.name, array.shape
        ),
    )
}

/// What is known of an array before its values are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayInfo {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// A file of arrays, read one at a time.
pub(super) trait ArrayStore {
    fn file(&self) -> &Path;
    fn infos(&self) -> &[ArrayInfo];
    /// Array number `index` of [`ArrayStore::infos`].
    fn load(&self, index: usize) -> Result<NamedArray, DataError>;
}

/// Number of values of `shape`; `None` when memory could not address them.
///
/// A zero axis does not excuse the others: their product must be addressable too, as NumPy demands.
pub(crate) fn n_values(shape: &[usize]) -> Option<usize> {
    let nonzero = shape
        .iter()
        .filter(|&&length| length > 0)
        .try_fold(1_usize, |product, &length| product.checked_mul(length))?;
    (nonzero <= isize::MAX as usize / 8).then_some(if shape.contains(&0) { 0 } else { nonzero })
}

/// Reads one array: scores, donors, matrices. Double precision is kept.
///
/// `path` is `FILE` or `FILE::ARRAY`, the latter for `.npz` and `.safetensors` with several arrays.
/// Readable are `.npy`, `.npz`, `.safetensors`, IDX (`.gz`) and tables of numbers (`.csv`, `.tsv`, `.txt`, header
/// optional, shape `[rows, columns]`).
///
/// # Errors
/// A missing or damaged file; several arrays and no name; no array of that name.
pub fn read_array(path: &Path) -> Result<NamedArray, DataError> {
    let (file, name) = split_location(path);
    let bytes = content::open(&file)?;
    let store: Box<dyn ArrayStore> = match array_format(&file, &bytes) {
        ArrayFormat::Npy => Box::new(npy::NpyStore::new(&file, &bytes)?),
        ArrayFormat::Npz => Box::new(npz::NpzStore::new(&file, &bytes)?),
        ArrayFormat::Safetensors => Box::new(safetensors::SafetensorsStore::new(&file, &bytes)?),
        ArrayFormat::Idx => {
            return idx::parse_idx(&file, &bytes).map(|array| array.into_named(&file));
        }
        ArrayFormat::Text => return super::csv::parse_matrix(&file, &bytes),
    };
    let names: Vec<String> = store.infos().iter().map(|info| info.name.clone()).collect();
    let index = match (&name, names.len()) {
        (None, 1) => 0,
        (None, _) => {
            return Err(DataError::option(
                &file,
                format!(
                    "it holds {} arrays ({}); add ::NAME to the path to choose one",
                    names.len(),
                    names.join(", ")
                ),
            ));
        }
        (Some(name), _) => names
            .iter()
            .position(|other| other == name)
            .ok_or_else(|| DataError::no_such_name(&file, "array", name, &names))?,
    };
    store.load(index)
}

/// `FILE::ARRAY` to its two halves; a path that exists as it stands is left alone.
pub(super) fn split_location(path: &Path) -> (PathBuf, Option<String>) {
    match path.to_str().and_then(|text| text.rsplit_once("::")) {
        Some((file, name)) if !path.exists() => (file.into(), Some(name.into())),
        _ => (path.into(), None),
    }
}

enum ArrayFormat {
    Npy,
    Npz,
    Safetensors,
    Idx,
    Text,
}

fn array_format(file: &Path, bytes: &[u8]) -> ArrayFormat {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    if bytes.starts_with(npy::MAGIC) {
        ArrayFormat::Npy
    } else if bytes.starts_with(b"PK") {
        ArrayFormat::Npz
    } else if idx::looks_like_idx(bytes) {
        ArrayFormat::Idx
    } else {
        match extension.as_deref() {
            Some("safetensors") => ArrayFormat::Safetensors,
            Some("npy") => ArrayFormat::Npy,
            Some("npz") => ArrayFormat::Npz,
            _ => ArrayFormat::Text,
        }
    }
}

/// Stem of a file name, without a second extension such as `.npy.gz`.
pub(super) fn stem(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let end = name.find('.').filter(|&end| end > 0).unwrap_or(name.len());
    name[..end].to_string()
}
