//! NumPy's `.npz`: a zip archive of `.npy` files.

use std::{
    io::{Cursor, Read, Seek},
    path::{Path, PathBuf},
};

use zip::{CompressionMethod, ZipArchive};

use crate::array::{ArrayInfo, NamedArray};
use crate::error::FileError;
use crate::npy;

/// Deflate cannot pack better than this, so an entry that claims more is damaged.
const MAX_DEFLATE_RATIO: u64 = 1032;
/// Longest `.npy` header including its prefix.
pub(crate) const HEADER_BYTES: u64 = (1 << 16) + 16;

/// An open archive: names and shapes are known, values are unpacked on demand.
pub struct NpzFile<'a> {
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
pub fn parse_npz(file: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, FileError> {
    let archive = NpzFile::parse(file, bytes)?;
    (0..archive.infos.len()).map(|index| archive.read(index)).collect()
}

pub(crate) fn malformed(file: &Path, problem: impl std::fmt::Display) -> FileError {
    FileError::malformed(file, "npz", problem.to_string(), "write it again with numpy.savez")
}

impl<'a> NpzFile<'a> {
    /// Reads the headers of all arrays. `file` is for messages.
    ///
    /// # Errors
    /// Damaged archives or headers, and archives without an array.
    pub fn parse(file: &Path, bytes: &'a [u8]) -> Result<Self, FileError> {
        let mut store = Self { file: file.into(), bytes, infos: Vec::new(), entries: Vec::new() };
        let mut archive =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| malformed(file, error))?;
        for entry in 0..archive.len() {
            let (path, head, _) = read_entry(file, &mut archive, entry, HEADER_BYTES)?;
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

    /// The file, for messages.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Names and shapes, in the order of the archive.
    pub fn arrays(&self) -> &[ArrayInfo] {
        &self.infos
    }

    /// Array number `index` of [`arrays`](Self::arrays).
    ///
    /// # Errors
    /// Entries that cannot be unpacked or that hold less than their header says.
    pub fn read(&self, index: usize) -> Result<NamedArray, FileError> {
        let mut archive = ZipArchive::new(Cursor::new(self.bytes))
            .map_err(|error| malformed(&self.file, error))?;
        let (path, bytes, _) = read_entry(&self.file, &mut archive, self.entries[index], u64::MAX)?;
        let array = npy::parse_npy(&inside(&self.file, &path), &bytes)?;
        Ok(NamedArray { name: self.infos[index].name.clone(), ..array })
    }
}

/// Name for messages: `archive.npz/entry.npy`.
fn inside(file: &Path, entry: &str) -> PathBuf {
    file.join(entry)
}

/// Path, first bytes (at most `limit`) and claimed length of an entry.
pub(crate) fn read_entry<R: Read + Seek>(
    file: &Path,
    archive: &mut ZipArchive<R>,
    index: usize,
    limit: u64,
) -> Result<(String, Vec<u8>, u64), FileError> {
    let entry = archive.by_index(index).map_err(|error| malformed(file, error))?;
    let path = entry.name().map_err(|error| malformed(file, error))?.into_owned();
    let packed = entry.compressed_size();
    let most = match entry.compression() {
        CompressionMethod::Stored => packed,
        _ => packed.saturating_mul(MAX_DEFLATE_RATIO),
    };
    let n_bytes = entry.size();
    if n_bytes > most {
        return Err(FileError::Truncated {
            file: inside(file, &path),
            format: "npz",
            announced: Some(n_bytes),
            available: packed,
        });
    }
    let mut bytes = Vec::new();
    entry
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| malformed(file, format!("entry {path:?} cannot be unpacked ({error})")))?;
    Ok((path, bytes, n_bytes))
}
