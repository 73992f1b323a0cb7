//! PyTorch's zip archives: `data.pkl` describes the tensors, `data/<key>` hold their bytes as they are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::{Format, OpenedFile, arrays};
use crate::error::FileError;
use crate::pickle;
use crate::tensor::{Place, TensorInfo, checked_elements};

/// A pickle larger than this describes more tensors than any model has.
pub(super) const MAX_PICKLE_BYTES: u64 = 1 << 30;

pub(super) type Archive = ZipArchive<BufReader<File>>;

pub(super) fn malformed(file: &Path, problem: impl std::fmt::Display) -> FileError {
    FileError::malformed(
        file,
        "PyTorch",
        problem.to_string(),
        "the file is cut short or damaged; fetch it or save it again",
    )
}

pub(super) fn archive(file: &Path) -> Result<Archive, FileError> {
    let io = FileError::reading(file);
    let reader = BufReader::new(File::open(file).map_err(io)?);
    ZipArchive::new(reader).map_err(|error| malformed(file, error))
}

/// Opens a zip archive, of PyTorch or of NumPy.
pub(super) fn open_zip(file: &Path) -> Result<OpenedFile, FileError> {
    let mut archive = archive(file)?;
    let pickle_name = archive
        .file_names()
        .filter_map(Result::ok)
        .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .map(std::borrow::Cow::into_owned);
    let Some(pickle_name) = pickle_name else {
        return arrays::open_npz(file, archive);
    };
    let folder = pickle_name.trim_end_matches("data.pkl").to_string();
    let bytes = read_small(file, &mut archive, &pickle_name)?;
    let byte_order = format!("{folder}byteorder");
    if archive.index_for_name(&byte_order).is_some()
        && read_small(file, &mut archive, &byte_order)? == b"big"
    {
        return Err(malformed(file, "its numbers are stored with the most significant byte first"));
    }
    let mut storages: HashMap<String, (u64, u64)> = HashMap::new();
    let mut tensors = Vec::new();
    for tensor in pickle::parse_state_dict(file, &bytes)? {
        let (start, n_bytes) = match storages.get(&tensor.storage) {
            Some(&found) => found,
            None => {
                let entry = format!("{folder}data/{}", tensor.storage);
                let found = stored_range(file, &mut archive, &entry)?;
                storages.insert(tensor.storage.clone(), found);
                found
            }
        };
        tensors.push(located(file, tensor, start, n_bytes)?);
    }
    Ok(OpenedFile { format: Format::Torch, tensors, metadata: Vec::new() })
}

fn read_small(file: &Path, archive: &mut Archive, name: &str) -> Result<Vec<u8>, FileError> {
    let entry = archive.by_name(name).map_err(|error| malformed(file, error))?;
    if entry.size() > MAX_PICKLE_BYTES {
        return Err(malformed(file, format!("entry {name:?} claims {} bytes", entry.size())));
    }
    let mut bytes = Vec::new();
    // The claimed size may be false, so what is read is limited too.
    entry
        .take(MAX_PICKLE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| malformed(file, format!("entry {name:?} cannot be read ({error})")))?;
    Ok(bytes)
}

/// First byte and length of an entry that is stored as it is.
fn stored_range(file: &Path, archive: &mut Archive, name: &str) -> Result<(u64, u64), FileError> {
    let entry = archive
        .by_name(name)
        .map_err(|error| malformed(file, format!("storage {name:?} cannot be found ({error})")))?;
    if entry.compression() != CompressionMethod::Stored {
        return Err(malformed(
            file,
            format!("storage {name:?} is packed, but PyTorch stores them unpacked"),
        ));
    }
    let start = entry
        .data_start()
        .ok_or_else(|| malformed(file, format!("storage {name:?} has no place in the file")))?;
    Ok((start, entry.size()))
}

/// Checks that a view lies inside its storage and the storage inside its entry.
pub(super) fn located(
    file: &Path,
    tensor: pickle::PickledTensor,
    start: u64,
    n_bytes: u64,
) -> Result<TensorInfo, FileError> {
    let pickle::PickledTensor { name, element, n_stored, offset, shape, strides, .. } = tensor;
    // Types of unknown size are only listed with their shape.
    let item = element.stored_bytes().unwrap_or(0);
    let last = shape
        .iter()
        .zip(&strides)
        .filter(|_| !shape.contains(&0))
        .try_fold(offset, |last, (&length, &stride)| {
            last.checked_add(stride.checked_mul(length - 1)?)
        });
    let fits = |last: usize| shape.contains(&0) || last < n_stored;
    let needed = n_stored.checked_mul(item).map(|bytes| bytes as u64);
    let (Some(_), Some(true), Some(true)) =
        (checked_elements(&shape), last.map(fits), needed.map(|needed| needed <= n_bytes))
    else {
        return Err(malformed(
            file,
            format!(
                "tensor {name:?} of shape {shape:?} (strides {strides:?}, offset {offset}) does not fit its \
                 storage of {n_stored} elements in {n_bytes} bytes"
            ),
        ));
    };
    let place = if strides == c_strides(&shape) {
        Place::Contiguous { start: start + (offset * item) as u64 }
    } else {
        Place::Strided { start, offset, strides }
    };
    Ok(TensorInfo { name, shape, element, file: 0, place })
}

/// Strides of an array in C order; axes of length 1 may have any stride, so views with such axes are read in the
/// general way, which gives the same numbers.
fn c_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1].saturating_mul(shape[axis + 1].max(1));
    }
    strides
}
