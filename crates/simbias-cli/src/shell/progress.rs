//! Shows the progress of long work: a bar on a terminal, a line at the start and every ten seconds in a log, nothing
//! under `--quiet`. Under `--verbose` it also says how long every stage took. Passes Ctrl-C on to the work.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use simbias_report::{Progress, format};

use super::interrupt::Interrupt;
use crate::host::Events;

/// Time between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Time between two drawings of a bar that does not move.
const TICK: Duration = Duration::from_millis(200);

/// How much is said on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Talk {
    Nothing,
    Usual,
    /// Also how long every stage took.
    Everything,
}

/// Shows the progress of one piece of work until it is dropped.
pub(crate) struct ProgressDisplay {
    form: Form,
    /// The stage under way and its start, if its end is told.
    stage: Option<Mutex<(String, Instant)>>,
    interrupt: Interrupt,
}

enum Form {
    Nothing,
    Host(Arc<dyn Events>),
    Bar(ProgressBar),
    Lines(Lines),
}

impl ProgressDisplay {
    pub(super) fn new(label: &str, talk: Talk, interrupt: Interrupt) -> Self {
        let form = if talk == Talk::Nothing {
            Form::Nothing
        } else if stderr().is_terminal() {
            Form::Bar(bar(label))
        } else {
            Form::Lines(Lines::start(label))
        };
        let stage =
            (talk == Talk::Everything).then(|| Mutex::new((label.to_string(), Instant::now())));
        Self { form, stage, interrupt }
    }

    /// Says how long the stage took that ends here.
    fn tell_time(&self, next: &str) {
        let Some(stage) = &self.stage else { return };
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, since) = std::mem::replace(&mut *stage, (next.into(), Instant::now()));
        let words = format!("{ended}: {}", format::duration(since.elapsed().as_secs_f64()));
        match &self.form {
            // Above the bar.
            Form::Bar(bar) => bar.println(words),
            Form::Host(events) => events.say(&words),
            Form::Nothing | Form::Lines(_) => super::say(&words),
        }
    }

    /// Progress that a host shows.
    pub(super) fn of_host(label: &str, events: Arc<dyn Events>, interrupt: Interrupt) -> Self {
        events.begin(label);
        Self { form: Form::Host(events), stage: None, interrupt }
    }

    /// Names what is being done, and starts its own count.
    pub(crate) fn begin(&self, label: &str) {
        self.tell_time(label);
        match &self.form {
            Form::Nothing => {}
            Form::Host(events) => events.begin(label),
            Form::Bar(bar) => {
                bar.set_message(label.to_string());
                bar.set_position(0);
                bar.set_prefix("");
                bar.reset_eta();
            }
            Form::Lines(lines) => *lines.state() = LineState::new(label),
        }
    }
}

impl Progress for ProgressDisplay {
    fn stage(&self, label: &str, index: usize, n_stages: usize) {
        self.begin(&format!("[{index}/{n_stages}] {label}"));
        if let Form::Lines(lines) = &self.form {
            lines.state().announce();
        }
    }

    fn advance(&self, done: usize, total: usize, remark: &str) {
        match &self.form {
            Form::Nothing => {}
            Form::Host(events) => events.advance(done, total, remark),
            Form::Bar(bar) => {
                let suffix = if remark.is_empty() { "" } else { " " };
                bar.set_prefix(format!("{remark}{suffix}"));
                bar.update(|state| {
                    // Threads report out of order; a bar never goes back.
                    let before = if state.len() == Some(total as u64) { state.pos() } else { 0 };
                    state.set_len(total as u64);
                    state.set_pos(before.max(done as u64));
                });
            }
            Form::Lines(lines) => lines.state().advance(done, total, remark),
        }
    }

    fn wants_stop(&self) -> bool {
        self.interrupt.look()
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.tell_time("");
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
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
    /// Whether the label has been printed.
    announced: bool,
    remark: String,
    done: usize,
    total: usize,
    since: Instant,
}

impl LineState {
    fn new(label: &str) -> Self {
        Self {
            label: label.into(),
            announced: false,
            remark: String::new(),
            done: 0,
            total: 0,
            since: Instant::now(),
        }
    }

    /// Prints what is being done, once.
    fn announce(&mut self) {
        if !self.announced {
            self.announced = true;
            super::say(&self.label);
        }
    }

    fn advance(&mut self, done: usize, total: usize, remark: &str) {
        self.announce();
        let before = if self.total == total { self.done } else { 0 };
        (self.done, self.total) = (before.max(done), total);
        self.remark.clear();
        self.remark.push_str(remark);
    }

    fn line(&self) -> String {
        let elapsed = self.since.elapsed().as_secs_f64();
        let remark =
            if self.remark.is_empty() { String::new() } else { format!(" ({})", self.remark) };
        // Work that has not counted yet has no total.
        let count = if self.total == 0 {
            String::new()
        } else {
            format!("{}/{}{remark}, ", self.done, self.total)
        };
        let so_far = format!("{}: {count}{}", self.label, format::duration(elapsed));
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
                let mut state = locked(&shared);
                state.announced = true;
                super::say(&state.line());
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
            // A thread that panicked has reported it itself.
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
        let mut state = LineState { since, announced: true, ..LineState::new("scoring") };
        assert_eq!(state.line(), "scoring: 30 s");
        state.advance(3, 9, "");
        state.advance(2, 9, "");
        assert_eq!(state.line(), "scoring: 3/9, 30 s, about 1 min 00 s left");
        state.advance(1, 4, "last part");
        assert_eq!(state.line(), "scoring: 1/4 (last part), 30 s, about 1 min 30 s left");
    }
}
