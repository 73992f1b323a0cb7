//! How commands end: well (exit code 0), with a bad verdict (1), without an answer that `--strict` or `--fail-on` demands
//! (3), or with one helpful message (2).

use std::path::Path;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::interrupt::is_ending;

/// A command that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Exit code 0.
    Done,
    /// The verdict is one that the user named with `--fail-on`: exit code 1.
    BadVerdict,
    /// Something was left out that `--strict` insists on, or could not be judged for `--fail-on`: exit code 3.
    Incomplete,
}

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Invalid input: exit code 2.
    Input(BadInput),
    /// A command line that does not parse (exit code 2), or a request for help (0).
    Usage(clap::Error),
    /// Ctrl-C: exit code 130.
    Interrupted,
}

/// One message and what to try next.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct BadInput {
    message: String,
    #[help]
    hint: Option<String>,
}

/// Exit code after Ctrl-C, as shells expect it.
pub(crate) const INTERRUPTED: u8 = 130;

impl Failure {
    /// Bad input with this message.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input(BadInput { message: message.into(), hint: None })
    }

    /// Says what to try, naming the flag.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Input(bad) => Self::Input(BadInput { hint: Some(hint.into()), ..bad }),
            other => other,
        }
    }

    /// The message in other words.
    pub(super) fn rephrased(self, rephrase: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Input(bad) => Self::Input(BadInput { message: rephrase(&bad.message), ..bad }),
            other => other,
        }
    }

    /// Names the file in the message, unless it is named there already.
    pub(crate) fn about(self, path: &Path) -> Self {
        let name = format!("{path:?}");
        match self {
            Self::Input(bad) if !bad.message.contains(&name) => {
                Self::Input(BadInput { message: format!("{name}: {}", bad.message), ..bad })
            }
            other => other,
        }
    }

    /// Tells the user and returns the exit code.
    pub(crate) fn report(self) -> u8 {
        if is_ending() {
            // The signal handler caused this failure and has reported it.
            return INTERRUPTED;
        }
        match self {
            Self::Input(bad) => {
                super::say(rendered(&bad).trim_end());
                2
            }
            Self::Usage(error) => {
                // Help and version go to standard output; a reader that closed it has seen enough.
                let _ = error.print();
                u8::try_from(error.exit_code()).unwrap_or(2)
            }
            Self::Interrupted => {
                super::say("interrupted");
                INTERRUPTED
            }
        }
    }
}

impl BadInput {
    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to try, in the words of the command line.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Colours and symbols on a terminal; plain unbroken lines in logs, so that they can be searched.
fn rendered(bad: &BadInput) -> String {
    let handler = match super::output::stderr_width() {
        Some(width) => GraphicalReportHandler::new().with_width(width),
        None => GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_wrap_lines(false),
    };
    let mut text = String::new();
    match handler.with_links(false).render_report(&mut text, bad) {
        Ok(()) => text,
        Err(_) => bad.to_string(),
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}
