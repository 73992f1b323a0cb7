//! What a run must know about whoever may end the process.

use std::path::Path;

/// Whoever may end the process while a directory is being filled, such as a handler of Ctrl-C.
pub trait Ending: Send + Sync {
    /// `path`, a directory or a file, is to be removed when the process is ended.
    fn doom(&self, path: &Path);

    /// `path` is complete or no longer exists.
    fn spare(&self, path: &Path);

    /// Whether the end was asked for, so that the directory must not get its name.
    fn is_asked(&self) -> bool;

    /// Whether the process is being ended, so that nothing more may be written.
    fn is_ending(&self) -> bool;
}

/// Nobody ends the process; what a killed process left behind is removed by the next run of the same name.
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
