//! The causal sequence model against the official `TransformerModel` on Hugging Face's GPT-2.

use simbias_nn::zoo::CausalSequence;
use simbias_nn::{Mode, Network, Pass, Tensor};

use super::{Tensors, assert_close};
use crate::values;

const PREDICTIONS: [f64; 2] = [2e-6, 0.0];
/// Relative to the largest entry of the gradient.
const GRADIENTS: f64 = 1e-5;

struct Case {
    file: Tensors,
    model: CausalSequence,
}

impl Case {
    fn read() -> Self {
        let file = Tensors::read(super::ICL, "21_gpt2_forward.safetensors");
        let number = |key: &str| file.metadata[key].parse::<usize>().unwrap();
        let model = CausalSequence {
            d_input: number("n_dims"),
            length: 2 * number("n_positions_points"),
            width: number("n_embd"),
            n_blocks: number("n_layer"),
            n_heads: number("n_head"),
            positions: true,
            n_outputs: 1,
        };
        Self { file, model }
    }

    /// Inputs and labels in turns, `[batch, 2 points, dims]`; a label stands in the first coordinate.
    fn prompts(&self, network: &Network) -> Tensor<3> {
        let xs: Tensor<3> = self.file.tensor("in.xs", network);
        let ys: Tensor<2> = self.file.tensor("in.ys", network);
        let [batch, points, dims] = xs.dims();
        let ys = ys.reshape([batch, points, 1]);
        let zeros = xs.zeros_like().narrow(2, 0, dims - 1);
        let labels = Tensor::cat(vec![ys, zeros], 2);
        let pairs = [xs, labels].map(|x| x.reshape([batch, points, 1, dims]));
        Tensor::cat(pairs.to_vec(), 2).reshape([batch, 2 * points, dims])
    }

    /// Outputs at the inputs, `[batch, points]`.
    fn predictions(&self, network: &Network, at: &[Tensor<1>]) -> Tensor<2> {
        let mut pass = Pass::new(Mode::Eval);
        let output = network.forward_with(at, self.prompts(network), &mut pass);
        let [batch, length, _] = self.prompts(network).dims();
        output
            .positions()
            .unwrap()
            .reshape([batch, length / 2, 2])
            .narrow(2, 0, 1)
            .reshape([batch, length / 2])
    }
}

#[test]
fn prompts_alternate_inputs_and_labels() {
    let case = Case::read();
    let network = case.file.network(&case.model.clone().into(), "w.");
    let found = values(&case.prompts(&network));
    assert_eq!(found, case.file.values("out.combined_tokens"));
}

#[test]
fn predictions_are_those_of_the_official_model() {
    let case = Case::read();
    let network = case.file.network(&case.model.clone().into(), "w.");
    let found = values(&case.predictions(&network, &network.values()));
    assert_close(&found, &case.file.values("out.pred"), PREDICTIONS, "predictions");
    let blind = CausalSequence { positions: false, ..case.model.clone() };
    let network = case.file.network(&blind.into(), "w.");
    let found = values(&case.predictions(&network, &network.values()));
    assert_close(&found, &case.file.values("out.pred_no_pos"), PREDICTIONS, "without positions");
}

#[test]
fn gradients_are_those_of_the_official_model() {
    let case = Case::read();
    let network = case.file.network(&case.model.clone().into(), "w.");
    let leaves: Vec<Tensor<1>> =
        network.values().into_iter().map(|value| value.autodiff().require_grad()).collect();
    let labels: Tensor<2> = case.file.tensor("in.ys", &network);
    let loss = (case.predictions(&network, &leaves) - labels).square().mean();
    let expected = case.file.values("out.loss_adam_steps")[0];
    assert_close(&values(&loss), &[expected], [1e-5, 0.0], "loss");
    let mut gradients = loss.backward();
    let mut n_checked = 0;
    for (parameter, leaf) in network.parameters().iter().zip(&leaves) {
        let found = values(&leaf.grad_remove(&mut gradients).unwrap());
        let name = format!("grad.{}", parameter.name);
        if !case.file.by_name.contains_key(&name) {
            continue;
        }
        assert_eq!(case.file.shape(&name), parameter.shape);
        let expected = case.file.values(&name);
        let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        assert_close(&found, &expected, [GRADIENTS * largest, 0.0], &name);
        n_checked += 1;
    }
    assert!(n_checked > 0);
}
