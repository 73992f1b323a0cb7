//! `--config FILE.toml`: the same keys as the flags. The file's settings become words of the command line, so
//! that one place parses, checks and explains them; what the user typed wins.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use toml::Value;

use super::Failure;

/// The chosen command, its matches, and its name without the program's.
pub(crate) fn leaf<'a>(
    command: &'a clap::Command,
    matches: &'a ArgMatches,
) -> (&'a clap::Command, &'a ArgMatches, String) {
    let (mut command, mut matches, mut names) = (command, matches, Vec::new());
    while let Some((name, inner)) = matches.subcommand() {
        let Some(inner_command) = command.find_subcommand(name) else { break };
        (command, matches) = (inner_command, inner);
        names.push(name);
    }
    (command, matches, names.join(" "))
}

/// `words` with the settings of the configuration file, if they name one.
pub(crate) fn expand(
    command: &clap::Command,
    words: Vec<OsString>,
) -> Result<Vec<OsString>, Failure> {
    // Mistakes in the words themselves are reported by the final parse.
    let mut lenient = command.clone().ignore_errors(true);
    let Ok(matches) = lenient.try_get_matches_from_mut(&words) else { return Ok(words) };
    let (leaf, matches, _) = leaf(&lenient, &matches);
    match matches.try_get_one::<PathBuf>("config") {
        Ok(Some(path)) => {
            let table = read(path)?;
            Ok(insert(words, settings(leaf, matches, path, table)?))
        }
        _ => Ok(words),
    }
}

fn read(path: &Path) -> Result<toml::Table, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::input(format!("cannot read {path:?}: {error}"))
            .hint("check the path given to --config")
    })?;
    toml::from_str(&text).map_err(|error| {
        Failure::input(format!("{path:?} is not TOML: {}", error.to_string().trim_end()))
            .hint("write one `key = value` per line, with the names of the flags as keys")
    })
}

/// Before a `--`, after everything else.
fn insert(mut words: Vec<OsString>, settings: Vec<OsString>) -> Vec<OsString> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.splice(end..end, settings);
    words
}

fn settings(
    command: &clap::Command,
    matches: &ArgMatches,
    path: &Path,
    table: toml::Table,
) -> Result<Vec<OsString>, Failure> {
    let find = |name: &str| keys(command).find(|argument| argument.get_long() == Some(name));
    let is_typed = |argument: &Arg| {
        matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let mut words = Vec::new();
    for (key, value) in table {
        let name = key.replace('_', "-");
        let argument = find(&name).ok_or_else(|| unknown(command, path, &key))?;
        let opposite = find(&opposite(&name));
        if is_typed(argument) || opposite.is_some_and(is_typed) {
            continue;
        }
        if argument.get_action().takes_values() {
            let values = match value {
                Value::Array(values) => values,
                one => vec![one],
            };
            for value in values {
                let value = scalar(&value).ok_or_else(|| {
                    Failure::input(format!(
                        "{path:?}: the value of {key:?} is neither text nor number"
                    ))
                    .hint(format!("write {key} = VALUE, or a list of values"))
                })?;
                words.push(format!("--{name}={value}").into());
            }
        } else {
            let on = value.as_bool().ok_or_else(|| {
                Failure::input(format!("{path:?}: {key:?} is a switch, found {value}"))
                    .hint(format!("write {key} = true or {key} = false"))
            })?;
            match (on, opposite.and_then(Arg::get_long)) {
                (true, _) => words.push(format!("--{name}").into()),
                (false, Some(opposite)) => words.push(format!("--{opposite}").into()),
                (false, None) => {}
            }
        }
    }
    Ok(words)
}

/// The flags that a file may set.
fn keys(command: &clap::Command) -> impl Iterator<Item = &Arg> {
    const NOT_KEYS: [&str; 3] = ["config", "help", "version"];
    command
        .get_arguments()
        .filter(|argument| argument.get_long().is_some_and(|name| !NOT_KEYS.contains(&name)))
}

fn opposite(name: &str) -> String {
    match name.strip_prefix("no-") {
        Some(positive) => positive.into(),
        None => format!("no-{name}"),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            Some(value.to_string())
        }
        Value::Array(_) | Value::Table(_) => None,
    }
}

fn unknown(command: &clap::Command, path: &Path, key: &str) -> Failure {
    let mut known: Vec<&str> = keys(command).filter_map(Arg::get_long).collect();
    known.sort_unstable();
    Failure::input(format!(
        "{path:?}: {key:?} is not a setting of this command; its settings are {}",
        known.join(", ")
    ))
    .hint("the keys of a --config file are the names of the flags, without dashes in front")
}
