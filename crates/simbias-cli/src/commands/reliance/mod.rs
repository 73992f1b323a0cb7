//! `simbias reliance`: which parts of the input a model relies on.

mod attack;
mod compare;
mod kept;
mod options;
mod plan;
mod run;
mod score;
mod simplicity;

use clap::Subcommand;

pub(super) use options::donor_maps;
pub(super) use run::label_map;

use crate::shell::{Failure, Finished, Shell};

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Run(run::RunArgs),
    Plan(plan::PlanArgs),
    Score(score::ScoreArgs),
    Compare(compare::CompareArgs),
    Simplicity(simplicity::SimplicityArgs),
    Attack(attack::AttackArgs),
}

impl Command {
    /// Runs the command.
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        // Commands that open models know whether these use the device.
        if !matches!(self, Self::Run(_) | Self::Attack(_)) {
            shell.computes_on_cpu();
        }
        match self {
            Self::Run(arguments) => arguments.run(shell),
            Self::Plan(arguments) => arguments.run(shell),
            Self::Score(arguments) => arguments.run(shell),
            Self::Compare(arguments) => arguments.run(shell),
            Self::Simplicity(arguments) => arguments.run(shell),
            Self::Attack(arguments) => arguments.run(shell),
        }
    }
}
