//! Convolutions along a row.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Describe, positive, wrong};
use crate::builder::Builder;
use crate::layer::{Activate, Conv1d, Flatten, Linear, Stack, ToChannels};
use crate::signal::{InputShape, OutputShape};

/// The `(f, k, h)` 1-D convolution network of Shah et al. 2020 on a row read as one channel: `n_conv` times
/// Conv1d(kernel `k`, padding `(k-1)/2`) → ReLU, flatten, Linear to `d_input`, ReLU, Linear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvSequence {
    /// Columns of a row.
    pub d_input: usize,
    /// Filters of each convolution.
    pub n_filters: usize,
    /// Width of a filter.
    pub kernel: usize,
    /// Convolutions, at least 1.
    pub n_conv: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

impl ConvSequence {
    /// Length of the signal after the last convolution; an even kernel loses one position per layer.
    fn output_length(&self) -> usize {
        let lost = if self.kernel.is_multiple_of(2) { self.n_conv } else { 0 };
        self.d_input.saturating_sub(lost)
    }
}

impl Describe for ConvSequence {
    fn input(&self) -> InputShape {
        InputShape::Rows { n: self.d_input }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![("d_input", self.d_input), ("n_filters", self.n_filters), ("kernel", self.kernel)]
    }

    fn repeats(&self) -> (&'static str, usize) {
        ("n_conv", self.n_conv)
    }

    fn check(&self) -> Result<(), NnError> {
        positive("n_filters", self.n_filters)?;
        positive("kernel", self.kernel)?;
        positive("n_conv", self.n_conv)?;
        if self.output_length() == 0 {
            return Err(wrong("kernel", self.kernel, "an odd or shorter kernel"));
        }
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let mut model = Stack::under("model");
        model.then(ToChannels { channels: 1 });
        let mut channels = 1;
        for _ in 0..self.n_conv {
            let through = [channels, self.n_filters];
            model.add_next(|name| Conv1d::new(name, through, self.kernel, self.d_input, builder));
            model.add_next(|_| Activate::relu());
            channels = self.n_filters;
        }
        let d_flat = self.n_filters * self.output_length();
        model.add_next(|_| Flatten);
        model.add_next(|name| Linear::new(name, d_flat, self.d_input, builder));
        model.add_next(|_| Activate::relu());
        model.add_next(|name| Linear::new(name, self.d_input, self.n_outputs, builder));
        model
    }
}
