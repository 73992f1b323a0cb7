//! `simbias reliance simplicity`: how easy each block is to learn, without any model.

use std::path::PathBuf;

use simbias_audit::document::SimplicityAnswer;
use simbias_audit::{SimplicityOptions, simplicity_of_data};
use simbias_data::{SplitOptions, read_splits};
use simbias_run::of_dataset;

use crate::commands::arguments::{BlocksArgs, OutArgs, ReadingArgs, notes};
use crate::shell::{Failure, Finished, Shell};

/// Order blocks by simplicity: probes of growing size on each block alone, and pieces for single coordinates.
///
/// The learning time of an architecture on each block alone is part of `simbias audit`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance simplicity --data table.csv --labels outcome
  simbias reliance simplicity --data lms5.safetensors --blocks lms5.blocks.toml --code-length")]
pub(crate) struct SimplicityArgs {
    /// Rows with labels, in any format that `reliance run` reads
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    /// Widths of the one-hidden-layer probes; 0 is the linear probe; 2 × 128 always ends the ladder
    #[arg(long, value_delimiter = ',', value_name = "WIDTHS", default_values_t = SimplicityOptions::default().ladder, value_parser = width)]
    ladder: Vec<usize>,
    /// Most thresholds tried for blocks of one coordinate
    #[arg(long, value_name = "N", default_value_t = SimplicityOptions::default().most_thresholds, value_parser = n_thresholds)]
    pieces_max: usize,
    /// Training seeds of each probe
    #[arg(long, value_name = "N", default_value_t = SimplicityOptions::default().probe_seeds, value_parser = n_seeds)]
    probe_seeds: usize,
    /// Steps of each probe
    #[arg(long, value_name = "N", default_value_t = SimplicityOptions::default().probe_steps)]
    probe_steps: u64,
    /// Also measure the prequential code length
    #[arg(long)]
    code_length: bool,
    #[command(flatten)]
    out: OutArgs,
}

/// Reads a whole number of `from..=to`.
fn between(from: usize, to: usize, text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (from..=to).contains(number))
        .ok_or_else(|| format!("give a whole number from {from} to {to}"))
}

/// A probe wider than this is no longer simple.
fn width(text: &str) -> Result<usize, String> {
    between(0, 8192, text)
}

fn n_thresholds(text: &str) -> Result<usize, String> {
    between(1, 1024, text)
}

fn n_seeds(text: &str) -> Result<usize, String> {
    between(1, 1000, text)
}

impl SimplicityArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let reading = self.reading.all_parts("a measurement of simplicity")?;
        let split_options = SplitOptions { seed: shell.seed(), ..SplitOptions::default() };
        let split = read_splits(shell.source(&self.data)?, &reading, &split_options)?;
        shell.caveats(&split.notes());
        let resolved = self.blocks.resolve(&split.train.0, shell)?;
        let options = SimplicityOptions {
            ladder: self.ladder.clone(),
            most_thresholds: self.pieces_max,
            probe_seeds: self.probe_seeds,
            probe_steps: self.probe_steps,
            code_length: self.code_length,
            ..SimplicityOptions::default()
        };
        let (blocks, transform) = (&resolved.blocks, &*resolved.transform);
        let progress = shell.progress("probing");
        let found =
            simplicity_of_data(&split, blocks, transform, &options, shell.seed(), &progress)?;
        drop(progress);
        let answer = SimplicityAnswer { found, caveats: notes(&split.notes(), &resolved) };
        shell.close_run(run, &answer, vec![of_dataset(&self.data, &split.test.0)])?;
        Ok(Finished::Done)
    }
}
