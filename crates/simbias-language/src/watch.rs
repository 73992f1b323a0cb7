//! Progress and interruption.

/// Sees long work, and may end it.
pub trait Watch {
    /// `done` of `total` equal pieces are finished; `what` names the current one.
    fn progress(&self, done: usize, total: usize, what: &str);

    /// Asked between pieces; `true` ends the work.
    fn wants_stop(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _done: usize, _total: usize, _what: &str) {}
}
