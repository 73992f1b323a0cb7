//! The directory of one run: filled under a temporary name, renamed when whole, never overwritten.

use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::interrupt::is_ending;
use super::{Failure, Interrupt};

/// How long temporary directories of other runs are left alone: another machine may be writing them.
const LEFT_ALONE: Duration = Duration::from_secs(24 * 3600);

/// What follows a run's name in the files beside its directory from which it can be resumed.
const CHECKPOINT_ENDS: [&str; 2] = [".checkpoint", ".checkpoint.traces"];

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
        remove_left_over(&path, &name.to_string_lossy());
        let run = Self { path, partial, interrupt };
        for partial in run.all_partial() {
            run.interrupt.doom(&partial);
        }
        fs::create_dir_all(&run.partial).map_err(|error| {
            Failure::input(format!("cannot make a directory for {:?}: {error}", run.path))
                .hint("give another place with --out")
        })?;
        Ok(run)
    }

    /// The directory and the files beside it while they are being filled.
    fn all_partial(&self) -> Vec<PathBuf> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let checkpoints = CHECKPOINT_ENDS.map(|end| {
            self.path.with_file_name(format!("{name}{end}.{}.partial", std::process::id()))
        });
        checkpoints.into_iter().chain([self.partial.clone()]).collect()
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
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let path = self.place(name)?;
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::new(fs::File::create(&path)?);
            serde_json::to_writer_pretty(&mut file, value)?;
            file.write_all(b"\n")?;
            file.flush()
        };
        write().map_err(|error| cannot_write(&path, &error))
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
        for partial in self.all_partial() {
            self.interrupt.spare(&partial);
        }
    }
}

/// Removes what killed processes left beside `path`: temporary directories and half-written checkpoints of the same
/// name, and of any name after a day. Only where the system says which processes live; what cannot be removed harms
/// nobody.
fn remove_left_over(path: &Path, name: &str) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(parent.unwrap_or(Path::new("."))) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let Some((of_run, process)) = file_name.to_str().and_then(partial_of) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        let is_old =
            metadata.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_ALONE));
        if (of_run == name || is_old) && is_dead(process) {
            let _ = if metadata.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
        }
    }
}

/// Run and process of `.RUN.PROCESS.partial`, a run's directory, or of `RUN.checkpoint.PROCESS.partial` and
/// `RUN.checkpoint.traces.PROCESS.partial`, its files beside it.
fn partial_of(file_name: &str) -> Option<(&str, u32)> {
    let (begin, process) = file_name.strip_suffix(".partial")?.rsplit_once('.')?;
    let run = begin
        .strip_prefix('.')
        .or_else(|| CHECKPOINT_ENDS.iter().find_map(|end| begin.strip_suffix(end)))?;
    Some((run, process.parse().ok()?))
}

/// Whether there is certainly no such process.
fn is_dead(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
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

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        // No process has a number beyond 2^22 on Linux.
        let left = |name: &str| folder.path().join(name);
        let own = format!(".a.{}.partial", std::process::id());
        for name in [".a.4194999.partial", ".b.4194999.partial", ".a.x.partial", &own] {
            fs::create_dir_all(left(name).join("csv")).unwrap();
        }
        for name in ["a.checkpoint.4194999.partial", "a.txt.4194999.partial"] {
            fs::write(left(name), b"half").unwrap();
        }
        let run = RunDirectory::open(folder.path().join("a"), Interrupt::silent()).unwrap();
        assert!(!left(".a.4194999.partial").exists());
        assert!(!left("a.checkpoint.4194999.partial").exists());
        assert!(left("a.txt.4194999.partial").exists());
        assert!(left(".b.4194999.partial").exists() && left(".a.x.partial").exists());
        run.finish().unwrap();
    }
}
