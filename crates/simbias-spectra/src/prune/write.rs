//! A pruned checkpoint on disk, with a report of what was done.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use simbias_checkpoint::{Checkpoint, Numbers, RewriteError, rewrite};

use super::WeightMatrix;
use crate::SpectraError;
use crate::layers::{Layer, View};

/// Name and version of the report's serialised form.
pub const PRUNING_SCHEMA: &str = "simbias.pruning/1";
/// Name of the report inside the written folder.
const REPORT_NAME: &str = "pruning_report.json";

/// What became of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerPruning {
    /// Name of the layer.
    pub layer: String,
    /// Number of weights.
    pub n_weights: usize,
    /// Zeros before.
    pub zeros_before: usize,
    /// Zeros after, before rounding to the stored type, which may add some.
    pub zeros_after: usize,
    /// Zeros over weights.
    pub realised: f64,
}

/// What was done to a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PruningReport {
    /// [`PRUNING_SCHEMA`].
    pub schema: String,
    /// The checkpoint that was pruned.
    pub checkpoint: String,
    /// Anything that the caller wants to have on record: method, pattern, target, seed, calibration.
    pub settings: serde_json::Value,
    /// Layers in the order of the checkpoint.
    pub layers: Vec<LayerPruning>,
    /// Zeros over weights of all these layers.
    pub realised: f64,
    /// What the user should know about the form of the written checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// How a checkpoint that was not a safetensors file is converted for other programs.
pub struct Export<'a> {
    /// Name of a tensor in the written file; `None` for one that the other form expresses differently.
    pub rename: &'a dyn Fn(&str) -> Option<String>,
    /// Order in which the stored rows of a tensor are written, where it differs.
    pub row_order: &'a dyn Fn(&str) -> Option<Vec<usize>>,
    /// Further files by name, such as a configuration.
    pub files: Vec<(String, Vec<u8>)>,
    /// Why it stays as it is, where the user may have expected otherwise.
    pub remark: Option<String>,
}

impl Default for Export<'_> {
    /// Everything as it is.
    fn default() -> Self {
        Self {
            rename: &|name| Some(name.into()),
            row_order: &|_| None,
            files: Vec::new(),
            remark: None,
        }
    }
}

/// Writes `checkpoint` to the new folder `out` with every layer of `layers` changed by `prune`, and
/// `pruning_report.json` beside the weights; the folder appears whole or not at all.
///
/// A checkpoint that was not a safetensors file is converted by `export`. `prune` sees the stored weights, outputs as
/// rows, in the order of the checkpoint; a kernel is one matrix `[out, in · positions]`. Names, types and all other
/// tensors stay as they are.
///
/// # Errors
/// LoRA pairs, a folder that exists, errors of `prune` and of the system.
pub fn write_pruned<E: std::error::Error + From<SpectraError>>(
    checkpoint: &Checkpoint,
    layers: &[Layer],
    out: &Path,
    settings: serde_json::Value,
    export: Export<'_>,
    mut prune: impl FnMut(&Layer, &mut WeightMatrix) -> Result<(), E>,
) -> Result<PruningReport, E> {
    let mut by_tensor: BTreeMap<usize, Vec<&Layer>> = BTreeMap::new();
    for layer in layers {
        if matches!(layer.view, View::Lora { .. }) {
            return Err(SpectraError::Mismatch {
                layer: layer.name.clone(),
                problem: "a low-rank pair cannot be pruned; merge it into its layer first".into(),
            }
            .into());
        }
        by_tensor.entry(layer.tensor_index()).or_default().push(layer);
    }
    let name = checkpoint.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let report = RefCell::new(PruningReport {
        schema: PRUNING_SCHEMA.into(),
        checkpoint: name.unwrap_or_default(),
        settings,
        layers: Vec::new(),
        realised: 0.0,
        remark: export.remark,
    });
    let written = rewrite(
        checkpoint,
        out,
        |index, _| {
            let tensor = &checkpoint.tensors()[index];
            let order = (export.row_order)(&tensor.name);
            // Tied tensors stay tied.
            let twin = || {
                let mut others = by_tensor.keys();
                others.find(|&&other| checkpoint.tensors()[other].is_same_storage(tensor))
            };
            let own = by_tensor.get(&index);
            let is_twin = own.is_none();
            let members = own.or_else(|| by_tensor.get(twin()?)).map_or(&[][..], Vec::as_slice);
            if members.is_empty() && order.is_none() {
                return Ok(None);
            }
            let stored = checkpoint.read(index).map_err(SpectraError::from)?;
            if let Some((count, first)) = stored.not_finite()
                && !members.is_empty()
            {
                return Err(SpectraError::Mismatch {
                    layer: tensor.name.clone(),
                    problem: format!(
                        "{count} of its weights are not finite, the first at index {first}; leave the layer out or \
                         repair it"
                    ),
                }
                .into());
            }
            let mut numbers = stored.clone().into_f32();
            for layer in members {
                let mut weights = gather(layer, &numbers);
                let zeros_before = weights.n_zeros();
                prune(layer, &mut weights)?;
                scatter(layer, &weights, &mut numbers);
                if is_twin {
                    continue;
                }
                let zeros_after = weights.n_zeros();
                report.borrow_mut().layers.push(LayerPruning {
                    layer: layer.name.clone(),
                    n_weights: weights.values.len(),
                    zeros_before,
                    zeros_after,
                    realised: weights.zero_share(),
                });
            }
            let numbers = changed(stored, numbers);
            Ok::<_, E>(Some(match order {
                Some(order) => reordered(&numbers, &order),
                None => numbers,
            }))
        },
        export.rename,
        || {
            let mut report = report.borrow_mut();
            let (zeros, weights) = report
                .layers
                .iter()
                .fold((0, 0), |(zeros, n), layer| (zeros + layer.zeros_after, n + layer.n_weights));
            report.realised = zeros as f64 / f64::max(weights as f64, 1.0);
            let text = serde_json::to_vec_pretty(&*report).unwrap_or_default();
            let mut files = export.files;
            files.push((REPORT_NAME.into(), text));
            files
        },
    );
    match written {
        Ok(()) => Ok(report.into_inner()),
        Err(RewriteError::Checkpoint(error)) => Err(SpectraError::from(error).into()),
        Err(RewriteError::Replacement(error)) => Err(error),
    }
}

/// `new` where it differs from the stored numbers: 64-bit numbers must not lose digits.
fn changed(stored: Numbers, new: Vec<f32>) -> Numbers {
    match stored {
        Numbers::F32(_) => Numbers::F32(new),
        Numbers::F64(mut stored) => {
            for (stored, new) in stored.iter_mut().zip(new) {
                if *stored as f32 != new {
                    *stored = f64::from(new);
                }
            }
            Numbers::F64(stored)
        }
    }
}

/// Rows in another order.
fn reordered(numbers: &Numbers, order: &[usize]) -> Numbers {
    fn pick<T: Copy>(values: &[T], order: &[usize]) -> Vec<T> {
        let n_cols = values.len() / order.len().max(1);
        order.iter().flat_map(|&row| values[row * n_cols..][..n_cols].iter().copied()).collect()
    }
    match numbers {
        Numbers::F32(values) => Numbers::F32(pick(values, order)),
        Numbers::F64(values) => Numbers::F64(pick(values, order)),
    }
}

/// Position in the tensor of every weight of a layer, row by row.
fn positions(
    layer: &Layer,
    n_stored: usize,
) -> (usize, usize, impl Iterator<Item = usize> + use<>) {
    let (rows, cols) = layer.shape;
    let (offset, row_step, col_step, n_cols) = match layer.view {
        View::Whole { transposed: true, .. } => (0, 1, rows, cols),
        View::Rows { transposed: false, first, .. } => (first * cols, cols, 1, cols),
        View::Rows { transposed: true, first, .. } => (first, 1, n_stored / cols.max(1), cols),
        View::Expert { expert, .. } => (expert * rows * cols, cols, 1, cols),
        View::Kernel { .. } => (0, cols * layer.n_matrices, 1, cols * layer.n_matrices),
        View::Whole { transposed: false, .. } | View::Lora { .. } => (0, cols, 1, cols),
    };
    let all = (0..rows)
        .flat_map(move |row| (0..n_cols).map(move |col| offset + row * row_step + col * col_step));
    (rows, n_cols, all)
}

fn gather(layer: &Layer, numbers: &[f32]) -> WeightMatrix {
    let (n_rows, n_cols, positions) = positions(layer, numbers.len());
    WeightMatrix {
        layer: layer.name.clone(),
        n_rows,
        n_cols,
        values: positions.map(|position| numbers[position]).collect(),
    }
}

fn scatter(layer: &Layer, weights: &WeightMatrix, numbers: &mut [f32]) {
    let (_, _, positions) = positions(layer, numbers.len());
    for (position, &value) in positions.zip(&weights.values) {
        numbers[position] = value;
    }
}
