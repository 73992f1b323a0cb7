//! Full-batch gradient descent that records the loss of every example at every step, for methods that study the part of
//! single examples in training (Rosenfeld & Risteski 2024).
//!
//! `cargo run --release -p simbias-train --example loss_traces [FILE]` trains an MLP on the embedded digits by squared error
//! and writes the losses of all steps, `[n_steps, n_rows]`, as a trace file. The losses are those of the steps themselves:
//! no pass is run twice.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example for users to run")]

use std::path::PathBuf;

use simbias_data::{Dataset, Target};
use simbias_nn::{Activation, Architecture, Fcn, Init, Network, cpu};
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Hooks, Loss, Optimizer, Plain, Schedule, Standardization, TraceRecorder, TrainState,
    Watch, WholeSet, fit,
};

/// Step size; large enough that training reaches the edge of stability, where examples oppose one another.
const RATE: f64 = 0.15;
const N_STEPS: u64 = 400;
const N_ROWS: u32 = 500;

fn main() {
    let path = std::env::args().nth(1).map_or_else(
        || std::env::temp_dir().join("simbias-loss-traces.safetensors"),
        PathBuf::from,
    );
    let data = digits();
    let trace = descend(&data, N_STEPS, Seed::new(0));
    trace.save(&path).unwrap();

    let n_rows = data.n_rows();
    let mean =
        |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / n_rows as f64;
    println!("{:>6} {:>10} {:>22}", "steps", "mean loss", "rows whose loss rose");
    let records: Vec<&[f32]> = trace.losses().chunks(n_rows).collect();
    for (step, pair) in records.windows(2).enumerate().filter(|(step, _)| step % 50 == 0) {
        let n_risen = pair[0].iter().zip(pair[1]).filter(|(before, after)| before < after).count();
        println!("{step:>6} {:>10.5} {n_risen:>22}", mean(pair[0]));
    }
    println!("losses of {n_rows} rows at {} steps: {}", records.len(), path.display());
}

/// Gradient descent on all of `data` at every step, with the losses of every row before each step.
fn descend(data: &Dataset, n_steps: u64, seed: Seed) -> TraceRecorder<'static> {
    let mut trace = TraceRecorder::of_steps(data.n_rows(), 1);
    train(data, n_steps, seed, &mut trace);
    trace
}

/// The network after `n_steps` steps on all of `data`.
fn train(data: &Dataset, n_steps: u64, seed: Seed, watch: &mut dyn Watch) -> Network {
    let fcn = Fcn { activation: Activation::Tanh, ..Fcn::new(data.n_features(), 64, 2, 1) };
    let (weights, training) = (seed.child("init", 0), seed.child("train", 0));
    let mut state =
        TrainState::fresh(&Architecture::from(fcn), Init::default(), &cpu(), weights, training)
            .unwrap();
    let config = FitConfig::new(Optimizer::sgd(0.0), Schedule::constant(RATE), n_steps);
    let mut batches = WholeSet::new(data);
    let hooks = Hooks::new(watch);
    fit(&mut state, &mut batches, &Loss::SquaredError, &mut Plain, &config, hooks).unwrap();
    state.network
}

/// The first digits, with the target 1 for odd ones and -1 for the others, and columns on a common scale.
fn digits() -> Dataset {
    let digits = simbias_data::embedded::digits();
    let few = digits.select(&(0..N_ROWS).collect::<Vec<u32>>());
    let classes = &few.class_labels().unwrap().indices;
    let values = classes.iter().map(|&digit| if digit % 2 == 1 { 1.0 } else { -1.0 }).collect();
    Standardization::of(&few).dataset(&Dataset { target: Target::Values(values), ..few })
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;
    use simbias_train::{NoWatch, evaluate};

    use super::*;

    #[test]
    fn every_step_leaves_the_losses_of_all_rows() {
        let data = digits();
        let trace = descend(&data, 30, Seed::new(3));
        assert!(trace.steps().iter().copied().eq(0..30));
        let bytes = trace.to_safetensors();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("loss").unwrap().shape(), [30, N_ROWS as usize]);
        assert_eq!(file.tensor("logits").unwrap().shape(), [30, N_ROWS as usize, 1]);
    }

    #[test]
    fn recorded_losses_are_those_of_the_weights_before_the_step() {
        let data = digits();
        let trace = descend(&data, 12, Seed::new(3));
        // Shorter runs of the same seed end at the weights that the records start from.
        for n_steps in [0, 1, 11] {
            let network = train(&data, n_steps, Seed::new(3), &mut NoWatch);
            let score = evaluate(&network, &data, data.n_rows(), Loss::SquaredError).unwrap();
            let first = n_steps as usize * data.n_rows();
            let losses = &trace.losses()[first..first + data.n_rows()];
            let mean =
                losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64;
            assert!((mean - score.loss).abs() < 1e-5, "{n_steps}: {mean} {}", score.loss);
        }
    }

    #[test]
    fn descent_descends() {
        let data = digits();
        let trace = descend(&data, 100, Seed::new(3));
        let sums: Vec<f32> =
            trace.losses().chunks(data.n_rows()).map(|row| row.iter().sum()).collect();
        assert!(sums[99] < 0.5 * sums[0], "{sums:?}");
    }
}
