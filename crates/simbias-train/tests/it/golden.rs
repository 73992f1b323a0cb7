//! Against PyTorch (golden/pitfalls/README.md, golden/icl/README.md).

mod attacks;
mod icl;
mod sam;
mod update_rules;

use ndarray::Axis;
use simbias_golden::Set;
use simbias_nn::{
    Architecture, DType, Fcn, Init, Mode, Network, Precision, Tensor, TensorData, cpu,
};
use simbias_stats::Seed;
use simbias_train::{DeviceBatch, DeviceTarget, Gradients, Loss, Optimizer, OptimizerState};

/// Tolerances of `train_steps` from the README.
const F64_ABSOLUTE: f64 = 1e-10;
const F32_ABSOLUTE: f64 = 1e-4;

const GOLDEN: Set = simbias_golden::set!("pitfalls");

/// Settings behind each name. The file holds tensors only and no settings: rates (`lr`), weight decays (`wd`) and
/// momentum (`mom`) stand in the row `train_steps.safetensors` of the golden README, which names them by optimizer.
fn recipe(name: &str) -> (Optimizer, f64) {
    match name {
        "sgd_wd" => (Optimizer::sgd(5e-3), 0.1),
        "sgd_mom_wd" => (Optimizer::momentum(0.9, 5e-3), 0.1),
        "adam" => (Optimizer::adam(0.0), 1e-2),
        "adam_l2" => (Optimizer::adam(5e-3), 1e-2),
        "rmsprop" => (Optimizer::rmsprop(0.0), 1e-2),
        other => panic!("the README names no optimizer {other:?}"),
    }
}

#[test]
fn training_steps_in_double_precision() {
    check_training_steps(Precision::F64, F64_ABSOLUTE);
}

#[test]
fn training_steps_in_single_precision() {
    check_training_steps(Precision::F32, F32_ABSOLUTE);
}

fn check_training_steps(precision: Precision, tolerance: f64) {
    let file = GOLDEN.tensors("train_steps.safetensors");
    let (x, y) = (file.matrix("x"), file.values("y"));
    let batches = file.matrix("batch_idx");
    let batch_size = batches.ncols();
    let runs = file.prefixes(".losses");
    assert!(!runs.is_empty());
    for run in runs {
        let (optimizer, rate) = recipe(run.split('.').next().unwrap());
        // Linear layers are at the even positions of the sequential.
        let n_linear = (0..)
            .step_by(2)
            .take_while(|i| file.contains(&format!("{run}.init.{i}.weight")))
            .count();
        let first = file.matrix(&format!("{run}.init.0.weight"));
        let last = file.matrix(&format!("{run}.init.{}.weight", 2 * (n_linear - 1)));
        let fcn = Fcn::new(first.ncols(), first.nrows(), n_linear - 1, last.nrows());
        let architecture = Architecture::from(fcn);
        let mut network =
            Network::new(architecture, Init::default(), precision, Seed::new(0), &cpu()).unwrap();
        let golden = |network: &Network, which: &str| -> Vec<Vec<f64>> {
            let of = |p: &simbias_nn::Parameter| {
                let name = p.name.strip_prefix("model.").unwrap();
                file.values(&format!("{run}.{which}.{name}"))
            };
            network.parameters().iter().map(of).collect()
        };
        let dtype = precision.dtype();
        let upload = |values: Vec<f64>| -> Tensor<1> {
            let n = values.len();
            Tensor::from_data(TensorData::new(values, [n]), (&cpu(), dtype))
        };
        network.set_values(golden(&network, "init").into_iter().map(upload).collect());
        let losses = file.values(&format!("{run}.losses"));
        let mut state = OptimizerState::new(&network);
        let rates = vec![rate; network.parameters().len()];
        for (step, rows) in batches.rows().into_iter().enumerate() {
            let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
            let values: Vec<f64> = x.select(Axis(0), &rows).into_iter().collect();
            let classes: Vec<i64> = rows.iter().map(|&row| y[row] as i64).collect();
            let batch = DeviceBatch {
                indices: [].into(),
                input: Tensor::<2>::from_data(
                    TensorData::new(values, [batch_size, x.ncols()]),
                    (&cpu(), dtype),
                )
                .into(),
                target: DeviceTarget::Classes(Tensor::from_data(
                    TensorData::new(classes, [batch_size]),
                    &cpu(),
                )),
                weights: None,
            };
            let values = network.values();
            let gradients =
                Gradients::at(&network, &values, &Loss::CrossEntropy, &batch, Mode::Eval);
            drop(values);
            let loss = gradients.loss.to_data().iter::<f64>().next().unwrap();
            assert!((loss - losses[step]).abs() <= tolerance, "{run} step {step}: {loss}");
            optimizer.step(&mut state, &mut network, gradients.values, &rates);
        }
        for (parameter, expected) in network.parameters().iter().zip(golden(&network, "final")) {
            assert_eq!(parameter.value.dtype(), dtype);
            assert!(dtype == DType::F64 || dtype == DType::F32);
            let found = parameter.value.to_data().iter::<f64>().collect::<Vec<_>>();
            for (found, expected) in found.iter().zip(&expected) {
                let error = (found - expected).abs();
                assert!(error <= tolerance, "{run} {}: {found} {expected}", parameter.name);
            }
        }
    }
}
