//! Affine maps.

use burn::tensor::Tensor;

use super::{Layer, Values};
use crate::builder::Builder;
use crate::init::Start;
use crate::network::Kind;
use crate::pass::Pass;
use crate::signal::Signal;

/// `x · Wᵀ + b` on rows or on the vector at every position.
#[derive(Debug)]
pub struct Linear {
    weight: usize,
    bias: usize,
    /// Whether `W` is stored `[in, out]`.
    input_first: bool,
}

impl Linear {
    /// `torch.nn.Linear`: `PREFIX.weight` `[out, in]`, `PREFIX.bias` `[out]`.
    pub fn new(prefix: &str, d_input: usize, d_output: usize, builder: &mut Builder) -> Self {
        Self::at_positions(prefix, d_input, d_output, 1, builder)
    }

    /// [`new`](Self::new) on `n_positions` vectors per row.
    pub fn at_positions(
        prefix: &str,
        d_input: usize,
        d_output: usize,
        n_positions: usize,
        builder: &mut Builder,
    ) -> Self {
        builder.count(&[n_positions, d_input, d_output]);
        let start = Start::Weight { fan_in: d_input, fan_out: d_output };
        let name = format!("{prefix}.weight");
        let weight = builder.add(name, &[d_output, d_input], Kind::Trainable, start);
        let bias = builder.bias(prefix, d_output, d_input);
        Self { weight, bias, input_first: false }
    }

    /// GPT-2's `Conv1D` on `n_positions` vectors per row: `PREFIX.weight` `[in, out]`, drawn from `N(0, deviation²)`;
    /// `PREFIX.bias` starts at 0.
    pub fn input_first(
        prefix: &str,
        [d_input, d_output]: [usize; 2],
        n_positions: usize,
        deviation: f64,
        builder: &mut Builder,
    ) -> Self {
        builder.count(&[n_positions, d_input, d_output]);
        let mut add = |name: &str, shape: &[usize], start| {
            builder.add(format!("{prefix}.{name}"), shape, Kind::Trainable, start)
        };
        Self {
            weight: add("weight", &[d_input, d_output], Start::Normal { deviation }),
            bias: add("bias", &[d_output], Start::Constant(0.0)),
            input_first: true,
        }
    }

    /// Positions of a weight `[out, in]` and its bias.
    pub(crate) fn weight_and_bias(&self) -> Option<[usize; 2]> {
        (!self.input_first).then_some([self.weight, self.bias])
    }
}

impl Layer for Linear {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        signal.map_vectors(|x| {
            if self.input_first {
                return x.matmul(at.shaped(self.weight)) + at.vector(self.bias).unsqueeze::<2>();
            }
            affine(x, self.weight, self.bias, at)
        })
    }
}

/// `x · Wᵀ + b` with `W` stored `[out, in]`.
pub(super) fn affine(x: Tensor<2>, weight: usize, bias: usize, at: Values<'_>) -> Tensor<2> {
    x.matmul(at.shaped::<2>(weight).transpose()) + at.vector(bias).unsqueeze::<2>()
}
