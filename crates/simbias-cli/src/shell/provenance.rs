//! How a run was called, when, and what it cost.

use std::ffi::OsString;
use std::time::Instant;

use clap::{ArgAction, ArgMatches};
use jiff::Timestamp;
use serde_json::Value;
use simbias_report::{Provenance, Settings};

/// When the command started.
pub(super) struct Clock {
    started: Timestamp,
    instant: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Timestamp::now(), instant: Instant::now() }
    }

    pub(super) fn wall_seconds(&self) -> f64 {
        self.instant.elapsed().as_secs_f64()
    }

    /// `2026-01-31`, in UTC.
    pub(super) fn date(&self) -> String {
        self.started.strftime("%Y-%m-%d").to_string()
    }

    /// `2026-01-31 13:05:09 UTC`.
    pub(super) fn started(&self) -> String {
        self.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// `20260131-130509-042`: sorts by time, and two runs of one second differ.
    pub(super) fn file_stamp(&self) -> String {
        let milliseconds = self.started.subsec_millisecond();
        format!("{}-{milliseconds:03}", self.started.strftime("%Y%m%d-%H%M%S"))
    }
}

/// The command line, quoted so that it can be pasted into a shell.
pub(super) fn command_line(words: &[OsString]) -> String {
    let plain = |word: &str| {
        let harmless = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
        !word.is_empty() && word.chars().all(harmless)
    };
    let mut line = String::from("simbias");
    for word in words.iter().skip(1) {
        let word = word.to_string_lossy();
        line.push(' ');
        if plain(&word) {
            line.push_str(&word);
        } else {
            line.push_str(&format!("'{}'", word.replace('\'', r"'\''")));
        }
    }
    line
}

/// Every setting of `command`, defaults included, in the order of its help.
pub(super) fn settings(command: &clap::Command, matches: &ArgMatches) -> Settings {
    let mut settings = Settings::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let name = argument.get_long().unwrap_or(id).to_string();
        let value = match argument.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse => {
                matches.try_get_one::<bool>(id).ok().flatten().map_or(Value::Null, |&on| on.into())
            }
            ArgAction::Set | ArgAction::Append => {
                let raw = matches.try_get_raw(id).ok().flatten();
                let values: Vec<Value> =
                    raw.into_iter().flatten().map(|word| value(&word.to_string_lossy())).collect();
                match (argument.get_action(), values.as_slice()) {
                    (ArgAction::Set, []) => Value::Null,
                    (ArgAction::Set, [one]) => one.clone(),
                    _ => Value::Array(values),
                }
            }
            _ => continue,
        };
        settings.insert(name, value);
    }
    settings
}

/// A number where the word is one.
fn value(word: &str) -> Value {
    match serde_json::from_str(word) {
        Ok(Value::Number(number)) => Value::Number(number),
        _ => Value::String(word.into()),
    }
}

/// Version of `run.json`.
const RUN_SCHEMA: &str = "simbias.run/1";

/// `run.json`: the provenance and the memory that was needed.
pub(super) fn run_record(provenance: &Provenance) -> Value {
    let mut record = serde_json::Map::new();
    record.insert("schema".into(), RUN_SCHEMA.into());
    if let Ok(Value::Object(fields)) = serde_json::to_value(provenance) {
        record.extend(fields);
    }
    record.insert("peak_memory_bytes".into(), peak_memory_bytes().into());
    Value::Object(record)
}

/// CPU time of this process over all threads; NaN where the system does not tell.
#[cfg(unix)]
pub(super) fn cpu_seconds() -> f64 {
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
pub(super) fn cpu_seconds() -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted() {
        let words = ["x", "synth", "--blocks", "a=0;b=1", "it's"].map(OsString::from);
        assert_eq!(command_line(&words), r"simbias synth --blocks 'a=0;b=1' 'it'\''s'");
    }

    #[test]
    fn numbers_stay_numbers() {
        assert_eq!(value("0.05"), serde_json::json!(0.05));
        assert_eq!(value("28x28"), serde_json::json!("28x28"));
        assert_eq!(value("true"), serde_json::json!("true"));
    }
}
