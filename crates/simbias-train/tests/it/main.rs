//! Behaviour of training that a user can rely on.

#![allow(clippy::unwrap_used, reason = "a test ends by a panic")]

mod attacks;
mod batches;
mod fitting;
mod golden;
mod keeping;
mod models;
mod objectives;
mod resume;
mod rules;
mod scoring;
mod threads;
mod watching;

use ndarray::Array2;
use rand::RngExt;
use simbias_data::{ClassLabels, Dataset, Layout, Target};
use simbias_nn::{Architecture, Fcn, Init, Network, Precision, cpu};
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Flow, Optimizer, Schedule, StepRecord, TrainError, TrainState, Watch,
};

/// Two classes that one noisy direction separates.
fn two_classes(n_rows: usize, n_features: usize, index: u64) -> Dataset {
    let mut stream = Seed::new(3).child("data", index).stream();
    let indices: Vec<u32> = (0..n_rows).map(|_| stream.random_range(0..2)).collect();
    let rows = Array2::from_shape_fn((n_rows, n_features), |(row, column)| {
        let noise = stream.random::<f32>() * 2.0 - 1.0;
        if column == 0 { noise + indices[row] as f32 * 1.6 - 0.8 } else { noise }
    });
    Dataset::new(
        "two-classes",
        rows,
        Layout::array(vec![n_features]),
        Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] }),
    )
}

fn small_fcn(n_features: usize) -> Network {
    let architecture = Architecture::from(Fcn::new(n_features, 16, 1, 2));
    Network::new(architecture, Init::default(), Precision::F32, Seed::new(1), &cpu()).unwrap()
}

fn config(max_steps: u64) -> FitConfig {
    FitConfig {
        batch_size: 32,
        evaluate_every: 10,
        ..FitConfig::new(Optimizer::momentum(0.9, 5e-4), Schedule::constant(0.05), max_steps)
    }
}

/// All values of all parameters.
fn weights(network: &Network) -> Vec<f64> {
    network
        .parameters()
        .iter()
        .flat_map(|p| p.value.to_data().iter::<f64>().collect::<Vec<_>>())
        .collect()
}

/// Ends training after a step, as an interrupt does.
struct StopAt(u64);

impl Watch for StopAt {
    fn after_step(&mut self, _: &TrainState, record: &StepRecord<'_>) -> Result<Flow, TrainError> {
        Ok(if record.step == self.0 { Flow::Stop } else { Flow::Continue })
    }
}
