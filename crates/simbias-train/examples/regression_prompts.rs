//! A causal sequence model learns linear regression from examples in its prompt (Garg et al. 2022; Panwar et al. 2024).
//!
//! `cargo run --release -p simbias-train --example regression_prompts [STEPS]` trains on fresh prompts at every
//! step and prints the error at every position beside those of least squares and of the exact posterior mean.
//!
//! A prompt is `x₁, y₁, x₂, y₂, …` with labels `y = w·x + noise`, `w` drawn anew for every prompt. A vector of the sequence
//! has a place for the label and places for the input: `(0, x)` for an input and `(y, x)` for its label. The paper leaves
//! the input out of the label's vector; repeating it there spares the model a long phase of learning which label belongs
//! to which input.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example for users to run")]

use ndarray::Array2;
use rand::RngExt;
use simbias_nn::{CausalSequence, Init, Mode, Network, Pass, cpu};
use simbias_stats::{Seed, Stream};
use simbias_train::{
    Batch, BatchTarget, Clipped, Decay, FitConfig, FixedBatches, Generated, Hooks, Optimizer,
    PositionError, Schedule, StepRule, TargetKind, TrainState, Watch, fit,
};

/// Entries of an input.
const D: usize = 2;
/// Examples of a prompt.
const N_POINTS: usize = 8;
/// Deviation of the labels' noise.
const NOISE: f64 = 0.5;
const BATCH: usize = 64;
const WARM_UP: u64 = 100;
const PEAK_RATE: f64 = 3e-3;
/// Largest norm of a gradient.
const CLIP: f64 = 1.0;
/// Prompts that no step sees.
const N_HELD_OUT: u64 = 8;
/// So small that ridge regression is least squares, with the shortest weights if there are several.
const NO_RIDGE: f64 = 1e-9;

fn main() {
    let n_steps = std::env::args().nth(1).map_or(1500, |steps| steps.parse().unwrap());
    let mut state = fresh(Seed::new(0));
    train(&mut state, n_steps, &mut simbias_train::NoWatch);
    for evaluation in &state.evaluations {
        println!("step {:>5}: loss {:.4}", evaluation.step, evaluation.validation.unwrap().loss);
    }
    let (model, least_squares, bayes) = errors(&state.network, Seed::new(1));
    println!("\nsquared error of the noise-free label, by the number of examples before it");
    println!("{:>8} {:>8} {:>14} {:>15}", "examples", "model", "least squares", "posterior mean");
    for k in 0..N_POINTS {
        println!("{k:>8} {:>8.4} {:>14.4} {:>15.4}", model[k], least_squares[k], bayes[k]);
    }
}

/// A small model before its first step.
fn fresh(seed: Seed) -> TrainState {
    let model = CausalSequence {
        d_input: D + 1,
        length: 2 * N_POINTS,
        width: 32,
        n_blocks: 3,
        n_heads: 2,
        positions: true,
        n_outputs: 1,
    };
    let (weights, training) = (seed.child("init", 0), seed.child("train", 0));
    TrainState::fresh(&model.into(), Init::default(), &cpu(), weights, training).unwrap()
}

/// Trains `state` up to step `n_steps` on fresh prompts at every step.
fn train(state: &mut TrainState, n_steps: u64, watch: &mut dyn Watch) {
    let target = TargetKind::Positions { n_positions: N_POINTS };
    let mut prompts =
        Generated::new(name(), target, |seed, _| Ok(Prompts::draw(seed, BATCH).batch()));
    let held_out = FixedBatches {
        batches: (0..N_HELD_OUT)
            .map(|index| Prompts::draw(Seed::new(2).child("held out", index), BATCH).batch())
            .collect(),
        target,
    };
    let config = config(n_steps);
    let hooks = Hooks { validation: Some(&held_out), ..Hooks::new(watch) };
    fit(state, &mut prompts, &PositionError::of_prompts(), &mut rule(), &config, hooks).unwrap();
}

fn rule() -> impl StepRule {
    Clipped::new(CLIP)
}

fn name() -> String {
    format!("linear regression, {D} dimensions, {N_POINTS} examples, noise {NOISE}")
}

fn config(n_steps: u64) -> FitConfig {
    let schedule = Schedule {
        base: PEAK_RATE,
        warmup: WARM_UP,
        decay: Decay::Cosine { total: 1500, floor: 0.02 * PEAK_RATE },
    };
    FitConfig::new(Optimizer::adam(0.0), schedule, n_steps)
}

/// Prompts with the answers that the model does not see.
struct Prompts {
    /// `[prompt][example]`
    xs: Vec<Vec<[f64; D]>>,
    /// Labels with noise.
    ys: Vec<Vec<f64>>,
    /// Labels without.
    clean: Vec<Vec<f64>>,
}

impl Prompts {
    fn draw(seed: Seed, n: usize) -> Self {
        let mut stream = seed.stream();
        let mut prompts = Self { xs: Vec::new(), ys: Vec::new(), clean: Vec::new() };
        for _ in 0..n {
            let w: [f64; D] = std::array::from_fn(|_| normal(&mut stream));
            let xs: Vec<[f64; D]> =
                (0..N_POINTS).map(|_| std::array::from_fn(|_| normal(&mut stream))).collect();
            let clean: Vec<f64> = xs.iter().map(|x| dot(&w, x)).collect();
            prompts.ys.push(clean.iter().map(|y| y + NOISE * normal(&mut stream)).collect());
            prompts.clean.push(clean);
            prompts.xs.push(xs);
        }
        prompts
    }

    /// As a batch of flat rows, `[prompt, 2 N_POINTS (D + 1)]`.
    fn batch(&self) -> Batch {
        let n = self.xs.len();
        let rows = Array2::from_shape_fn((n, 2 * N_POINTS * (D + 1)), |(prompt, column)| {
            let (vector, at) = (column / (D + 1), column % (D + 1));
            let (example, is_label) = (vector / 2, vector % 2 == 1);
            match (at, is_label) {
                (0, true) => self.ys[prompt][example] as f32,
                (0, false) => 0.0,
                _ => self.xs[prompt][example][at - 1] as f32,
            }
        });
        let ys = Array2::from_shape_fn((n, N_POINTS), |(prompt, k)| self.ys[prompt][k] as f32);
        Batch::fresh(rows, BatchTarget::Positions(ys))
    }
}

/// A draw from the standard normal distribution (Box & Muller 1958).
fn normal(stream: &mut Stream) -> f64 {
    let (radius, angle) = (1.0 - stream.random::<f64>(), stream.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn dot(a: &[f64; D], b: &[f64; D]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Mean squared errors on fresh prompts after each number of examples: of the model, of least squares and of the posterior
/// mean, which no predictor can beat.
fn errors(network: &Network, seed: Seed) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let prompts = Prompts::draw(seed, 512);
    let found = predictions(network, &prompts.batch());
    let mean = |prediction: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
        let n = prompts.xs.len();
        let error =
            |prompt: usize, k: usize| (prediction(prompt, k) - prompts.clean[prompt][k]).powi(2);
        (0..N_POINTS)
            .map(|k| (0..n).map(|prompt| error(prompt, k)).sum::<f64>() / n as f64)
            .collect()
    };
    let ridge = |penalty: f64| {
        mean(&|prompt, k| {
            let (xs, ys) = (&prompts.xs[prompt], &prompts.ys[prompt]);
            dot(&ridge_weights(&xs[..k], &ys[..k], penalty), &xs[k])
        })
    };
    (mean(&|prompt, k| found[prompt * N_POINTS + k]), ridge(NO_RIDGE), ridge(NOISE * NOISE))
}

/// The model's prediction of every label, `[prompt, N_POINTS]` in C order.
fn predictions(network: &Network, batch: &Batch) -> Vec<f64> {
    let (values, mut pass) = (network.values(), Pass::new(Mode::Eval));
    let input = network.upload(batch.rows.view()).into();
    let objective = PositionError::of_prompts();
    let found = objective.predictions(network, &values, input, N_POINTS, &mut pass);
    found.to_data().iter::<f64>().collect()
}

/// `(XᵀX + penalty·I)⁻¹ Xᵀy` by elimination.
fn ridge_weights(xs: &[[f64; D]], ys: &[f64], penalty: f64) -> [f64; D] {
    let mut system = [[0.0; D]; D];
    let mut right = [0.0; D];
    for i in 0..D {
        system[i][i] = penalty;
        for (x, y) in xs.iter().zip(ys) {
            right[i] += x[i] * y;
            (0..D).for_each(|j| system[i][j] += x[i] * x[j]);
        }
    }
    // Positive definite, so that no pivot vanishes.
    for pivot in 0..D {
        for row in pivot + 1..D {
            let factor = system[row][pivot] / system[pivot][pivot];
            (pivot..D).for_each(|j| system[row][j] -= factor * system[pivot][j]);
            right[row] -= factor * right[pivot];
        }
    }
    let mut weights = [0.0; D];
    for row in (0..D).rev() {
        let known: f64 = (row + 1..D).map(|j| system[row][j] * weights[j]).sum();
        weights[row] = (right[row] - known) / system[row][row];
    }
    weights
}

#[cfg(test)]
mod tests {
    use simbias_train::{Fingerprint, Flow, NoWatch, StepRecord, TrainError};

    use super::*;

    #[test]
    fn ridge_without_a_penalty_is_least_squares() {
        let xs = [[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]];
        let ys = xs.map(|x| dot(&[3.0, -0.5], &x));
        let found = ridge_weights(&xs, &ys, NO_RIDGE);
        assert!((found[0] - 3.0).abs() < 1e-6 && (found[1] + 0.5).abs() < 1e-6, "{found:?}");
        // One example: the shortest weights that fit it lie along it.
        let found = ridge_weights(&[[2.0, 0.0]], &[4.0], NO_RIDGE);
        assert!((found[0] - 2.0).abs() < 1e-6 && found[1] == 0.0, "{found:?}");
        assert_eq!(ridge_weights(&[], &[], 0.25), [0.0, 0.0]);
    }

    #[test]
    fn a_prediction_sees_the_examples_before_it_only() {
        let network = fresh(Seed::new(3)).network;
        let mut prompts = Prompts::draw(Seed::new(4), 3);
        let before = predictions(&network, &prompts.batch());
        let last = N_POINTS - 3;
        prompts.ys[0][last] += 1.0;
        let after = predictions(&network, &prompts.batch());
        assert_eq!(before[..=last], after[..=last]);
        assert_ne!(before[last + 1..N_POINTS], after[last + 1..N_POINTS]);
        assert_eq!(before[N_POINTS..], after[N_POINTS..]);
    }

    #[test]
    fn training_lowers_the_loss_on_prompts_that_it_has_not_seen() {
        let mut state = fresh(Seed::new(3));
        train(&mut state, 250, &mut NoWatch);
        let loss = state.evaluations[0].validation.unwrap().loss;
        // The variance of a label is D + NOISE².
        assert!(loss < 0.9 * (D as f64 + NOISE * NOISE), "{loss}");
    }

    struct StopAt(u64);

    impl Watch for StopAt {
        fn after_step(
            &mut self,
            _: &TrainState,
            record: &StepRecord<'_>,
        ) -> Result<Flow, TrainError> {
            Ok(if record.step == self.0 { Flow::Stop } else { Flow::Continue })
        }
    }

    #[test]
    fn a_run_goes_on_from_its_saved_state() {
        let weights = |state: &TrainState| -> Vec<Vec<f32>> {
            let parameters = state.network.parameters().iter();
            parameters.map(|parameter| parameter.value.to_data().iter::<f32>().collect()).collect()
        };
        let mut whole = fresh(Seed::new(3));
        train(&mut whole, 12, &mut NoWatch);
        let mut part = fresh(Seed::new(3));
        train(&mut part, 12, &mut StopAt(6));
        let path = std::env::temp_dir().join(format!("simbias-prompts-{}", std::process::id()));
        let target = TargetKind::Positions { n_positions: N_POINTS };
        let source = Generated::new(name(), target, |_, _| unreachable!("not drawn from"));
        let source: &dyn Fingerprint = &source;
        part.save(&path, &config(12), source).unwrap();
        let architecture = part.network.architecture();
        let loaded = TrainState::load(&path, &cpu(), architecture, &config(12), source);
        std::fs::remove_file(&path).unwrap();
        let mut resumed = loaded.unwrap();
        train(&mut resumed, 12, &mut NoWatch);
        assert_eq!(weights(&resumed), weights(&whole));
    }
}
