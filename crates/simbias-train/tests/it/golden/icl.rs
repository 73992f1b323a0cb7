//! Training steps of the causal sequence model against the official code on Hugging Face's GPT-2 (golden/icl/README.md,
//! file 21).

use std::collections::HashMap;

use ndarray::{Array2, Array3};
use safetensors::SafeTensors;
use simbias_golden::Set;
use simbias_nn::{CausalSequence, Init, Mode, Network, Pass, Precision, Tensor, TensorData, cpu};
use simbias_stats::Seed;
use simbias_train::{
    Batch, BatchTarget, DeviceBatch, FitConfig, Flow, Generated, Gradients, Hooks, Keep, Optimizer,
    Plain, PositionError, Schedule, StepRecord, TargetKind, TrainError, TrainState, Watch, fit,
};

const GOLDEN: Set = simbias_golden::set!("icl");

const LOSSES: f64 = 1e-5;
/// Relative to the largest entry of the gradient.
const GRADIENTS: f64 = 1e-5;
/// Predictions after training inherit the rounding of four steps.
const PREDICTIONS: f64 = 1e-5;
/// `betas=(0.9,0.999), eps=1e-8` are the optimiser's defaults.
const RATE: f64 = 1e-3;

struct Case {
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
    model: CausalSequence,
    n_points: usize,
}

impl Case {
    fn read() -> Self {
        let bytes = GOLDEN.bytes("21_gpt2_forward.safetensors");
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        assert!(metadata["adam"].starts_with("lr=1e-3,"), "{}", metadata["adam"]);
        let number = |key: &str| metadata[key].parse::<usize>().unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let read = tensors.iter().map(|(name, view)| {
            let (chunks, _) = view.data().as_chunks::<4>();
            let values = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
            (name.to_string(), (view.shape().to_vec(), values))
        });
        let n_points = number("n_positions_points");
        let model = CausalSequence {
            d_input: number("n_dims"),
            length: 2 * n_points,
            width: number("n_embd"),
            n_blocks: number("n_layer"),
            n_heads: number("n_head"),
            positions: true,
            n_outputs: 1,
        };
        Self { tensors: read.collect(), model, n_points }
    }

    fn values(&self, name: &str) -> &[f32] {
        &self.tensors.get(name).unwrap_or_else(|| panic!("{name:?} is missing")).1
    }

    fn network(&self) -> Network {
        let (init, seed) = (Init::default(), Seed::new(0));
        let mut network =
            Network::new(self.model.clone(), init, Precision::F32, seed, &cpu()).unwrap();
        let of = |parameter: &simbias_nn::Parameter| -> Tensor<1> {
            let values = self.values(&format!("w.{}", parameter.name)).to_vec();
            let n = values.len();
            Tensor::from_data(TensorData::new(values, [n]), &cpu())
        };
        network.set_values(network.parameters().iter().map(of).collect());
        network
    }

    /// The prompts as one batch: inputs and labels in turns, a label in the first coordinate of its vector.
    fn batch(&self) -> Batch {
        let [n_rows, n_points, d_input] = self.tensors["in.xs"].0[..] else {
            panic!("a prompt is a table")
        };
        let xs = Array3::from_shape_vec((n_rows, n_points, d_input), self.values("in.xs").to_vec())
            .unwrap();
        let ys = Array2::from_shape_vec((n_rows, n_points), self.values("in.ys").to_vec()).unwrap();
        let rows = Array2::from_shape_fn((n_rows, 2 * n_points * d_input), |(row, column)| {
            let (token, at) = (column / d_input, column % d_input);
            match (token % 2, at) {
                (0, _) => xs[[row, token / 2, at]],
                (_, 0) => ys[[row, token / 2]],
                _ => 0.0,
            }
        });
        assert_eq!(rows.iter().copied().collect::<Vec<f32>>(), self.values("out.combined_tokens"));
        Batch::fresh(rows, BatchTarget::Positions(ys))
    }

    fn predictions(&self, network: &Network) -> Vec<f32> {
        let input = network.upload(self.batch().rows.view()).into();
        let (values, mut pass) = (network.values(), Pass::new(Mode::Eval));
        let objective = PositionError::of_prompts();
        let found = objective.predictions(network, &values, input, self.n_points, &mut pass);
        found.to_data().iter::<f32>().collect()
    }
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let error = f64::from((found - expected).abs());
        assert!(error <= tolerance, "{what}: {found} {expected}");
    }
}

#[test]
fn gradients_of_the_objective_are_those_of_the_official_code() {
    let case = Case::read();
    let network = case.network();
    let batch = DeviceBatch::new(&case.batch(), &network);
    let objective = PositionError::of_prompts();
    let mode = Mode::Train { seed: Seed::new(0) };
    let found = Gradients::at(&network, &network.values(), &objective, &batch, mode);
    let mut n_checked = 0;
    for (parameter, gradient) in network.parameters().iter().zip(&found.values) {
        let name = format!("grad.{}", parameter.name);
        let Some((_, expected)) = case.tensors.get(&name) else { continue };
        let found: Vec<f32> = gradient.as_ref().unwrap().to_data().iter::<f32>().collect();
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert_close(&found, expected, GRADIENTS * f64::from(largest), &name);
        n_checked += 1;
    }
    assert!(n_checked > 0);
}

/// The loss before every step.
struct Losses(Vec<f32>);

impl Watch for Losses {
    fn after_step(&mut self, _: &TrainState, record: &StepRecord<'_>) -> Result<Flow, TrainError> {
        self.0.push(record.loss() as f32);
        Ok(Flow::Continue)
    }
}

#[test]
fn training_steps_are_those_of_the_official_code() {
    let case = Case::read();
    let expected = case.values("out.loss_adam_steps");
    let config = FitConfig {
        keep: Keep::Last,
        ..FitConfig::new(Optimizer::adam(0.0), Schedule::constant(RATE), expected.len() as u64)
    };
    let mut state = TrainState::new(case.network(), Seed::new(0));
    let target = TargetKind::Positions { n_positions: case.n_points };
    let mut batches = Generated::new("the same prompts", target, |_, _| Ok(case.batch()));
    let mut losses = Losses(Vec::new());
    let (objective, hooks) = (PositionError::of_prompts(), Hooks::new(&mut losses));
    fit(&mut state, &mut batches, &objective, &mut Plain, &config, hooks).unwrap();
    assert_close(&losses.0, expected, LOSSES, "losses");
    let found = case.predictions(&state.network);
    assert_close(&found, case.values("out.pred_after_4_adam"), PREDICTIONS, "predictions");
}
