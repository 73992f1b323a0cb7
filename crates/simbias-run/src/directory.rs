//! The directory of one run: filled under a temporary name, renamed when complete, never overwritten.

use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use simbias_report::{AnswerFile, Interrupted, write_json};

use crate::{Ending, RunError, Undisturbed};

/// How long temporary directories of other runs are left alone: another machine may be writing them.
const LEFT_ALONE: Duration = Duration::from_secs(24 * 3600);

/// Endings of the files beside a run's directory from which it can be resumed.
const CHECKPOINT_ENDS: [&str; 2] = [".checkpoint", ".checkpoint.traces"];

/// A run's directory while it is being filled. If it is dropped before [`finish`](Self::finish), nothing remains.
pub struct RunDirectory {
    path: PathBuf,
    partial: PathBuf,
    ending: Box<dyn Ending>,
}

impl std::fmt::Debug for RunDirectory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RunDirectory").field("path", &self.path).finish_non_exhaustive()
    }
}

impl RunDirectory {
    /// Makes the temporary directory beside `path`, so that a place that cannot be written is known at once.
    ///
    /// # Errors
    /// [`RunError::Taken`], [`RunError::NoName`], [`RunError::NoPlace`].
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, RunError> {
        Self::create_under(path, Box::new(Undisturbed))
    }

    /// As [`create`](Self::create), in a process that `ending` may end.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_under(
        path: impl Into<PathBuf>,
        ending: Box<dyn Ending>,
    ) -> Result<Self, RunError> {
        let path = path.into();
        refuse_taken(&path)?;
        let Some(name) = path.file_name() else { return Err(RunError::NoName { path }) };
        let partial = path.with_file_name(format!(
            ".{}.{}.partial",
            name.to_string_lossy(),
            std::process::id()
        ));
        remove_left_over(&path, &name.to_string_lossy());
        let run = Self { path, partial, ending };
        for partial in run.all_partial() {
            run.ending.doom(&partial);
        }
        match fs::create_dir_all(&run.partial) {
            Ok(()) => Ok(run),
            Err(source) => Err(RunError::NoPlace { path: run.path.clone(), source }),
        }
    }

    /// Temporary paths of the directory and of the files beside it.
    fn all_partial(&self) -> Vec<PathBuf> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let checkpoints = CHECKPOINT_ENDS.map(|end| {
            self.path.with_file_name(format!(".{name}{end}.{}.partial", std::process::id()))
        });
        checkpoints.into_iter().chain([self.partial.clone()]).collect()
    }

    /// Where the directory will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file `name` is while the run lasts; for writers that take a path.
    ///
    /// # Errors
    /// [`RunError::Interrupted`], [`RunError::Write`].
    pub fn place(&self, name: &str) -> Result<PathBuf, RunError> {
        if self.ending.is_ending() {
            return Err(Interrupted.into());
        }
        let path = self.partial.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| RunError::write(parent, error))?;
        }
        Ok(path)
    }

    /// Writes one file.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), RunError> {
        self.fill(name, |out| out.write_all(content))
    }

    /// Writes one JSON file, indented, with a final newline.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn write_json<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), RunError> {
        self.fill(name, |out| write_json(out, value))
    }

    /// Writes a file of an answer.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn write_file(&self, file: &AnswerFile<'_>) -> Result<(), RunError> {
        self.fill(file.name(), |out| file.write(out))
    }

    /// Writes one file through `fill`.
    pub(crate) fn fill(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), RunError> {
        let path = self.place(name)?;
        let write = || {
            let mut file = BufWriter::new(fs::File::create(&path)?);
            fill(&mut file)?;
            file.flush()
        };
        write().map_err(|error| RunError::write(&path, error))
    }

    /// Gives the directory its name.
    ///
    /// # Errors
    /// [`RunError::Taken`], [`RunError::Write`], [`RunError::Interrupted`].
    pub fn finish(self) -> Result<PathBuf, RunError> {
        // Even if the work finished before it checked.
        if self.ending.is_asked() {
            return Err(Interrupted.into());
        }
        refuse_taken(&self.path)?;
        // Some systems rename over an empty directory, others do not.
        match fs::remove_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(RunError::write(&self.path, error));
            }
            _ => {}
        }
        fs::rename(&self.partial, &self.path)
            .map_err(|error| RunError::write(&self.path, error))?;
        Ok(self.path.clone())
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        // After `finish` the directory is no longer there, and this fails harmlessly.
        let _ = fs::remove_dir_all(&self.partial);
        for partial in self.all_partial() {
            self.ending.spare(&partial);
        }
    }
}

/// Removes what killed processes left beside `path`: temporary directories and half-written checkpoints of the same
/// name, and of any name after a day. Works only where the system says which processes live; what cannot be removed
/// does no harm.
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

/// Run and process of `.RUN.PROCESS.partial`, a run's directory, or of `.RUN.checkpoint.PROCESS.partial` and
/// `.RUN.checkpoint.traces.PROCESS.partial`, its files beside it.
fn partial_of(file_name: &str) -> Option<(&str, u32)> {
    let (begin, process) = file_name.strip_suffix(".partial")?.rsplit_once('.')?;
    let name = begin.strip_prefix('.')?;
    let run = CHECKPOINT_ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    Some((run, process.parse().ok()?))
}

/// Whether this process certainly does not exist.
fn is_dead(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

fn refuse_taken(path: &Path) -> Result<(), RunError> {
    let taken = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    if taken { Err(RunError::Taken { path: path.into() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_remains_of_a_run_that_does_not_finish() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(folder.path().join("a/b")).unwrap();
        run.write("csv/x.csv", b"1").unwrap();
        drop(run);
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 0);

        let run = RunDirectory::create(folder.path().join("a/b")).unwrap();
        run.write("csv/x.csv", b"1").unwrap();
        run.finish().unwrap();
        assert_eq!(fs::read(folder.path().join("a/b/csv/x.csv")).unwrap(), b"1");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
        let error = RunDirectory::create(folder.path().join("a/b")).unwrap_err();
        assert!(matches!(error, RunError::Taken { .. }), "{error}");
    }

    /// A process that is being ended.
    struct Ended;

    impl Ending for Ended {
        fn doom(&self, _path: &Path) {}

        fn spare(&self, _path: &Path) {}

        fn is_asked(&self) -> bool {
            true
        }

        fn is_ending(&self) -> bool {
            true
        }
    }

    #[test]
    fn nothing_is_written_while_the_process_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create_under(folder.path().join("a"), Box::new(Ended)).unwrap();
        let error = run.write("x.txt", b"late").unwrap_err();
        assert!(matches!(error, RunError::Interrupted(_)), "{error}");
        let error = run.finish().unwrap_err();
        assert!(matches!(error, RunError::Interrupted(_)), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
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
        for name in [".a.checkpoint.4194999.partial", "a.txt.4194999.partial"] {
            fs::write(left(name), b"half").unwrap();
        }
        let run = RunDirectory::create(folder.path().join("a")).unwrap();
        assert!(!left(".a.4194999.partial").exists());
        assert!(!left(".a.checkpoint.4194999.partial").exists());
        assert!(left("a.txt.4194999.partial").exists());
        assert!(left(".b.4194999.partial").exists() && left(".a.x.partial").exists());
        run.finish().unwrap();
    }
}
