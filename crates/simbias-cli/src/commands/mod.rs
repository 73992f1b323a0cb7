//! The commands. To add one: a module with an `Args` struct and `run(&self, &Shell)`, a variant here, a line in `run`.

mod arguments;
mod audit;
mod claims;
mod completions;
mod fail_on;
mod heat_map;
mod layer_choice;
mod man;
mod model;
mod open;
mod outliers;
mod perplexity;
mod prune;
mod reliance;
mod runs;
mod spectrum;
mod synth;
mod train;
mod upsample;
mod verdict;

use clap::{Parser, Subcommand};

use crate::shell::{Failure, Finished, GlobalArgs, Shell};

/// Measures, explains and changes the inductive bias of neural networks.
#[derive(Parser, Debug)]
#[command(
    name = "simbias",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:
  simbias audit
  simbias audit table.csv --labels outcome
  simbias synth slab --preset lms5 --out lms5.safetensors
  simbias reliance run --model model.onnx --data lms5.safetensors --blocks lms5.blocks.toml
  simbias spectrum model.safetensors
  simbias upsample select --outputs early.npy --labels labels.npy
  simbias outliers losses.npy --labels labels.npy
  simbias prune checkpoint/ --method wanda --sparsity 0.6 --allocation farms --calibration book.txt
  simbias claims list
  simbias open                 the report of the newest run

A lone - in place of a table, scores or a result means standard input.

Exit codes:
  0    done
  1    done, with a verdict named by --fail-on
  2    bad input; nothing was written
  3    done, but --fail-on could not judge, or --strict found a layer that could not be measured
  130  interrupted"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the user asks.
#[derive(Subcommand, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one of them")]
pub(crate) enum Command {
    /// What does a network rely on, what does it ignore, and what do remedies change? Without DATA: real digits
    Audit(Box<audit::AuditArgs>),
    /// Which parts of the input does a model rely on, and which predictive parts does it ignore?
    #[command(subcommand)]
    Reliance(reliance::Command),
    /// Train a network on labelled rows, with validation, traces and exact resume
    Train(Box<train::TrainArgs>),
    /// What do the weights of a checkpoint say about its layers? No data needed
    Spectrum(Box<spectrum::SpectrumArgs>),
    /// Set weights of a checkpoint to zero, by layer-wise shares, and compare ways of doing so
    Prune(Box<prune::PruneArgs>),
    /// How well does a language model predict a text?
    Perplexity(perplexity::PerplexityArgs),
    /// Which training examples should the network see more often?
    #[command(subcommand)]
    Upsample(upsample::Command),
    /// Which few examples pull against each other while a network trains, from their recorded losses?
    Outliers(outliers::OutliersArgs),
    /// Generate data whose features have a known simplicity order
    #[command(subcommand)]
    Synth(synth::Command),
    /// Check the papers' claims again and keep a ledger of what was found
    #[command(subcommand)]
    Claims(claims::Command),
    /// Show the report of a run in a browser; its path is printed where there is none
    Open(open::OpenArgs),
    /// List the runs of this folder: when, with which command, and what came out
    Runs(runs::RunsArgs),
    /// Print completions of commands, flags and their values for bash, zsh, fish or PowerShell
    Completions(completions::CompletionsArgs),
    /// Write a manual page for every command
    Man(man::ManArgs),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        match self {
            Self::Audit(arguments) => arguments.run(shell),
            Self::Train(arguments) => arguments.run(shell),
            Self::Reliance(command) => command.run(shell),
            Self::Spectrum(arguments) => arguments.run(shell),
            Self::Prune(arguments) => arguments.run(shell),
            Self::Perplexity(arguments) => arguments.run(shell),
            Self::Upsample(command) => command.run(shell),
            Self::Outliers(arguments) => arguments.run(shell),
            Self::Synth(command) => command.run(shell),
            Self::Claims(command) => command.run(shell),
            Self::Open(arguments) => arguments.run(shell),
            Self::Runs(arguments) => arguments.run(shell),
            Self::Completions(arguments) => arguments.run(shell),
            Self::Man(arguments) => arguments.run(shell),
        }
    }
}
