//! `simbias spectrum lr` and `sparsity`: recommendations as files.

use std::path::PathBuf;

use simbias_run::of_checkpoint;
use simbias_spectra::{
    ExponentKind, Mapping, RateMap, RateOptions, SparsityOptions, SparsityScore,
};

use super::MeasuringArgs;
use crate::commands::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Choose a learning rate for every layer: heavy-tailed layers, taken as well trained, get smaller rates.
///
/// `rates.json` in the run's directory lists groups of parameters; docs/spectrum.md shows the five lines that
/// turn it into PyTorch's parameter groups.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias spectrum lr model.safetensors --base-lr 0.1
  simbias spectrum lr model.safetensors --base-lr 1e-4 --map sigmoid --skip-first --skip-last")]
pub(crate) struct RateArgs {
    /// .safetensors, its index, a folder of shards, .pt, .npz, .npy or .gguf
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The scheduler's current rate
    #[arg(long, value_name = "RATE")]
    base_lr: f64,
    /// How exponents become rates
    #[arg(long, value_enum, default_value_t = MapWord::Linear)]
    map: MapWord,
    /// Smallest and largest factor of the linear and the step map
    #[arg(long, value_name = "LOW,HIGH", default_value = "0.5,1.5", value_parser = range)]
    range: (f64, f64),
    /// The first analysed layer keeps the base rate
    #[arg(long)]
    skip_first: bool,
    /// The last analysed layer keeps the base rate
    #[arg(long)]
    skip_last: bool,
    /// Use exponents of whole matrices, which depend on their shapes, instead of those of windows
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    measuring: MeasuringArgs,
    #[command(flatten)]
    out: OutArgs,
}

fn range(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once(',').and_then(|(low, high)| {
        Some((low.trim().parse::<f64>().ok()?, high.trim().parse::<f64>().ok()?))
    });
    match ends {
        Some((low, high)) if 0.0 <= low && low <= high && high.is_finite() => Ok((low, high)),
        _ => Err("write LOW,HIGH with 0 ≤ LOW ≤ HIGH, such as 0.5,1.5".into()),
    }
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum MapWord {
    /// TempBalance's
    Linear,
    /// TB_Sigmoid's
    Sigmoid,
    /// Proportional to the root of the exponent
    Sqrt,
    /// Proportional to its logarithm
    Log2,
    /// By rank
    Step,
}

fn kind(plain: bool) -> ExponentKind {
    if plain { ExponentKind::Plain } else { ExponentKind::Windows }
}

impl RateArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let (low, high) = self.range;
        // Before the scan, which may take minutes.
        if !(self.base_lr.is_finite() && self.base_lr > 0.0) {
            return Err(Failure::input(format!(
                "--base-lr {} is not a learning rate: give a number above 0",
                self.base_lr
            )));
        }
        let options = RateOptions {
            map: match self.map {
                MapWord::Linear => RateMap::Linear { low, high },
                MapWord::Step => RateMap::Step { low, high },
                MapWord::Sqrt => RateMap::Sqrt,
                MapWord::Log2 => RateMap::Log2,
                MapWord::Sigmoid => RateMap::SIGMOID,
            },
            score: kind(self.plain),
            skip_first: self.skip_first,
            skip_last: self.skip_last,
            ..RateOptions::new(self.base_lr)
        };
        let (checkpoint, table) = self.measuring.scan(&self.model, shell)?;
        let rates = table.learning_rates(&options)?;
        shell.close_run(run, &rates, vec![of_checkpoint(&checkpoint)?])?;
        Ok(Finished::Done)
    }
}

/// Choose a share of zeros for every layer so that all layers together meet the target.
///
/// `sparsities.json` and `sparsities.csv` in the run's directory list the ratios. The published mapping clips
/// ratios and misses large targets; here the others are rescaled, and both results are shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias spectrum sparsity model.safetensors --target 0.7
  simbias spectrum sparsity checkpoint/ --target 0.8 --epsilon 0.1 --mapping layer --score alpha")]
pub(crate) struct SparsityArgs {
    /// .safetensors, its index, a folder of shards, .pt, .npz, .npy or .gguf
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Share of zeros among the weights of all pruned layers
    #[arg(long, value_name = "SHARE")]
    target: f64,
    /// Half width of the range of scores; 0 is uniform
    #[arg(long, value_name = "E", default_value_t = SparsityOptions::new(0.5).epsilon)]
    epsilon: f64,
    /// What distinguishes layers: farms (exponents of windows), alpha (of whole matrices), uniform, or a CSV with the
    /// columns layer,score, where a larger score means more pruning
    #[arg(long, value_name = "HOW", default_value = "farms")]
    score: String,
    /// Which layers share a score
    #[arg(long, value_enum, default_value_t = MappingWord::Block)]
    mapping: MappingWord,
    #[command(flatten)]
    measuring: MeasuringArgs,
    #[command(flatten)]
    out: OutArgs,
}

/// A word, or a file of scores.
fn score(words: &str) -> Result<SparsityScore, Failure> {
    match words {
        "farms" => return Ok(SparsityScore::Exponent(ExponentKind::Windows)),
        "alpha" => return Ok(SparsityScore::Exponent(ExponentKind::Plain)),
        "uniform" => return Ok(SparsityScore::Uniform),
        _ => {}
    }
    let text = std::fs::read_to_string(words).map_err(|error| {
        Failure::input(format!("--score {words:?} is neither a known word nor a file: {error}"))
            .hint("give farms, alpha, uniform, or a CSV with the columns layer,score")
    })?;
    let mut scores = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        match (index, cells.as_slice()) {
            (0, ["layer", "score"]) => {}
            (1.., [layer, number]) if number.parse::<f64>().is_ok_and(f64::is_finite) => {
                scores.push(((*layer).to_string(), number.parse().unwrap_or(f64::NAN)));
            }
            _ => {
                return Err(Failure::input(format!(
                    "{words:?}: line {} is {line:?}, expected {}",
                    index + 1,
                    if index == 0 { "layer,score" } else { "a layer and a finite number" }
                )));
            }
        }
    }
    Ok(SparsityScore::Given(scores))
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum MappingWord {
    /// All layers of a block
    Block,
    /// Every layer its own
    Layer,
}

impl SparsityArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        // Before the scan, which may take minutes.
        if !(0.0..1.0).contains(&self.target) {
            return Err(Failure::input(format!(
                "--target {} is not a share of zeros: give a number of at least 0 and below 1",
                self.target
            )));
        }
        let options = SparsityOptions {
            epsilon: self.epsilon,
            score: score(&self.score)?,
            mapping: match self.mapping {
                MappingWord::Block => Mapping::Block,
                MappingWord::Layer => Mapping::Layer,
            },
            ..SparsityOptions::new(self.target)
        };
        let (checkpoint, table) = self.measuring.scan(&self.model, shell)?;
        let sparsities = table.sparsities(&options)?;
        shell.close_run(run, &sparsities, vec![of_checkpoint(&checkpoint)?])?;
        Ok(Finished::Done)
    }
}
