//! The program as a user meets it: words in; exit code, standard output, standard error and files out.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod as_they_come;
mod attacks;
mod audits;
mod bad_input;
mod claims;
mod configuration;
mod dynamics;
mod findings;
mod floors;
mod help;
#[cfg(unix)]
mod interrupts;
mod manifests;
mod models;
mod names;
mod ordinary_tables;
mod program;
mod protocol;
mod pruning;
mod runs;
mod simplicity;
mod spectrum;
mod terminal;
mod training;
mod warnings;
