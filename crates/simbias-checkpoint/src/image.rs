//! Safetensors files in memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, serialize};

use crate::element::Numbers;
use crate::error::{CheckpointError, FileError};
use crate::format::{Format, parse_safetensors_header, read_safetensors_header};
use crate::tensor::{Place, TensorInfo, TensorSource, pieces};

/// The bytes of a safetensors file as named tensors. No number is copied before its tensor is read.
#[derive(Clone, Debug)]
pub struct SafetensorsImage<'a> {
    name: PathBuf,
    bytes: &'a [u8],
    tensors: Vec<TensorInfo>,
}

impl<'a> SafetensorsImage<'a> {
    /// Reads the header. `name` stands for the file in messages.
    ///
    /// # Errors
    /// As [`Checkpoint::open`](crate::Checkpoint::open) of such a file.
    pub fn parse(name: &Path, bytes: &'a [u8]) -> Result<Self, FileError> {
        let n_bytes = bytes.len() as u64;
        let header = read_safetensors_header(name, &mut &*bytes, n_bytes)?;
        let tensors = parse_safetensors_header(name, &header, n_bytes - 8 - header.len() as u64)?;
        Ok(Self { name: name.into(), bytes, tensors })
    }
}

impl TensorSource for SafetensorsImage<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn read(&self, index: usize) -> Result<Numbers, CheckpointError> {
        let tensor = &self.tensors[index];
        let (_, piece_bytes) = pieces(&self.name, Format::Safetensors.name(), tensor)?;
        let Place::Contiguous { start } = tensor.place else {
            unreachable!("safetensors are contiguous")
        };
        // Floats of this format are stored one by one, and the header was checked against the bytes.
        let start = start as usize;
        let stored = &self.bytes[start..start + tensor.n_elements() * piece_bytes];
        Ok(Numbers::from_le_bytes(tensor.element, stored).expect("whole floats"))
    }
}

/// The bytes of a safetensors file of `tensors` (name, shape, numbers in C order), with at most one entry of text as
/// metadata. Equal input gives equal bytes.
///
/// # Errors
/// Numbers that do not fit their shape.
pub fn safetensors_image<N: AsRef<str>, S: AsRef<[usize]>>(
    tensors: impl IntoIterator<Item = (N, S, Numbers)>,
    metadata: Option<(&str, &str)>,
) -> Result<Vec<u8>, SafeTensorError> {
    let encoded: Vec<(N, S, Dtype, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, shape, numbers)| {
            let dtype = match numbers {
                Numbers::F32(_) => Dtype::F32,
                Numbers::F64(_) => Dtype::F64,
            };
            (name, shape, dtype, numbers.to_le_bytes())
        })
        .collect();
    let views = encoded
        .iter()
        .map(|(name, shape, dtype, bytes)| {
            Ok((name.as_ref(), TensorView::new(*dtype, shape.as_ref().to_vec(), bytes)?))
        })
        .collect::<Result<Vec<_>, SafeTensorError>>()?;
    // A single entry has no order to lose in a hash map.
    let metadata = metadata.map(|(key, text)| HashMap::from([(key.into(), text.into())]));
    serialize(views, metadata)
}
