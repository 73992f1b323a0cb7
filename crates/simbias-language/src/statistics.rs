//! Statistics of layers' inputs that another program has gathered.

use std::path::{Path, PathBuf};

use simbias_checkpoint::Checkpoint;
use simbias_spectra::prune::InputStatistics;

use crate::LanguageError;

/// Ending of a layer's array of mean squares, `[inputs]`: Wanda's `s_j`.
const SCALES: &str = ".scales";
/// Ending of a layer's array of products `Σ x xᵀ`, `[inputs, inputs]`, for SparseGPT.
const PRODUCTS: &str = ".products";

/// An archive of arrays `LAYER.scales` and `LAYER.products`, `.npz` or `.safetensors`; docs/prune.md shows the hook
/// that makes PyTorch write one.
#[derive(Clone, Debug)]
pub struct StatisticsFile {
    path: PathBuf,
    arrays: Checkpoint,
}

impl StatisticsFile {
    /// Opens the archive; arrays are read when a layer asks for them.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn open(path: &Path) -> Result<Self, LanguageError> {
        Ok(Self { path: path.into(), arrays: Checkpoint::open(path)? })
    }

    /// The statistics of a layer with `n_inputs` inputs.
    ///
    /// # Errors
    /// Arrays that are missing, of other lengths, or not finite.
    pub fn of_layer(&self, layer: &str, n_inputs: usize) -> Result<InputStatistics, LanguageError> {
        let failure = |problem: String| LanguageError::Text { path: self.path.clone(), problem };
        let read = |ending: &str, n: usize| -> Result<Option<Vec<f64>>, LanguageError> {
            let names = [format!("{layer}{ending}"), without_weight(layer, ending)];
            let Some((index, tensor)) = names.iter().find_map(|name| self.arrays.find(name)) else {
                return Ok(None);
            };
            if tensor.n_elements() != n {
                return Err(failure(format!(
                    "array {:?} has shape {:?}, the layer has {n_inputs} inputs",
                    tensor.name, tensor.shape
                )));
            }
            let numbers = self.arrays.read(index)?;
            if let Some((_, first)) = numbers.not_finite() {
                return Err(failure(format!(
                    "array {:?}: number {first} is not finite",
                    tensor.name
                )));
            }
            Ok(Some((0..numbers.len()).map(|index| numbers.get(index)).collect()))
        };
        let products = read(PRODUCTS, n_inputs * n_inputs)?;
        let scales = match (read(SCALES, n_inputs)?, &products) {
            (Some(scales), _) => scales,
            (None, Some(products)) => {
                (0..n_inputs).map(|input| products[input * (n_inputs + 1)]).collect()
            }
            (None, None) => {
                return Err(failure(format!("has neither {layer}{SCALES} nor {layer}{PRODUCTS}")));
            }
        };
        if let Some(input) = scales.iter().position(|&scale| scale < 0.0) {
            return Err(failure(format!("{layer}{SCALES}: number {input} is negative")));
        }
        InputStatistics::from_parts(scales, products.as_deref())
            .ok_or_else(|| failure(format!("the arrays of {layer} do not fit each other")))
    }
}

/// PyTorch's hooks know modules, not their weights.
fn without_weight(layer: &str, ending: &str) -> String {
    format!("{}{ending}", layer.strip_suffix(".weight").unwrap_or(layer))
}
