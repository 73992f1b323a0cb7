//! What can be wrong with files of numbers, and what to try next.

use std::path::{Path, PathBuf};

/// Why a file of any format could not be read or written. Every message says where, what was found, what was
/// expected and what to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {action} {file:?}: {source}")]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// What was tried: read, write, rename.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are not what the format promises.
    #[error("{file:?} is not a readable {format} file: {problem}; {hint}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// What was found and what was expected.
        problem: String,
        /// What to try.
        hint: String,
    },
    /// A header asks for more bytes than the file can hold.
    #[error(
        "{file:?}: the {format} header announces {}, but the file holds {available} bytes of it; it is cut short or \
         damaged, fetch or export it again", announced_size(*announced)
    )]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// Bytes of data according to the header; `None` when memory could not address them.
        announced: Option<u64>,
        /// Bytes of data present.
        available: u64,
    },
}

impl FileError {
    /// [`FileError::Malformed`]: `file` is not of `format` because of `problem`; `hint` says what to try.
    pub fn malformed(
        file: &Path,
        format: &'static str,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Malformed { file: file.into(), format, problem: problem.into(), hint: hint.into() }
    }

    /// Turns a system error while reading `file` into [`FileError::Io`].
    pub fn reading(file: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        Self::io(file, "read")
    }

    /// Turns a system error while writing `file` into [`FileError::Io`].
    pub fn writing(file: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        Self::io(file, "write")
    }

    /// Turns a system error of the attempt to `action` the `file` into [`FileError::Io`].
    pub fn io<'a>(
        file: &'a Path,
        action: &'static str,
    ) -> impl Fn(std::io::Error) -> Self + Copy + 'a {
        move |source| Self::Io { file: file.into(), action, source }
    }
}

/// Why a checkpoint could not be opened or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// One of its files could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A path without a checkpoint.
    #[error(
        "{path:?} {problem}; readable checkpoints are .safetensors files or folders, PyTorch .pt, .pth and .bin \
         files, .npz, .npy and .gguf"
    )]
    Unrecognised {
        /// The file or folder.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// A folder to write that exists already.
    #[error("{path:?}: exists already; name a new folder, nothing is overwritten")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
}

fn announced_size(n_bytes: Option<u64>) -> String {
    match n_bytes {
        Some(n_bytes) => format!("{n_bytes} bytes of data"),
        None => "more data than memory can address".into(),
    }
}
