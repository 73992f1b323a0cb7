//! One block after the other: its inputs from the dense block, its outputs from the pruned one.

use std::collections::BTreeMap;

use rayon::prelude::*;
use simbias_nn::Tensor;
use simbias_nn::decoder::Projection;
use simbias_report::{Progress, Steps};
use simbias_spectra::prune::{InputStatistics, WeightMatrix};

use super::{Method, Patterns};
use crate::family::StoredMap;
use crate::hidden::{Hidden, n_batches};
use crate::perplexity::{Chunks, read_block, sequence_losses};
use crate::{LanguageError, LanguageModel, Perplexity, Text};

/// What to prune, and what to measure on the way.
#[derive(Clone, Copy, Debug)]
pub struct PruneRequest<'a> {
    /// How.
    pub method: Method,
    /// How much of every layer; layers that are not named stay as they are.
    pub patterns: &'a Patterns,
    /// Sequences of one length for methods that need data; unused by the others.
    pub calibration: &'a [Vec<u32>],
    /// A text that the pruned model predicts, the tokens of a chunk, and the maximum number of chunks.
    pub evaluation: Option<(&'a Text, usize, Option<usize>)>,
}

/// The result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pruned {
    /// How the pruned model predicts the evaluation text.
    pub perplexity: Option<Perplexity>,
    /// Zeros and weights of every pruned layer, in the order of the blocks.
    pub layers: Vec<(String, usize, usize)>,
    /// Damping that SparseGPT needed, where it was more than usual.
    pub raised_damping: Vec<(String, f64)>,
}

impl Pruned {
    /// Zeros over weights of all pruned layers.
    pub fn realised(&self) -> f64 {
        let (zeros, weights) =
            self.layers.iter().fold((0, 0), |(zeros, weights), (_, z, n)| (zeros + z, weights + n));
        zeros as f64 / f64::max(weights as f64, 1.0)
    }
}

impl PruneRequest<'_> {
    /// Approximate maximum of the bytes that pruning `model` holds: a block three times (as read, on the device, at
    /// work), the hidden states of both texts, and the sums over inputs.
    pub fn bytes_needed(&self, model: &LanguageModel) -> u64 {
        let decoder = model.decoder();
        let block: usize = decoder.projections().iter().map(|(_, shape)| shape[0] * shape[1]).sum();
        let calibrated: usize =
            if self.method.needs_data() { self.calibration.iter().map(Vec::len).sum() } else { 0 };
        let evaluated = self.evaluation.map_or(0, |(text, context, most)| {
            let whole = text.tokens.len() / context.max(1);
            context * most.map_or(whole, |most| whole.min(most))
        });
        let inputs = [decoder.width, decoder.n_heads * decoder.head_width, decoder.inner];
        let sums: usize =
            if self.method.needs_products() { inputs.iter().map(|n| n * n).sum() } else { 0 };
        // Logits of a few rows at a time.
        let head = 2 * decoder.vocabulary * decoder.width;
        let floats = 3 * block + (calibrated + evaluated) * decoder.width + head;
        (4 * floats + 8 * sums) as u64
    }

    /// Bytes of disk in which pruned matrices wait beside the output of [`prune_by_data`](super::prune_by_data).
    pub fn scratch_bytes(&self, model: &LanguageModel) -> u64 {
        let find = |name: &String| Some(model.checkpoint().find(name)?.1.n_elements());
        4 * self.patterns.keys().filter_map(find).sum::<usize>() as u64
    }
}

/// Prunes all blocks in order and hands every pruned matrix to `keep`.
///
/// Statistics of a block are those of its inputs after all earlier blocks were pruned, and all maps of a block see the
/// inputs of its dense form, as in the official code of Wanda and SparseGPT. One block is in memory at a time, beside
/// the hidden states of calibration and evaluation.
///
/// # Errors
/// Missing calibration, patterns that do not fit, weights or states that are not finite, errors of reading and of
/// `keep`.
pub fn prune_blocks(
    model: &LanguageModel,
    request: &PruneRequest<'_>,
    keep: &mut dyn FnMut(&StoredMap, &WeightMatrix) -> Result<(), LanguageError>,
    progress: &dyn Progress,
) -> Result<Pruned, LanguageError> {
    let PruneRequest { method, patterns, calibration, evaluation } = *request;
    let names = model.layer_names();
    if let Some(name) = patterns.keys().find(|name| !names.contains(name)) {
        let problem = format!("there is no layer {name:?} inside the blocks of this model");
        return Err(LanguageError::Option { option: "sparsities", problem });
    }
    if method.needs_data() && calibration.is_empty() {
        let problem = format!("{} needs a text to calibrate with", method.name());
        return Err(LanguageError::Option { option: "calibration", problem });
    }
    let chunks = evaluation
        .map(|(text, context, most)| Chunks::new(text, model, context, most))
        .transpose()?;
    let evaluated = chunks.as_ref().map(Chunks::sequences);
    let n_blocks = model.decoder().n_blocks;
    let calibrates = method.needs_data();
    let length = calibration.first().map_or(1, Vec::len);
    let of_calibration = if calibrates { 2 * n_batches(calibration.len(), length) } else { 0 };
    let of_evaluation = evaluated
        .as_ref()
        .zip(chunks.as_ref())
        .map_or(0, |(sequences, chunks)| n_batches(sequences.len(), chunks.context));
    // Pruning a block counts like a batch.
    let total = n_blocks * (1 + of_calibration + of_evaluation) + of_evaluation;
    let mut steps = Steps::new(progress, total);
    let mut inputs = calibrates.then(|| Hidden::embed(model, calibration)).transpose()?;
    let mut states =
        evaluated.as_ref().map(|sequences| Hidden::embed(model, sequences)).transpose()?;
    let mut pruned = Pruned::default();
    for block in 0..n_blocks {
        steps.name(format!("block {} of {n_blocks}", block + 1));
        let mut matrices = read_block(model, block)?;
        let statistics = match &inputs {
            Some(inputs) => {
                observe_block(model, block, &matrices, inputs, method.needs_products(), &mut steps)?
            }
            None => BTreeMap::new(),
        };
        steps.begin()?;
        let maps = model.maps(block);
        for (map, matrix) in maps.iter().zip(&mut matrices) {
            let Some(&pattern) = patterns.get(&map.name) else { continue };
            let seen = statistics.get(&map.projections[0].input());
            let usual = simbias_spectra::prune::SparseGptOptions::default().damping;
            if let Some(damping) = method.apply(matrix, pattern, seen)?
                && damping > usual
            {
                pruned.raised_damping.push((map.name.clone(), damping));
            }
            pruned.layers.push((map.name.clone(), matrix.n_zeros(), matrix.values.len()));
            keep(map, matrix)?;
        }
        if inputs.is_none() && states.is_none() {
            continue;
        }
        let weights = model.block(block, &matrices)?;
        drop(matrices);
        for hidden in [&mut inputs, &mut states].into_iter().flatten() {
            hidden.advance(model, &weights, &mut steps)?;
        }
    }
    if let (Some(states), Some(sequences), Some(chunks)) = (&states, &evaluated, &chunks) {
        let losses = sequence_losses(model, states, sequences, &mut steps)?;
        pruned.perplexity = Some(Perplexity::from_chunks(losses, chunks)?);
    }
    Ok(pruned)
}

/// Statistics of the inputs of a block's maps, by [`Projection::input`].
pub(crate) fn observe_block(
    model: &LanguageModel,
    block: usize,
    matrices: &[WeightMatrix],
    inputs: &Hidden,
    with_products: bool,
    steps: &mut Steps<'_>,
) -> Result<BTreeMap<Projection, InputStatistics>, LanguageError> {
    let weights = model.block(block, matrices)?;
    let mut statistics: BTreeMap<Projection, InputStatistics> = BTreeMap::new();
    let mut is_finite = true;
    inputs.observe(model, &weights, steps, &mut |seen| {
        for (map, x) in &seen {
            let n_inputs = x.dims()[2];
            statistics.entry(*map).or_insert_with(|| InputStatistics::new(n_inputs, with_products));
        }
        // One input per thread: sums stay in the order of the sequences for any number of threads.
        let mut by_map: Vec<(&mut InputStatistics, Tensor<3>)> = Vec::new();
        for (map, sums) in &mut statistics {
            if let Some((_, x)) = seen.iter().find(|(seen, _)| seen == map) {
                by_map.push((sums, x.clone()));
            }
        }
        is_finite &= by_map
            .into_par_iter()
            .map(|(sums, x)| {
                let [n_sequences, length, n_inputs] = x.dims();
                let Ok(values) = x.into_data().try_into_vec::<f32>() else { return false };
                for sequence in values.chunks_exact(length * n_inputs).take(n_sequences) {
                    sums.add_sequence(sequence);
                }
                values.iter().all(|value| value.is_finite())
            })
            .reduce(|| true, |left, right| left && right);
    })?;
    if !is_finite {
        return Err(LanguageError::NotFinite { place: format!("block {block}") });
    }
    Ok(statistics)
}
