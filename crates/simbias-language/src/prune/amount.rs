//! From what is asked for to a pattern for every layer.

use simbias_checkpoint::Checkpoint;
use simbias_report::Progress;
use simbias_spectra::prune::Pattern;
use simbias_spectra::{
    ExponentKind, LayerOptions, SparsityOptions, SparsityScore, layers_of, scan,
};
use simbias_stats::Seed;

use super::Patterns;
use crate::allocation::{
    Allocation, BlockScores, Deal, block_ratios, outlier_shares, same_everywhere, score_blocks,
    usual_scan,
};
use crate::{LanguageError, LanguageModel};

/// How much of each layer is pruned.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// The same for every layer.
    Everywhere(Pattern),
    /// Patterns by layer name.
    Given(Patterns),
    /// A share of all weights in `[0, 1)`, dealt to the layers.
    Dealt {
        /// How it is dealt.
        allocation: Allocation,
        /// The share.
        target: f64,
    },
}

impl Amount {
    /// Whether the patterns need a pass of calibration data through the model.
    pub fn needs_data(&self) -> bool {
        matches!(self, Self::Dealt { allocation: Allocation::Owl, .. })
    }
}

/// Which layers are pruned, and how shares are dealt to them.
#[derive(Clone, Copy)]
pub struct AmountOptions<'a> {
    /// Whether the layer of this name is to be pruned.
    pub wanted: &'a (dyn Fn(&str) -> bool + Sync),
    /// Half the width of the range of scores, in `[0, 1)`; 0 is uniform.
    pub epsilon: f64,
    /// Seed of the random allocations.
    pub seed: Seed,
    /// Threads of a scan; all when not given.
    pub n_threads: Option<usize>,
}

impl Amount {
    /// A pattern for every wanted layer inside the blocks of `model`, dealt by block; `calibration` is for amounts that
    /// [need data](Self::needs_data).
    ///
    /// # Errors
    /// No layer left to prune; as [`score_blocks`], [`outlier_shares`] and [`block_ratios`].
    pub fn of_model(
        self,
        model: &LanguageModel,
        calibration: &[Vec<u32>],
        options: &AmountOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<Patterns, LanguageError> {
        let AmountOptions { wanted, epsilon, seed, n_threads } = *options;
        if !model.layer_names().iter().any(|name| wanted(name)) {
            return Err(nothing_left());
        }
        let patterns = match self {
            Self::Everywhere(pattern) => same_everywhere(model, pattern),
            Self::Given(patterns) => patterns,
            Self::Dealt { allocation, target } => {
                let scores = if allocation == Allocation::Owl {
                    let outliers = outlier_shares(model, calibration, progress)?;
                    BlockScores { alpha: Vec::new(), farms: Vec::new(), outliers: Some(outliers) }
                } else {
                    score_blocks(model, wanted, n_threads, progress)?
                };
                let controlled = ExponentKind::Windows;
                let deal = Deal { target, epsilon, controlled, seed };
                block_ratios(model, &scores, allocation, wanted, &deal)?
            }
        };
        only_wanted(patterns, wanted)
    }

    /// A pattern for every wanted layer of any checkpoint, dealt by exponents to the blocks that the names show.
    ///
    /// # Errors
    /// No layer left to prune; as [`scan`] and [`LayerTable::sparsities`](simbias_spectra::LayerTable::sparsities).
    pub fn of_checkpoint(
        self,
        checkpoint: &Checkpoint,
        options: &AmountOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<Patterns, LanguageError> {
        let AmountOptions { wanted, epsilon, n_threads, .. } = *options;
        let patterns = match self {
            Self::Everywhere(pattern) => {
                let (layers, _) = layers_of(checkpoint, &LayerOptions::default());
                let layers = layers.into_iter().filter(|layer| layer.not_recommended.is_none());
                layers.map(|layer| (layer.name, pattern)).collect()
            }
            Self::Given(patterns) => patterns,
            Self::Dealt { allocation, target } => {
                let table = scan(checkpoint, &usual_scan(n_threads), wanted, progress)?;
                progress.keep_going()?;
                let kind = match allocation {
                    Allocation::Alpha => ExponentKind::Plain,
                    _ => ExponentKind::Windows,
                };
                let sparsities = table.sparsities(&SparsityOptions {
                    epsilon,
                    score: SparsityScore::Exponent(kind),
                    ..SparsityOptions::new(target)
                })?;
                sparsities.patterns()
            }
        };
        only_wanted(patterns, wanted)
    }
}

fn only_wanted(
    mut patterns: Patterns,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Patterns, LanguageError> {
    patterns.retain(|name, _| wanted(name));
    if patterns.is_empty() { Err(nothing_left()) } else { Ok(patterns) }
}

fn nothing_left() -> LanguageError {
    LanguageError::Option {
        option: "layers",
        problem: "none is left to prune; check --include and --exclude".into(),
    }
}
