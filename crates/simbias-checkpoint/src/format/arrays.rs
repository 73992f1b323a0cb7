//! `.npz` archives and `.npy` files as checkpoints.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::torch::{Archive, archive};
use super::{Format, OpenedFile};
use crate::array::{ArrayValues, NamedArray};
use crate::element::{Element, Numbers};
use crate::error::FileError;
use crate::npy::{npy_header, parse_npy};
use crate::npz::{HEADER_BYTES, malformed, read_entry};
use crate::tensor::{Place, TensorInfo};

/// `head` may end after the header; the whole file has `n_bytes`. `place` says how to read the array as a whole.
fn info(
    file: &Path,
    name: &str,
    head: &[u8],
    n_bytes: u64,
    place: Place,
) -> Result<TensorInfo, FileError> {
    let header = npy_header(file, head, n_bytes)?;
    let element = match (header.is_float, header.item_size) {
        (true, 2) => Element::F16,
        (true, 4) => Element::F32,
        (true, _) => Element::F64,
        (false, _) => Element::Other("not a float"),
    };
    let place = match (place, header.plain_start) {
        (Place::Array { entry: None }, Some(start)) if header.is_float => {
            Place::Contiguous { start }
        }
        (place, _) => place,
    };
    Ok(TensorInfo { name: name.into(), shape: header.shape, element, file: 0, place })
}

pub(super) fn open_npy(file: &Path) -> Result<OpenedFile, FileError> {
    let io = FileError::reading(file);
    let opened = File::open(file).map_err(io)?;
    let n_bytes = opened.metadata().map_err(io)?.len();
    let mut head = Vec::new();
    opened.take(HEADER_BYTES).read_to_end(&mut head).map_err(io)?;
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let tensors = vec![info(file, &name, &head, n_bytes, Place::Array { entry: None })?];
    Ok(OpenedFile { format: Format::Arrays, tensors, metadata: Vec::new() })
}

pub(super) fn open_npz(file: &Path, mut archive: Archive) -> Result<OpenedFile, FileError> {
    let mut tensors = Vec::new();
    for index in 0..archive.len() {
        let (path, head, n_bytes) = read_entry(file, &mut archive, index, HEADER_BYTES)?;
        let Some(name) = path.strip_suffix(".npy") else { continue };
        let place = Place::Array { entry: Some(index) };
        tensors.push(info(&file.join(&path), name, &head, n_bytes, place)?);
    }
    if tensors.is_empty() {
        return Err(malformed(file, "the archive holds neither data.pkl nor an .npy entry"));
    }
    Ok(OpenedFile { format: Format::Arrays, tensors, metadata: Vec::new() })
}

/// The numbers of an `.npy` file, or of entry number `entry` of an archive.
pub(crate) fn read(file: &Path, entry: Option<usize>) -> Result<Numbers, FileError> {
    let io = FileError::reading(file);
    let array = match entry {
        None => parse_npy(file, &std::fs::read(file).map_err(io)?)?,
        Some(index) => {
            let (_, bytes, _) = read_entry(file, &mut archive(file)?, index, u64::MAX)?;
            parse_npy(file, &bytes)?
        }
    };
    match array {
        NamedArray { values: ArrayValues::F32(values), .. } => Ok(Numbers::F32(values)),
        NamedArray { values: ArrayValues::F64(values), .. } => Ok(Numbers::F64(values)),
        NamedArray { name, .. } => {
            Err(malformed(file, format!("array {name:?} does not hold floats")))
        }
    }
}
