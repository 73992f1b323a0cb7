//! Finished work of a measurement, kept by the caller: an interrupted measurement then goes on where it was.
//!
//! Scoring is what takes long. Every scored condition becomes a record under a key that depends on its block, side and donor
//! map alone; a measurement asks for the record before it scores. A record holds every bit of what was computed, so the
//! result is the same whether it was interrupted or not.

/// Keeps records of finished work. Several threads may call it at once.
///
/// A journal belongs to one model, data set, block set, set of options and seed: records do not say what they were made from.
pub trait Journal: Sync {
    /// The record under `key`, if it was kept.
    fn find(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps a record. A journal that cannot do so keeps nothing; the measurement goes on.
    fn keep(&self, key: &str, record: &[u8]);

    /// Keeps a record that stands for all whose keys begin with `key` and a slash; these may be forgotten.
    fn settle(&self, key: &str, record: &[u8]);
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl Journal for Forgetful {
    fn find(&self, _key: &str) -> Option<Vec<u8>> {
        None
    }

    fn keep(&self, _key: &str, _record: &[u8]) {}

    fn settle(&self, _key: &str, _record: &[u8]) {}
}

/// A part of a journal: all keys begin with a name and a slash.
pub struct JournalPart<'a> {
    whole: &'a dyn Journal,
    name: String,
}

impl<'a> JournalPart<'a> {
    /// The part called `name`.
    pub fn new(whole: &'a dyn Journal, name: impl Into<String>) -> Self {
        Self { whole, name: name.into() }
    }

    fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }
}

impl Journal for JournalPart<'_> {
    fn find(&self, key: &str) -> Option<Vec<u8>> {
        self.whole.find(&self.key(key))
    }

    fn keep(&self, key: &str, record: &[u8]) {
        self.whole.keep(&self.key(key), record);
    }

    fn settle(&self, key: &str, record: &[u8]) {
        self.whole.settle(&self.key(key), record);
    }
}
