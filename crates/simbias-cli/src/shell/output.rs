//! Data to standard output, words to standard error.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use simbias_html::{Brief, render_brief, render_terminal};
use simbias_report::Report;

use super::Failure;

/// Width of text when there is no terminal.
const PLAIN_WIDTH: usize = 100;
/// Wider lines are hard to read.
const WIDEST: usize = 140;
/// Lines of a summary; the path of the report is the 25th.
pub(super) const MOST_LINES: usize = 24;

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

/// The report as text for standard output: the whole of it, or what fits into a few lines.
pub(super) fn summary(report: &Report, full: bool) -> String {
    let is_terminal = stdout().is_terminal();
    let width = match terminal_size::terminal_size_of(stdout()) {
        Some((width, _)) => usize::from(width.0).min(WIDEST),
        None => PLAIN_WIDTH,
    };
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if full {
        return render_terminal(report, width, colour);
    }
    let Brief { text, left_out } = render_brief(report, width, colour, MOST_LINES - 1);
    match left_out {
        Some(what) => text + &cut(&format!("not shown ({FULL} prints all): {what}"), width) + "\n",
        None => text,
    }
}

/// The flag that prints everything.
const FULL: &str = "--full";

/// `text` in one line of the terminal; whole where standard output is none.
pub(super) fn one_line(text: &str) -> String {
    match terminal_size::terminal_size_of(stdout()) {
        Some((width, _)) => cut(text, usize::from(width.0)),
        None => text.into(),
    }
}

/// The first `width` letters, with two dots where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    text.chars().take(width.saturating_sub(2)).chain("..".chars()).collect()
}

/// Width of the terminal behind standard error, if there is one.
pub(super) fn stderr_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(stderr())?;
    Some(usize::from(width.0).clamp(40, WIDEST))
}
