//! Training batches with blocks from other training rows.

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::RngExt;
use simbias_data::Dataset;
use simbias_data::transform::Transform;
use simbias_nn::Network;
use simbias_reliance::{BlockSet, Side, randomized_rows};
use simbias_stats::Seed;
use simbias_train::{Batch, PrepareBatch, TrainError};

/// Which part of a batch's rows comes from other rows.
pub enum BlockNoise<'a> {
    /// One side of one block, in every row: for a network that must learn without it, or from nothing else.
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
        // Both draws are made for every row, so that the share does not change any donor.
        let draws: Vec<(usize, f64)> = (0..n)
            .map(|_| (stream.random_range(0..self.train.n_rows()), stream.random::<f64>()))
            .collect();
        let members: Vec<usize> = (0..n).filter(|&row| draws[row].1 < share).collect();
        let donors: Vec<usize> = members.iter().map(|&row| draws[row].0).collect();
        let donor_rows = self.train.rows.select(Axis(0), &donors);
        exchange_in(&mut batch.rows, &members, donor_rows.view(), self.transform, columns, side);
        Ok(())
    }
}

/// Takes one side of a block of the rows `members` from `donor_rows`, one donor per member; other rows stay as
/// they are.
pub(crate) fn exchange_in(
    rows: &mut Array2<f32>,
    members: &[usize],
    donor_rows: ArrayView2<'_, f32>,
    transform: &dyn Transform,
    columns: &[u32],
    side: Side,
) {
    let n = members.len();
    if n == 0 {
        return;
    }
    let own = rows.select(Axis(0), members);
    let Ok(both) = concatenate(Axis(0), &[own.view(), donor_rows]) else {
        unreachable!("members and donors have the columns of one data set");
    };
    let map: Vec<u32> =
        (0..2 * n).map(|row| (if row < n { row + n } else { row }) as u32).collect();
    let changed = randomized_rows(both.view(), transform, columns, &map, side);
    for (&row, values) in members.iter().zip(changed.rows()) {
        rows.row_mut(row).assign(&values);
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
