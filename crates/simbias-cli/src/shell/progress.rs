//! How far long work is: a bar on a terminal, a line every ten seconds in a log, silence when asked for.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use simbias_report::format;

use super::interrupt::{Interrupt, Looking};

/// Time between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Time between two drawings of a bar that does not move.
const TICK: Duration = Duration::from_millis(200);

/// Shows how far one piece of work is, until it is dropped.
pub(crate) struct Progress {
    display: Display,
    interrupt: Interrupt,
}

enum Display {
    Nothing,
    Bar(ProgressBar),
    Lines(Lines),
}

impl Progress {
    pub(super) fn new(label: &str, quiet: bool, interrupt: Interrupt) -> Self {
        let display = if quiet {
            Display::Nothing
        } else if stderr().is_terminal() {
            Display::Bar(bar(label))
        } else {
            Display::Lines(Lines::start(label))
        };
        Self { display, interrupt }
    }

    /// `done` of `total` parts are finished.
    pub(crate) fn set(&self, done: usize, total: usize) {
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => {
                bar.set_length(total as u64);
                // Threads report out of order; a bar never goes back.
                bar.update(|state| state.set_pos(state.pos().max(done as u64)));
            }
            Display::Lines(lines) => {
                let mut state = lines.state();
                (state.done, state.total) = (state.done.max(done), total);
            }
        }
    }

    /// Names what is being done, from the beginning of its own count.
    pub(crate) fn begin(&self, label: &str) {
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => {
                bar.set_message(label.to_string());
                bar.set_position(0);
                bar.set_prefix("");
                bar.reset_eta();
            }
            Display::Lines(lines) => *lines.state() = LineState::new(label),
        }
    }

    /// Names what is being done within the count.
    pub(crate) fn name(&self, label: &str) {
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => bar.set_message(label.to_string()),
            Display::Lines(lines) => lines.state().label = label.into(),
        }
    }

    /// A short remark beside the count, such as the loss.
    pub(crate) fn remark(&self, words: &str) {
        match &self.display {
            Display::Nothing => {}
            Display::Bar(bar) => bar.set_prefix(format!("{words} ")),
            Display::Lines(lines) => lines.state().remark = words.into(),
        }
    }

    /// Announces that the work will ask [`is_interrupted`](Self::is_interrupted) often enough.
    pub(crate) fn looks_for_interrupt(&self) -> Looking {
        self.interrupt.look()
    }

    /// Whether the person pressed Ctrl-C.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.is_asked()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

impl simbias_reliance::Watch for Progress {
    fn scored(&self, done: usize, total: usize) {
        self.set(done, total);
    }
}

fn bar(label: &str) -> ProgressBar {
    let template = "{msg} {bar:30.cyan/blue} {pos}/{len} {prefix}· {elapsed} · {eta} left";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style).with_message(label.to_string());
    bar.enable_steady_tick(TICK);
    bar
}

/// A thread that writes a line now and then.
struct Lines {
    state: Arc<Mutex<LineState>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct LineState {
    label: String,
    remark: String,
    done: usize,
    total: usize,
    since: Instant,
}

impl LineState {
    fn new(label: &str) -> Self {
        Self {
            label: label.into(),
            remark: String::new(),
            done: 0,
            total: 0,
            since: Instant::now(),
        }
    }

    fn line(&self) -> String {
        let elapsed = self.since.elapsed().as_secs_f64();
        let remark =
            if self.remark.is_empty() { String::new() } else { format!(" ({})", self.remark) };
        let so_far = format!(
            "{}: {}/{}{remark}, {}",
            self.label,
            self.done,
            self.total,
            format::duration(elapsed)
        );
        if self.done == 0 || self.done >= self.total {
            return so_far;
        }
        let left = elapsed * (self.total - self.done) as f64 / self.done as f64;
        format!("{so_far}, about {} left", format::duration(left))
    }
}

impl Lines {
    fn start(label: &str) -> Self {
        let state = Arc::new(Mutex::new(LineState::new(label)));
        let (stop, stopped) = channel::<()>();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
                super::say(&locked(&shared).line());
            }
        });
        Self { state, stop: Some(stop), thread: Some(thread) }
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<LineState>) -> MutexGuard<'_, LineState> {
    // Two counters and a name are never half-written.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_long() {
        let since = Instant::now() - Duration::from_secs(30);
        let state =
            LineState { label: "scoring".into(), remark: String::new(), done: 3, total: 9, since };
        assert_eq!(state.line(), "scoring: 3/9, 30 s, about 1 min 00 s left");
    }
}
