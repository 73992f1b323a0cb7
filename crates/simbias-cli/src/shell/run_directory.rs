//! The directory of one run: filled under a temporary name, renamed when whole, never overwritten.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::interrupt::is_ending;
use super::{Failure, Interrupt};

/// A run's directory while it is being filled. Dropped before [`finish`](Self::finish), nothing of it remains.
pub(crate) struct RunDirectory {
    path: PathBuf,
    partial: PathBuf,
    interrupt: Interrupt,
}

impl RunDirectory {
    /// Makes the temporary directory beside `path`, so that a place that cannot be written is known at once.
    pub(super) fn open(path: PathBuf, interrupt: Interrupt) -> Result<Self, Failure> {
        refuse_taken(&path)?;
        let name = path.file_name().ok_or_else(|| {
            Failure::input(format!("{path:?} is no name for a directory"))
                .hint("give --out a new directory")
        })?;
        let partial = path.with_file_name(format!(
            ".{}.{}.partial",
            name.to_string_lossy(),
            std::process::id()
        ));
        interrupt.doom(&partial);
        let run = Self { path, partial, interrupt };
        fs::create_dir_all(&run.partial).map_err(|error| {
            Failure::input(format!("cannot make a directory for {:?}: {error}", run.path))
                .hint("give another place with --out")
        })?;
        Ok(run)
    }

    /// Where the directory will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file `name` is while the run lasts; for writers that take a path.
    pub(crate) fn place(&self, name: &str) -> Result<PathBuf, Failure> {
        if is_ending() {
            return Err(Failure::Interrupted);
        }
        let path = self.partial.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
        }
        Ok(path)
    }

    /// Writes one file.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.place(name)?;
        fs::write(&path, content).map_err(|error| cannot_write(&path, &error))
    }

    /// Writes one JSON file, indented, with a final newline.
    pub(crate) fn write_json(&self, name: &str, value: &serde_json::Value) -> Result<(), Failure> {
        self.write(name, format!("{value:#}\n").as_bytes())
    }

    /// Gives the directory its name.
    pub(super) fn finish(self) -> Result<PathBuf, Failure> {
        refuse_taken(&self.path)?;
        // Some systems rename over an empty directory, others do not.
        match fs::remove_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(cannot_write(&self.path, &error));
            }
            _ => {}
        }
        fs::rename(&self.partial, &self.path).map_err(|error| cannot_write(&self.path, &error))?;
        Ok(self.path.clone())
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        // After `finish` nothing is there any more, which is as good.
        let _ = fs::remove_dir_all(&self.partial);
        self.interrupt.spare(&self.partial);
    }
}

fn refuse_taken(path: &Path) -> Result<(), Failure> {
    let taken = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    if taken {
        return Err(Failure::input(format!("{path:?} exists and is not an empty directory"))
            .hint("results are never overwritten: give --out a new name, or remove the old one"));
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("cannot write {path:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_remains_of_a_run_that_does_not_finish() {
        let folder = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::silent();
        let run = RunDirectory::open(folder.path().join("a/b"), interrupt.clone()).unwrap();
        run.write("csv/x.csv", b"1").unwrap();
        drop(run);
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 0);

        let run = RunDirectory::open(folder.path().join("a/b"), interrupt).unwrap();
        run.write("csv/x.csv", b"1").unwrap();
        run.finish().unwrap();
        assert_eq!(fs::read(folder.path().join("a/b/csv/x.csv")).unwrap(), b"1");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }
}
