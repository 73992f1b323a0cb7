//! `simbias upsample`: which examples to show more often.

mod select;

use crate::shell::{Failure, Finished, Shell};

/// What to do about examples that are learned slowly.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Select the examples to show more often, from outputs early in training
    Select(Box<select::SelectArgs>),
}

impl Command {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        match self {
            Self::Select(arguments) => arguments.run(shell),
        }
    }
}
