//! Epochs of a selection for one process or several.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use simbias_stats::Seed;

use super::Selection;

/// How the examples of an epoch are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingMode {
    /// Every example exactly as often as its weight says, in a new order in every epoch: what the paper does.
    #[default]
    Exact,
    /// As many draws with chances in proportion to the weights. Weights hold on average only: an epoch misses an example
    /// of weight 1 with a chance of 37 %.
    Weighted,
}

/// The order of examples for process `rank` of `world`.
///
/// All processes get equally many examples: the list is padded with its own beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    list: Vec<i64>,
    mode: SamplingMode,
    rank: usize,
    world: usize,
    seed: Seed,
}

impl Selection {
    /// The order of examples for process `rank` of `world`.
    ///
    /// # Panics
    /// When `rank` is not below `world`.
    pub fn sampler(&self, mode: SamplingMode, rank: usize, world: usize, seed: Seed) -> Sampler {
        assert!(rank < world, "rank {rank} of {world} processes");
        Sampler { list: self.indices(), mode, rank, world, seed }
    }
}

impl Sampler {
    /// Examples of one process in an epoch.
    pub fn epoch_length(&self) -> usize {
        self.list.len().div_ceil(self.world)
    }

    /// The examples of this process in `epoch`, in order.
    pub fn epoch(&self, epoch: u64) -> Vec<i64> {
        let seed = self.seed.child("select/epoch", epoch);
        let n = self.list.len();
        let whole: Vec<i64> = match self.mode {
            SamplingMode::Exact => {
                seed.permutation(n).into_iter().map(|place| self.list[place as usize]).collect()
            }
            // A uniform draw from the list has chances in proportion to the weights.
            SamplingMode::Weighted => {
                let mut stream = seed.stream();
                (0..n).map(|_| self.list[stream.random_range(0..n)]).collect()
            }
        };
        let padded = self.epoch_length() * self.world;
        whole.iter().cycle().take(padded).skip(self.rank).step_by(self.world).copied().collect()
    }
}
