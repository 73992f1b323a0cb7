//! A GRU along a row.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Describe, positive, wrong};
use crate::builder::Builder;
use crate::layer::{Gru, Linear, Stack};
use crate::signal::{InputShape, OutputShape};

/// The `(h, l, layers)` GRU of Shah et al. 2020: a row is cut into `d_input / step_width` steps, and the last
/// output goes through Linear. Gates and names as in `torch.nn.GRU`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatedRecurrent {
    /// Columns of a row, a multiple of `step_width`.
    pub d_input: usize,
    /// Columns of one step.
    pub step_width: usize,
    /// Units of the hidden state.
    pub d_hidden: usize,
    /// Stacked layers, at least 1.
    pub n_layers: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

impl Describe for GatedRecurrent {
    fn input(&self) -> InputShape {
        InputShape::Rows { n: self.d_input }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("d_input", self.d_input),
            ("step_width", self.step_width),
            ("d_hidden", self.d_hidden),
        ]
    }

    fn repeats(&self) -> (&'static str, usize) {
        ("n_layers", self.n_layers)
    }

    fn check(&self) -> Result<(), NnError> {
        positive("step_width", self.step_width)?;
        positive("d_hidden", self.d_hidden)?;
        positive("n_layers", self.n_layers)?;
        if !self.d_input.is_multiple_of(self.step_width) {
            return Err(wrong("step_width", self.step_width, "a divisor of d_input"));
        }
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let steps = [self.d_input / self.step_width, self.step_width];
        let mut model = Stack::root();
        model.add("gru", |name| Gru::new(name, steps, self.d_hidden, self.n_layers, builder));
        model.add("fc", |name| Linear::new(name, self.d_hidden, self.n_outputs, builder));
        model
    }
}
