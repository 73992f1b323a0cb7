//! Weights set to zero: which ones, and what becomes of the others.
//!
//! The cores are pure linear algebra: a matrix of weights `[outputs, inputs]` and, where a method looks at data,
//! statistics of the layer's inputs ([`InputStatistics`]). Running a network to obtain them is not this crate's
//! business; a method is only faithful when the statistics of a block are taken after the blocks before it were pruned.

mod magnitude;
mod sparsegpt;
mod statistics;
mod wanda;
mod write;

pub use magnitude::magnitude;
pub use sparsegpt::{SparseGptOptions, sparsegpt};
pub use statistics::InputStatistics;
pub use wanda::{outlier_share, wanda};
pub use write::{Export, LayerPruning, PRUNING_SCHEMA, PruningReport, write_pruned};

use serde::{Deserialize, Serialize};

use crate::SpectraError;

/// Which weights may go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// This share, anywhere; 0 leaves the layer as it is.
    Share(f64),
    /// In every row, of every `of` neighbouring inputs the `zeros` least important.
    Groups {
        /// Zeros of a group.
        zeros: usize,
        /// Size of a group.
        of: usize,
    },
}

impl Pattern {
    /// Share of zeros in the pattern.
    pub fn share(self) -> f64 {
        match self {
            Self::Share(share) => share,
            Self::Groups { zeros, of } => zeros as f64 / of as f64,
        }
    }

    /// # Errors
    /// Shares outside `[0, 1)`, groups that would be all zeros or do not divide the rows.
    fn check(self, layer: &str, n_inputs: usize) -> Result<(), SpectraError> {
        let problem = match self {
            Self::Share(share) if !(0.0..1.0).contains(&share) => {
                format!("the share of zeros is {share}; it must be at least 0 and below 1")
            }
            Self::Groups { zeros, of } if zeros == 0 || zeros >= of => {
                format!(
                    "the pattern has {zeros} zeros of {of}; between 1 and {} are possible",
                    of.max(2) - 1
                )
            }
            Self::Groups { of, .. } if !n_inputs.is_multiple_of(of) => {
                format!("its {n_inputs} inputs are not a multiple of groups of {of}")
            }
            _ => return Ok(()),
        };
        Err(SpectraError::Mismatch { layer: layer.into(), problem })
    }
}

/// Weights of a layer in rows of outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightMatrix {
    /// Name for messages.
    pub layer: String,
    /// Outputs.
    pub n_rows: usize,
    /// Inputs.
    pub n_cols: usize,
    /// The weights, row by row.
    pub values: Vec<f32>,
}

impl WeightMatrix {
    /// Share of weights that are zero.
    pub fn zero_share(&self) -> f64 {
        self.n_zeros() as f64 / self.values.len().max(1) as f64
    }

    /// Number of weights that are zero.
    pub fn n_zeros(&self) -> usize {
        self.values.iter().filter(|&&value| value == 0.0).count()
    }

    fn check_length(&self, what: &str, found: usize) -> Result<(), SpectraError> {
        if found == self.n_cols {
            return Ok(());
        }
        let problem = format!("{what} of {found} inputs for a layer of {} inputs", self.n_cols);
        Err(SpectraError::Mismatch { layer: self.layer.clone(), problem })
    }
}

/// Sets the `zeros` smallest of every group of every row to zero; the first ones among equals.
fn prune_groups(
    weights: &mut WeightMatrix,
    zeros: usize,
    of: usize,
    score: impl Fn(usize, f32) -> f32,
) {
    let n_cols = weights.n_cols;
    for row in weights.values.chunks_exact_mut(n_cols) {
        for first in (0..n_cols).step_by(of) {
            let mut order: Vec<usize> = (first..first + of).collect();
            order.sort_by(|&i, &j| score(i, row[i]).total_cmp(&score(j, row[j])));
            for &col in &order[..zeros] {
                row[col] = 0.0;
            }
        }
    }
}
