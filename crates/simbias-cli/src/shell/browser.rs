//! Shows a page in the user's browser.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that starts a browser fails within this time, or not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens `page`, an absolute path; returns whether a program took it.
pub(crate) fn open(page: &Path) -> bool {
    has_display() && openers(page).into_iter().any(starts)
}

/// Whether there is a screen to show something on.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(target_os = "macos", windows))
        || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"].into_iter().any(is_set)
}

/// The programs to try, in this order.
fn openers(page: &Path) -> Vec<Command> {
    let with = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(page);
        command
    };
    if cfg!(target_os = "macos") {
        vec![with(&["open"])]
    } else if cfg!(windows) {
        // `start` takes a first argument in quotes for the title of a window.
        vec![with(&["cmd", "/C", "start", ""])]
    } else {
        vec![with(&["xdg-open"]), with(&["gio", "open"]), with(&["wslview"])]
    }
}

/// Whether the program exists and does not fail at once. One that is still running shows the page itself.
fn starts(mut command: Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        match ended_well(&mut child) {
            Some(well) => return well,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    true
}

/// `None` while it runs.
fn ended_well(child: &mut Child) -> Option<bool> {
    match child.try_wait() {
        Ok(status) => status.map(|status| status.success()),
        Err(_) => Some(false),
    }
}
