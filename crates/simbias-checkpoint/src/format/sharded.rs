//! Folders of shards with an index that says which shard holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::{Format, open_file};
use crate::error::{CheckpointError, FileError};
use crate::tensor::TensorInfo;

/// The index file of Hugging Face checkpoints; `metadata` is not used.
#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

pub(crate) struct Shards {
    pub(crate) format: Format,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) tensors: Vec<TensorInfo>,
}

fn malformed(file: &Path, problem: String) -> CheckpointError {
    FileError::malformed(file, "index", problem, "fetch the whole checkpoint again").into()
}

/// Opens every shard that `index` names, in the order of their names, and checks it against the index.
pub(crate) fn open(index: &Path) -> Result<Shards, CheckpointError> {
    let bytes = std::fs::read(index).map_err(FileError::reading(index))?;
    let Index { weight_map } = serde_json::from_slice(&bytes).map_err(|error| {
        malformed(index, format!("it does not map tensors to shards in `weight_map` ({error})"))
    })?;
    let names: BTreeSet<&String> = weight_map.values().collect();
    let mut files = Vec::new();
    let mut tensors: Vec<TensorInfo> = Vec::new();
    let mut format = None;
    for name in names {
        let shard = Path::new(name);
        let stays_inside =
            shard.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays_inside {
            return Err(malformed(index, format!("shard {name:?} lies outside the folder")));
        }
        let file = index.with_file_name(shard);
        if !file.is_file() {
            return Err(malformed(index, format!("shard {name:?} is missing beside it")));
        }
        let opened = open_file(&file, files.len())?;
        if *format.get_or_insert(opened.format) != opened.format {
            return Err(malformed(index, format!("shard {name:?} is of another format")));
        }
        for tensor in &opened.tensors {
            if let Some(elsewhere) = weight_map.get(&tensor.name).filter(|shard| *shard != name) {
                return Err(malformed(
                    index,
                    format!(
                        "tensor {:?} is in {name:?}, the index says {elsewhere:?}",
                        tensor.name
                    ),
                ));
            }
        }
        tensors.extend(opened.tensors);
        files.push(file);
    }
    let found: BTreeSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    if let Some((tensor, shard)) =
        weight_map.iter().find(|(tensor, _)| !found.contains(tensor.as_str()))
    {
        return Err(malformed(index, format!("tensor {tensor:?} is not in its shard {shard:?}")));
    }
    let format = format.ok_or_else(|| malformed(index, "it names no shard".into()))?;
    Ok(Shards { format, files, tensors })
}
