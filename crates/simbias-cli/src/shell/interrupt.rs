//! Ctrl-C: work that looks may end tidily; work that does not look is ended, and its partial directory removed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Failure;
use super::failure::INTERRUPTED;

/// Whether the handler is ending the process. Static, because even a command that fails for lack of its removed
/// directory must not report that.
static ENDING: AtomicBool = AtomicBool::new(false);

/// How often the handler tries to remove a directory that is still being written into.
const REMOVALS: usize = 20;

/// Whether the person's Ctrl-C is ending the process.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Shared between the signal handler and the command.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    asked: AtomicBool,
    /// Pieces of work under way that look at `asked`.
    lookers: AtomicUsize,
    partial: Mutex<Vec<PathBuf>>,
}

impl Interrupt {
    /// Takes over Ctrl-C (and the termination signal) for this process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let interrupt = Self(Arc::default());
        let handled = interrupt.clone();
        ctrlc::set_handler(move || handled.handle())
            .map_err(|error| Failure::input(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(interrupt)
    }

    /// Hears no signal.
    #[cfg(test)]
    pub(super) fn silent() -> Self {
        Self(Arc::default())
    }

    fn handle(&self) {
        let again = self.0.asked.swap(true, Ordering::SeqCst);
        if again || self.0.lookers.load(Ordering::SeqCst) == 0 {
            ENDING.store(true, Ordering::SeqCst);
            let partial = self.partial().clone();
            for path in partial {
                remove(&path);
            }
            super::say("interrupted");
            std::process::exit(i32::from(INTERRUPTED));
        }
        super::say("finishing the current step; press Ctrl-C again to stop at once");
    }

    /// Whether the person asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Announces work that looks at [`is_asked`](Self::is_asked); ends with the guard.
    pub(crate) fn look(&self) -> Looking {
        self.0.lookers.fetch_add(1, Ordering::SeqCst);
        Looking(self.clone())
    }

    /// `path` is to be removed when the process is ended.
    pub(super) fn doom(&self, path: &Path) {
        self.partial().push(path.into());
    }

    /// `path` is no longer there, or complete.
    pub(super) fn spare(&self, path: &Path) {
        self.partial().retain(|other| other != path);
    }

    fn partial(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // The list is whole even if a thread died holding it.
        self.0.partial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread may be writing into it, and stops when it sees [`is_ending`].
fn remove(path: &Path) {
    for _ in 0..REMOVALS {
        // Nothing can be done about a directory that resists.
        let _ = std::fs::remove_dir_all(path);
        if !path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// While it lives, the first Ctrl-C only asks.
pub(crate) struct Looking(Interrupt);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.0.lookers.fetch_sub(1, Ordering::SeqCst);
    }
}
