//! IDX, the format of MNIST and its relatives: big-endian, one file of images and one of labels.
//!
//! Source of the format: Y. LeCun, C. Cortes and C. Burges, the MNIST database's own page.

use std::path::{Path, PathBuf};

use simbias_checkpoint::{ArrayInfo, ArrayValues, FileError, NamedArray, file_stem, n_values};

use super::{
    LabelSource, Part, ReadOptions, array::ArrayStore, arrays, content, labels::RawLabels,
};
use crate::{DataError, Dataset};

/// One IDX file.
#[derive(Clone, Debug, PartialEq)]
pub struct IdxArray {
    /// Lengths of the axes; C order.
    pub shape: Vec<usize>,
    /// The values.
    pub values: ArrayValues,
}

impl IdxArray {
    pub(super) fn into_named(self, file: &Path) -> NamedArray {
        NamedArray { name: file_stem(file), shape: self.shape, values: self.values }
    }
}

fn malformed(file: &Path, problem: impl Into<String>) -> DataError {
    DataError::malformed(
        file,
        "IDX",
        problem,
        "fetch it again, or check that it is an idx-ubyte file",
    )
}

/// Bytes of one element by type code.
fn item_size(type_code: u8) -> Option<usize> {
    match type_code {
        0x08 | 0x09 => Some(1),
        0x0b => Some(2),
        0x0c | 0x0d => Some(4),
        0x0e => Some(8),
        _ => None,
    }
}

/// Whether `bytes` begin as an IDX file does: two zeros, a known type, one to eight axes.
pub(super) fn looks_like_idx(bytes: &[u8]) -> bool {
    matches!(*bytes, [0, 0, code, 1..=8, ..] if item_size(code).is_some())
}

/// Big-endian values of `$type`.
macro_rules! numbers {
    ($data:expr, $type:ty) => {
        $data.chunks_exact(size_of::<$type>()).map(|bytes| {
            let mut array = [0; size_of::<$type>()];
            array.copy_from_slice(bytes);
            <$type>::from_be_bytes(array)
        })
    };
}

struct Header<'a> {
    type_code: u8,
    item_size: usize,
    shape: Vec<usize>,
    data: &'a [u8],
}

fn parse_header<'a>(file: &Path, bytes: &'a [u8]) -> Result<Header<'a>, DataError> {
    let &[0, 0, type_code, n_axes, ref rest @ ..] = bytes else {
        return Err(malformed(
            file,
            "it does not begin with two zero bytes, type and number of axes",
        ));
    };
    let item_size = item_size(type_code)
        .ok_or_else(|| malformed(file, format!("type code {type_code:#04x} is unknown")))?;
    let n_axes = usize::from(n_axes);
    let lengths = rest.get(..4 * n_axes).filter(|lengths| !lengths.is_empty());
    let lengths =
        lengths.ok_or_else(|| malformed(file, "it has no axes or ends inside the header"))?;
    let shape = numbers!(lengths, u32).map(|length| length as usize).collect();
    Ok(Header { type_code, item_size, shape, data: &rest[4 * n_axes..] })
}

/// Reads one unpacked IDX file from memory. `file` is for messages.
///
/// # Errors
/// A wrong magic number, a cut file, or more values than the header says.
pub fn parse_idx(file: &Path, bytes: &[u8]) -> Result<IdxArray, DataError> {
    let Header { type_code, item_size, shape, data } = parse_header(file, bytes)?;
    let n_bytes = n_values(&shape).and_then(|n| n.checked_mul(item_size));
    match n_bytes {
        Some(n_bytes) if n_bytes == data.len() => {}
        Some(n_bytes) if n_bytes < data.len() => {
            return Err(malformed(
                file,
                format!(
                    "{} bytes of data, but the header's shape {shape:?} needs {n_bytes}",
                    data.len()
                ),
            ));
        }
        _ => {
            return Err(FileError::Truncated {
                file: file.into(),
                format: "IDX",
                announced: n_bytes.map(|n_bytes| n_bytes as u64),
                available: data.len() as u64,
            }
            .into());
        }
    }
    let values = match type_code {
        0x08 => ArrayValues::U8(data.to_vec()),
        0x09 => ArrayValues::I64(numbers!(data, i8).map(i64::from).collect()),
        0x0b => ArrayValues::I64(numbers!(data, i16).map(i64::from).collect()),
        0x0c => ArrayValues::I64(numbers!(data, i32).map(i64::from).collect()),
        0x0d => ArrayValues::F32(numbers!(data, f32).collect()),
        _ => ArrayValues::F64(numbers!(data, f64).collect()),
    };
    Ok(IdxArray { shape, values })
}

/// Images and labels from unpacked IDX bytes; 8-bit levels become `[0, 1]`.
///
/// # Errors
/// As [`parse_idx`]; also fewer than two rows, or not exactly one label per image.
pub fn parse_idx_pair(
    file: &Path,
    image_bytes: &[u8],
    label_file: &Path,
    label_bytes: &[u8],
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let labels = RawLabels::of_array(
        parse_idx(label_file, label_bytes)?.into_named(label_file),
        label_file,
    )?;
    let images = IdxStore::new(file, image_bytes)?;
    let options = labels.as_codes(options);
    arrays::assemble(&images, file_stem(file), &[0], labels, Vec::new(), None, &options)
}

/// An IDX file as a store of one array.
struct IdxStore<'a> {
    file: PathBuf,
    bytes: &'a [u8],
    info: ArrayInfo,
}

impl<'a> IdxStore<'a> {
    fn new(file: &Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let info = ArrayInfo { name: "x".into(), shape: parse_header(file, bytes)?.shape };
        Ok(Self { file: file.into(), bytes, info })
    }
}

impl ArrayStore for IdxStore<'_> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn infos(&self) -> &[ArrayInfo] {
        std::slice::from_ref(&self.info)
    }

    fn load(&self, _index: usize) -> Result<NamedArray, DataError> {
        parse_idx(&self.file, self.bytes).map(|array| array.into_named(&self.file))
    }
}

/// Reads an image file with its label file, given or guessed (`images-idx3` → `labels-idx1`).
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    let labels = match &options.labels {
        Some(LabelSource::File(file)) => RawLabels::of_array(super::read_array(file)?, file)?,
        Some(LabelSource::Named(name)) => {
            return Err(DataError::option(
                path,
                format!("an IDX file has no column {name:?}; give the file that holds the labels"),
            ));
        }
        None => {
            let file = partner(path).ok_or_else(|| {
                DataError::option(
                    path,
                    "no label file (labels-idx1-ubyte) lies beside it; give one",
                )
            })?;
            let bytes = content::open(&file)?;
            RawLabels::of_array(parse_idx(&file, &bytes)?.into_named(&file), &file)?
        }
    };
    let bytes = content::open(path)?;
    let images = IdxStore::new(path, &bytes)?;
    let options = labels.as_codes(options);
    arrays::assemble(&images, file_stem(path), &[0], labels, Vec::new(), None, &options)
}

/// The label file that belongs to an image file by its name.
fn partner(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = labels.trim_end_matches(".gz").to_string();
    [labels.clone(), plain.clone(), format!("{plain}.gz")]
        .into_iter()
        .filter(|candidate| candidate != name)
        .map(|candidate| images.with_file_name(candidate))
        .find(|candidate| candidate.is_file())
}

/// The image files of a folder, each with the part that its name says.
pub(super) fn files_of_folder(files: &[PathBuf]) -> Vec<(Option<Part>, PathBuf)> {
    let is_images = |name: &str| {
        let name = name.to_lowercase();
        name.contains("images") && name.contains("idx3")
    };
    files
        .iter()
        .filter_map(|file| {
            let name = file.file_name()?.to_str()?;
            is_images(name)
                .then(|| (Part::of_name(&file_stem(file)).map(|(part, _)| part), file.clone()))
        })
        .map(|(part, file)| {
            // `train-images.idx3-ubyte` and EMNIST's `emnist-letters-train-images-idx3-ubyte`.
            let name = file.to_string_lossy().to_lowercase();
            let by_word = || {
                if name.contains("train") {
                    Some(Part::Train)
                } else if name.contains("test") || name.contains("t10k") {
                    Some(Part::Test)
                } else {
                    None
                }
            };
            (part.or_else(by_word), file)
        })
        .collect()
}
