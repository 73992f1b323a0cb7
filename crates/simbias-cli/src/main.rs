//! `simbias`: the command line. Every command opens, reads, measures and writes; the work is in the libraries.

mod commands;
mod shell;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::commands::Cli;
use crate::shell::{Failure, Finished, Shell, config};

// Training allocates and frees megabytes of tensors; the system's allocator returns such pages and faults
// them in again, which takes up to half the time of a CNN's training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    shell::panics::install();
    match run(std::env::args_os().collect()) {
        Ok(Finished::Done) => ExitCode::SUCCESS,
        Ok(Finished::BadVerdict) => ExitCode::from(1),
        Ok(Finished::Incomplete) => ExitCode::from(3),
        Err(failure) => failure.report(),
    }
}

/// Flags win over the configuration file, which wins over defaults.
fn run(words: Vec<std::ffi::OsString>) -> Result<Finished, Failure> {
    let mut command = Cli::command();
    let words = config::expand(&command, words)?;
    let matches = command.try_get_matches_from_mut(&words)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let shell = Shell::open(cli.global, &command, &matches, &words)?;
    cli.command.run(&shell).map_err(|failure| shell.in_users_words(failure))
}
