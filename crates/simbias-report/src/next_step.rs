//! What the reader can do with the answer.

use serde::{Deserialize, Serialize};

/// One thing to do next, with code or a command that does it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// What to do and why, in a sentence or two.
    pub text: String,
    /// A command or a program to copy; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
}

impl NextStep {
    /// A step without code.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: String::new() }
    }

    /// Adds a command or a program to copy.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }
}

impl From<&str> for NextStep {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for NextStep {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
