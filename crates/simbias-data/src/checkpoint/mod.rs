//! Checkpoints of any framework as named tensors, read one at a time.
//!
//! | source | what |
//! |---|---|
//! | `.safetensors`, or a folder with `model.safetensors.index.json` | floats of 8 to 64 bits |
//! | PyTorch `.pt`, `.pth`, `.bin` (zip form, since 1.6), or a folder with an index | through a reader of state dicts that cannot run code |
//! | `.npz`, `.npy` | floats |
//! | `.gguf` | floats and block-quantised weights, restored to floats |
//!
//! Opening reads headers only. [`Checkpoint::read`] then reads one tensor in pieces of about a megabyte, so that
//! memory holds the wanted numbers and no more, however large the files are. Plain reads are used rather than a
//! memory map: a file that shrinks meanwhile gives an error instead of ending the process, and mapped pages would
//! count as this program's memory.

mod arrays;
mod blocks;
mod element;
mod gguf;
mod pickle;
mod rewrite;
mod safetensors;
mod sharded;
mod torch;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use self::blocks::BlockKind;
pub use self::element::{Element, Numbers};
pub use self::gguf::MetadataValue;
pub use self::pickle::parse_state_dict;
pub use self::rewrite::{RewriteError, rewrite};
pub use self::safetensors::parse_header as parse_safetensors_header;
use crate::DataError;

/// Bytes read and decoded at a time.
const PIECE_BYTES: usize = 1 << 20;
/// A configuration file larger than this is something else.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

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

/// What is known of a tensor before its numbers are read.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    /// Name in the file.
    pub name: String,
    /// Lengths of the axes, the last one varying fastest.
    pub shape: Vec<usize>,
    /// Stored type.
    pub element: Element,
    /// Index of its file in [`Checkpoint::files`].
    pub file: usize,
    place: Place,
}

impl TensorInfo {
    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether both names stand for the same stored numbers, as with tied weights.
    pub fn is_same_storage(&self, other: &Self) -> bool {
        self.file == other.file && self.shape == other.shape && self.place == other.place
    }
}

/// Where the numbers of a tensor lie in their file.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// In C order from this byte on.
    Contiguous { start: u64 },
    /// A view into a storage that begins at `start`: element `i` along axis `k` lies `strides[k]·i` elements
    /// further. The view lies inside the storage.
    Strided { start: u64, offset: usize, strides: Vec<usize> },
    /// An `.npy` file, by itself or as an entry of an archive.
    Array { entry: Option<usize> },
}

/// A checkpoint whose headers have been read and checked.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    format: Format,
    files: Vec<PathBuf>,
    tensors: Vec<TensorInfo>,
    by_name: HashMap<String, usize>,
    config: Option<Value>,
    metadata: Vec<(String, MetadataValue)>,
}

/// The tensors of one file, as a reader of its format finds them.
struct OpenedFile {
    format: Format,
    tensors: Vec<TensorInfo>,
    metadata: Vec<(String, MetadataValue)>,
}

impl Checkpoint {
    /// Opens a file, an index of shards, or a folder that holds one of them.
    ///
    /// # Errors
    /// Missing shards, cut or damaged files, names that occur twice, and formats that cannot be read.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let main = main_file(path)?;
        let (format, files, tensors, metadata) =
            if main.extension().is_some_and(|extension| extension == "json") {
                let shards = sharded::open(&main)?;
                (shards.format, shards.files, shards.tensors, Vec::new())
            } else {
                let opened = open_file(&main, 0)?;
                (opened.format, vec![main.clone()], opened.tensors, opened.metadata)
            };
        let mut by_name = HashMap::with_capacity(tensors.len());
        for (index, tensor) in tensors.iter().enumerate() {
            if let Some(first) = by_name.insert(tensor.name.clone(), index) {
                let (first, second): (&TensorInfo, _) = (&tensors[first], tensor);
                return Err(DataError::malformed(
                    &files[second.file],
                    format.name(),
                    format!(
                        "tensor {:?} occurs twice, the first time in {:?}",
                        tensor.name, files[first.file]
                    ),
                    "a name must be unique; export the checkpoint again",
                ));
            }
        }
        let config = read_config(&main)?;
        Ok(Self { path: path.into(), format, files, tensors, by_name, config, metadata })
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What kind of files they are.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The files that hold tensors, without the index.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// All tensors, in the order of the files.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<(usize, &TensorInfo)> {
        self.by_name.get(name).map(|&index| (index, &self.tensors[index]))
    }

    /// `config.json` (or, without it, `adapter_config.json`) beside the files, if there is one.
    pub fn config(&self) -> Option<&Value> {
        self.config.as_ref()
    }

    /// A positive whole number of `config.json`, or of the GGUF metadata under a key that ends so.
    pub fn config_count(&self, key: &str) -> Option<usize> {
        let from_config = self.config.as_ref().and_then(|config| config.get(key)?.as_u64());
        let count = from_config.or_else(|| {
            let dotted = format!(".{key}");
            let found = self.metadata.iter().find(|(name, _)| name.ends_with(&dotted))?;
            found.1.as_u64()
        })?;
        usize::try_from(count).ok().filter(|&count| count > 0)
    }

    /// GGUF's key-value metadata, which also holds the tokenizer; empty for other formats.
    pub fn metadata(&self) -> &[(String, MetadataValue)] {
        &self.metadata
    }

    /// Reads the numbers of tensor `index`, in C order.
    ///
    /// # Errors
    /// Types that are no floats, and what the system says.
    pub fn read(&self, index: usize) -> Result<Numbers, DataError> {
        let tensor = &self.tensors[index];
        let file = &self.files[tensor.file];
        let Some((piece_len, piece_bytes)) = tensor.element.piece() else {
            return Err(DataError::malformed(
                file,
                self.format.name(),
                format!("tensor {:?} has element type {}", tensor.name, tensor.element.name()),
                "only floats and ggml's block types can be read; packed integer weights must be \
                 restored to floats by the tool that packed them",
            ));
        };
        match &tensor.place {
            Place::Contiguous { start } => {
                let n = tensor.n_elements();
                read_run(file, *start, tensor.element, n / piece_len, piece_bytes)
            }
            Place::Strided { start, offset, strides } => {
                let first = *start + (*offset * piece_bytes) as u64;
                let extent = strided_extent(&tensor.shape, strides);
                let run = read_run(file, first, tensor.element, extent, piece_bytes)?;
                Ok(gather(&run, &tensor.shape, strides))
            }
            Place::Array { entry } => arrays::read(file, *entry),
        }
    }
}

/// `n_pieces` pieces of `element` from byte `start` on.
fn read_run(
    file: &Path,
    start: u64,
    element: Element,
    n_pieces: usize,
    piece_bytes: usize,
) -> Result<Numbers, DataError> {
    let io = |source| DataError::Io { file: file.into(), action: "read", source };
    let mut reader = File::open(file).map_err(io)?;
    reader.seek(SeekFrom::Start(start)).map_err(io)?;
    let piece_len = element.piece().map_or(1, |(len, _)| len);
    let mut numbers = Numbers::with_capacity(element, n_pieces * piece_len);
    let pieces_at_once = (PIECE_BYTES / piece_bytes).max(1);
    let mut buffer = vec![0_u8; pieces_at_once.min(n_pieces) * piece_bytes];
    let mut left = n_pieces;
    while left > 0 {
        let now = left.min(pieces_at_once);
        let bytes = &mut buffer[..now * piece_bytes];
        reader.read_exact(bytes).map_err(io)?;
        element.decode(bytes, &mut numbers);
        left -= now;
    }
    Ok(numbers)
}

/// Elements from the first to the last that a view touches.
fn strided_extent(shape: &[usize], strides: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    1 + shape.iter().zip(strides).map(|(&length, &stride)| (length - 1) * stride).sum::<usize>()
}

/// The elements of a view in C order.
fn gather(run: &Numbers, shape: &[usize], strides: &[usize]) -> Numbers {
    fn pick<T: Copy>(run: &[T], shape: &[usize], strides: &[usize]) -> Vec<T> {
        let n: usize = shape.iter().product();
        let mut picked = Vec::with_capacity(n);
        let mut position = vec![0_usize; shape.len()];
        for _ in 0..n {
            let at: usize =
                position.iter().zip(strides).map(|(index, stride)| index * stride).sum();
            picked.push(run[at]);
            for axis in (0..shape.len()).rev() {
                position[axis] += 1;
                if position[axis] < shape[axis] {
                    break;
                }
                position[axis] = 0;
            }
        }
        picked
    }
    match run {
        Numbers::F32(values) => Numbers::F32(pick(values, shape, strides)),
        Numbers::F64(values) => Numbers::F64(pick(values, shape, strides)),
    }
}

/// Names under which a folder's checkpoint is looked for, in order.
const FOLDER_NAMES: [&str; 5] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "adapter_model.safetensors",
];

/// The file to begin with.
fn main_file(path: &Path) -> Result<PathBuf, DataError> {
    let io = |source| DataError::Io { file: path.into(), action: "read", source };
    if !std::fs::metadata(path).map_err(io)?.is_dir() {
        return Ok(path.into());
    }
    for name in FOLDER_NAMES {
        let candidate = path.join(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    let mut candidates = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase());
        let known = [".safetensors", ".gguf", ".pt", ".pth", ".bin", ".npz", ".index.json"];
        if name.is_some_and(|name| known.iter().any(|end| name.ends_with(end))) {
            candidates.push(file);
        }
    }
    candidates.sort();
    match <[PathBuf; 1]>::try_from(candidates) {
        Ok([only]) => Ok(only),
        Err(several) => Err(DataError::Checkpoint {
            path: path.into(),
            problem: if several.is_empty() {
                "is a folder without a checkpoint file".into()
            } else {
                format!("is a folder with {} checkpoint files; name one of them", several.len())
            },
        }),
    }
}

/// Reads the header of one file; its tensors get the file index `file_index`.
fn open_file(file: &Path, file_index: usize) -> Result<OpenedFile, DataError> {
    let io = |source| DataError::Io { file: file.into(), action: "read", source };
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
    let refuse =
        |problem: &str| Err(DataError::Checkpoint { path: file.into(), problem: problem.into() });
    let mut opened = match head {
        [b'G', b'G', b'U', b'F', ..] => gguf::open(file)?,
        [b'P', b'K', 3 | 5, 4 | 6, ..] => torch::open_zip(file)?,
        _ if head.starts_with(b"\x93NUMPY") => arrays::open_npy(file)?,
        _ if head.starts_with(b"version https://") || head.starts_with(b"version ") => {
            return refuse(
                "is a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`",
            );
        }
        [0x80, 2..=5, ..] | [b'\x1f', b'\x8b', ..] => {
            return refuse(
                "is a bare or packed pickle (PyTorch before 1.6 wrote such files); load it in a safe \
                 place and save it again with torch.save",
            );
        }
        [_, _, _, _, _, _, _, _, b'{', ..] => safetensors::open(file)?,
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

fn read_config(main: &Path) -> Result<Option<Value>, DataError> {
    let found = ["config.json", "adapter_config.json"].iter().find_map(|name| {
        let file = main.with_file_name(name);
        std::fs::metadata(&file).ok().map(|metadata| (file, metadata))
    });
    let Some((file, metadata)) = found else { return Ok(None) };
    if !metadata.is_file() || metadata.len() > MAX_CONFIG_BYTES || file == main {
        return Ok(None);
    }
    let io = |source| DataError::Io { file: file.clone(), action: "read", source };
    let bytes = std::fs::read(&file).map_err(io)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        DataError::malformed(&file, "JSON", error.to_string(), "repair it or move it away")
    })
}

/// Number of elements; `None` when memory could not address them as 64-bit numbers.
fn checked_elements(shape: &[usize]) -> Option<usize> {
    crate::read::n_values(shape)
}
