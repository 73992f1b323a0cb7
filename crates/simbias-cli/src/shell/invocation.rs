//! How a command was called: its line and its settings.

use std::ffi::OsString;

use clap::{ArgAction, ArgMatches};
use serde_json::Value;
use simbias_report::Settings;

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

/// A number if the word is one, text otherwise.
fn value(word: &str) -> Value {
    match serde_json::from_str(word) {
        Ok(Value::Number(number)) => Value::Number(number),
        _ => Value::String(word.into()),
    }
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
