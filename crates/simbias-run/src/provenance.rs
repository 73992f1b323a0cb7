//! When a run began, what it cost, and the record of it.

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use simbias_report::{InputFingerprint, Provenance, Settings};

/// Name and version of `run.json`.
pub const RUN_SCHEMA: &str = "simbias.run/1";

/// When a run began.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Timestamp,
    instant: Instant,
}

/// How a run was called, as its provenance records it.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// The command, or the name of the program that calls the library.
    pub command: String,
    /// All settings, defaults included.
    pub settings: Settings,
    /// Root of the run's randomness.
    pub seed: u64,
    /// Device that computes.
    pub device: String,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { started: Timestamp::now(), instant: Instant::now() }
    }

    /// Wall seconds since the start.
    pub fn wall_seconds(&self) -> f64 {
        self.instant.elapsed().as_secs_f64()
    }

    /// The day of the start, `2026-01-31`, in UTC.
    pub fn date(&self) -> String {
        self.started.strftime("%Y-%m-%d").to_string()
    }

    /// `20260131-130509-042`, for names of directories: sorts by time, and two runs within one second differ.
    pub fn file_stamp(&self) -> String {
        let milliseconds = self.started.subsec_millisecond();
        format!("{}-{milliseconds:03}", self.started.strftime("%Y%m%d-%H%M%S"))
    }

    /// Everything needed to run this again and to judge its cost, up to now.
    pub fn provenance(&self, called: &Invocation, inputs: Vec<InputFingerprint>) -> Provenance {
        Provenance {
            command: called.command.clone(),
            settings: called.settings.clone(),
            seed: called.seed,
            version: env!("CARGO_PKG_VERSION").into(),
            device: called.device.clone(),
            threads: rayon::current_num_threads(),
            inputs,
            wall_seconds: self.wall_seconds(),
            cpu_seconds: cpu_seconds(),
            started: self.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

/// `run.json`: the provenance and the memory that was needed.
#[derive(Serialize)]
pub(crate) struct RunRecord<'a> {
    schema: &'static str,
    #[serde(flatten)]
    provenance: &'a Provenance,
    peak_memory_bytes: Option<i64>,
}

impl<'a> RunRecord<'a> {
    pub(crate) fn new(provenance: &'a Provenance) -> Self {
        Self { schema: RUN_SCHEMA, provenance, peak_memory_bytes: peak_memory_bytes() }
    }
}

/// CPU time of this process over all threads; NaN where the system does not tell.
#[cfg(unix)]
fn cpu_seconds() -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| {
        let microseconds =
            usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        microseconds as f64 / 1e6
    })
}

/// CPU time of this process over all threads; NaN where the system does not tell.
#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    f64::NAN
}

/// Largest resident memory so far; absent where the system does not tell.
#[cfg(unix)]
fn peak_memory_bytes() -> Option<i64> {
    use nix::sys::resource::{UsageWho, getrusage};
    // Linux counts kilobytes, Apple's systems bytes.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    getrusage(UsageWho::RUSAGE_SELF).ok().map(|usage| usage.max_rss() * unit)
}

/// Largest resident memory so far; absent where the system does not tell.
#[cfg(not(unix))]
fn peak_memory_bytes() -> Option<i64> {
    None
}
