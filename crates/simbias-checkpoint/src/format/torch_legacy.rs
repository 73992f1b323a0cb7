//! Files of PyTorch before 1.6, whose storages follow their pickles.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::torch::{MAX_PICKLE_BYTES, located, malformed};
use super::{Format, OpenedFile};
use crate::error::FileError;
use crate::pickle::{LEGACY_MAGIC, LegacyFile, parse_legacy_file};

/// Bytes read first; state dicts of ordinary models are described in less.
const FIRST_BYTES: u64 = 1 << 20;

/// Whether a file that begins with `head` is one of these.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(LEGACY_MAGIC)
}

pub(super) fn open(file: &Path) -> Result<OpenedFile, FileError> {
    let io = FileError::reading(file);
    let mut reader = File::open(file).map_err(io)?;
    let n_bytes = reader.metadata().map_err(io)?.len();
    let described = described(file, &mut reader, n_bytes)?;
    let mut position = described.data_start as u64;
    let mut places: HashMap<String, (u64, u64)> = HashMap::new();
    for storage in &described.storages {
        let wrong = |problem: &str| malformed(file, format!("storage {:?} {problem}", storage.key));
        let item = storage.element.stored_bytes();
        let n_stored = item.and_then(|item| storage.n.checked_mul(item));
        let n_stored = n_stored.ok_or_else(|| wrong("is of a type of unknown size"))? as u64;
        let start = position + 8;
        let end = start.checked_add(n_stored).filter(|&end| end <= n_bytes);
        let Some(end) = end else { return Err(wrong("ends beyond the file")) };
        let mut length = [0; 8];
        reader.seek(SeekFrom::Start(position)).map_err(io)?;
        reader.read_exact(&mut length).map_err(io)?;
        if u64::from_le_bytes(length) != storage.n as u64 {
            return Err(wrong("has another length than its tensors say"));
        }
        places.insert(storage.key.clone(), (start, n_stored));
        position = end;
    }
    let tensors = described.tensors.into_iter().map(|tensor| {
        let place = places.get(&tensor.storage);
        let &(start, n_stored) = place.ok_or_else(|| {
            malformed(file, format!("storage {:?} is not in the file", tensor.storage))
        })?;
        located(file, tensor, start, n_stored)
    });
    let tensors = tensors.collect::<Result<_, _>>()?;
    Ok(OpenedFile { format: Format::Torch, tensors, metadata: Vec::new() })
}

/// The pickles. Their length is not stored, so more of the file is read until they end.
fn described(file: &Path, reader: &mut File, n_bytes: u64) -> Result<LegacyFile, FileError> {
    let mut bytes = Vec::new();
    let mut wanted = FIRST_BYTES;
    loop {
        let more = wanted - bytes.len() as u64;
        reader.take(more).read_to_end(&mut bytes).map_err(FileError::reading(file))?;
        if let Some(described) = parse_legacy_file(file, &bytes)? {
            return Ok(described);
        }
        if bytes.len() as u64 >= n_bytes.min(MAX_PICKLE_BYTES) {
            return Err(malformed(file, "its pickles end in the middle"));
        }
        wanted = (wanted * 8).min(MAX_PICKLE_BYTES);
    }
}
