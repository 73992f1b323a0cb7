//! Doubts that travel with a result.

use serde::{Deserialize, Serialize};

/// How much a caveat should change the reader's trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; the figures stand.
    Note,
    /// Read the figures with this in mind.
    Caution,
    /// The figures may mislead.
    Warning,
}

impl Severity {
    /// The word shown to people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Caution => "caution",
            Self::Warning => "warning",
        }
    }
}

/// A doubt about a result, as data rather than as a log line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caveat {
    /// Stable name of the doubt for programs, such as `off-manifold`.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// One or two sentences for people, that say what to do about it.
    pub message: String,
}

impl Caveat {
    /// A caveat of any severity.
    pub fn new(kind: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), severity, message: message.into() }
    }

    /// Something good to know.
    pub fn note(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(kind, Severity::Note, message)
    }

    /// Something to keep in mind.
    pub fn caution(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(kind, Severity::Caution, message)
    }

    /// Something that may mislead.
    pub fn warning(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(kind, Severity::Warning, message)
    }
}
