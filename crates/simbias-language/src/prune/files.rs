//! From a checkpoint to a pruned checkpoint.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use simbias_checkpoint::Checkpoint;
use simbias_report::{Progress, Steps};
use simbias_spectra::LayerOptions;
use simbias_spectra::layers_of;
use simbias_spectra::prune::{PruningReport, WeightMatrix, write_pruned};

use super::{Method, Patterns, PruneRequest, Pruned, prune_blocks};
use crate::export::Dress;
use crate::family::StoredMap;
use crate::{LanguageError, LanguageModel, StatisticsFile};

/// Pruned matrices on disk, until the checkpoint is written in its own order.
struct Scratch {
    path: PathBuf,
    file: File,
    places: BTreeMap<String, (u64, usize)>,
    end: u64,
}

impl Scratch {
    fn beside(out: &Path) -> Result<Self, LanguageError> {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let path = out.with_file_name(format!(".{name}.{}.scratch", std::process::id()));
        let failure = |source| LanguageError::Scratch { path: path.clone(), source };
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failure)?;
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(failure)?;
        Ok(Self { path, file, places: BTreeMap::new(), end: 0 })
    }

    fn failure(&self, source: std::io::Error) -> LanguageError {
        LanguageError::Scratch { path: self.path.clone(), source }
    }

    fn keep(&mut self, map: &StoredMap, matrix: &WeightMatrix) -> Result<(), LanguageError> {
        let bytes: Vec<u8> = matrix.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.file.write_all(&bytes).map_err(|error| self.failure(error))?;
        self.places.insert(map.name.clone(), (self.end, matrix.values.len()));
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn take(&mut self, name: &str) -> Result<Option<Vec<f32>>, LanguageError> {
        let Some(&(start, n)) = self.places.get(name) else { return Ok(None) };
        let mut bytes = vec![0; n * size_of::<f32>()];
        let read =
            self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|error| self.failure(error))?;
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok(Some(bytes.chunks_exact(size_of::<f32>()).map(number).collect()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Prunes `model` with calibration data and writes the checkpoint to the new folder `out`; `settings` go into its
/// report. A GGUF file becomes a checkpoint of Hugging Face's form where that form can hold it.
///
/// Pruned matrices wait in a file beside `out` (four bytes per weight), so that memory holds one block.
///
/// # Errors
/// As [`prune_blocks`], a folder that exists, write errors; nothing is left behind then.
pub fn prune_by_data(
    model: &LanguageModel,
    request: &PruneRequest<'_>,
    out: &Path,
    settings: serde_json::Value,
    progress: &dyn Progress,
) -> Result<(Pruned, PruningReport), LanguageError> {
    let checkpoint = model.checkpoint();
    let mut scratch = Scratch::beside(out)?;
    let pruned =
        prune_blocks(model, request, &mut |map, matrix| scratch.keep(map, matrix), progress)?;
    let (layers, _) = layers_of(checkpoint, &LayerOptions::default());
    let layers: Vec<_> =
        layers.into_iter().filter(|layer| scratch.places.contains_key(&layer.name)).collect();
    let dress = Dress::of(model)?;
    let report =
        write_pruned(checkpoint, &layers, out, settings, dress.export(), |layer, weights| {
            progress.keep_going()?;
            if let Some(values) = scratch.take(&layer.name)? {
                weights.values = values;
            }
            Ok::<_, LanguageError>(())
        })?;
    Ok((pruned, report))
}

/// Prunes the layers that `patterns` names, each by itself: by absolute value, or with statistics that another program
/// has gathered. Works for any checkpoint.
///
/// # Errors
/// Layers that the checkpoint does not have, statistics that are missing or do not fit, write errors.
pub fn prune_by_statistics(
    checkpoint: &Checkpoint,
    method: Method,
    patterns: &Patterns,
    statistics: Option<&StatisticsFile>,
    out: &Path,
    settings: serde_json::Value,
    progress: &dyn Progress,
) -> Result<PruningReport, LanguageError> {
    let (layers, _) = layers_of(checkpoint, &LayerOptions::default());
    if let Some(name) = patterns.keys().find(|name| !layers.iter().any(|l| l.name == **name)) {
        let problem = format!("there is no layer {name:?} in this checkpoint");
        return Err(LanguageError::Option { option: "sparsities", problem });
    }
    let layers: Vec<_> =
        layers.into_iter().filter(|layer| patterns.contains_key(&layer.name)).collect();
    if let Some(statistics) = statistics.filter(|_| method.needs_data()) {
        // Before anything is written.
        for layer in &layers {
            statistics.of_layer(&layer.name, layer.shape.1 * layer.n_matrices)?;
        }
    }
    let mut steps = Steps::new(progress, layers.len());
    let dress = Dress::of_checkpoint(checkpoint)?;
    write_pruned(checkpoint, &layers, out, settings, dress.export(), |layer, weights| {
        steps.name(layer.name.as_str());
        steps.begin()?;
        let found = statistics
            .filter(|_| method.needs_data())
            .map(|statistics| statistics.of_layer(&layer.name, weights.n_cols))
            .transpose()?;
        Ok(method.apply(weights, patterns[&layer.name], found.as_ref()).map(drop)?)
    })
}
