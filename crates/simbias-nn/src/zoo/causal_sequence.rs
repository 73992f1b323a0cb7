//! A causal transformer on sequences of vectors.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Describe, positive, wrong};
use crate::builder::Builder;
use crate::layer::{
    Activate, Activation, AddPositions, CausalAttention, LayerNorm, Linear, Residual, Stack,
    WantedPositions,
};
use crate::signal::{InputShape, OutputShape};

/// ε of every layer normalisation.
const EPSILON: f64 = 1e-5;
/// Deviation of the normal draws that GPT-2's matrices start from.
const DEVIATION: f64 = 0.02;

/// The transformer of Garg et al. 2022 and Panwar et al. 2024 for in-context learning: a linear read-in of vectors, GPT-2's
/// blocks (layer normalisation first, GELU by a hyperbolic tangent, four times as wide inside) with a causal mask, and a
/// linear read-out at every position.
///
/// Names as in the official checkpoints: `_read_in`, `_backbone.wpe`, `_backbone.h.N.attn.c_attn`, …, `_backbone.ln_f`,
/// `_read_out`; the matrices of blocks are `[in, out]`. The hidden states with positions can be tapped as `_backbone.drop`,
/// those after a block as `_backbone.h.N`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CausalSequence {
    /// Width of an input vector.
    pub d_input: usize,
    /// Largest number of vectors in a row: twice the number of examples if inputs and labels alternate.
    pub length: usize,
    /// Width of the hidden state.
    pub width: usize,
    /// Blocks.
    pub n_blocks: usize,
    /// Heads, a divisor of the width.
    pub n_heads: usize,
    /// Whether a learned vector for each position is added after the read-in.
    pub positions: bool,
    /// Outputs at every position.
    pub n_outputs: usize,
}

impl CausalSequence {
    fn attention(&self, name: &str, residual: f64, builder: &mut Builder) -> Stack {
        let Self { width, length, n_heads, .. } = *self;
        let mut attention = Stack::under(name);
        attention.add("c_attn", |name| {
            Linear::input_first(name, [width, 3 * width], length, DEVIATION, builder)
        });
        attention.then(CausalAttention::new(n_heads, width, length, builder));
        attention.add("c_proj", |name| {
            Linear::input_first(name, [width; 2], length, residual, builder)
        });
        attention
    }

    fn feed_forward(&self, name: &str, residual: f64, builder: &mut Builder) -> Stack {
        let Self { width, length, .. } = *self;
        let mut maps = Stack::under(name);
        maps.add("c_fc", |name| {
            Linear::input_first(name, [width, 4 * width], length, DEVIATION, builder)
        });
        maps.add("act", |name| Activate::new(name, Activation::GeluTanh, builder));
        maps.add("c_proj", |name| {
            Linear::input_first(name, [4 * width, width], length, residual, builder)
        });
        maps
    }

    fn block(&self, name: &str, builder: &mut Builder) -> Stack {
        // Every block adds to the stream twice; the variance stays that of one matrix.
        let residual = DEVIATION / (2.0 * self.n_blocks as f64).sqrt();
        let mut attention = Stack::under(name);
        attention.add("ln_1", |name| LayerNorm::new(name, self.width, EPSILON, builder));
        attention.add("attn", |name| self.attention(name, residual, builder));
        let mut feed_forward = Stack::under(name);
        feed_forward.add("ln_2", |name| LayerNorm::new(name, self.width, EPSILON, builder));
        feed_forward.add("mlp", |name| self.feed_forward(name, residual, builder));
        let mut block = Stack::under(name);
        block.then(Residual::around(attention)).then(Residual::around(feed_forward));
        block
    }
}

impl Describe for CausalSequence {
    fn title(&self) -> String {
        format!("a causal sequence model ({} × {})", self.n_blocks, self.width)
    }

    fn input(&self) -> InputShape {
        InputShape::Sequence { length: self.length, width: self.d_input }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Positions { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("d_input", self.d_input),
            ("length", self.length),
            ("width", self.width),
            ("n_heads", self.n_heads),
        ]
    }

    fn repeats(&self) -> (&'static str, usize) {
        ("n_blocks", self.n_blocks)
    }

    fn check(&self) -> Result<(), NnError> {
        positive("width", self.width)?;
        positive("n_heads", self.n_heads)?;
        if !self.width.is_multiple_of(self.n_heads) {
            return Err(wrong("n_heads", self.n_heads, "a divisor of width"));
        }
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let Self { d_input, length, width, n_outputs, .. } = *self;
        let mut model = Stack::root();
        model.add("_read_in", |name| Linear::at_positions(name, d_input, width, length, builder));
        if self.positions {
            model.add("_backbone.drop", |_| {
                AddPositions::new("_backbone.wpe", length, width, builder)
            });
        }
        for index in 0..self.n_blocks {
            model.add(format!("_backbone.h.{index}"), |name| self.block(name, builder));
        }
        model.then(WantedPositions);
        model.add("_backbone.ln_f", |name| LayerNorm::new(name, width, EPSILON, builder));
        model.add("_read_out", |name| {
            Linear::at_positions(name, width, n_outputs, length, builder)
        });
        model
    }

    /// The token table and the masks of the library's GPT-2, and its positions if this model has none.
    fn ignores(&self, name: &str) -> bool {
        let is_mask = |rest: &str| rest.ends_with(".attn.bias") || rest.ends_with(".attn.masked_bias");
        match name.strip_prefix("_backbone.") {
            Some("wte.weight") => true,
            Some("wpe.weight") => !self.positions,
            Some(rest) => rest.starts_with("h.") && is_mask(rest),
            None => false,
        }
    }
}
