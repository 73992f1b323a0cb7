//! The bytes of a file: mapped, or unpacked if they are gzip.

use std::{
    fs::{self, File},
    io::Read,
    ops::Deref,
    path::Path,
};

use flate2::read::MultiGzDecoder;
use memmap2::Mmap;

use simbias_checkpoint::FileError;

use crate::DataError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// All bytes of a file, either mapped or in memory.
pub(crate) enum Content {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Maps `path`; a gzip file is unpacked into memory.
pub(crate) fn open(path: &Path) -> Result<Content, DataError> {
    let mapped = map(path)?;
    if !mapped.starts_with(&GZIP_MAGIC) {
        return Ok(mapped);
    }
    gunzip(path, &mapped).map(Content::Owned)
}

#[expect(unsafe_code, reason = "a file mapping; the file must not shrink while it is read")]
fn map(path: &Path) -> Result<Content, DataError> {
    let io = FileError::reading(path);
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    // Pipes and empty files cannot be mapped.
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(fs::read(path).map(Content::Owned).map_err(io)?);
    }
    // SAFETY: read-only and private; see the reason above.
    let map = unsafe { Mmap::map(&file) }.map_err(io)?;
    Ok(Content::Mapped(map))
}

/// Unpacks gzip `bytes`.
pub(crate) fn gunzip(file: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).map_err(|error| {
        DataError::malformed(
            file,
            "gzip",
            format!("unpacking stopped after {} bytes ({error})", unpacked.len()),
            "fetch or pack the file again",
        )
    })?;
    Ok(unpacked)
}
