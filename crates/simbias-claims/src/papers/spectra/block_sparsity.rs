//! P8-C9 to C11: a small character transformer, pruned by magnitude with the share of each block from exponents, and
//! the controls beside it.

use std::path::Path;

use rand::RngExt;
use simbias_data::embedded::king_james;
use simbias_data::{ClassLabels, Dataset, Layout, Target};
use simbias_language::allocation::{Allocation, BlockScores, scan_blocks};
use simbias_language::comparison::{AllocationComparison, CompareRequest, compare_allocations};
use simbias_language::prune::Method;
use simbias_language::{LanguageModel, OWN_MODEL_TYPE, Text, Tokenizer};
use simbias_nn::{Decoder, Init, Network};
use simbias_report::Caveat;
use simbias_spectra::fit::TailRule;
use simbias_spectra::{ExponentKind, ScanOptions};
use simbias_stats::Seed;
use simbias_train::{Decay, FitConfig, Keep, NextToken, Optimizer, Schedule, ShuffledEpochs};

use crate::stages::Stages;
use crate::{ClaimError, MeasureContext, Measurement};

/// Characters of plain text.
const N_SYMBOLS: usize = 128;
const CONTEXT: usize = 64;
const WIDTH: usize = 64;
const N_BLOCKS: usize = 6;
const N_HEADS: usize = 4;
const N_STEPS: u64 = 700;
const WARM_UP: u64 = 50;
const BATCH_SIZE: usize = 16;
const PEAK_RATE: f64 = 3e-3;
/// Share of the text, at its end, that is only predicted.
const VALIDATION_SHARE: f64 = 0.1;
/// Chunks of it that are predicted.
const N_CHUNKS: u64 = 256;
const N_PERMUTATIONS: u64 = 8;
const EPSILON: f64 = 0.2;
const SPARSITIES: [f64; 2] = [0.7, 0.8];

/// P8-C9.
pub(crate) fn alpha_beats_uniform(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    measure("P8-C9", context, |measurement, seed, at| {
        let of = |allocation| at.minus_alpha(allocation);
        let [uniform, permuted, reversed] = match at.percent {
            70 => [
                "70 %: uniform minus alpha",
                "70 %: mean permutation minus alpha",
                "70 %: reversed minus alpha",
            ],
            _ => [
                "80 %: uniform minus alpha",
                "80 %: mean permutation minus alpha",
                "80 %: reversed minus alpha",
            ],
        };
        measurement.observe(uniform, seed, of(Allocation::Uniform));
        measurement.observe(permuted, seed, of(Allocation::Permuted));
        measurement.observe(reversed, seed, of(Allocation::Reversed));
    })
}

/// P8-C10.
pub(crate) fn farms_ties(context: &mut MeasureContext<'_>) -> Result<Measurement, ClaimError> {
    measure("P8-C10", context, |measurement, seed, at| {
        let name = match at.percent {
            70 => "70 %: FARMS minus alpha",
            _ => "80 %: FARMS minus alpha",
        };
        measurement.observe(name, seed, at.minus_alpha(Allocation::Farms));
    })
}

/// P8-C11.
pub(crate) fn first_block_ties(
    context: &mut MeasureContext<'_>,
) -> Result<Measurement, ClaimError> {
    measure("P8-C11", context, |measurement, seed, at| {
        let name = match at.percent {
            70 => "70 %: first block minus alpha",
            _ => "80 %: first block minus alpha",
        };
        measurement.observe(name, seed, at.minus_alpha(Allocation::FirstBlock));
    })
}

/// Losses at one sparsity.
struct At<'a> {
    found: &'a AllocationComparison,
    sparsity: f64,
    percent: u32,
}

impl At<'_> {
    fn loss(&self, allocation: Allocation) -> f64 {
        let run = self.found.run(Method::Magnitude, self.sparsity, allocation);
        run.map_or(f64::NAN, |run| run.mean_nll)
    }

    fn minus_alpha(&self, allocation: Allocation) -> f64 {
        self.loss(allocation) - self.loss(Allocation::Alpha)
    }
}

fn measure(
    claim: &'static str,
    context: &mut MeasureContext<'_>,
    mut observe: impl FnMut(&mut Measurement, Seed, &At<'_>),
) -> Result<Measurement, ClaimError> {
    let mut stages = Stages::new(claim, context, 2)?;
    let mut measurement = Measurement::default();
    let text = king_james();
    let n_train = (text.len() as f64 * (1.0 - VALIDATION_SHARE)) as usize;
    let (train, validation) = text.split_at(n_train);
    for &seed in stages.seeds() {
        stages.begin(seed, "training of a character transformer")?;
        let network = trained(train, &stages, seed)?;
        stages.begin(seed, "pruned networks")?;
        let found = compared(&network, validation, &stages, seed)?;
        measurement.control("loss before pruning, nats", seed, found.dense.mean_nll);
        for (index, exponents) in [("plain", &found.alpha), ("FARMS", &found.farms)] {
            for (block, exponent) in exponents.iter().enumerate() {
                measurement.control(format!("block {block}: {index} exponent"), seed, *exponent);
            }
        }
        for sparsity in SPARSITIES {
            let percent = (100.0 * sparsity).round() as u32;
            let at = At { found: &found, sparsity, percent };
            for allocation in Allocation::ALL.into_iter().filter(|a| *a != Allocation::Owl) {
                let name = format!("{percent} %, {}: loss, nats", allocation.name());
                measurement.control(name, seed, at.loss(allocation));
            }
            observe(&mut measurement, seed, &at);
        }
    }
    measurement.caveat(Caveat::caution(
        "small-model",
        "A character transformer of six blocks says nothing about language models of billions of weights; the comparison \
            with the first block alone shows that at this scale a gain over uniform sparsity need not come from exponents.",
    ));
    Ok(measurement)
}

/// A small GPT on the characters of `text`.
fn trained(text: &str, stages: &Stages<'_>, seed: Seed) -> Result<Network, ClaimError> {
    let n_steps = stages.steps(N_STEPS);
    let rows = windows(text, n_steps as usize * BATCH_SIZE, seed);
    let decoder = Decoder::small(N_SYMBOLS, CONTEXT, WIDTH, N_BLOCKS, N_HEADS);
    let mut state = stages.fresh(&decoder.into(), Init::default(), seed)?;
    let schedule = Schedule {
        base: PEAK_RATE,
        warmup: WARM_UP,
        decay: Decay::Cosine { total: N_STEPS - WARM_UP, floor: 0.0 },
    };
    let config =
        FitConfig { keep: Keep::Last, ..FitConfig::new(Optimizer::adam(0.0), schedule, n_steps) };
    let mut batches = ShuffledEpochs::new(&rows, BATCH_SIZE);
    stages.fit(&mut state, &mut batches, &NextToken, None, &config)?;
    Ok(state.network)
}

/// Windows at random places as rows; the class of each is the character that follows it.
fn windows(text: &str, n_windows: usize, seed: Seed) -> Dataset {
    let bytes = text.as_bytes();
    let mut stream = seed.child("claims/windows", 0).stream();
    let mut values = Vec::with_capacity(n_windows * CONTEXT);
    let mut indices = Vec::with_capacity(n_windows);
    for _ in 0..n_windows {
        let first = stream.random_range(0..bytes.len() - CONTEXT);
        values.extend(bytes[first..first + CONTEXT].iter().map(|&byte| f32::from(byte)));
        indices.push(u32::from(bytes[first + CONTEXT]));
    }
    let rows = ndarray::Array2::from_shape_vec((n_windows, CONTEXT), values);
    Dataset::new(
        "windows",
        rows.unwrap_or_default(),
        Layout::table((0..CONTEXT).map(|at| format!("character {at}")).collect()),
        Target::Classes(ClassLabels {
            indices,
            names: (0..N_SYMBOLS).map(|symbol| symbol.to_string()).collect(),
        }),
    )
}

/// Prunes the network by all allocations, as a user would prune a checkpoint.
fn compared(
    network: &Network,
    validation: &str,
    stages: &Stages<'_>,
    seed: Seed,
) -> Result<AllocationComparison, ClaimError> {
    let folder = tempfile::tempdir().map_err(|error| stages.failure(error))?;
    save(network, folder.path()).map_err(|error| stages.failure(error))?;
    let compare = || -> Result<AllocationComparison, simbias_language::LanguageError> {
        let model = LanguageModel::open(folder.path(), stages.device())?;
        let options =
            ScanOptions { rules: vec![TailRule::Median], bulk: false, ..ScanOptions::default() };
        let table = scan_blocks(&model, &options, &stages.quiet())?;
        let scores = BlockScores::from_table(&model, &table, &|_| true)?;
        let text = Text::encode(Path::new("validation"), validation, &Tokenizer::bytes())?;
        let request = CompareRequest {
            methods: &[Method::Magnitude],
            sparsities: &SPARSITIES,
            allocations: &[
                Allocation::Alpha,
                Allocation::Farms,
                Allocation::Permuted,
                Allocation::Reversed,
                Allocation::FirstBlock,
            ],
            n_permutations: stages.draws(N_PERMUTATIONS) as usize,
            epsilon: EPSILON,
            controlled: ExponentKind::Plain,
            calibration: &[],
            evaluation: &text,
            context: CONTEXT,
            max_chunks: Some(stages.draws(N_CHUNKS) as usize),
            seed: seed.child("claims/permutations", 0),
        };
        compare_allocations(&model, &scores, &request, &stages.quiet())
    };
    compare().map_err(|error| stages.failure(error))
}

/// The network as a checkpoint that [`LanguageModel`] opens.
fn save(network: &Network, folder: &Path) -> std::io::Result<()> {
    let Some(decoder) = network.architecture().downcast_ref::<Decoder>() else {
        return Err(std::io::Error::other("the network is not a decoder"));
    };
    let config = serde_json::json!({ "model_type": OWN_MODEL_TYPE, "decoder": decoder });
    std::fs::write(folder.join("config.json"), config.to_string())?;
    std::fs::write(folder.join("model.safetensors"), network.to_safetensors())
}
