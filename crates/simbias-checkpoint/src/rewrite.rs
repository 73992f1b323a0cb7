//! A checkpoint written again with some tensors changed.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::checkpoint::Checkpoint;
use crate::element::{Element, Numbers};
use crate::error::{CheckpointError, FileError};
use crate::format::Format;
use crate::tensor::{Place, TensorInfo};
use crate::write::partial_name;

/// File name of weights that come from another format.
const FRESH_NAME: &str = "model.safetensors";
/// Files that belong to a model and are carried along when one weight file was named.
const COMPANIONS: [&str; 12] = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
];
/// Endings of weight files. Those in the folder that are not rewritten hold the old weights and are left out.
const WEIGHT_ENDINGS: [&str; 11] =
    ["safetensors", "bin", "pt", "pth", "gguf", "npz", "npy", "h5", "msgpack", "onnx", "ckpt"];

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError<E: std::error::Error> {
    /// A file could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The new numbers could not be made.
    #[error(transparent)]
    Replacement(E),
}

impl<E: std::error::Error> From<FileError> for RewriteError<E> {
    fn from(error: FileError) -> Self {
        Self::Checkpoint(error.into())
    }
}

/// Writes `checkpoint` to the new folder `out`, each tensor replaced by what `replace` returns for its index, or left
/// as it is on `None`.
///
/// A safetensors checkpoint keeps its files, names, types, order and metadata, so that untouched tensors are the
/// same bytes; other files of its folder come along, except weights in other formats. A checkpoint of another
/// format becomes one `model.safetensors` with the same names and float types, block-quantised tensors as F32.
/// In that case `rename` gives tensors new names, which must be distinct, and leaves out tensors without one. Files
/// that `attach` returns by name once all tensors are written, such as a report of what was done, are added.
/// The folder appears whole or not at all.
///
/// # Errors
/// A folder that exists, replacements of another length, types that cannot be written, what the system says, and
/// the errors of `replace`.
pub fn rewrite<E: std::error::Error>(
    checkpoint: &Checkpoint,
    out: &Path,
    replace: impl FnMut(usize, &TensorInfo) -> Result<Option<Numbers>, E>,
    rename: &dyn Fn(&str) -> Option<String>,
    attach: impl FnOnce() -> Vec<(String, Vec<u8>)>,
) -> Result<(), RewriteError<E>> {
    if out.exists() {
        return Err(CheckpointError::Exists { path: out.into() }.into());
    }
    let partial = partial_name(out);
    fs::create_dir_all(&partial).map_err(FileError::io(&partial, "create"))?;
    let written = match checkpoint.format() {
        Format::Safetensors => patch(checkpoint, &partial, replace),
        _ => write_fresh(checkpoint, &partial, replace, rename),
    };
    let finished = written
        .and_then(|()| Ok(copy_companions(checkpoint, &partial)?))
        .and_then(|()| {
            for (name, bytes) in attach() {
                let file = partial.join(name);
                fs::write(&file, bytes).map_err(FileError::writing(&file))?;
            }
            Ok(())
        })
        .and_then(|()| {
            Ok(fs::rename(&partial, out)
                .map_err(FileError::io(out, "rename the finished folder to"))?)
        });
    if finished.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&partial);
    }
    finished
}

fn encoded(
    file: &Path,
    tensor: &TensorInfo,
    element: Element,
    numbers: &Numbers,
) -> Result<Vec<u8>, FileError> {
    let problem = if numbers.len() != tensor.n_elements() {
        format!("expected {} numbers, found {}", tensor.n_elements(), numbers.len())
    } else if let Some(bytes) = element.encode(numbers) {
        return Ok(bytes);
    } else {
        format!("numbers of type {} cannot be written", element.name())
    };
    Err(FileError::malformed(
        file,
        "safetensors",
        format!("tensor {:?}: {problem}", tensor.name),
        "leave that tensor as it is",
    ))
}

/// Copies every file and writes the replaced tensors into their places.
fn patch<E: std::error::Error>(
    checkpoint: &Checkpoint,
    folder: &Path,
    mut replace: impl FnMut(usize, &TensorInfo) -> Result<Option<Numbers>, E>,
) -> Result<(), RewriteError<E>> {
    for (file_index, source) in checkpoint.files().iter().enumerate() {
        let target = folder.join(source.file_name().unwrap_or_default());
        let io = FileError::writing(&target);
        let mut writer = copied(source, &target).map_err(io)?;
        for (index, tensor) in checkpoint.tensors().iter().enumerate() {
            if tensor.file != file_index {
                continue;
            }
            let Some(numbers) = replace(index, tensor).map_err(RewriteError::Replacement)? else {
                continue;
            };
            let Place::Contiguous { start } = tensor.place else { continue };
            let bytes = encoded(&target, tensor, tensor.element, &numbers)?;
            writer.seek(SeekFrom::Start(start)).map_err(io)?;
            writer.write_all(&bytes).map_err(io)?;
        }
        writer.sync_all().map_err(io)?;
    }
    Ok(())
}

/// Type under which a tensor of another format is written.
fn written_type(element: Element) -> Element {
    match element {
        Element::Block(_) => Element::F32,
        other => other,
    }
}

fn write_fresh<E: std::error::Error>(
    checkpoint: &Checkpoint,
    folder: &Path,
    mut replace: impl FnMut(usize, &TensorInfo) -> Result<Option<Numbers>, E>,
    rename: &dyn Fn(&str) -> Option<String>,
) -> Result<(), RewriteError<E>> {
    let target = folder.join(FRESH_NAME);
    let io = FileError::writing(&target);
    let mut header = Map::new();
    header.insert("__metadata__".into(), json!({"format": "pt"}));
    let mut end = 0;
    for tensor in checkpoint.tensors() {
        let Some(name) = rename(&tensor.name) else { continue };
        let element = written_type(tensor.element);
        let n_bytes =
            element.stored_bytes().and_then(|bytes| tensor.n_elements().checked_mul(bytes));
        let Some(n_bytes) = n_bytes else {
            return Err(FileError::malformed(
                &checkpoint.files()[tensor.file],
                checkpoint.format().name(),
                format!("tensor {:?} has type {}", tensor.name, tensor.element.name()),
                "safetensors cannot hold it; convert the checkpoint first",
            )
            .into());
        };
        let begin = end;
        end += n_bytes;
        let entry =
            json!({"dtype": element.name(), "shape": tensor.shape, "data_offsets": [begin, end]});
        header.insert(name, entry);
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    // The data begin at a multiple of eight bytes.
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut writer = BufWriter::new(File::create(&target).map_err(io)?);
    writer.write_all(&(text.len() as u64).to_le_bytes()).map_err(io)?;
    writer.write_all(&text).map_err(io)?;
    for (index, tensor) in checkpoint.tensors().iter().enumerate() {
        if rename(&tensor.name).is_none() {
            continue;
        }
        let replacement = replace(index, tensor).map_err(RewriteError::Replacement)?;
        let bytes = match (replacement, tensor.element.piece()) {
            (Some(numbers), _) => encoded(&target, tensor, written_type(tensor.element), &numbers)?,
            (None, Some(_)) => {
                let numbers = checkpoint.read(index)?;
                encoded(&target, tensor, written_type(tensor.element), &numbers)?
            }
            (None, None) => read_bytes(checkpoint, tensor)?,
        };
        writer.write_all(&bytes).map_err(io)?;
    }
    writer.flush().map_err(io)?;
    writer.get_ref().sync_all().map_err(io)?;
    Ok(())
}

/// The bytes of a tensor whose type is not decoded.
fn read_bytes(checkpoint: &Checkpoint, tensor: &TensorInfo) -> Result<Vec<u8>, FileError> {
    let file = &checkpoint.files()[tensor.file];
    let io = FileError::reading(file);
    let (Place::Contiguous { start }, Some(item)) = (&tensor.place, tensor.element.stored_bytes())
    else {
        return Err(FileError::malformed(
            file,
            checkpoint.format().name(),
            format!(
                "tensor {:?} of type {} is not a plain run of bytes",
                tensor.name,
                tensor.element.name()
            ),
            "make it contiguous and save again",
        ));
    };
    let mut bytes = vec![0; tensor.n_elements() * item];
    let mut reader = File::open(file).map_err(io)?;
    reader.seek(SeekFrom::Start(*start)).map_err(io)?;
    reader.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Copies the files that belong to the model and hold no weights.
fn copy_companions(checkpoint: &Checkpoint, folder: &Path) -> Result<(), FileError> {
    if checkpoint.path().is_dir() {
        return copy_folder(checkpoint.path(), folder, checkpoint.format());
    }
    let mut names: Vec<PathBuf> = COMPANIONS.iter().map(PathBuf::from).collect();
    if checkpoint.format() == Format::Safetensors
        && checkpoint.path().extension().is_some_and(|extension| extension == "json")
    {
        names.extend(checkpoint.path().file_name().map(PathBuf::from));
    }
    for name in names {
        let source = checkpoint.path().with_file_name(&name);
        if source.is_file() {
            copy(&source, &folder.join(name))?;
        }
    }
    Ok(())
}

fn copy_folder(source: &Path, target: &Path, format: Format) -> Result<(), FileError> {
    let io = FileError::reading(source);
    for entry in fs::read_dir(source).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, name) = (entry.path(), entry.file_name());
        let copied = target.join(&name);
        let is_hidden = name.to_string_lossy().starts_with('.');
        let extension = path.extension().map(|end| end.to_string_lossy().to_lowercase());
        let holds_weights = extension.is_some_and(|end| WEIGHT_ENDINGS.contains(&end.as_str()));
        // The index of another format names files that are not written.
        let is_foreign_index =
            format != Format::Safetensors && name.to_string_lossy().ends_with(".index.json");
        if is_hidden || holds_weights || is_foreign_index || copied.exists() {
            continue;
        }
        // `file_type` does not follow links, so a folder that links to itself is not walked.
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            fs::create_dir(&copied).map_err(io)?;
            copy_folder(&path, &copied, format)?;
        } else if path.is_file() {
            copy(&path, &copied)?;
        }
    }
    Ok(())
}

fn copy(source: &Path, target: &Path) -> Result<(), FileError> {
    copied(source, target).map(drop).map_err(FileError::writing(target))
}

/// Copies the content without the permissions: a file from a read-only store must become writable.
fn copied(source: &Path, target: &Path) -> std::io::Result<File> {
    let mut written = File::create(target)?;
    std::io::copy(&mut File::open(source)?, &mut written)?;
    Ok(written)
}
