//! `.npz` archives and `.npy` files as checkpoints.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::torch::{Archive, archive};
use super::{Element, Format, Numbers, OpenedFile, Place, TensorInfo};
use crate::DataError;
use crate::read::{ArrayValues, NamedArray, npy_header, parse_npy};

/// Longest `.npy` header including its prefix.
const HEADER_BYTES: u64 = (1 << 16) + 16;

fn malformed(file: &Path, problem: impl std::fmt::Display) -> DataError {
    DataError::malformed(file, "npz", problem.to_string(), "write it again with numpy.savez")
}

fn head(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(HEADER_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `head` may end after the header; the whole has `n_bytes`.
fn info(
    file: &Path,
    name: &str,
    head: &[u8],
    n_bytes: u64,
    place: Place,
) -> Result<TensorInfo, DataError> {
    let header = npy_header(file, head, n_bytes)?;
    let element = match (header.is_float, header.item_size) {
        (true, 2) => Element::F16,
        (true, 4) => Element::F32,
        (true, _) => Element::F64,
        (false, _) => Element::Other("not a float"),
    };
    Ok(TensorInfo { name: name.into(), shape: header.shape, element, file: 0, place })
}

pub(super) fn open_npy(file: &Path) -> Result<OpenedFile, DataError> {
    let io = |source| DataError::Io { file: file.into(), action: "read", source };
    let opened = File::open(file).map_err(io)?;
    let n_bytes = opened.metadata().map_err(io)?.len();
    let head = head(opened).map_err(io)?;
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let tensors = vec![info(file, &name, &head, n_bytes, Place::Array { entry: None })?];
    Ok(OpenedFile { format: Format::Arrays, tensors, metadata: Vec::new() })
}

pub(super) fn open_npz(file: &Path, mut archive: Archive) -> Result<OpenedFile, DataError> {
    let mut tensors = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| malformed(file, error))?;
        let path = entry.name().map_err(|error| malformed(file, error))?.into_owned();
        let Some(name) = path.strip_suffix(".npy") else { continue };
        let n_bytes = entry.size();
        let head = head(entry).map_err(|error| {
            malformed(file, format!("entry {path:?} cannot be unpacked ({error})"))
        })?;
        let place = Place::Array { entry: Some(index) };
        tensors.push(info(&file.join(&path), name, &head, n_bytes, place)?);
    }
    if tensors.is_empty() {
        return Err(malformed(file, "the archive holds neither data.pkl nor an .npy entry"));
    }
    Ok(OpenedFile { format: Format::Arrays, tensors, metadata: Vec::new() })
}

/// The numbers of an `.npy` file, or of entry number `entry` of an archive.
pub(super) fn read(file: &Path, entry: Option<usize>) -> Result<Numbers, DataError> {
    let io = |source| DataError::Io { file: file.into(), action: "read", source };
    let array = match entry {
        None => parse_npy(file, &std::fs::read(file).map_err(io)?)?,
        Some(index) => {
            let mut archive = archive(file)?;
            let mut entry = archive.by_index(index).map_err(|error| malformed(file, error))?;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| {
                malformed(file, format!("an entry cannot be unpacked ({error})"))
            })?;
            parse_npy(file, &bytes)?
        }
    };
    match array {
        NamedArray { values: ArrayValues::F32(values), .. } => Ok(Numbers::F32(values)),
        NamedArray { values: ArrayValues::F64(values), .. } => Ok(Numbers::F64(values)),
        NamedArray { name, .. } => Err(malformed(file, format!("array {name:?} holds no floats"))),
    }
}
