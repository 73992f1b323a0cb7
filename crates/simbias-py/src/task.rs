//! A command on a thread of its own, while the interpreter's thread shows its progress and listens for Ctrl-C.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use simbias_cli::{Events, Failure, Finished, Host, run_within};

use crate::data::Rows;
use crate::model::PythonModel;

/// What is heard of a command.
#[derive(Default)]
pub(crate) struct Ears {
    heard: Mutex<Heard>,
    stop: AtomicBool,
}

#[derive(Default)]
struct Heard {
    label: String,
    done: usize,
    total: usize,
    remark: String,
    said: Vec<String>,
    printed: String,
    /// What a function of the user's raised first.
    raised: Option<PyErr>,
}

impl Ears {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Counters and words are never half-written.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an exception of a function of the user's, and ends the command.
    pub(crate) fn raised(&self, error: PyErr) {
        self.heard().raised.get_or_insert(error);
    }
}

impl Events for Ears {
    fn begin(&self, label: &str) {
        let mut heard = self.heard();
        heard.label = label.into();
        (heard.done, heard.total) = (0, 0);
        heard.remark.clear();
    }

    fn advance(&self, done: usize, total: usize, remark: &str) {
        let mut heard = self.heard();
        let before = if heard.total == total { heard.done } else { 0 };
        (heard.done, heard.total) = (before.max(done), total);
        heard.remark.clear();
        heard.remark.push_str(remark);
    }

    fn say(&self, words: &str) {
        self.heard().said.push(words.into());
    }

    fn print(&self, text: &str) {
        self.heard().printed.push_str(text);
    }

    fn wants_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// How a command ended: a word, and for bad input a message and what to try.
type Ended = (&'static str, String, Option<String>);

/// A running command.
#[pyclass(frozen)]
pub(crate) struct Task {
    ears: Arc<Ears>,
    ending: Mutex<(Receiver<Ended>, Option<Ended>)>,
}

#[pymethods]
impl Task {
    /// Waits for at most so many seconds; returns whether the command has ended.
    fn wait(&self, py: Python<'_>, seconds: f64) -> bool {
        let patience = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        py.detach(|| {
            let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
            if ending.1.is_none() {
                ending.1 = match ending.0.recv_timeout(patience) {
                    Ok(ended) => Some(ended),
                    Err(RecvTimeoutError::Timeout) => None,
                    // The thread died without a word.
                    Err(RecvTimeoutError::Disconnected) => Some(("bug", String::new(), None)),
                };
            }
            ending.1.is_some()
        })
    }

    /// What is being done, how much of how much is done, and a remark.
    fn progress(&self) -> (String, usize, usize, String) {
        let heard = self.ears.heard();
        (heard.label.clone(), heard.done, heard.total, heard.remark.clone())
    }

    /// The words for the user since the last call.
    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.ears.heard().said)
    }

    /// What the command line would have printed.
    fn printed(&self) -> String {
        self.ears.heard().printed.clone()
    }

    /// Asks the command to stop.
    fn stop(&self) {
        self.ears.stop.store(true, Ordering::Relaxed);
    }

    /// The exception that a function of the user's raised, if any.
    fn raised(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let heard = self.ears.heard();
        heard.raised.as_ref().map(|error| error.clone_ref(py).into_value(py).into_any())
    }

    /// How it ended: "done", "bad-verdict", "incomplete", "input", "interrupted" or "bug", a message and what to try.
    fn ended(&self) -> PyResult<(String, String, Option<String>)> {
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        match &ending.1 {
            Some((word, message, hint)) => Ok(((*word).into(), message.clone(), hint.clone())),
            None => Err(PyRuntimeError::new_err("the command is still running")),
        }
    }
}

/// Starts a command: its words without the program's name, how it was called, the number of threads, the rows and the
/// models that its words name, and the library of ONNX Runtime.
#[pyfunction]
pub(crate) fn start(
    py: Python<'_>,
    words: Vec<String>,
    called_as: String,
    threads: Option<usize>,
    rows: HashMap<String, Rows>,
    models: HashMap<String, PythonModel>,
    onnx_runtime: Option<PathBuf>,
) -> PyResult<Task> {
    let ears = Arc::new(Ears::default());
    let data = rows
        .into_iter()
        .map(|(name, rows)| Ok((PathBuf::from(&name), rows.into_given(py, &name)?)))
        .collect::<PyResult<_>>()?;
    let models = models
        .into_iter()
        .map(|(name, model)| (PathBuf::from(name), model.into_given(ears.clone())))
        .collect();
    let host = Host { data, models, onnx_runtime, threads, called_as, events: ears.clone() };
    let words: Vec<OsString> =
        std::iter::once("simbias".into()).chain(words.into_iter().map(Into::into)).collect();
    let (tell, ended) = channel();
    std::thread::Builder::new()
        .name("simbias".into())
        .spawn(move || {
            let found = run_within(&host, words);
            // Whoever waited may be gone.
            let _ = tell.send(end_of(found));
        })
        .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
    Ok(Task { ears, ending: Mutex::new((ended, None)) })
}

fn end_of(found: Result<Finished, Failure>) -> Ended {
    match found {
        Ok(Finished::Done) => ("done", String::new(), None),
        Ok(Finished::BadVerdict) => ("bad-verdict", String::new(), None),
        Ok(Finished::Incomplete) => ("incomplete", String::new(), None),
        Err(Failure::Input(bad)) => {
            ("input", bad.message().into(), bad.hint().map(ToString::to_string))
        }
        Err(Failure::Usage(error)) => ("input", error.render().to_string(), None),
        Err(Failure::Interrupted) => ("interrupted", String::new(), None),
    }
}
