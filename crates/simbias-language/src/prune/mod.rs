//! Pruning block by block, as calibration data flow through the model.

mod amount;
mod files;
mod pipeline;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use simbias_spectra::SpectraError;
use simbias_spectra::prune::{
    InputStatistics, Pattern, SparseGptOptions, WeightMatrix, magnitude, sparsegpt, wanda,
};

pub use self::amount::{Amount, AmountOptions};
pub use self::files::{prune_by_data, prune_by_statistics};
pub(crate) use self::pipeline::observe_block;
pub use self::pipeline::{PruneRequest, Pruned, prune_blocks};

/// How weights are chosen, and what happens to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By absolute value, over the whole matrix; needs no data.
    Magnitude,
    /// By absolute value times the size of the input, in every row (Sun et al. 2024).
    Wanda,
    /// With an update of the remaining weights (Frantar & Alistarh 2023).
    SparseGpt,
}

impl Method {
    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Magnitude => "magnitude",
            Self::Wanda => "Wanda",
            Self::SparseGpt => "SparseGPT",
        }
    }

    /// Whether it needs calibration data.
    pub const fn needs_data(self) -> bool {
        !matches!(self, Self::Magnitude)
    }

    /// Whether it needs products of all pairs of inputs.
    pub(crate) const fn needs_products(self) -> bool {
        matches!(self, Self::SparseGpt)
    }

    /// Prunes one matrix; returns the damping of SparseGPT.
    ///
    /// # Errors
    /// Patterns or statistics that do not fit, statistics that are missing.
    pub fn apply(
        self,
        weights: &mut WeightMatrix,
        pattern: Pattern,
        statistics: Option<&InputStatistics>,
    ) -> Result<Option<f64>, SpectraError> {
        let needed = || {
            statistics.ok_or_else(|| SpectraError::Mismatch {
                layer: weights.layer.clone(),
                problem: format!("{} needs statistics of its inputs", self.name()),
            })
        };
        match self {
            Self::Magnitude => magnitude(weights, pattern).map(|()| None),
            Self::Wanda => {
                let statistics = needed()?;
                wanda(weights, statistics, pattern).map(|()| None)
            }
            Self::SparseGpt => {
                let statistics = needed()?;
                sparsegpt(weights, statistics, pattern, SparseGptOptions::default()).map(Some)
            }
        }
    }
}

/// Patterns by layer name.
pub type Patterns = BTreeMap<String, Pattern>;
