//! How well a model predicts a text.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use simbias_report::{Progress, Silent, Steps};
use simbias_stats::mean_estimate;

use crate::hidden::{Hidden, n_batches};
use crate::{LanguageError, LanguageModel, Text};

/// Rows of logits computed at once.
const ROWS_AT_ONCE: usize = 256;
/// Approximate bytes of the hidden states in one pass over the blocks; longer texts need several passes.
const HIDDEN_BYTES: usize = 512 << 20;

/// How a text was predicted.
///
/// The protocol of the pruning literature: the text is turned into tokens once, cut into chunks of `context` tokens,
/// and a shorter last chunk is dropped; in each chunk every token but the first is predicted from those before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    /// `exp` of the mean negative log-likelihood of a predicted token.
    pub perplexity: f64,
    /// Mean negative log-likelihood of a predicted token, in nats; every chunk has equally many.
    pub mean_nll: f64,
    /// 95 % interval of the mean, by the scatter of chunks; absent for fewer than two.
    pub nll_interval: Option<(f64, f64)>,
    /// Bits for each byte of the predicted text; unknown when only tokens were given.
    pub bits_per_byte: Option<f64>,
    /// Tokens of a chunk.
    pub context: usize,
    /// Chunks.
    pub n_chunks: usize,
    /// Predicted tokens.
    pub n_predicted: usize,
    /// Tokens of the whole text, the dropped tail included.
    pub n_tokens: usize,
    /// Mean of every chunk, in nats.
    pub chunk_nll: Vec<f64>,
}

impl Perplexity {
    /// Interval of the perplexity.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.nll_interval.map(|(low, high)| (low.exp(), high.exp()))
    }

    pub(crate) fn from_chunks(
        chunk_nll: Vec<f64>,
        chunks: &Chunks<'_>,
    ) -> Result<Self, LanguageError> {
        let mean_nll = simbias_stats::mean(&chunk_nll);
        if !mean_nll.is_finite() {
            return Err(LanguageError::NotFinite { place: "the loss".into() });
        }
        let nll_interval =
            mean_estimate(&chunk_nll, 0.95).ok().map(|estimate| (estimate.low, estimate.high));
        let n_predicted = chunk_nll.len() * (chunks.context - 1);
        let bits = mean_nll * n_predicted as f64 / std::f64::consts::LN_2;
        Ok(Self {
            perplexity: mean_nll.exp(),
            mean_nll,
            nll_interval,
            bits_per_byte: chunks.n_bytes().map(|n_bytes| bits / n_bytes as f64),
            context: chunks.context,
            n_chunks: chunk_nll.len(),
            n_predicted,
            n_tokens: chunks.text.tokens.len(),
            chunk_nll,
        })
    }
}

/// A text cut into sequences of one length.
pub(crate) struct Chunks<'a> {
    text: &'a Text,
    pub(crate) context: usize,
    n_chunks: usize,
}

impl<'a> Chunks<'a> {
    /// All whole chunks, or the first `most` of them.
    pub(crate) fn new(
        text: &'a Text,
        model: &LanguageModel,
        context: usize,
        most: Option<usize>,
    ) -> Result<Self, LanguageError> {
        let longest = model.decoder().context;
        if context < 2 || context > longest {
            let problem = format!("{context} tokens; the model takes 2 to {longest}");
            return Err(LanguageError::Option { option: "context", problem });
        }
        let whole = text.tokens.len() / context;
        if whole == 0 {
            return Err(LanguageError::Text {
                path: text.path.clone(),
                problem: format!(
                    "has {} tokens, fewer than one chunk of {context}; give a longer text or a shorter context",
                    text.tokens.len()
                ),
            });
        }
        Ok(Self { text, context, n_chunks: most.map_or(whole, |most| whole.min(most.max(1))) })
    }

    pub(crate) fn sequences(&self) -> Vec<Vec<u32>> {
        let chunks = self.text.tokens.chunks_exact(self.context).take(self.n_chunks);
        chunks.map(<[u32]>::to_vec).collect()
    }

    /// Bytes that all predicted tokens stand for.
    fn n_bytes(&self) -> Option<usize> {
        (0..self.n_chunks)
            .map(|chunk| self.text.n_bytes(chunk * self.context, (chunk + 1) * self.context - 1))
            .sum()
    }
}

/// Perplexity of `text` in chunks of `context` tokens, of at most `max_chunks` of them.
///
/// One block is in memory at a time, beside 512 MB of hidden states; a text with more of them goes through in several
/// passes.
///
/// # Errors
/// Contexts that the model does not take, texts shorter than a chunk, weights or losses that are not finite, read
/// errors.
pub fn perplexity(
    model: &LanguageModel,
    text: &Text,
    context: usize,
    max_chunks: Option<usize>,
    progress: &dyn Progress,
) -> Result<Perplexity, LanguageError> {
    let chunks = Chunks::new(text, model, context, max_chunks)?;
    let sequences = chunks.sequences();
    let bytes_per_sequence = context * model.decoder().width * size_of::<f32>();
    let per_pass = (HIDDEN_BYTES / bytes_per_sequence).max(1);
    let n_blocks = model.decoder().n_blocks;
    let mut chunk_nll = Vec::with_capacity(sequences.len());
    let of_pass = |part: &[Vec<u32>]| n_batches(part.len(), context) * (n_blocks + 1);
    let total = sequences.chunks(per_pass).map(of_pass).sum();
    let mut steps = Steps::new(progress, total);
    for part in sequences.chunks(per_pass) {
        let mut hidden = Hidden::embed(model, part)?;
        for block in 0..n_blocks {
            steps.name(format!("block {} of {n_blocks}", block + 1));
            let matrices = read_block(model, block)?;
            let weights = model.block(block, &matrices)?;
            drop(matrices);
            hidden.advance(model, &weights, &mut steps)?;
        }
        chunk_nll.extend(sequence_losses(model, &hidden, part, &mut steps)?);
    }
    Perplexity::from_chunks(chunk_nll, &chunks)
}

impl LanguageModel {
    /// Logits of the token after every one of `tokens`, `[tokens, vocabulary]` in rows.
    ///
    /// # Errors
    /// Tokens that the model does not have, more of them than its context, read errors.
    pub fn token_logits(&self, tokens: &[u32]) -> Result<Vec<f32>, LanguageError> {
        let (longest, vocabulary) = (self.decoder().context, self.decoder().vocabulary);
        if tokens.is_empty() || tokens.len() > longest {
            let problem = format!("{} of them; the model takes 1 to {longest}", tokens.len());
            return Err(LanguageError::Option { option: "tokens", problem });
        }
        if let Some(token) = tokens.iter().find(|&&token| token as usize >= vocabulary) {
            let problem = format!("number {token}; the model has {vocabulary}");
            return Err(LanguageError::Option { option: "tokens", problem });
        }
        let n_blocks = self.decoder().n_blocks;
        let mut hidden = Hidden::embed(self, &[tokens.to_vec()])?;
        let mut steps = Steps::new(&Silent, n_blocks);
        for block in 0..n_blocks {
            let weights = self.block(block, &read_block(self, block)?)?;
            hidden.advance(self, &weights, &mut steps)?;
        }
        let (norm, head) = self.head()?;
        let states = hidden.batches()[0].clone().reshape([tokens.len(), self.decoder().width]);
        let logits = self.decoder().logits(&norm, head, states).into_data().try_into_vec();
        logits.map_err(|_| LanguageError::NotFinite { place: "the logits".into() })
    }
}

pub(crate) fn read_block(
    model: &LanguageModel,
    block: usize,
) -> Result<Vec<simbias_spectra::prune::WeightMatrix>, LanguageError> {
    model.maps(block).iter().map(|map| model.read_matrix(map)).collect()
}

/// Mean negative log-likelihood of every sequence from its hidden states after the last block.
pub(crate) fn sequence_losses(
    model: &LanguageModel,
    hidden: &Hidden,
    sequences: &[Vec<u32>],
    steps: &mut Steps<'_>,
) -> Result<Vec<f64>, LanguageError> {
    let (norm, head) = model.head()?;
    let vocabulary = model.decoder().vocabulary;
    steps.name("logits");
    let mut losses = Vec::with_capacity(sequences.len());
    let mut left = sequences;
    for batch in hidden.batches() {
        steps.begin()?;
        let [n, length, width] = batch.dims();
        let (now, later) = left.split_at(n);
        left = later;
        for (index, sequence) in now.iter().enumerate() {
            let states = batch.clone().narrow(0, index, 1).reshape([length, width]);
            let mut sum = 0.0;
            for first in (0..length - 1).step_by(ROWS_AT_ONCE) {
                let n_rows = ROWS_AT_ONCE.min(length - 1 - first);
                let rows = states.clone().narrow(0, first, n_rows);
                let logits = model.decoder().logits(&norm, head.clone(), rows);
                let logits: Vec<f32> = logits
                    .into_data()
                    .try_into_vec()
                    .map_err(|_| LanguageError::NotFinite { place: "the logits".into() })?;
                let next = &sequence[first + 1..first + 1 + n_rows];
                let parts: Vec<f64> = logits
                    .par_chunks_exact(vocabulary)
                    .zip(next)
                    .map(|(row, &token)| negative_log_likelihood(row, token as usize))
                    .collect();
                sum += parts.iter().sum::<f64>();
            }
            losses.push(sum / (length - 1) as f64);
        }
    }
    Ok(losses)
}

/// `-log softmax(logits)[token]`
fn negative_log_likelihood(logits: &[f32], token: usize) -> f64 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for part in logits.chunks(256) {
        // Terms are at most 1, so their sum is exact enough in 32 bits.
        sum += f64::from(part.iter().map(|&logit| (logit - highest).exp()).sum::<f32>());
    }
    sum.ln() + f64::from(highest) - f64::from(logits[token])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likelihood_of_a_token_worked_out_by_hand() {
        let logits = [0.0_f32, 3_f32.ln(), -200.0];
        assert!((negative_log_likelihood(&logits, 1) - (4_f64 / 3.0).ln()).abs() < 1e-7);
        assert!((negative_log_likelihood(&logits, 0) - 4_f64.ln()).abs() < 1e-7);
        assert!((negative_log_likelihood(&[1e4, 1e4], 0) - 2_f64.ln()).abs() < 1e-7);
    }
}
