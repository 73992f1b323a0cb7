//! What a run must know of whoever may end the process.

use std::path::Path;

/// Whoever may end the process while a directory is being filled, such as a handler of Ctrl-C.
pub trait Ending: Send + Sync {
    /// `path`, a directory or a file, is to be removed when the process is ended.
    fn doom(&self, path: &Path);

    /// `path` is no longer there, or complete.
    fn spare(&self, path: &Path);

    /// Whether the end was asked for, so that the directory does not get its name any more.
    fn is_asked(&self) -> bool;

    /// Whether the process is being ended, so that nothing more may be written.
    fn is_ending(&self) -> bool;
}

/// Nobody ends the process; what is left of a killed one is removed by the next run of the same name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Undisturbed;

impl Ending for Undisturbed {
    fn doom(&self, _path: &Path) {}

    fn spare(&self, _path: &Path) {}

    fn is_asked(&self) -> bool {
        false
    }

    fn is_ending(&self) -> bool {
        false
    }
}
