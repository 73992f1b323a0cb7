//! What runtimes say, fit to be shown.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls a runtime; a panic becomes a message like any other error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(message)) => Err(one_line(&message)),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("the runtime gave up");
            Err(one_line(said))
        }
    }
}

/// The runtime's messages can hold whole tensors.
fn one_line(message: &str) -> String {
    const MAX_CHARS: usize = 400;
    let mut line: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_message() {
        let message = guarded::<()>(|| panic!("no such\n  axis {}", 3)).unwrap_err();
        assert_eq!(message, "no such axis 3");
    }
}
