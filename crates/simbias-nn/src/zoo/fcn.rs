//! Fully connected networks.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Choice, Describe, positive, wrong};
use crate::builder::Builder;
use crate::layer::{Activate, Activation, BatchNorm, Dropout, Linear, Stack};
use crate::signal::{InputShape, OutputShape};

/// Fully connected network: `n_hidden` times Linear → activation → \[Dropout\] → \[BatchNorm\], then Linear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fcn {
    /// Columns of a row.
    pub d_input: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers; 0 is a linear model.
    pub n_hidden: usize,
    /// Columns of the output: logits, or 1 for a regression or a single score.
    pub n_outputs: usize,
    /// Non-linearity.
    pub activation: Activation,
    /// Share of hidden units set to 0 in training, in `[0, 1)`; 0 leaves the layer out.
    pub dropout: f64,
    /// Whether hidden layers end in batch normalisation.
    pub batch_norm: bool,
}

impl Fcn {
    /// The `(width, n_hidden)`-FCN of Shah et al. 2020: ReLU, no dropout, no batch normalisation.
    pub fn new(d_input: usize, width: usize, n_hidden: usize, n_outputs: usize) -> Self {
        Self {
            d_input,
            width,
            n_hidden,
            n_outputs,
            activation: Activation::Relu,
            dropout: 0.0,
            batch_norm: false,
        }
    }
}

impl Describe for Fcn {
    fn title(&self) -> String {
        format!("a fully connected network ({} × {})", self.n_hidden, self.width)
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
        ("n_hidden", self.n_hidden)
    }

    fn check(&self) -> Result<(), NnError> {
        if self.n_hidden > 0 {
            positive("width", self.width)?;
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(wrong("dropout", self.dropout, "a share in [0, 1)"));
        }
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let mut model = Stack::under("model");
        let mut d_input = self.d_input;
        for _ in 0..self.n_hidden {
            model.add_next(|name| Linear::new(name, d_input, self.width, builder));
            model.add_next(|name| Activate::new(name, self.activation, builder));
            if self.dropout > 0.0 {
                model.add_next(|_| Dropout::new(self.dropout, builder));
            }
            if self.batch_norm {
                model.add_next(|name| BatchNorm::new(name, self.width, builder));
            }
            d_input = self.width;
        }
        model.add_next(|name| Linear::new(name, d_input, self.n_outputs, builder));
        model
    }

    fn choices() -> &'static [Choice<Self>] {
        &[Choice {
            names: &["fcn"],
            make: |input, n_outputs| Ok(Box::new(Self::new(input.n_features(), 100, 2, n_outputs))),
        }]
    }
}
