//! Hidden states of many sequences, carried from block to block.

use simbias_nn::decoder::{BlockWeights, Projection};
use simbias_nn::{Int, Tensor, TensorData};
use simbias_report::Steps;

use crate::{LanguageError, LanguageModel};

/// Tokens that go through a block at once.
const TOKENS_AT_ONCE: usize = 2048;

fn sequences_at_once(length: usize) -> usize {
    (TOKENS_AT_ONCE / length.max(1)).max(1)
}

/// Number of sequences in a batch, the unit of progress.
pub(crate) fn n_batches(n_sequences: usize, length: usize) -> usize {
    n_sequences.div_ceil(sequences_at_once(length))
}

/// Hidden states `[sequences, length, width]` of a few sequences at a time.
pub(crate) struct Hidden {
    batches: Vec<Tensor<3>>,
}

impl Hidden {
    /// Embeds sequences of one length.
    pub(crate) fn embed(
        model: &LanguageModel,
        sequences: &[Vec<u32>],
    ) -> Result<Self, LanguageError> {
        let (embedding, positions) = model.embedding()?;
        let length = sequences.first().map_or(1, Vec::len).max(1);
        let batches = sequences
            .chunks(sequences_at_once(length))
            .map(|batch| {
                let tokens: Vec<i64> = batch.iter().flatten().map(|&t| i64::from(t)).collect();
                let data = TensorData::new(tokens, [batch.len(), length]);
                let tokens: Tensor<2, Int> = Tensor::from_data(data, model.device());
                model.decoder().embed(embedding.clone(), positions.clone(), tokens)
            })
            .collect();
        Ok(Self { batches })
    }

    /// Sends all states through a block.
    pub(crate) fn advance(
        &mut self,
        model: &LanguageModel,
        block: &BlockWeights,
        step: &mut Steps<'_>,
    ) -> Result<(), LanguageError> {
        for batch in &mut self.batches {
            step.begin()?;
            *batch = model.decoder().run_block(block, batch.clone(), &mut |_, _| {});
        }
        Ok(())
    }

    /// Sends all states through a block without keeping the outputs, and shows `observe` the inputs of every linear
    /// map, one sequence after the other.
    pub(crate) fn observe(
        &self,
        model: &LanguageModel,
        block: &BlockWeights,
        step: &mut Steps<'_>,
        observe: &mut dyn FnMut(Vec<(Projection, Tensor<3>)>),
    ) -> Result<(), LanguageError> {
        for batch in &self.batches {
            step.begin()?;
            let mut seen = Vec::new();
            model.decoder().run_block(block, batch.clone(), &mut |map, x| {
                seen.push((map, x.clone()));
            });
            observe(seen);
        }
        Ok(())
    }

    pub(crate) fn batches(&self) -> &[Tensor<3>] {
        &self.batches
    }
}
