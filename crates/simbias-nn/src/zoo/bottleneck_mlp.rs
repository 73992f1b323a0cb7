//! The inverted-bottleneck MLP.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Describe, positive};
use crate::builder::Builder;
use crate::layer::{Activate, Activation, LayerNorm, Linear, Residual, Stack};
use crate::signal::{InputShape, OutputShape};

/// ε of every layer normalisation.
const EPSILON: f64 = 1e-5;

/// The inverted-bottleneck MLP of Bachmann et al. 2023 ("Scaling MLPs"), `B_L-Wi_w-Exp_e` in their words: a linear layer
/// to `w` units, `L` times `x + W₂ gelu(W₁ LN(x))` with `e w` units inside, and a linear layer without normalisation
/// before it.
///
/// Images are rows, channel by channel. Names as in the official checkpoints: `linear_in`, `layernorms.N`, `blocks.N.block.0`
/// and `.2`, `linear_out`. The residual stream can be tapped as `residual.N` after `N` blocks; before the first one it is the
/// output of `linear_in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BottleneckMlp {
    /// Columns of a row.
    pub d_input: usize,
    /// Units of the residual stream.
    pub width: usize,
    /// Blocks.
    pub n_blocks: usize,
    /// Units inside a block as a multiple of the width; 4 as published.
    pub expansion: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

impl BottleneckMlp {
    /// The published expansion of 4.
    pub fn new(d_input: usize, width: usize, n_blocks: usize, n_outputs: usize) -> Self {
        Self { d_input, width, n_blocks, expansion: 4, n_outputs }
    }

    fn block(&self, name: &str, builder: &mut Builder) -> Stack {
        let (width, inner) = (self.width, self.expansion * self.width);
        let mut block = Stack::under(name);
        block.add("block", |name| {
            let mut maps = Stack::under(name);
            maps.add_next(|name| Linear::new(name, width, inner, builder));
            maps.add_next(|name| Activate::new(name, Activation::Gelu, builder));
            maps.add_next(|name| Linear::new(name, inner, width, builder));
            maps
        });
        block
    }
}

impl Describe for BottleneckMlp {
    fn title(&self) -> String {
        format!("an inverted-bottleneck MLP ({} × {})", self.n_blocks, self.width)
    }

    fn input(&self) -> InputShape {
        InputShape::Rows { n: self.d_input }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![("d_input", self.d_input), ("width", self.width), ("expansion", self.expansion)]
    }

    fn repeats(&self) -> (&'static str, usize) {
        ("n_blocks", self.n_blocks)
    }

    fn check(&self) -> Result<(), NnError> {
        positive("width", self.width)?;
        positive("expansion", self.expansion)
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let mut model = Stack::root();
        model.add("linear_in", |name| Linear::new(name, self.d_input, self.width, builder));
        for index in 0..self.n_blocks {
            let mut body = Stack::root();
            body.add(format!("layernorms.{index}"), |name| {
                LayerNorm::new(name, self.width, EPSILON, builder)
            });
            body.add(format!("blocks.{index}"), |name| self.block(name, builder));
            model.add(format!("residual.{}", index + 1), |_| Residual::around(body));
        }
        model.add("linear_out", |name| Linear::new(name, self.width, self.n_outputs, builder));
        model
    }

    /// Checkpoints of the first official code have `norms.N` for `layernorms.N`.
    fn foreign_names(&self, name: &str) -> Vec<String> {
        name.strip_prefix("layernorms.").map(|rest| format!("norms.{rest}")).into_iter().collect()
    }
}
