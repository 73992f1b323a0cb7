//! Gradients of every architecture against central differences in double precision.

use simbias_nn::{Architecture, Kind, Mode, Network, Pass, Precision, Tensor, TensorData};
use simbias_stats::Seed;

use crate::{architectures, network, rows, values};

/// Half the distance between two evaluations: so small that hardly any ReLU has its kink in between.
const STEP: f64 = 1e-7;
/// Rounding of the two evaluations over the step is some 1e-8.
const TOLERANCE: f64 = 2e-6;

/// A fresh network whose constants are moved: biases that start at 0 put units exactly on the kink of their ReLU.
fn off_the_kinks(architecture: &Architecture) -> Network {
    let mut network = network(architecture, Precision::F64);
    for index in 0..network.parameters().len() {
        let value = network.parameters()[index].value.clone();
        let n = value.dims()[0];
        let noise: Vec<f64> =
            rows(1, n, 100 + index as u64).iter().map(|&noise| 0.1 * f64::from(noise)).collect();
        let options = (network.device(), network.precision().dtype());
        let noise: Tensor<1> = Tensor::from_data(TensorData::new(noise, [n]), options);
        network.set_value(index, value + noise);
    }
    network
}

#[test]
fn of_the_parameters() {
    for architecture in architectures() {
        for mode in [Mode::Eval, Mode::Train { seed: Seed::new(2) }] {
            let network = off_the_kinks(&architecture);
            let rows = network.upload(rows(4, network.n_features(), 0).view());
            let loss = |values: &[Tensor<1>]| {
                let logits = network.forward_rows(values, rows.clone(), &mut Pass::new(mode));
                // Any smooth function with a different slope for every logit.
                (logits.clone() * logits.clone().tanh()).sum() + logits.narrow(1, 0, 1).sum()
            };
            let leaves: Vec<Tensor<1>> = network
                .parameters()
                .iter()
                .map(|p| match p.kind {
                    Kind::Trainable => p.value.clone().autodiff().require_grad(),
                    Kind::Statistic => p.value.clone(),
                })
                .collect();
            let mut gradients = loss(&leaves).backward();
            for (index, parameter) in network.parameters().iter().enumerate() {
                if parameter.kind == Kind::Statistic {
                    continue;
                }
                let gradient = values(&leaves[index].grad_remove(&mut gradients).unwrap());
                let start = values(&parameter.value);
                // First, middle and last entry: enough to see a transposed axis.
                for entry in [0, start.len() / 2, start.len() - 1] {
                    let at = |shift: f64| {
                        let mut moved = start.clone();
                        moved[entry] += shift;
                        let n = moved.len();
                        let mut all = network.values();
                        let options = (network.device(), network.precision().dtype());
                        all[index] = Tensor::from_data(TensorData::new(moved, [n]), options);
                        values(&loss(&all))[0]
                    };
                    let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    let error = (gradient[entry] - difference).abs();
                    assert!(
                        error <= TOLERANCE * (1.0 + difference.abs()),
                        "{architecture:?} {mode:?} {} [{entry}]: {} against {difference}",
                        parameter.name,
                        gradient[entry]
                    );
                }
            }
        }
    }
}

#[test]
fn of_the_input() {
    for architecture in architectures() {
        let network = off_the_kinks(&architecture);
        let n_features = network.n_features();
        let start = rows(2, n_features, 1);
        let loss = |rows: Tensor<2>| {
            let logits = network.forward(rows);
            (logits.clone() * logits.tanh()).sum()
        };
        let leaf = network.upload(start.view()).autodiff().require_grad();
        let gradient = values(&leaf.grad_remove(&mut loss(leaf.clone()).backward()).unwrap());
        let flat: Vec<f64> = start.iter().map(|&value| f64::from(value)).collect();
        for entry in [0, n_features - 1, n_features, flat.len() - 1] {
            let at = |shift: f64| {
                let mut moved = flat.clone();
                moved[entry] += shift;
                let options = (network.device(), network.precision().dtype());
                let data = TensorData::new(moved, [2, n_features]);
                values(&loss(Tensor::from_data(data, options)))[0]
            };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!(
                (gradient[entry] - difference).abs() <= TOLERANCE * (1.0 + difference.abs()),
                "{architecture:?} [{entry}]: {} against {difference}",
                gradient[entry]
            );
        }
    }
}
