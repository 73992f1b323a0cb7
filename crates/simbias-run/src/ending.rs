//! What a run must know of whoever may end the process.

use std::path::Path;

/// Whoever may end the process while a directory is being filled, such as a handler of Ctrl-C.
pub trait Ending: Send + Sync {
    /// `path` is to be removed when the process is ended.
    fn doom(&self, path: &Path);

    /// `path` is no longer there, or complete.
    fn spare(&self, path: &Path);

    /// Whether the process is being ended, so that nothing more may be written.
    fn is_ending(&self) -> bool;
}

/// Nobody ends the process; what is left of a killed one is removed by the next run of the same name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Undisturbed;

impl Ending for Undisturbed {
    fn doom(&self, _path: &Path) {}

    fn spare(&self, _path: &Path) {}

    fn is_ending(&self) -> bool {
        false
    }
}
