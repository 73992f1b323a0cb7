//! The plain MLP with layer normalisation.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Describe, positive};
use crate::builder::Builder;
use crate::layer::{Activate, Activation, LayerNorm, Linear, Stack};
use crate::signal::{InputShape, OutputShape};

/// ε of every layer normalisation.
const EPSILON: f64 = 1e-5;

/// The standard MLP that Bachmann et al. 2023 compare with: a linear layer to `width` units, `n_layers - 1` times
/// LayerNorm → GELU → Linear, and a linear output layer directly after them.
///
/// Names as in the official checkpoints: `linear_in`, `layernorms.N`, `layers.N`, `linear_out`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardMlp {
    /// Columns of a row.
    pub d_input: usize,
    /// Units of every hidden layer.
    pub width: usize,
    /// Hidden layers, the first one included; at least 1.
    pub n_layers: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

impl Describe for StandardMlp {
    fn title(&self) -> String {
        format!("an MLP with layer normalisation ({} × {})", self.n_layers, self.width)
    }

    fn input(&self) -> InputShape {
        InputShape::Rows { n: self.d_input }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![("d_input", self.d_input), ("width", self.width)]
    }

    fn repeats(&self) -> (&'static str, usize) {
        ("n_layers", self.n_layers)
    }

    fn check(&self) -> Result<(), NnError> {
        positive("width", self.width)?;
        positive("n_layers", self.n_layers)
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let mut model = Stack::root();
        model.add("linear_in", |name| Linear::new(name, self.d_input, self.width, builder));
        for index in 0..self.n_layers - 1 {
            model.add(format!("layernorms.{index}"), |name| {
                LayerNorm::new(name, self.width, EPSILON, builder)
            });
            model.then(Activate::new("", Activation::Gelu, builder));
            model.add(format!("layers.{index}"), |name| {
                Linear::new(name, self.width, self.width, builder)
            });
        }
        model.add("linear_out", |name| Linear::new(name, self.width, self.n_outputs, builder));
        model
    }
}
