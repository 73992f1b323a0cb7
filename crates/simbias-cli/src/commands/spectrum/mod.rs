//! `simbias spectrum`: what the weights of a checkpoint say about its layers, without any data.

mod compare;
mod recommend;
mod scan;
mod track;

use std::path::Path;

use clap::Subcommand;
use simbias_checkpoint::Checkpoint;
use simbias_report::Progress;
use simbias_spectra::fit::TailRule;
use simbias_spectra::{
    Compat, LayerOptions, LayerTable, Route, Sampling, ScanOptions, WindowOptions,
};

use super::layer_choice::LayerChoice;
use crate::shell::{Failure, Finished, Shell};

/// Measure what the weights of a checkpoint say about its layers: `simbias spectrum MODEL` is short for `scan MODEL`.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  simbias spectrum model.safetensors
  simbias spectrum compare before/ after/
  simbias spectrum track epoch1.safetensors epoch2.safetensors epoch3.safetensors
  simbias spectrum lr model.safetensors --base-lr 0.1
  simbias spectrum sparsity model.safetensors --target 0.7"
)]
pub(crate) struct SpectrumArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    scan: scan::ScanArgs,
}

impl SpectrumArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        shell.computes_on_cpu();
        match &self.command {
            Some(command) => command.run(shell),
            None => self.scan.run(shell),
        }
    }
}

/// The parts of `simbias spectrum`.
#[derive(Subcommand, Debug)]
enum Command {
    /// Tail exponents with and without shape bias, and the usual metrics, of every layer
    Scan(scan::ScanArgs),
    /// What changed from one checkpoint to another
    Compare(compare::CompareArgs),
    /// How the layers changed over several checkpoints of one training
    Track(track::TrackArgs),
    /// Layer-wise learning rates as a file
    Lr(recommend::RateArgs),
    /// Layer-wise sparsities as a file
    Sparsity(recommend::SparsityArgs),
}

impl Command {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        match self {
            Self::Scan(arguments) => arguments.run(shell),
            Self::Compare(arguments) => arguments.run(shell),
            Self::Track(arguments) => arguments.run(shell),
            Self::Lr(arguments) => arguments.run(shell),
            Self::Sparsity(arguments) => arguments.run(shell),
        }
    }
}

/// How spectra are measured.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Measuring")]
pub(crate) struct MeasuringArgs {
    /// Rule for the start of the tail; this one leads the report, which shows all rules
    #[arg(long, value_enum, default_value_t = RuleWord::Median)]
    fit: RuleWord,
    /// Windows without shape bias: auto, off, ROWS or ROWSxPER_AXIS such as 2000x15
    #[arg(long, value_name = "FORM", default_value = "auto", value_parser = windows)]
    farms: Windows,
    /// Arithmetic of eigenvalues: f32 is about 1.7 times as fast and allows the median rule only; matrices that lose more
    /// than one eigenvalue in 500 to its rounding are computed again in f64
    #[arg(long, value_enum, default_value_t = DtypeWord::F64)]
    dtype: DtypeWord,
    /// Aspect ratio of windows, columns over rows
    #[arg(long, value_name = "Q", default_value_t = 1.0)]
    q: f64,
    /// Cut fused query-key-value matrices into their three parts, where the configuration gives head counts
    #[arg(long)]
    split_fused: bool,
    /// Names whose number marks a block, such as layers in model.layers.3, instead of the usual ones; repeat for several
    #[arg(long, value_name = "NAME")]
    block_name: Vec<String>,
    #[command(flatten)]
    choice: LayerChoice,
    /// Reproduce the numbers of another program
    #[arg(long, value_enum, default_value_t = CompatWord::None)]
    compat: CompatWord,
    /// Matrices are decomposed whole up to this length of their shorter side
    #[arg(long, value_name = "N", default_value_t = ScanOptions::default().max_side)]
    max_dim: usize,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq)]
enum RuleWord {
    /// The upper half of the eigenvalues: the only rule that is stable
    Median,
    /// Around the mode of the histogram, as in FARMS' and WeightWatcher's code
    Peak,
    /// The same with the bound that was intended
    PeakFixed,
    /// The start with the smallest Kolmogorov-Smirnov distance
    Ks,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq)]
enum DtypeWord {
    /// 64 bits
    F64,
    /// 32 bits
    F32,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum CompatWord {
    /// Our own numbers
    None,
    /// FARMS' official code
    Official,
    /// WeightWatcher 0.7.7
    Weightwatcher,
}

/// Windows as a user names them; `None` for whole matrices only.
type Windows = Option<WindowOptions>;

fn windows(text: &str) -> Result<Windows, String> {
    let count = |text: &str| text.parse::<usize>().ok().filter(|&n| n > 0);
    let wrong = || "write auto, off, ROWS or ROWSxPER_AXIS, such as 2000x15".to_string();
    match (text, text.split_once('x')) {
        ("auto", _) => Ok(Some(WindowOptions::default())),
        ("off", _) => Ok(None),
        (_, None) => {
            let n_rows = Some(count(text).ok_or_else(wrong)?);
            Ok(Some(WindowOptions { n_rows, ..WindowOptions::default() }))
        }
        (_, Some((rows, per_axis))) => {
            let n_rows = Some(count(rows).ok_or_else(wrong)?);
            let sampling = Sampling::PerAxis(count(per_axis).ok_or_else(wrong)?);
            Ok(Some(WindowOptions { n_rows, sampling, ..WindowOptions::default() }))
        }
    }
}

impl MeasuringArgs {
    fn options(&self, shell: &Shell) -> ScanOptions {
        let mut layers = LayerOptions { split_fused: self.split_fused, ..LayerOptions::default() };
        if !self.block_name.is_empty() {
            layers.block_containers.clone_from(&self.block_name);
        }
        let windows = |windows| WindowOptions { aspect_ratio: self.q, ..windows };
        let options = ScanOptions {
            max_side: self.max_dim,
            windows: self.farms.map(windows),
            layers: layers.clone(),
            route: match self.dtype {
                DtypeWord::F64 => Route::Auto,
                DtypeWord::F32 => Route::GramSingle,
            },
            n_threads: Some(shell.threads()),
            ..ScanOptions::default()
        };
        match self.compat {
            CompatWord::Weightwatcher => ScanOptions {
                max_side: self.max_dim,
                layers,
                n_threads: Some(shell.threads()),
                ..ScanOptions::weightwatcher()
            },
            CompatWord::Official => {
                ScanOptions { compat: Compat::Official, rules: self.rules(), ..options }
            }
            CompatWord::None => ScanOptions { rules: self.rules(), ..options },
        }
    }

    /// All rules, the leading one first; in 32 bits the median rule alone.
    fn rules(&self) -> Vec<TailRule> {
        if self.dtype == DtypeWord::F32 {
            return vec![TailRule::Median];
        }
        let leading = match self.fit {
            RuleWord::Median => TailRule::Median,
            RuleWord::Peak => TailRule::Peak,
            RuleWord::PeakFixed => TailRule::PeakFixed,
            RuleWord::Ks => TailRule::Ks,
        };
        let others = TailRule::ALL.into_iter().filter(|&rule| rule != leading);
        [leading].into_iter().chain(others).collect()
    }

    /// Scans the checkpoint at `path`.
    fn scan(&self, path: &Path, shell: &Shell) -> Result<(Checkpoint, LayerTable), Failure> {
        if self.dtype == DtypeWord::F32
            && (self.fit != RuleWord::Median || !matches!(self.compat, CompatWord::None))
        {
            return Err(Failure::input(
                "--dtype f32 allows only the median rule of our own numbers",
            )
            .hint("leave --fit and --compat out, or --dtype"));
        }
        let checkpoint = Checkpoint::open(path)?;
        let progress = shell.progress(&format!("spectra of {}", path.display()));
        let wants = |name: &str| self.choice.wants(name);
        let table = simbias_spectra::scan(&checkpoint, &self.options(shell), &wants, &progress)?;
        progress.keep_going()?;
        drop(progress);
        Ok((checkpoint, table))
    }
}
