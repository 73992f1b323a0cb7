//! Recurrent layers.

use burn::tensor::{Tensor, activation};

use super::linear::affine;
use super::{Layer, Values};
use crate::builder::Builder;
use crate::init::Start;
use crate::network::Kind;
use crate::pass::Pass;
use crate::signal::Signal;

#[derive(Debug)]
struct GruLayer {
    weight_input: usize,
    weight_hidden: usize,
    bias_input: usize,
    bias_hidden: usize,
}

/// `torch.nn.GRU` over the steps of a flat row, starting from zero; the last output comes out. Gate order reset, update,
/// new:
///
/// ```text
/// r = σ(W_ir x + b_ir + W_hr h + b_hr)      z = σ(W_iz x + b_iz + W_hz h + b_hz)
/// n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))      h' = (1 - z) ∘ n + z ∘ h
/// ```
#[derive(Debug)]
pub struct Gru {
    layers: Vec<GruLayer>,
    step_width: usize,
}

impl Gru {
    /// `n_layers` layers of `d_hidden` units on `n_steps` steps of `step_width` columns, named as in PyTorch.
    pub fn new(
        prefix: &str,
        [n_steps, step_width]: [usize; 2],
        d_hidden: usize,
        n_layers: usize,
        builder: &mut Builder,
    ) -> Self {
        let start = Start::Recurrent { n_hidden: d_hidden };
        let layers = (0..n_layers)
            .map(|layer_idx| {
                let d_input = if layer_idx == 0 { step_width } else { d_hidden };
                builder.count(&[n_steps, 3 * d_hidden, d_input + d_hidden]);
                let mut add = |name: &str, shape: &[usize]| {
                    let name = format!("{prefix}.{name}_l{layer_idx}");
                    builder.add(name, shape, Kind::Trainable, start)
                };
                GruLayer {
                    weight_input: add("weight_ih", &[3 * d_hidden, d_input]),
                    weight_hidden: add("weight_hh", &[3 * d_hidden, d_hidden]),
                    bias_input: add("bias_ih", &[3 * d_hidden]),
                    bias_hidden: add("bias_hh", &[3 * d_hidden]),
                }
            })
            .collect();
        Self { layers, step_width }
    }
}

impl Layer for Gru {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let rows = signal.flat();
        let [batch, n_features] = rows.dims();
        let n_steps = n_features / self.step_width;
        let mut inputs: Vec<Tensor<2>> = (0..n_steps)
            .map(|step| rows.clone().narrow(1, step * self.step_width, self.step_width))
            .collect();
        for layer in &self.layers {
            let d_hidden = at.blueprints[layer.weight_hidden].shape[1];
            let options = (&rows.device().without_autodiff(), rows.dtype());
            let mut hidden: Tensor<2> = Tensor::zeros([batch, d_hidden], options);
            for x in &mut inputs {
                let from_input = affine(x.clone(), layer.weight_input, layer.bias_input, at);
                let from_hidden =
                    affine(hidden.clone(), layer.weight_hidden, layer.bias_hidden, at);
                let gate =
                    |of: &Tensor<2>, gate: usize| of.clone().narrow(1, gate * d_hidden, d_hidden);
                let reset = activation::sigmoid(gate(&from_input, 0) + gate(&from_hidden, 0));
                let update = activation::sigmoid(gate(&from_input, 1) + gate(&from_hidden, 1));
                let new = activation::tanh(gate(&from_input, 2) + reset * gate(&from_hidden, 2));
                hidden = new.clone() + update * (hidden - new);
                *x = hidden.clone();
            }
        }
        match inputs.pop() {
            Some(last) => Signal::Rows(last),
            None => unreachable!("an architecture has at least one column, so at least one step"),
        }
    }
}
