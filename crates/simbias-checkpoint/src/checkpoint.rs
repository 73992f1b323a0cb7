//! A checkpoint on disk: its files, its tensors and its configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::element::Numbers;
use crate::error::{CheckpointError, FileError};
use crate::format::{Format, MetadataValue, open_file, open_shards, read_array};
use crate::tensor::{Place, TensorInfo, TensorSource, gather, pieces, read_run, strided_extent};

/// A larger file is not a configuration.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

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

impl Checkpoint {
    /// Opens a file, an index of shards, or a folder that holds one of them.
    ///
    /// # Errors
    /// Missing shards, cut or damaged files, names that occur twice, and formats that cannot be read.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let main = main_file(path)?;
        let (format, files, tensors, metadata) =
            if main.extension().is_some_and(|extension| extension == "json") {
                let shards = open_shards(&main)?;
                (shards.format, shards.files, shards.tensors, Vec::new())
            } else {
                let opened = open_file(&main, 0)?;
                (opened.format, vec![main.clone()], opened.tensors, opened.metadata)
            };
        let mut by_name = HashMap::with_capacity(tensors.len());
        for (index, tensor) in tensors.iter().enumerate() {
            if let Some(first) = by_name.insert(tensor.name.clone(), index) {
                let (first, second): (&TensorInfo, _) = (&tensors[first], tensor);
                return Err(FileError::malformed(
                    &files[second.file],
                    format.name(),
                    format!(
                        "tensor {:?} occurs twice, the first time in {:?}",
                        tensor.name, files[first.file]
                    ),
                    "a name must be unique; export the checkpoint again",
                )
                .into());
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

    /// A positive whole number from `config.json`, or from the GGUF metadata under a key that ends in `.key`.
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
    /// Types that are not floats, and what the system says.
    pub fn read(&self, index: usize) -> Result<Numbers, CheckpointError> {
        let tensor = &self.tensors[index];
        let file = &self.files[tensor.file];
        let (piece_len, piece_bytes) = pieces(file, self.format.name(), tensor)?;
        match &tensor.place {
            Place::Contiguous { start } => {
                let n = tensor.n_elements();
                Ok(read_run(file, *start, tensor.element, n / piece_len, piece_bytes)?)
            }
            Place::Strided { start, offset, strides } => {
                let first = *start + (*offset * piece_bytes) as u64;
                let extent = strided_extent(&tensor.shape, strides);
                let run = read_run(file, first, tensor.element, extent, piece_bytes)?;
                Ok(gather(&run, &tensor.shape, strides))
            }
            Place::Array { entry } => Ok(read_array(file, *entry)?),
        }
    }

    /// Whether [`read_part`](Self::read_part) reads no more of tensor `index` than the part: its numbers lie one after
    /// another in the file, unpacked.
    pub fn has_parts(&self, index: usize) -> bool {
        let tensor = &self.tensors[index];
        matches!(tensor.place, Place::Contiguous { .. })
            && tensor.element.piece().is_some_and(|(len, _)| len == 1)
    }

    /// Reads the numbers `first..first + n` of tensor `index`, counted in C order.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Panics
    /// When the tensor has fewer numbers, or no [parts](Self::has_parts).
    pub fn read_part(
        &self,
        index: usize,
        first: usize,
        n: usize,
    ) -> Result<Numbers, CheckpointError> {
        assert!(self.has_parts(index), "tensor {index} can only be read as a whole");
        let tensor = &self.tensors[index];
        let n_elements = tensor.n_elements();
        let is_inside = first.checked_add(n).is_some_and(|end| end <= n_elements);
        assert!(is_inside, "numbers {first} to {first} + {n} of {n_elements}");
        let file = &self.files[tensor.file];
        let (_, piece_bytes) = pieces(file, self.format.name(), tensor)?;
        let Place::Contiguous { start } = tensor.place else {
            unreachable!("only contiguous tensors have parts")
        };
        let start = start + (first * piece_bytes) as u64;
        Ok(read_run(file, start, tensor.element, n, piece_bytes)?)
    }
}

impl TensorSource for Checkpoint {
    fn tensors(&self) -> &[TensorInfo] {
        self.tensors()
    }

    fn read(&self, index: usize) -> Result<Numbers, CheckpointError> {
        self.read(index)
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

/// The file to open first.
fn main_file(path: &Path) -> Result<PathBuf, CheckpointError> {
    let io = FileError::reading(path);
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
        Err(several) => Err(CheckpointError::Unrecognised {
            path: path.into(),
            problem: if several.is_empty() {
                "is a folder without a checkpoint file".into()
            } else {
                format!("is a folder with {} checkpoint files; name one of them", several.len())
            },
        }),
    }
}

fn read_config(main: &Path) -> Result<Option<Value>, FileError> {
    let found = ["config.json", "adapter_config.json"].iter().find_map(|name| {
        let file = main.with_file_name(name);
        std::fs::metadata(&file).ok().map(|metadata| (file, metadata))
    });
    let Some((file, metadata)) = found else { return Ok(None) };
    if !metadata.is_file() || metadata.len() > MAX_CONFIG_BYTES || file == main {
        return Ok(None);
    }
    let bytes = std::fs::read(&file).map_err(FileError::reading(&file))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        FileError::malformed(&file, "JSON", error.to_string(), "repair it or move it away")
    })
}
