//! Training batches with blocks from other training rows.

use ndarray::{Axis, concatenate};
use rand::RngExt;
use simbias_data::Dataset;
use simbias_data::transform::Transform;
use simbias_nn::Network;
use simbias_reliance::{BlockSet, Side, randomized_rows};
use simbias_stats::Seed;
use simbias_train::{Batch, PrepareBatch, TrainError};

/// Which part of a batch's rows comes from other rows.
pub enum BlockNoise<'a> {
    /// One side of one block, in every row: a network that is to learn without (or from nothing but) it.
    Deny {
        /// Coordinates of the block.
        columns: &'a [u32],
        /// What comes from other rows.
        side: Side,
    },
    /// One block after the other, batch by batch, in a share of the rows: no block is always reliable.
    Rotate {
        /// The blocks in turn.
        blocks: &'a BlockSet,
        /// Share of the rows of a batch that are changed, in `[0, 1]`.
        share: f64,
    },
}

/// Puts [`BlockNoise`] into training; donors are any rows of the training set, so marginals stay.
pub struct BlockNoiseHook<'a> {
    /// What is exchanged.
    pub noise: BlockNoise<'a>,
    /// Where donors come from.
    pub train: &'a Dataset,
    /// Coordinates of the blocks.
    pub transform: &'a dyn Transform,
}

impl PrepareBatch for BlockNoiseHook<'_> {
    fn prepare(
        &mut self,
        _network: &Network,
        batch: &mut Batch,
        seed: Seed,
    ) -> Result<(), TrainError> {
        let mut stream = seed.child("audit/block-noise", 0).stream();
        let n = batch.rows.nrows();
        let (columns, side, share) = match &self.noise {
            BlockNoise::Deny { columns, side } => (*columns, *side, 1.0),
            BlockNoise::Rotate { blocks, share } => {
                let blocks = blocks.blocks();
                let turn = batch.step as usize % blocks.len();
                (blocks[turn].columns.as_slice(), Side::Block, *share)
            }
        };
        // Both draws are made for every row, so that the share moves no donor.
        let draws: Vec<(usize, f64)> = (0..n)
            .map(|_| (stream.random_range(0..self.train.n_rows()), stream.random::<f64>()))
            .collect();
        let donors: Vec<usize> = draws.iter().map(|&(donor, _)| donor).collect();
        let donor_rows = self.train.rows.select(Axis(0), &donors);
        let Ok(both) = concatenate(Axis(0), &[batch.rows.view(), donor_rows.view()]) else {
            unreachable!("batch and donors have the columns of one data set");
        };
        let map: Vec<u32> = (0..2 * n)
            .map(|row| {
                let changed = row < n && draws[row].1 < share;
                (if changed { row + n } else { row }) as u32
            })
            .collect();
        let changed = randomized_rows(both.view(), self.transform, columns, &map, side);
        batch.rows = changed.slice(ndarray::s![..n, ..]).to_owned();
        Ok(())
    }
}

/// `data` with one side of a block from other rows of it, by one permutation.
pub(crate) fn denied(
    data: &Dataset,
    transform: &dyn Transform,
    columns: &[u32],
    side: Side,
    seed: Seed,
) -> Dataset {
    let donors = seed.child("audit/denied", 0).permutation(data.n_rows());
    let rows = randomized_rows(data.rows.view(), transform, columns, &donors, side);
    Dataset { rows, ..data.clone() }
}
