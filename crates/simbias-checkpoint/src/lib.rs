//! Checkpoints of any framework as named tensors, read one at a time; the arrays of `.npy` and `.npz` files; files that
//! appear whole or not at all.
//!
//! | source | what |
//! |---|---|
//! | `.safetensors`, or a folder with `model.safetensors.index.json` | floats of 8 to 64 bits |
//! | PyTorch `.pt`, `.pth`, `.bin` (zip form since 1.6, or the older one), or a folder with an index | through a reader of state dicts that cannot run code |
//! | `.npz`, `.npy` | floats |
//! | `.gguf` | floats and block-quantised weights, restored to floats |
//!
//! Files are recognised by their content, not by their endings. Opening reads headers only. [`Checkpoint::read`] then
//! reads one tensor in pieces of about a megabyte, so that memory holds the wanted numbers and no more, however large
//! the files are. Plain reads are used rather than a memory map: a file that shrinks meanwhile gives an error instead
//! of ending the process, and mapped pages would count as this program's memory.
//!
//! ```
//! use simbias_checkpoint::{Checkpoint, Numbers, safetensors_image, write_whole};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("model.safetensors");
//! let image = safetensors_image([("weight", [2, 1], Numbers::F32(vec![0.5, -1.0]))], None)?;
//! write_whole(&file, |writer| writer.write_all(&image))?;
//!
//! let checkpoint = Checkpoint::open(&file)?;
//! let (index, tensor) = checkpoint.find("weight").unwrap();
//! assert_eq!(tensor.shape, [2, 1]);
//! assert_eq!(checkpoint.read(index)?, Numbers::F32(vec![0.5, -1.0]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array;
mod blocks;
mod checkpoint;
mod element;
mod error;
mod format;
mod image;
mod npy;
mod npz;
mod pickle;
mod rewrite;
mod tensor;
mod write;

pub use array::{ArrayInfo, ArrayValues, NamedArray, file_stem, n_values};
pub use blocks::BlockKind;
pub use checkpoint::Checkpoint;
pub use element::{Element, Numbers};
pub use error::{CheckpointError, FileError};
pub use format::{Format, MetadataValue, parse_safetensors_header};
pub use image::{SafetensorsImage, safetensors_image};
pub use npy::{NPY_MAGIC, npy_info, parse_npy};
pub use npz::{NpzFile, parse_npz};
pub use pickle::{
    LEGACY_MAGIC, LegacyFile, LegacyStorage, PickledTensor, parse_legacy_file, parse_state_dict,
};
pub use rewrite::{RewriteError, rewrite};
pub use tensor::{TensorInfo, TensorSource};
pub use write::{partial_name, write_whole};
