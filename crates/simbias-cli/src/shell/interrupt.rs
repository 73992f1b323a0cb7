//! What Ctrl-C means in every command: the first one asks the work to stop soon; the second one ends the process at
//! once. Work that does not check for the first one is ended too, so that a stop never takes long. However a command
//! ends, partial directories are removed and the exit code is 130.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Failure;
use super::failure::INTERRUPTED;
use crate::host::Events;

/// Whether the process is being ended. Static, because a command that fails only because its directory was removed
/// must not report that.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Work that has not checked for this long after Ctrl-C is assumed never to check.
const PATIENCE: Duration = Duration::from_secs(3);
/// The limit for work that checks rarely, such as a training with slow steps: twice the time between two checks, at
/// most this.
const MOST_PATIENCE: Duration = Duration::from_secs(30);
/// Time for work that has noticed Ctrl-C to save what can be resumed.
const TIDYING: Duration = Duration::from_secs(10);

/// How often the removal of a directory is tried while something still writes into it.
const REMOVALS: usize = 20;

/// Whether the user's Ctrl-C is ending the process.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// Shared between the signal handler and the command.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<State>);

struct State {
    asked: AtomicBool,
    /// Whether the work has checked since then.
    heard: AtomicBool,
    /// Start of the times in the next two fields.
    start: Instant,
    /// Milliseconds from the start to the last check; 0 before the first.
    last_look: AtomicU64,
    /// Milliseconds between the last two checks.
    between_looks: AtomicU64,
    partial: Mutex<Vec<PathBuf>>,
    /// The program around this command asks it to stop.
    host: Option<Arc<dyn Events>>,
}

impl Interrupt {
    /// Takes over Ctrl-C (and the termination signal) for this process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let interrupt = Self::silent();
        let handled = interrupt.clone();
        ctrlc::set_handler(move || handled.handle())
            .map_err(|error| Failure::input(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(interrupt)
    }

    /// Listens to the program around this command instead of signals.
    pub(super) fn of_host(events: Arc<dyn Events>) -> Self {
        Self::new(Some(events))
    }

    /// Does not listen to signals.
    fn silent() -> Self {
        Self::new(None)
    }

    fn new(host: Option<Arc<dyn Events>>) -> Self {
        Self(Arc::new(State {
            host,
            asked: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            start: Instant::now(),
            last_look: AtomicU64::new(0),
            between_looks: AtomicU64::new(0),
            partial: Mutex::default(),
        }))
    }

    fn handle(&self) {
        if self.0.asked.swap(true, Ordering::SeqCst) {
            self.end("interrupted");
        }
        super::say("stopping; press Ctrl-C again to stop at once");
        let patience = self.patience();
        let interrupt = self.clone();
        // A thread of its own: this one waits for the second Ctrl-C.
        let waiting = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(patience);
            if interrupt.0.heard.load(Ordering::SeqCst) {
                std::thread::sleep(TIDYING);
            }
            interrupt.end("interrupted; the work did not stop by itself");
        });
        if waiting.is_err() {
            self.end("interrupted");
        }
    }

    /// How long the work has to check.
    fn patience(&self) -> Duration {
        let between = Duration::from_millis(self.0.between_looks.load(Ordering::Relaxed));
        (2 * between).clamp(PATIENCE, MOST_PATIENCE)
    }

    /// Ends the process, whatever the work is doing.
    fn end(&self, words: &str) -> ! {
        ENDING.store(true, Ordering::SeqCst);
        let partial = self.partial().clone();
        for path in partial {
            remove(&path);
        }
        super::say(words);
        std::process::exit(i32::from(INTERRUPTED));
    }

    /// Whether the user asked to stop; work that calls this must then stop.
    pub(crate) fn look(&self) -> bool {
        let asked = self.is_asked();
        if asked {
            self.0.heard.store(true, Ordering::SeqCst);
        }
        let now = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let last = self.0.last_look.swap(now, Ordering::Relaxed);
        if last > 0 {
            self.0.between_looks.store(now.saturating_sub(last), Ordering::Relaxed);
        }
        asked
    }

    /// Whether the user asked to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
            || self.0.host.as_ref().is_some_and(|host| host.wants_stop())
    }

    /// `path` is to be removed when the process is ended.
    pub(super) fn doom(&self, path: &Path) {
        self.partial().push(path.into());
    }

    /// `path` is complete or no longer exists.
    pub(super) fn spare(&self, path: &Path) {
        self.partial().retain(|other| other != path);
    }

    fn partial(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // The list is valid even if a thread panicked while holding it.
        self.0.partial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a directory or a file. A thread may be writing into it, and stops when it sees [`is_ending`].
fn remove(path: &Path) {
    for _ in 0..REMOVALS {
        // What still cannot be removed stays.
        let _ =
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        if !path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_work_gets_the_time_of_two_looks() {
        let interrupt = Interrupt::silent();
        assert_eq!(interrupt.patience(), PATIENCE);
        assert!(!interrupt.look() && !interrupt.look());
        assert_eq!(interrupt.patience(), PATIENCE);
        interrupt.0.between_looks.store(4000, Ordering::Relaxed);
        assert_eq!(interrupt.patience(), Duration::from_secs(8));
        interrupt.0.between_looks.store(4_000_000, Ordering::Relaxed);
        assert_eq!(interrupt.patience(), MOST_PATIENCE);
    }

    #[test]
    fn only_a_look_is_heard() {
        let interrupt = Interrupt::silent();
        interrupt.0.asked.store(true, Ordering::SeqCst);
        assert!(interrupt.is_asked() && !interrupt.0.heard.load(Ordering::SeqCst));
        assert!(interrupt.look() && interrupt.0.heard.load(Ordering::SeqCst));
    }
}
