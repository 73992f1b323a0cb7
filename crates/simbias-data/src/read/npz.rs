//! NumPy's `.npz`: a zip archive of `.npy` files.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use zip::{CompressionMethod, ZipArchive};

use super::{
    array::{ArrayInfo, ArrayStore, NamedArray},
    npy,
};
use crate::DataError;

/// Deflate cannot pack better than this, so an entry that claims more is damaged.
const MAX_DEFLATE_RATIO: u64 = 1032;
/// Longest `.npy` header including its prefix.
const HEADER_BYTES: u64 = (1 << 16) + 16;

/// An open archive: names and shapes are known, values are unpacked on demand.
pub(super) struct NpzStore<'a> {
    file: PathBuf,
    bytes: &'a [u8],
    infos: Vec<ArrayInfo>,
    /// Entry in the archive of each array.
    entries: Vec<usize>,
}

/// Reads all arrays of a `.npz` file from memory. `file` is for messages.
///
/// # Errors
/// Damaged archives or entries.
pub fn parse_npz(file: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, DataError> {
    let store = NpzStore::new(file, bytes)?;
    (0..store.infos.len()).map(|index| store.load(index)).collect()
}

fn malformed(file: &Path, problem: impl std::fmt::Display) -> DataError {
    DataError::malformed(file, "npz", problem.to_string(), "write it again with numpy.savez")
}

impl<'a> NpzStore<'a> {
    pub(super) fn new(file: &Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let mut store = Self { file: file.into(), bytes, infos: Vec::new(), entries: Vec::new() };
        let mut archive =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| malformed(file, error))?;
        for entry in 0..archive.len() {
            let (path, head) = read_entry(file, &mut archive, entry, HEADER_BYTES)?;
            let Some(name) = path.strip_suffix(".npy") else { continue };
            let header = npy::parse_header(&inside(file, &path), &head)?;
            store.infos.push(ArrayInfo { name: name.into(), shape: header.shape });
            store.entries.push(entry);
        }
        if store.infos.is_empty() {
            return Err(malformed(file, "it holds no .npy entry"));
        }
        Ok(store)
    }
}

/// Name for messages: `archive.npz/entry.npy`.
fn inside(file: &Path, entry: &str) -> PathBuf {
    file.join(entry)
}

/// Path and at most `limit` first bytes of an entry.
fn read_entry(
    file: &Path,
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    limit: u64,
) -> Result<(String, Vec<u8>), DataError> {
    let entry = archive.by_index(index).map_err(|error| malformed(file, error))?;
    let path = entry.name().map_err(|error| malformed(file, error))?.into_owned();
    let packed = entry.compressed_size();
    let most = match entry.compression() {
        CompressionMethod::Stored => packed,
        _ => packed.saturating_mul(MAX_DEFLATE_RATIO),
    };
    if entry.size() > most {
        return Err(DataError::Truncated {
            file: inside(file, &path),
            format: "npz",
            announced: Some(entry.size()),
            available: packed,
        });
    }
    let mut bytes = Vec::new();
    entry
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| malformed(file, format!("entry {path:?} cannot be unpacked ({error})")))?;
    Ok((path, bytes))
}

impl ArrayStore for NpzStore<'_> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn infos(&self) -> &[ArrayInfo] {
        &self.infos
    }

    fn load(&self, index: usize) -> Result<NamedArray, DataError> {
        let mut archive = ZipArchive::new(Cursor::new(self.bytes))
            .map_err(|error| malformed(&self.file, error))?;
        let (path, bytes) = read_entry(&self.file, &mut archive, self.entries[index], u64::MAX)?;
        let array = npy::parse_npy(&inside(&self.file, &path), &bytes)?;
        Ok(NamedArray { name: self.infos[index].name.clone(), ..array })
    }
}
