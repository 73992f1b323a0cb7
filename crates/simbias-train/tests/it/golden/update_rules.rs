//! Update rules on prescribed gradients (golden/opposing/README.md).

use simbias_nn::{Architecture, Fcn, Init, Network, Precision, Tensor, TensorData, cpu};
use simbias_stats::Seed;
use simbias_train::{Optimizer, OptimizerState};

const GOLDEN: simbias_golden::Set = simbias_golden::set!("opposing");

/// From the README of the set.
const ABSOLUTE: f64 = 1e-9;

/// Rules and rates as the entry `opt` of `expected.json` describes them in words.
fn recipe(name: &str) -> (Optimizer, f64) {
    match name {
        "adam" => (Optimizer::adam(0.0), 1e-2),
        "split" => {
            let split = Optimizer::Split {
                momentum: 0.9,
                dampening: 0.9,
                threshold: 0.05,
                large: 1e-2 / 0.1,
                weight_decay: 0.0,
            };
            (split, 0.1)
        }
        other => panic!("the README names no optimiser {other:?}"),
    }
}

fn upload(values: &[f64]) -> Tensor<1> {
    let data = TensorData::new(values.to_vec(), [values.len()]);
    Tensor::from_data(data, (&cpu(), Precision::F64.dtype()))
}

#[test]
fn steps_on_prescribed_gradients() {
    let tensors = GOLDEN.tensors("opposing.safetensors");
    let gradients = tensors.matrix("opt.grads");
    let start = tensors.values("opt.theta0");
    let described: serde_json::Value = GOLDEN.json("expected.json");
    for name in described["opt"].as_object().unwrap().keys() {
        let expected = tensors.matrix(&format!("opt.{name}"));
        let (optimizer, rate) = recipe(name);
        // A linear network with as many numbers: all weights but one, and a bias.
        let n = start.len();
        let architecture = Architecture::from(Fcn::new(n - 1, 1, 0, 1));
        let mut network =
            Network::new(architecture, Init::default(), Precision::F64, Seed::new(0), &cpu())
                .unwrap();
        let split = |values: &[f64]| vec![upload(&values[..n - 1]), upload(&values[n - 1..])];
        network.set_values(split(&start));
        let mut state = OptimizerState::new(&network);
        for (gradient, expected) in gradients.rows().into_iter().zip(expected.rows()) {
            let gradient = split(gradient.as_slice().unwrap()).into_iter().map(Some).collect();
            optimizer.step(&mut state, &mut network, gradient, &[rate, rate]);
            let found = crate::weights(&network);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= ABSOLUTE, "{name}: {found} {expected}");
            }
        }
    }
}

/// Two steps of LION by hand, with rate 0.1, β 0.9 and 0.99, decay 0.5.
#[test]
fn lion_by_hand() {
    let architecture = Architecture::from(Fcn::new(1, 1, 0, 1));
    let mut network =
        Network::new(architecture, Init::default(), Precision::F64, Seed::new(0), &cpu()).unwrap();
    network.set_values(vec![upload(&[2.0]), upload(&[-1.0])]);
    let mut state = OptimizerState::new(&network);
    let optimizer = Optimizer::lion(0.5);
    let mut step = |weight: f64, bias: f64| {
        let gradients = vec![Some(upload(&[weight])), Some(upload(&[bias]))];
        optimizer.step(&mut state, &mut network, gradients, &[0.1, 0.1]);
        crate::weights(&network)
    };
    // Directions 1 and -1: 2 · 0.95 - 0.1, -1 · 0.95 + 0.1. Remembered: 0.01 · 3 and 0.01 · -1.
    let first = step(3.0, -1.0);
    assert!((first[0] - 1.8).abs() < 1e-12 && (first[1] + 0.85).abs() < 1e-12);
    // Blends: 0.9 · 0.03 - 0.1 · 0.2 = 0.007 > 0, 0.9 · -0.01 + 0.1 · 0.5 = 0.041 > 0.
    let second = step(-0.2, 0.5);
    assert!((second[0] - (1.8 * 0.95 - 0.1)).abs() < 1e-12);
    assert!((second[1] - (-0.85 * 0.95 - 0.1)).abs() < 1e-12);
}
