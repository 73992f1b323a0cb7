//! Decoder transformers as plain data: the LLaMA family, GPT-2 and their small relatives.
//!
//! A block adds attention and then a feed-forward part to the hidden state, each on its normalised input. Everything
//! that differs between families is a field of [`Decoder`]; how it runs is [`Decoder::run_block`], one block at a time,
//! so that a model larger than memory can be run from disk.

mod block;
mod layer;

use serde::{Deserialize, Serialize};

pub use self::block::{BlockWeights, LinearWeights, NormWeights};
use crate::NnError;
use crate::architecture::{Describe, wrong};
use crate::builder::Builder;
use crate::layer::Stack;
use crate::signal::{InputShape, OutputShape};

/// Larger sizes than this mean a damaged description.
const MOST_SIZE: usize = 1 << 24;
/// More blocks than this mean a damaged description.
const MOST_BLOCKS: usize = 10_000;

/// Normalisation over the width of a hidden state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Norm {
    /// `x / √(mean x² + ε) · w` (Zhang & Sennrich 2019).
    Rms {
        /// ε.
        epsilon: f64,
    },
    /// `(x - mean x) / √(var x + ε) · w + b` (Ba et al. 2016).
    Layer {
        /// ε.
        epsilon: f64,
    },
}

/// How a token knows its position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Positions {
    /// Pairs of a query's and a key's entries are turned by `position · frequency` (Su et al. 2021).
    Rotary {
        /// Radians per position, one for each pair; there are half as many as a head is wide.
        frequencies: Vec<f64>,
        /// Which entries make a pair.
        pairs: Pairs,
    },
    /// A learned vector for each position is added to the embedding.
    Learned {
        /// Number of positions.
        n_positions: usize,
    },
}

/// Which entries of a head a rotary embedding turns together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairs {
    /// Entry `i` with `i + half`, as in Hugging Face's checkpoints.
    Halves,
    /// Entry `2i` with `2i + 1`, as in Meta's own and in LLaMA's GGUF files.
    Neighbours,
}

/// What a block does after attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedForward {
    /// `down(silu(gate x) · up x)` (Shazeer 2020, SwiGLU).
    GatedSilu,
    /// `down(gelu(up x))`, exact.
    Gelu,
    /// `down(gelu(up x))`, by GPT-2's formula with a hyperbolic tangent.
    GeluTanh,
}

/// The linear maps of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Projection {
    /// Queries.
    Query,
    /// Keys.
    Key,
    /// Values.
    Value,
    /// Output of attention.
    Output,
    /// Gate of a gated feed-forward part.
    Gate,
    /// First map of the feed-forward part.
    Up,
    /// Last map of the feed-forward part.
    Down,
}

impl Projection {
    /// All maps, in the order in which a block uses them.
    pub const ALL: [Self; 7] =
        [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// Name in a block of Hugging Face's LLaMA.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// The first map that has the same input: queries, keys and values share one, gate and up another.
    pub const fn input(self) -> Self {
        match self {
            Self::Query | Self::Key | Self::Value => Self::Query,
            Self::Gate | Self::Up => Self::Up,
            own => own,
        }
    }
}

/// Which maps have a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Biases {
    /// Queries, keys and values.
    pub attention: bool,
    /// Output of attention.
    pub output: bool,
    /// Feed-forward part.
    pub feed_forward: bool,
}

/// A decoder transformer with causal attention.
///
/// As an [`Architecture`](crate::Architecture) it takes rows of at most `context` token numbers and returns the logits of
/// the token that follows each of them, `[batch, length, vocabulary]`.
///
/// Its layers can be tapped as `model.embed_tokens` (without learned positions), `model.layers.N` (hidden states after
/// a block), `model.norm` and `lm_head`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decoder {
    /// Number of different tokens.
    pub vocabulary: usize,
    /// Tokens of a row: the most that a sequence should have.
    pub context: usize,
    /// Width of the hidden state.
    pub width: usize,
    /// Blocks.
    pub n_blocks: usize,
    /// Heads of queries.
    pub n_heads: usize,
    /// Heads of keys and values, a divisor of `n_heads`; fewer of them is grouped-query attention (Ainslie et al. 2023).
    pub n_key_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Width inside the feed-forward part.
    pub inner: usize,
    /// All normalisations.
    pub norm: Norm,
    /// Positions.
    pub positions: Positions,
    /// Feed-forward part.
    pub feed_forward: FeedForward,
    /// Biases.
    pub biases: Biases,
    /// Whether the embedding also turns the last hidden state into logits.
    pub ties_head: bool,
}

impl Decoder {
    /// A small GPT: layer normalisation, learned positions, exact GELU four times as wide, no biases, own head.
    pub fn small(
        vocabulary: usize,
        context: usize,
        width: usize,
        n_blocks: usize,
        n_heads: usize,
    ) -> Self {
        Self {
            vocabulary,
            context,
            width,
            n_blocks,
            n_heads,
            n_key_heads: n_heads,
            head_width: width / n_heads.max(1),
            inner: 4 * width,
            norm: Norm::Layer { epsilon: 1e-5 },
            positions: Positions::Learned { n_positions: context },
            feed_forward: FeedForward::Gelu,
            biases: Biases::default(),
            ties_head: false,
        }
    }

    /// Frequencies `θ^(-2i/d)` of a rotary embedding for heads of width `d`.
    pub fn rotary_frequencies(base: f64, head_width: usize) -> Vec<f64> {
        (0..head_width / 2).map(|i| base.powf(-2.0 * i as f64 / head_width as f64)).collect()
    }

    /// The linear maps of a block with their shapes `[out, in]`.
    pub fn projections(&self) -> Vec<(Projection, [usize; 2])> {
        let (queries, keys) = (self.n_heads * self.head_width, self.n_key_heads * self.head_width);
        Projection::ALL
            .into_iter()
            .filter(|&projection| {
                projection != Projection::Gate || self.feed_forward == FeedForward::GatedSilu
            })
            .map(|projection| {
                let shape = match projection {
                    Projection::Query => [queries, self.width],
                    Projection::Key | Projection::Value => [keys, self.width],
                    Projection::Output => [self.width, queries],
                    Projection::Gate | Projection::Up => [self.inner, self.width],
                    Projection::Down => [self.width, self.inner],
                };
                (projection, shape)
            })
            .collect()
    }

    /// Whether a map has a bias.
    pub fn has_bias(&self, projection: Projection) -> bool {
        match projection {
            Projection::Query | Projection::Key | Projection::Value => self.biases.attention,
            Projection::Output => self.biases.output,
            Projection::Gate | Projection::Up | Projection::Down => self.biases.feed_forward,
        }
    }

    /// Refuses sizes that no decoder can have.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] with the first offending field.
    pub fn check(&self) -> Result<(), NnError> {
        let sizes = [
            ("vocabulary", self.vocabulary),
            ("context", self.context),
            ("width", self.width),
            ("n_blocks", self.n_blocks),
            ("n_heads", self.n_heads),
            ("n_key_heads", self.n_key_heads),
            ("head_width", self.head_width),
            ("inner", self.inner),
        ];
        if let Some((field, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
            return Err(wrong(field, 0, "at least 1"));
        }
        if let Some((field, size)) = sizes.into_iter().find(|&(_, size)| size > MOST_SIZE) {
            return Err(wrong(field, size, "at most 16777216"));
        }
        if self.n_blocks > MOST_BLOCKS {
            return Err(wrong("n_blocks", self.n_blocks, "at most 10000"));
        }
        if !self.n_heads.is_multiple_of(self.n_key_heads) {
            return Err(wrong("n_key_heads", self.n_key_heads, "a divisor of n_heads"));
        }
        match &self.positions {
            Positions::Rotary { frequencies, .. } if 2 * frequencies.len() != self.head_width => {
                let found = frequencies.len();
                Err(wrong("frequencies", found, "one for every two entries of a head"))
            }
            Positions::Learned { n_positions } if *n_positions < self.context => {
                Err(wrong("n_positions", *n_positions, "at least the context"))
            }
            _ => Ok(()),
        }
    }
}

impl Describe for Decoder {
    fn title(&self) -> String {
        format!("a decoder transformer ({} × {})", self.n_blocks, self.width)
    }

    fn input(&self) -> InputShape {
        InputShape::Tokens { length: self.context, vocabulary: self.vocabulary }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Positions { n_outputs: self.vocabulary }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        let n_positions = match self.positions {
            Positions::Learned { n_positions } => n_positions,
            Positions::Rotary { .. } => 0,
        };
        vec![
            ("context", self.context),
            ("width", self.width),
            ("n_heads", self.n_heads),
            ("n_key_heads", self.n_key_heads),
            ("head_width", self.head_width),
            ("inner", self.inner),
            ("n_positions", n_positions),
        ]
    }

    fn repeats(&self) -> (&'static str, usize) {
        ("n_blocks", self.n_blocks)
    }

    fn check(&self) -> Result<(), NnError> {
        // No product of sizes over the whole decoder is larger than this one.
        let queries = self.n_heads.saturating_mul(self.head_width);
        let largest = [self.vocabulary, self.width, self.inner, queries, self.context];
        let largest = largest.into_iter().max().unwrap_or(0);
        let factors = [largest, largest, self.context, self.n_blocks, 16];
        if factors.into_iter().try_fold(1, usize::checked_mul).is_none() {
            return Err(wrong("width", largest, "sizes whose products stay within 64 bits"));
        }
        Self::check(self)
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        layer::stack(self, builder)
    }

    /// The copy of a tied embedding, the frequencies of a rotary embedding, and causal masks.
    fn ignores(&self, name: &str) -> bool {
        (self.ties_head && name == "lm_head.weight")
            || name.ends_with("rotary_emb.inv_freq")
            || [".attn.bias", ".attn.masked_bias"].iter().any(|mask| name.ends_with(mask))
    }
}
