//! Formats of checkpoints: each reads the header of a file and says where its tensors lie.

mod arrays;
mod gguf;
mod safetensors;
mod sharded;
mod torch;
mod torch_legacy;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) use self::arrays::read as read_array;
pub use self::gguf::MetadataValue;
pub use self::safetensors::parse_header as parse_safetensors_header;
pub(crate) use self::safetensors::read_header as read_safetensors_header;
pub(crate) use self::sharded::open as open_shards;
use crate::error::{CheckpointError, FileError};
use crate::tensor::TensorInfo;

/// Where a checkpoint came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Hugging Face's safetensors.
    Safetensors,
    /// PyTorch's zip of a pickle and raw storages.
    Torch,
    /// NumPy arrays.
    Arrays,
    /// llama.cpp's GGUF.
    Gguf,
}

impl Format {
    /// Name in messages and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Torch => "PyTorch",
            Self::Arrays => "NumPy",
            Self::Gguf => "GGUF",
        }
    }
}

/// The tensors of one file, as a reader of its format finds them.
pub(crate) struct OpenedFile {
    pub(crate) format: Format,
    pub(crate) tensors: Vec<TensorInfo>,
    pub(crate) metadata: Vec<(String, MetadataValue)>,
}

/// Reads the header of one file; its tensors get the file index `file_index`.
pub(crate) fn open_file(file: &Path, file_index: usize) -> Result<OpenedFile, CheckpointError> {
    let io = FileError::reading(file);
    let mut head = [0_u8; 16];
    let mut reader = File::open(file).map_err(io)?;
    let mut n_head = 0;
    while n_head < head.len() {
        match reader.read(&mut head[n_head..]).map_err(io)? {
            0 => break,
            n => n_head += n,
        }
    }
    let head = &head[..n_head];
    let refuse = |problem: &str| {
        Err(CheckpointError::Unrecognised { path: file.into(), problem: problem.into() })
    };
    let mut opened = match head {
        [b'G', b'G', b'U', b'F', ..] => gguf::open(file)?,
        [b'P', b'K', 3 | 5, 4 | 6, ..] => torch::open_zip(file)?,
        _ if head.starts_with(b"\x93NUMPY") => arrays::open_npy(file)?,
        _ if head.starts_with(b"version https://") || head.starts_with(b"version ") => {
            return refuse(
                "is a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`",
            );
        }
        // A header of 640 bytes begins like a pickle; no pickle continues like this.
        [_, _, _, _, 0, 0, 0, 0, b'{', ..] => safetensors::open(file)?,
        _ if torch_legacy::begins(head) => torch_legacy::open(file)?,
        [0x80, 2..=5, ..] | [b'\x1f', b'\x8b', ..] => {
            return refuse(
                "is a bare or packed pickle, not a file of torch.save; load it in a safe place and save it \
                 again with torch.save",
            );
        }
        _ if file.extension().is_some_and(|extension| extension == "safetensors") => {
            safetensors::open(file)?
        }
        _ => return refuse("begins like none of the known formats"),
    };
    for tensor in &mut opened.tensors {
        tensor.file = file_index;
    }
    Ok(opened)
}
