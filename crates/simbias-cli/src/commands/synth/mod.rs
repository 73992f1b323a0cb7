//! `simbias synth`: data whose features have a known simplicity order.

mod domino;
mod files;
mod slab;
mod stand_in;

use clap::Subcommand;

use crate::shell::{Failure, Finished, Shell};

/// What to generate.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Slab(slab::SlabArgs),
    Domino(domino::DominoArgs),
    StandIn(stand_in::StandInArgs),
}

impl Command {
    /// Runs the command.
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        shell.computes_on_cpu();
        match self {
            Self::Slab(arguments) => arguments.run(shell),
            Self::Domino(arguments) => arguments.run(shell),
            Self::StandIn(arguments) => arguments.run(shell),
        }
    }
}
