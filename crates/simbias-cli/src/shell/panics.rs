//! A panic is our bug, never the user's.

/// Replaces the panic message by one that says so.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
        let what = panic.payload_as_str().unwrap_or("no message");
        super::say(&format!(
            "simbias {} has hit an internal bug{place}: {what}\nplease report this text with the command line: {}/issues",
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_REPOSITORY"),
        ));
    }));
}
