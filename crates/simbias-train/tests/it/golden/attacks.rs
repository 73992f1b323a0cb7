//! Projected ascent and universal perturbations against the official code, which ran them in this order of
//! rows from a start at zero. Sets and tolerances: `attacks.*` in the README of the golden data.

use ndarray::{Array2, Ix1, Ix2};
use serde::Deserialize;
use simbias_data::Scorer;
use simbias_report::Silent;
use simbias_stats::Seed;
use simbias_train::attack::{
    BatchOrder, Bounds, GRADIENT_FLOOR, Norm, Pgd, Signing, Universal, pgd, robust_accuracy,
    universal,
};

use super::GOLDEN;
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
    let expected = GOLDEN.tensors("attacks.safetensors");
    let cases = cases();
    assert!(!cases.is_empty(), "attacks.json holds no case");
    for (name, case) in cases {
        let norm = norm_of(&name);
        let delta = expected.array(&format!("{name}.delta")).mapv(|value| value as f32);
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
    let cases: serde_json::Map<String, serde_json::Value> = GOLDEN.json("attacks.json");
    cases.into_iter().map(|(name, case)| (name, serde_json::from_value(case).unwrap())).collect()
}

/// The network, rows and labels of `randomized_metrics.safetensors`; layers in the order of their numbers.
fn model_and_rows() -> (ReluMlp, Array2<f32>, Vec<u32>) {
    let file = GOLDEN.tensors("randomized_metrics.safetensors");
    let mut numbers: Vec<usize> = file
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix("model.")?.strip_suffix(".weight")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let single = |value: f64| value as f32;
    let layers = numbers
        .iter()
        .map(|number| {
            let weight = file.matrix(&format!("model.{number}.weight")).mapv(single);
            (weight, file.vector(&format!("model.{number}.bias")).mapv(single))
        })
        .collect();
    let rows = file.matrix("x").mapv(single);
    let labels = file.indices("y");
    let model = ReluMlp { layers };
    assert!(model.n_outputs() >= 2);
    (model, rows, labels)
}
