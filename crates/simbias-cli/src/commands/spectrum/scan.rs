//! `simbias spectrum scan`: the table of layers.

use std::path::PathBuf;

use simbias_data::write_parquet;
use simbias_report::Answer;
use simbias_run::of_checkpoint;

use super::MeasuringArgs;
use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Columns of the table of layers that hold words, not numbers.
const WORD_COLUMNS: &[&str] = &["layer", "role", "block", "shape", "stored", "remark"];

/// Measure the weight spectrum of every layer of a checkpoint.
///
/// An exponent says how heavy the upper tail of a layer's spectrum is; it is read as how well the layer is trained,
/// but also depends on the shape of the matrix. FARMS windows of one shape remove that dependence; the report shows
/// both, with errors and the value of a random matrix of the same shape.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias spectrum scan model.safetensors
  simbias spectrum scan checkpoint/ --farms 2000x15 --fit peak
  simbias spectrum scan model.gguf --exclude 'embed|lm_head' --strict
  simbias spectrum scan model.pt --compat weightwatcher")]
pub(crate) struct ScanArgs {
    /// .safetensors, its index, a folder of shards, .pt, .npz, .npy or .gguf
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    #[command(flatten)]
    measuring: MeasuringArgs,
    /// Exit with code 3 when a layer could not be measured, such as one with NaN; the report is still written
    #[arg(long)]
    strict: bool,
    /// Also write the table of layers as layers.parquet
    #[arg(long)]
    parquet: bool,
    #[command(flatten)]
    out: OutArgs,
}

impl ScanArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        // Optional for the parser, which cannot tell `spectrum MODEL` from `spectrum COMMAND` otherwise.
        let Some(model) = &self.model else {
            return Err(Failure::input("no checkpoint is named")
                .hint("`simbias spectrum MODEL`; see --help"));
        };
        let run = self.out.open(shell)?;
        let (checkpoint, table) = self.measuring.scan(model, shell)?;
        if self.parquet {
            for (_, csv) in
                table.report().csv_files().iter().filter(|(name, _)| name == "layers.csv")
            {
                write_parquet(&run.place("layers.parquet")?, csv, WORD_COLUMNS)?;
            }
        }
        shell.close_run(run, &table, vec![of_checkpoint(&checkpoint)?])?;
        let flagged: Vec<&str> = table
            .layers
            .iter()
            .filter(|layer| layer.analysis().is_none())
            .map(|layer| layer.name.as_str())
            .collect();
        if self.strict
            && let [first, ..] = flagged.as_slice()
        {
            let (n, total) = (flagged.len(), table.layers.len());
            shell.note(&format!("{n} of {total} layers could not be measured, the first {first}"));
            return Ok(Finished::Incomplete);
        }
        Ok(Finished::Done)
    }
}
