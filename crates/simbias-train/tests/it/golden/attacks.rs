//! Projected ascent and universal perturbations against the official code, which ran them in this order of
//! rows from a start at zero. Sets and tolerances: `attacks.*` in the README of the golden data.

use std::path::PathBuf;

use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use simbias_data::Scorer;
use simbias_report::Silent;
use simbias_stats::Seed;
use simbias_train::attack::{
    BatchOrder, Bounds, GRADIENT_FLOOR, Norm, Pgd, Signing, Universal, pgd, robust_accuracy,
    universal,
};

use crate::models::ReluMlp;

/// L2: largest gap of an entry (README, "1e-4 per entry").
const L2_ENTRY: f32 = 1e-4;
/// L∞: share of entries that may differ, as tiny gradients flip their sign (README, "1 % of entries").
const LINF_SHARE: f64 = 0.01;
/// Largest gap of the accuracy under attack (README, "±0.005 accuracy").
const ACCURACY: f64 = 0.005;

/// One attack as `attacks.json` describes it.
#[derive(Deserialize)]
struct Case {
    acc: f64,
    eps: f64,
    lr: f64,
    iters: usize,
    /// Only universal perturbations have epochs.
    epochs: Option<usize>,
    bounds: [f32; 2],
    batch: usize,
}

impl Case {
    fn bounds(&self) -> Option<Bounds> {
        let [low, high] = self.bounds;
        Some(Bounds { low, high })
    }

    fn pgd(&self, norm: Norm) -> Pgd {
        Pgd {
            bounds: self.bounds(),
            // The official gradient is that of the batch's mean.
            gradient_floor: GRADIENT_FLOOR * self.batch as f64,
            ..Pgd::new(norm, self.eps, self.lr, self.iters)
        }
    }

    fn universal(&self, norm: Norm, epochs: usize) -> Universal {
        Universal {
            norm,
            radius: self.eps,
            step: self.lr,
            inner_steps: self.iters,
            epochs,
            batch_rows: self.batch,
            order: BatchOrder::AsGiven,
            signing: Signing::LabelSigned,
            bounds: self.bounds(),
        }
    }
}

#[test]
fn perturbations_match_the_official_ones() {
    let (model, rows, labels) = model_and_rows();
    let expected = Tensors::open("attacks.safetensors");
    let cases = cases();
    assert!(!cases.is_empty(), "attacks.json holds no case");
    for (name, case) in cases {
        let norm = norm_of(&name);
        let delta = expected.array(&format!("{name}.delta"));
        match case.epochs {
            None => {
                let delta = delta.into_dimensionality::<Ix2>().unwrap();
                let config = case.pgd(norm);
                let seed = Seed::new(0);
                let found = pgd(&model, rows.view(), &labels, &config, seed, case.batch, &Silent)
                    .unwrap()
                    .delta;
                assert!(delta.nrows() > 0 && delta.nrows() <= found.nrows(), "{name}");
                compare(&name, norm, found.iter().zip(&delta));
                let accuracy = robust_accuracy(
                    &model,
                    &model,
                    rows.view(),
                    &labels,
                    &config,
                    seed,
                    case.batch,
                    &Silent,
                )
                .unwrap()
                .attacked
                .accuracy;
                assert_accuracy(&name, accuracy, case.acc);
            }
            Some(epochs) => {
                let delta = delta.into_dimensionality::<Ix1>().unwrap();
                let config = case.universal(norm, epochs);
                let found = universal(&model, rows.view(), &labels, &config, Seed::new(0), &Silent)
                    .unwrap();
                assert_eq!(found.delta.len(), delta.len(), "{name}");
                compare(&name, norm, found.delta.iter().zip(&delta));
                let score = found.score(&model, rows.view(), &labels).unwrap();
                assert_accuracy(&name, score.accuracy, case.acc);
            }
        }
    }
}

#[track_caller]
fn compare<'a>(name: &str, norm: Norm, pairs: impl Iterator<Item = (&'a f32, &'a f32)>) {
    let gaps: Vec<f32> = pairs.map(|(found, expected)| (found - expected).abs()).collect();
    let n_apart = gaps.iter().filter(|gap| gap.is_nan() || L2_ENTRY < **gap).count();
    let allowed = match norm {
        Norm::L2 => 0,
        Norm::Linf => (LINF_SHARE * gaps.len() as f64).floor() as usize,
    };
    let largest = gaps.iter().copied().fold(0.0, f32::max);
    assert!(
        n_apart <= allowed,
        "{name}: {n_apart} of {} entries differ, {allowed} may; largest gap {largest}",
        gaps.len()
    );
}

#[track_caller]
fn assert_accuracy(name: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() <= ACCURACY, "{name}: accuracy {found}, expected {expected}");
}

fn norm_of(name: &str) -> Norm {
    match name.split('_').next() {
        Some("l2") => Norm::L2,
        Some("linf") => Norm::Linf,
        _ => panic!("case {name:?} does not begin with its norm"),
    }
}

fn cases() -> Vec<(String, Case)> {
    let cases: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&read("attacks.json")).unwrap();
    cases.into_iter().map(|(name, case)| (name, serde_json::from_value(case).unwrap())).collect()
}

/// The network, rows and labels of `randomized_metrics.safetensors`; layers in the order of their numbers.
fn model_and_rows() -> (ReluMlp, Array2<f32>, Vec<u32>) {
    let file = Tensors::open("randomized_metrics.safetensors");
    let mut numbers: Vec<usize> = file
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix("model.")?.strip_suffix(".weight")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let layers = numbers
        .iter()
        .map(|number| {
            let weight = file.array(&format!("model.{number}.weight"));
            let bias: Array1<f32> =
                file.array(&format!("model.{number}.bias")).into_dimensionality().unwrap();
            (weight.into_dimensionality().unwrap(), bias)
        })
        .collect();
    let rows = file.array("x").into_dimensionality().unwrap();
    let labels = file.array("y").iter().map(|&label| label as u32).collect();
    let model = ReluMlp { layers };
    assert!(model.n_outputs() >= 2);
    (model, rows, labels)
}

/// A safetensors file in memory.
struct Tensors(Vec<u8>);

impl Tensors {
    fn open(name: &str) -> Self {
        Self(read(name))
    }

    fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.names().into_iter().map(ToString::to_string).collect()
    }

    fn array(&self, name: &str) -> ArrayD<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = tensor.data();
        let values: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Dtype::I64 => {
                bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f32).collect()
            }
            other => panic!("{name}: unexpected type {other:?}"),
        };
        ArrayD::from_shape_vec(tensor.shape(), values).unwrap()
    }
}

/// A file of `$SIMBIAS_GOLDEN/pitfalls` if that is set, else the copy in this repository.
fn read(name: &str) -> Vec<u8> {
    let root = match std::env::var_os("SIMBIAS_GOLDEN") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    };
    let path = root.join("pitfalls").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
