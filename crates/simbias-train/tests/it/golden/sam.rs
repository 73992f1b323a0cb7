//! The family of SAM against the implementations in circulation (golden/useful/README.md).

use ndarray::{Array3, Axis, Ix2, Ix3};
use simbias_nn::layer::{Activate, BatchNorm, Linear, Stack};
use simbias_nn::{
    Activation, Architecture, Builder, Describe, Init, InputShape, Mode, Network, OutputShape,
    Pass, Precision, Tensor, TensorData, cpu,
};
use simbias_stats::Seed;
use simbias_train::{
    Ascent, DeviceBatch, DeviceTarget, Loss, MicroBatches, Optimizer, OptimizerState, Plain, Sam,
    StepRule,
};

const GOLDEN: simbias_golden::Set = simbias_golden::set!("useful");
const STEPS: &str = "sam_steps.safetensors";
const NORMALISED: &str = "sam_bn.safetensors";

/// From the README of the set, like the optimiser: base SGD with rate 0.1, momentum 0.9, weight decay 5e-4.
const F64_ABSOLUTE: f64 = 1e-12;
const F32_ABSOLUTE: f64 = 2e-6;
const RATE: f64 = 0.1;

fn optimizer() -> Optimizer {
    Optimizer::momentum(0.9, 5e-4)
}

/// Linear → \[batch normalisation\] → tanh → linear, under the names of the set.
#[derive(Clone, Debug, PartialEq)]
struct GoldenMlp {
    sizes: [usize; 3],
    batch_norm: bool,
}

impl Describe for GoldenMlp {
    fn input(&self) -> InputShape {
        InputShape::Rows { n: self.sizes[0] }
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.sizes[2] }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        Vec::new()
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let [d_input, width, n_outputs] = self.sizes;
        let mut stack = Stack::root();
        stack.add("l1", |name| Linear::new(name, d_input, width, builder));
        if self.batch_norm {
            stack.add("bn", |name| BatchNorm::new(name, width, builder));
        }
        stack.then(Activate::new("", Activation::Tanh, builder));
        stack.add("l2", |name| Linear::new(name, width, n_outputs, builder));
        stack
    }
}

/// The rule behind a name of the set, whose numbers are part of it: `sam_rho0.05`.
fn rule_of(variant: &str) -> Box<dyn StepRule> {
    let number = |key: &str| -> f64 {
        let after = variant.split(key).nth(1).unwrap_or_else(|| panic!("{variant} names no {key}"));
        after.split('_').next().unwrap().parse().unwrap()
    };
    let kind = variant.split("_rho").next().unwrap();
    match kind {
        "sgd" => Box::new(Plain),
        "sam" => Box::new(Sam::new(number("rho"))),
        "usam" => Box::new(Sam::around(Ascent::Unnormalised { radius: number("rho") }, Plain)),
        "asam_elementwise_all" => {
            Box::new(Sam::around(Ascent::Elementwise { radius: number("rho") }, Plain))
        }
        "asam_weightonly" => {
            let ascent = Ascent::Weights { radius: number("rho"), eta: number("eta") };
            Box::new(Sam::around(ascent, Plain))
        }
        "gsam" => Box::new(Sam::new(number("rho")).with_gap(number("alpha"))),
        msam if msam.starts_with("msam_m") => {
            let rows = msam["msam_m".len()..].parse().unwrap();
            Box::new(MicroBatches { rows, rule: Sam::new(number("rho")) })
        }
        other => panic!("the README names no variant {other:?}"),
    }
}

fn upload(values: Vec<f64>, precision: Precision) -> Tensor<1> {
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), (&cpu(), precision.dtype()))
}

fn batch(x: Vec<f64>, n_columns: usize, y: &[f64], precision: Precision) -> DeviceBatch {
    let classes: Vec<i64> = y.iter().map(|&label| label as i64).collect();
    let shape = [y.len(), n_columns];
    DeviceBatch {
        indices: [].into(),
        input: Tensor::<2>::from_data(TensorData::new(x, shape), (&cpu(), precision.dtype()))
            .into(),
        target: DeviceTarget::Classes(Tensor::from_data(
            TensorData::new(classes, [y.len()]),
            &cpu(),
        )),
        weights: None,
    }
}

/// One step of base SGD under a rule; returns the loss before it.
fn step(
    network: &mut Network,
    state: &mut OptimizerState,
    rule: &mut dyn StepRule,
    batch: &DeviceBatch,
) -> f64 {
    let values = network.values();
    let found = rule.gradients(network, &values, &Loss::CrossEntropy, batch, Seed::new(0)).unwrap();
    drop(values);
    let rates = vec![RATE; network.parameters().len()];
    optimizer().step(state, network, found.values, &rates);
    for (index, statistic) in found.statistics {
        network.set_value(index, statistic);
    }
    found.loss.to_data().iter::<f64>().next().unwrap()
}

#[track_caller]
fn assert_parameter(network: &Network, name: &str, expected: &[f64], tolerance: f64, about: &str) {
    let parameter = network.parameters().iter().find(|parameter| parameter.name == name).unwrap();
    let found: Vec<f64> = parameter.value.to_data().iter::<f64>().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{about} {name}: {found} {expected}");
    }
}

/// What the set says of a parameter after `step` steps.
fn golden(file: &str, run: &str, name: &str, step: usize) -> Vec<f64> {
    let array = GOLDEN.tensors(file).array(&format!("{run}.{name}"));
    array.index_axis(Axis(0), step).iter().copied().collect()
}

fn check_trajectories(precision: Precision, tolerance: f64) {
    let tensors = GOLDEN.tensors(STEPS);
    let (x, y) = (tensors.matrix("x"), tensors.values("y"));
    let variants = tensors.prefixes(".l1.weight");
    let variants: Vec<&String> =
        variants.iter().filter(|variant| !variant.ends_with(".eps_step1")).collect();
    assert!(!variants.is_empty());
    for variant in variants {
        let first = tensors.array(&format!("{variant}.l1.weight"));
        let first = first.into_dimensionality::<Ix3>().unwrap();
        let n_outputs = tensors.array(&format!("{variant}.l2.bias")).shape()[1];
        let (n_steps, width, d_input) = first.dim();
        let mlp = GoldenMlp { sizes: [d_input, width, n_outputs], batch_norm: false };
        let mut network =
            Network::new(Architecture::from(mlp), Init::default(), precision, Seed::new(0), &cpu())
                .unwrap();
        let names: Vec<String> =
            network.parameters().iter().map(|parameter| parameter.name.clone()).collect();
        let start = names.iter().map(|name| upload(golden(STEPS, variant, name, 0), precision));
        let start = start.collect();
        network.set_values(start);
        let batch = batch(x.iter().copied().collect(), d_input, &y, precision);
        let mut state = OptimizerState::new(&network);
        let mut rule = rule_of(variant);
        for at in 1..n_steps {
            let loss = step(&mut network, &mut state, &mut *rule, &batch);
            if tensors.contains(&format!("{variant}.loss_w")) {
                let expected = tensors.values(&format!("{variant}.loss_w"))[at - 1];
                assert!((loss - expected).abs() <= tolerance, "{variant} step {at}: {loss}");
            }
            for name in &names {
                let expected = golden(STEPS, variant, name, at);
                assert_parameter(&network, name, &expected, tolerance, variant);
            }
        }
    }
}

#[test]
fn trajectories_in_double_precision() {
    check_trajectories(Precision::F64, F64_ABSOLUTE);
}

#[test]
fn trajectories_in_single_precision() {
    check_trajectories(Precision::F32, F32_ABSOLUTE);
}

/// The running statistics take the first pass only; taking both is the common error, which the set holds too.
#[test]
fn batch_normalisation_is_updated_once() {
    let tensors = GOLDEN.tensors(NORMALISED);
    let x: Array3<f64> = tensors.array("x").into_dimensionality().unwrap();
    let y = tensors.array("y").into_dimensionality::<Ix2>().unwrap();
    let (right, wrong) = ("bypass", "wrong_double_update");
    let width = tensors.array(&format!("{right}.bn.bias")).shape()[1];
    let n_outputs = tensors.array(&format!("{right}.l2.bias")).shape()[1];
    let d_input = x.dim().2;
    let mlp = GoldenMlp { sizes: [d_input, width, n_outputs], batch_norm: true };
    let precision = Precision::F64;
    let mut network =
        Network::new(Architecture::from(mlp), Init::default(), precision, Seed::new(0), &cpu())
            .unwrap();
    let names: Vec<String> =
        network.parameters().iter().map(|parameter| parameter.name.clone()).collect();
    let key = |name: &str| {
        name.strip_prefix("bn.running").map_or(name.to_string(), |rest| format!("running{rest}"))
    };
    let start =
        names.iter().map(|name| upload(golden(NORMALISED, right, &key(name), 0), precision));
    let start = start.collect();
    network.set_values(start);
    let mut state = OptimizerState::new(&network);
    // The README gives the radius.
    let mut rule = Sam::new(0.1);
    for at in 0..x.dim().0 {
        let rows: Vec<f64> = x.index_axis(Axis(0), at).iter().copied().collect();
        let labels: Vec<f64> = y.row(at).to_vec();
        let batch = batch(rows, d_input, &labels, precision);
        step(&mut network, &mut state, &mut rule, &batch);
        for name in &names {
            let expected = golden(NORMALISED, right, &key(name), at + 1);
            assert_parameter(&network, name, &expected, F64_ABSOLUTE, right);
            let other = golden(NORMALISED, wrong, &key(name), at + 1);
            let differs = expected.iter().zip(&other).any(|(a, b)| (a - b).abs() > F64_ABSOLUTE);
            assert_eq!(differs, name.contains("running"), "{name}: what the error spoils");
        }
    }
    let rows: Vec<f64> = x.index_axis(Axis(0), 0).iter().copied().collect();
    let labels: Vec<f64> = y.row(0).to_vec();
    let input = batch(rows, d_input, &labels, precision).input;
    let mut pass = Pass::new(Mode::Eval);
    let output = network.forward_with(&network.values(), input, &mut pass);
    let found: Vec<f64> = output.rows().to_data().iter::<f64>().collect();
    let expected = tensors.values(&format!("{right}.eval_logits_batch0"));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= F64_ABSOLUTE, "{found} {expected}");
    }
}
