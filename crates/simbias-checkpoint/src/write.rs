//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::FileError;

/// Writes `path` through `fill`: either the whole file appears or nothing.
///
/// The bytes go to [`partial_name`] beside it, reach the disk, and are then renamed.
///
/// # Errors
/// What the system or `fill` says; the temporary file is removed, a file that was at `path` stays as it was.
pub fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), FileError> {
    let temporary = partial_name(path);
    let written = File::create(&temporary).and_then(|file| {
        let mut writer = BufWriter::new(file);
        fill(&mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()
    });
    let renamed = written.map_err(FileError::writing(path)).and_then(|()| {
        let io = FileError::io(path, "rename the finished temporary file to");
        fs::rename(&temporary, path).map_err(io)
    });
    if renamed.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Hidden name beside `path` for what is not complete yet: `.NAME.PROCESS.partial`, by which the remains of a killed
/// process are recognised.
pub fn partial_name(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}
