//! Data to standard output, words to standard error.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use simbias_report::Report;

use super::Failure;

/// Width of text when there is no terminal.
const PLAIN_WIDTH: usize = 100;
/// Wider lines are hard to read.
const WIDEST: usize = 140;

/// Writes data to standard output. A reader that went away has seen enough.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::input(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// One line of words on standard error.
pub(crate) fn say(words: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(stderr().lock(), "{words}");
}

/// The report as text for standard output.
pub(super) fn summary(report: &Report) -> String {
    let is_terminal = stdout().is_terminal();
    let width = match terminal_size::terminal_size_of(stdout()) {
        Some((width, _)) => usize::from(width.0).min(WIDEST),
        None => PLAIN_WIDTH,
    };
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    simbias_html::render_terminal(report, width, colour)
}

/// Width of the terminal behind standard error, if there is one.
pub(super) fn stderr_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(stderr())?;
    Some(usize::from(width.0).clamp(40, WIDEST))
}
