//! Histories against the formulas of example forgetting and dataset cartography.

use ndarray::{Array2, ArrayView2, Axis, Ix3};
use simbias_data::RowSource;
use simbias_dynamics::history::{ExampleHistory, History, history};
use simbias_report::Silent;

const GOLDEN: simbias_golden::Set = simbias_golden::set!("useful");
const FILE: &str = "dynamics.safetensors";

/// From the README of the set; counts are exact.
const ABSOLUTE: f64 = 1e-6;
/// What dataset cartography counts for an example that is never learned, as the README says.
const CARTOGRAPHY_NEVER: usize = 1000;

fn epochs() -> Vec<Array2<f32>> {
    let logits = GOLDEN.tensors(FILE).array("logits").into_dimensionality::<Ix3>().unwrap();
    logits.axis_iter(Axis(0)).map(|epoch| epoch.mapv(|value| value as f32)).collect()
}

fn found() -> History {
    history_of(&epochs())
}

fn history_of(epochs: &[Array2<f32>]) -> History {
    let views: Vec<ArrayView2<'_, f32>> = epochs.iter().map(|epoch| epoch.view()).collect();
    let sources: Vec<&dyn RowSource> = views.iter().map(|view| view as &dyn RowSource).collect();
    history(&sources, &GOLDEN.tensors(FILE).indices("labels"), &Silent).unwrap()
}

/// Compares one number of every example with the tensor `name`; NaN stands for an absent number.
#[track_caller]
fn check(name: &str, most: f64, number: impl Fn(&ExampleHistory) -> Option<f64>) {
    let expected = GOLDEN.tensors(FILE).values(name);
    let found = found();
    assert_eq!(found.examples.len(), expected.len());
    for (row, (example, expected)) in found.examples.iter().zip(expected).enumerate() {
        match number(example) {
            Some(found) => {
                assert!((found - expected).abs() <= most, "{name} {row}: {found}, {expected}");
            }
            None => assert!(expected.is_nan(), "{name} {row}: {expected}"),
        }
    }
}

#[test]
fn forgetting_and_learning() {
    let n_epochs = found().n_epochs;
    check("forgetting_events", 0.0, |example| Some(example.forgetting_events as f64));
    check("first_learned", 0.0, |example| example.first_learned.map(|epoch| epoch as f64));
    check("iteration_learned", 0.0, |example| Some(example.learned_for_good as f64));
    check("sort_score", 0.0, |example| Some(example.forgetting_score(n_epochs) as f64));
    check("cartography_forgetfulness", 0.0, |example| {
        Some(example.forgetting_score(CARTOGRAPHY_NEVER) as f64)
    });
    check("correctness", 0.0, |example| Some(example.n_correct as f64));
}

#[test]
fn cartography() {
    check("confidence", ABSOLUTE, |example| Some(example.confidence));
    check("variability", ABSOLUTE, |example| Some(example.variability));
}

#[test]
fn errors_of_epochs() {
    let correct = GOLDEN.tensors(FILE).matrix("correct");
    for (epoch, error) in found().errors.iter().enumerate() {
        let expected = 1.0 - correct.row(epoch).mean().unwrap();
        assert!((error - expected).abs() <= ABSOLUTE, "epoch {epoch}: {error}, {expected}");
    }
}

#[test]
fn the_errors_of_one_epoch() {
    for name in GOLDEN.tensors(FILE).names() {
        let Some(epoch) = name.strip_prefix("jtt_error_set_epoch") else { continue };
        let epoch: usize = epoch.parse().unwrap();
        let expected = GOLDEN.tensors(FILE).values(&name);
        let found = history_of(&epochs()[epoch..=epoch]);
        for (example, expected) in found.examples.iter().zip(expected) {
            assert_eq!(example.is_never_learned(), expected == 1.0);
        }
    }
}
