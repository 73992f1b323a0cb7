//! One array of a file of any format, and labels that come as an array.

use std::path::{Path, PathBuf};

use simbias_checkpoint::{
    ArrayInfo, ArrayValues, NPY_MAGIC, NamedArray, NpzFile, npy_info, parse_npy,
};

use super::{content, idx, labels::RawLabels, safetensors};
use crate::DataError;

impl RawLabels {
    /// One label per row of `array`: shape `[n]`, `[n, 1]`, or one-hot `[n, n_classes]`.
    pub(super) fn of_array(array: NamedArray, file: &Path) -> Result<Self, DataError> {
        let n_rows = array.n_rows();
        let n_values: usize = array.shape.iter().skip(1).product();
        let is_one_hot = n_values > 1 && array.shape.len() == 2;
        if array.shape.is_empty() || (n_rows > 0 && n_values != 1 && !is_one_hot) {
            return Err(label_shape(file, &array));
        }
        if n_values == 1 || n_rows == 0 {
            return Ok(match array.values {
                ArrayValues::Texts(texts) => Self::Texts(texts.into_iter().collect()),
                _ => Self::Numbers(array.to_f64().expect("not texts")),
            });
        }
        let Some(values) = array.to_f64() else { return Err(label_shape(file, &array)) };
        let mut classes = Vec::with_capacity(n_rows);
        for one_hot in values.chunks_exact(n_values) {
            let n_ones = one_hot.iter().filter(|&&value| value == 1.0).count();
            let n_zeros = one_hot.iter().filter(|&&value| value == 0.0).count();
            let hot = one_hot.iter().position(|&value| value == 1.0);
            match hot {
                Some(class) if n_ones == 1 && n_zeros + 1 == n_values => classes.push(class as f64),
                _ => return Err(label_shape(file, &array)),
            }
        }
        Ok(Self::Numbers(classes))
    }
}

fn label_shape(file: &Path, array: &NamedArray) -> DataError {
    DataError::option(
        file,
        format!(
            "labels {:?} have shape {:?}; expected one label per row ([n], [n, 1] or one-hot [n, classes])",
            array.name, array.shape
        ),
    )
}

/// A file of arrays, read one at a time.
pub(super) trait ArrayStore {
    fn file(&self) -> &Path;
    fn infos(&self) -> &[ArrayInfo];
    /// Array number `index` of [`ArrayStore::infos`].
    fn load(&self, index: usize) -> Result<NamedArray, DataError>;
}

/// A `.npy` file as a store of one array.
pub(super) struct NpyStore<'a> {
    file: PathBuf,
    bytes: &'a [u8],
    info: ArrayInfo,
}

impl<'a> NpyStore<'a> {
    pub(super) fn new(file: &Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        Ok(Self { file: file.into(), bytes, info: npy_info(file, bytes)? })
    }
}

impl ArrayStore for NpyStore<'_> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn infos(&self) -> &[ArrayInfo] {
        std::slice::from_ref(&self.info)
    }

    fn load(&self, _index: usize) -> Result<NamedArray, DataError> {
        Ok(parse_npy(&self.file, self.bytes)?)
    }
}

impl ArrayStore for NpzFile<'_> {
    fn file(&self) -> &Path {
        self.path()
    }

    fn infos(&self) -> &[ArrayInfo] {
        self.arrays()
    }

    fn load(&self, index: usize) -> Result<NamedArray, DataError> {
        Ok(self.read(index)?)
    }
}

/// Reads one array: scores, donors, matrices. Double precision is kept.
///
/// `path` is `FILE` or `FILE::ARRAY`, the latter for `.npz` and `.safetensors` with several arrays.
/// It can be `.npy`, `.npz`, `.safetensors`, IDX (`.gz`) or a table of numbers (`.csv`, `.tsv`, `.txt`, header
/// optional, shape `[rows, columns]`).
///
/// # Errors
/// A missing or damaged file; several arrays and no name; no array of that name.
pub fn read_array(path: &Path) -> Result<NamedArray, DataError> {
    let (file, name) = split_location(path);
    let bytes = content::open(&file)?;
    let store: Box<dyn ArrayStore> = match array_format(&file, &bytes) {
        ArrayFormat::Npy => Box::new(NpyStore::new(&file, &bytes)?),
        ArrayFormat::Npz => Box::new(NpzFile::parse(&file, &bytes)?),
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

/// Splits `FILE::ARRAY` into its two halves; a path that exists as it is stays whole.
pub fn split_location(path: &Path) -> (PathBuf, Option<String>) {
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
    if bytes.starts_with(NPY_MAGIC) {
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
