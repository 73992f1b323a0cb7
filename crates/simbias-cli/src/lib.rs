//! The command line `simbias`: every command opens, reads, measures and writes; the work is in the libraries.
//!
//! [`main()`] is the program. [`run_within`] runs one command inside another program, such as a Python interpreter, which
//! gives data and models in memory and takes over progress, words and interrupts: the same command gives the same result
//! in both.

mod commands;
mod host;
mod shell;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

pub use crate::host::{Events, GivenData, Host};
pub use crate::shell::{Failure, Finished};

use crate::commands::Cli;
use crate::shell::{Shell, config};

/// Runs the program with the words of its command line, the name of the program first; returns its exit code.
pub fn main(words: Vec<OsString>) -> u8 {
    shell::panics::install();
    match run(words, None) {
        Ok(Finished::Done) => 0,
        Ok(Finished::BadVerdict) => 1,
        Ok(Finished::Incomplete) => 3,
        Err(failure) => failure.report(),
    }
}

/// Runs one command inside the program `host`; `words` are those of the command line, the name of the program first.
///
/// # Errors
/// What the command line would report and end with.
pub fn run_within(host: &Host, words: Vec<OsString>) -> Result<Finished, Failure> {
    let threads = host.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| shell::too_many_threads(threads, &error))?;
    pool.install(|| run(words, Some(host)))
}

/// Flags win over the configuration file, which wins over defaults.
fn run(words: Vec<OsString>, host: Option<&Host>) -> Result<Finished, Failure> {
    let mut command = Cli::command();
    let words = config::expand(&command, words)?;
    let matches = command.try_get_matches_from_mut(&words)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let shell = Shell::open(cli.global, &command, &matches, &words, host)?;
    cli.command.run(&shell).map_err(|failure| shell.in_users_words(failure))
}
