//! `-` in place of a file: what comes on standard input, kept in a temporary file while the command runs.

use std::io::{IsTerminal, copy, stdin};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Failure;

/// How a user writes standard input, and what messages call it.
const WORD: &str = "-";
const NAME: &str = "standard input";

/// What came on standard input.
pub(super) struct StandardInput {
    folder: TempDir,
    file: PathBuf,
}

impl StandardInput {
    /// Whether `path` means it.
    pub(super) fn is_meant(path: &Path) -> bool {
        path.as_os_str() == WORD
    }

    /// Reads all of it; its first bytes say what kind of file it is.
    pub(super) fn read() -> Result<Self, Failure> {
        if stdin().is_terminal() {
            return Err(Failure::input("- stands for standard input, which is this terminal")
                .hint("pipe a file into the command, or name it in place of -"));
        }
        let wrong = |error: std::io::Error| {
            Failure::input(format!("cannot keep standard input in a temporary file: {error}"))
                .hint("name a file in place of -, or choose another folder with TMPDIR")
        };
        let folder = tempfile::tempdir().map_err(wrong)?;
        let whole = folder.path().join("stdin");
        std::fs::File::create(&whole)
            .and_then(|mut file| copy(&mut stdin().lock(), &mut file))
            .map_err(wrong)?;
        let file = whole.with_extension(ending(&whole).map_err(wrong)?);
        std::fs::rename(&whole, &file).map_err(wrong)?;
        Ok(Self { folder, file })
    }

    /// The file with its content.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The folder that goes away with it.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `message` with the user's name for it.
    pub(super) fn renamed(&self, message: &str) -> String {
        let path = &self.file;
        message.replace(&format!("{path:?}"), NAME).replace(&path.display().to_string(), NAME)
    }
}

/// The ending of a file with this content; text is a table.
fn ending(path: &Path) -> std::io::Result<&'static str> {
    let mut begin = Vec::new();
    std::io::Read::read_to_end(
        &mut std::io::Read::take(std::fs::File::open(path)?, 9),
        &mut begin,
    )?;
    Ok(match begin.as_slice() {
        [b'P', b'A', b'R', b'1', ..] => "parquet",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "npy",
        [b'P', b'K', 3, 4, ..] => "npz",
        // The length of the header, then the header.
        [_, _, _, _, _, _, _, 0, b'{'] => "safetensors",
        [b'{', ..] => "json",
        _ => "csv",
    })
}
