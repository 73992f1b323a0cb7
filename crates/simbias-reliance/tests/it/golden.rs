//! Comparison with vectors made by the official implementation (`harshays/simplicitybiaspitfalls`).
//!
//! Cases and expected values are read from the files; `SIMBIAS_GOLDEN=DIR` runs the tests on `DIR/pitfalls`.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde_json::Value;
use simbias_data::Scorer;
use simbias_data::transform::{LinearTransform, Transform};
use simbias_golden::{Set, Tensors};
use simbias_reliance::metric::{Metric, Predictions, Truth, cross_entropy};
use simbias_reliance::{Activation, DenseNetwork, Randomizer, Side, threshold_errors};

/// Tolerances of the golden README.
const SCORES: f64 = 5e-5;
const METRICS_FROM_OWN_SCORES: f64 = 1e-4;
const METRICS_FROM_STORED_SCORES: f64 = 1e-9;
const CROSS_ENTROPY: f64 = 1e-4;
/// "accuracies exact except rows with |score| < 1e-4".
const UNDECIDED_SCORE: f64 = 1e-4;
/// Accuracies are stored in single precision.
const SINGLE_PRECISION: f64 = 1e-7;

const GOLDEN: Set = simbias_golden::set!("pitfalls");

/// The stored model, rows and donor maps.
struct Fixture {
    tensors: Tensors,
    expected: Value,
}

impl Fixture {
    fn open() -> Self {
        Self {
            tensors: GOLDEN.tensors("randomized_metrics.safetensors"),
            expected: GOLDEN.json("randomized_metrics.json"),
        }
    }

    fn donors(&self, name: &str) -> Vec<u32> {
        self.tensors.indices(name)
    }

    fn rows(&self) -> Array2<f32> {
        self.tensors.matrix("x").mapv(|value| value as f32)
    }

    fn truth(&self) -> Truth {
        Truth::Binary(self.tensors.vector("y").iter().map(|&label| label == 1.0).collect())
    }

    fn model(&self) -> DenseNetwork {
        let (mut weights, mut biases) = (BTreeMap::new(), BTreeMap::new());
        for name in self.tensors.names().into_iter().filter(|name| name.starts_with("model.")) {
            let values = self.tensors.array(&name).mapv(|value| value as f32);
            if values.ndim() == 2 {
                weights.insert(name, values.into_dimensionality().unwrap());
            } else {
                biases.insert(name, values.into_dimensionality().unwrap());
            }
        }
        DenseNetwork::from_named(&weights, &biases, Activation::Relu).unwrap()
    }
}

/// A scorer that hides its first layer, so that rows are gathered and transformed back.
struct Opaque<'a>(&'a DenseNetwork);

impl Scorer for Opaque<'_> {
    fn n_outputs(&self) -> usize {
        self.0.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, simbias_data::ScorerError> {
        self.0.score(rows)
    }
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no number {key:?} in {value}"))
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected}");
}

#[track_caller]
fn check_metrics(scores: &[f64], truth: &Truth, expected: &Value, tolerance: f64, what: &str) {
    let predictions = Predictions::Binary { scores: scores.to_vec(), threshold: 0.0 };
    let value = |metric: Metric| metric.evaluate(&predictions, truth).unwrap().value;
    assert_near(value(Metric::Auc), number(expected, "roc_auc"), tolerance, what);
    assert_near(value(Metric::Ap), number(expected, "avg_precision"), tolerance, what);
    let undecided = scores.iter().filter(|score| score.abs() < UNDECIDED_SCORE).count() as f64;
    let allowed = undecided / scores.len() as f64 + SINGLE_PRECISION;
    assert_near(value(Metric::Accuracy), number(expected, "accuracy"), allowed, what);
    let loss = cross_entropy(&predictions, truth).unwrap();
    assert_near(loss, number(expected, "ce_loss"), CROSS_ENTROPY, what);
}

fn columns(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|index| index.as_u64().unwrap() as u32).collect()
}

/// Runs `check` for the two arithmetic paths.
fn on_both_paths(fixture: &Fixture, check: impl Fn(&Randomizer<'_>, &str)) {
    let model = fixture.model();
    let opaque = Opaque(&model);
    let rows = fixture.rows();
    // z = x · wᵀ undoes the generator's x = z · w.
    let transform = LinearTransform::new(fixture.tensors.matrix("w").view()).unwrap();
    let by_layer = Randomizer::new(&model, rows.view(), &transform as &dyn Transform, 64);
    check(&by_layer, "first layer split");
    check(&Randomizer::new(&opaque, rows.view(), &transform, 64), "rows gathered");
}

fn difference_of_logits(scores: &Array2<f32>) -> Vec<f64> {
    scores.rows().into_iter().map(|row| f64::from(row[1]) - f64::from(row[0])).collect()
}

#[test]
fn stored_scores_give_the_stored_metrics() {
    let fixture = Fixture::open();
    let truth = fixture.truth();
    let mut n_checked = 0;
    for name in fixture.tensors.names() {
        let Some(condition) = name.strip_prefix("score.") else { continue };
        let scores = fixture.tensors.values(&name);
        check_metrics(
            &scores,
            &truth,
            &fixture.expected[condition],
            METRICS_FROM_STORED_SCORES,
            condition,
        );
        n_checked += 1;
    }
    assert!(n_checked > 0, "no stored scores found");
}

#[test]
fn randomized_scores_and_metrics_are_those_of_the_official_code() {
    let fixture = Fixture::open();
    let truth = fixture.truth();
    let conditions = fixture.expected.as_object().unwrap();
    on_both_paths(&fixture, |randomizer, path| {
        let mut n_checked = 0;
        for (condition, expected) in conditions {
            let Some(block_name) = condition.strip_prefix("rand_") else { continue };
            let block = columns(&expected["block"]);
            let prepared = randomizer.prepare(&block);
            let what = format!("{condition}, {path}");
            let scores =
                randomizer.score(&prepared, &fixture.donors("donor"), Side::Block).unwrap();
            let scores = difference_of_logits(&scores);
            let stored = fixture.tensors.values(&format!("score.{condition}"));
            assert!(!scores.is_empty() && scores.len() == stored.len(), "{what}");
            for (found, expected) in scores.iter().zip(&stored) {
                assert_near(*found, *expected, SCORES, &what);
            }
            check_metrics(&scores, &truth, expected, METRICS_FROM_OWN_SCORES, &what);

            let swapped =
                randomizer.score(&prepared, &fixture.donors("swap_donor"), Side::Block).unwrap();
            let expected = &fixture.expected[format!("swap_{block_name}")];
            let swapped = difference_of_logits(&swapped);
            check_metrics(&swapped, &truth, expected, METRICS_FROM_OWN_SCORES, &what);
            n_checked += 1;
        }
        assert!(n_checked > 0, "no randomized condition found");
    });
}

/// The complement of a block under one map is the block of the others: checked against every stored pair of
/// complementary blocks.
#[test]
fn complement_runs_agree_with_the_complementary_block() {
    let fixture = Fixture::open();
    let donors = fixture.donors("donor");
    let conditions = fixture.expected.as_object().unwrap();
    on_both_paths(&fixture, |randomizer, path| {
        let n_features = fixture.rows().ncols() as u32;
        let mut n_checked = 0;
        for (condition, expected) in conditions {
            if !condition.starts_with("rand_") {
                continue;
            }
            let block = columns(&expected["block"]);
            let others: Vec<u32> = (0..n_features).filter(|index| !block.contains(index)).collect();
            let score = |columns: &[u32], side: Side| {
                difference_of_logits(
                    &randomizer.score(&randomizer.prepare(columns), &donors, side).unwrap(),
                )
            };
            let (left, right) = (score(&others, Side::Complement), score(&block, Side::Block));
            assert!(!left.is_empty() && left.len() == right.len(), "{condition}, {path}");
            for (left, right) in left.iter().zip(&right) {
                assert_near(*left, *right, SCORES, &format!("{condition}, {path}"));
            }
            n_checked += 1;
        }
        assert!(n_checked > 0, "no randomized condition found");
    });
}

#[test]
fn single_coordinates_are_those_of_the_official_code() {
    let fixture = Fixture::open();
    let truth = fixture.truth();
    let expected = fixture.expected["per_coordinate"].as_array().unwrap();
    assert_eq!(expected.len(), fixture.rows().ncols(), "not every coordinate has its case");
    assert!(!expected.is_empty(), "no coordinate found");
    on_both_paths(&fixture, |randomizer, path| {
        for (coordinate, expected) in expected.iter().enumerate() {
            let prepared = randomizer.prepare(&[coordinate as u32]);
            let scores =
                randomizer.score(&prepared, &fixture.donors("donor"), Side::Block).unwrap();
            check_metrics(
                &difference_of_logits(&scores),
                &truth,
                expected,
                METRICS_FROM_OWN_SCORES,
                &format!("coordinate {coordinate}, {path}"),
            );
        }
    });
}

/// Mean accuracy over cyclic donor maps is the exact mean over all pairs of rows.
#[test]
fn all_pairs_accuracy_is_exact() {
    let fixture = Fixture::open();
    let truth = fixture.truth();
    let n_rows = fixture.rows().nrows();
    assert!(n_rows > 0, "no rows found");
    on_both_paths(&fixture, |randomizer, path| {
        if path == "rows gathered" {
            return;
        }
        let mut n_checked = 0;
        for (condition, expected) in fixture.expected.as_object().unwrap() {
            if expected.get("accuracy_all_pairs").is_none() {
                continue;
            }
            let prepared = randomizer.prepare(&columns(&expected["block"]));
            let (mut total, mut undecided) = (0.0, 0.0);
            for shift in 0..n_rows {
                let donors: Vec<u32> =
                    (0..n_rows).map(|row| ((row + shift) % n_rows) as u32).collect();
                let scores = randomizer.score(&prepared, &donors, Side::Block).unwrap();
                let scores = difference_of_logits(&scores);
                undecided +=
                    scores.iter().filter(|score| score.abs() < UNDECIDED_SCORE).count() as f64;
                let predictions = Predictions::Binary { scores, threshold: 0.0 };
                total += Metric::Accuracy.evaluate(&predictions, &truth).unwrap().value;
            }
            let allowed = undecided / (n_rows * n_rows) as f64 + SINGLE_PRECISION;
            let expected = number(expected, "accuracy_all_pairs");
            assert_near(total / n_rows as f64, expected, allowed, condition);
            n_checked += 1;
        }
        assert!(n_checked > 0, "no condition has an accuracy over all pairs");
    });
}

#[test]
fn threshold_rules_need_the_stored_numbers_of_pieces() {
    let cases: Vec<Value> = GOLDEN.json("pieces.json");
    assert!(!cases.is_empty(), "no case found");
    for case in &cases {
        let list = |key: &str| case[key].as_array().unwrap();
        let values: Vec<f64> = list("x").iter().map(|x| x.as_f64().unwrap()).collect();
        let classes: Vec<u32> = list("y").iter().map(|y| y.as_u64().unwrap() as u32).collect();
        let expected: Vec<usize> = list("min_errors_by_thresholds")
            .iter()
            .map(|errors| errors.as_u64().unwrap() as usize)
            .collect();
        assert!(!values.is_empty() && !expected.is_empty(), "{}", case["name"]);
        let found = threshold_errors(&values, &classes, expected.len() - 1);
        assert_eq!(found.least_errors, expected, "{}", case["name"]);
        let zero = case["min_thresholds_zero_error"].as_u64().map(|t| t as usize);
        assert_eq!(found.zero_error_thresholds, zero, "{}", case["name"]);
    }
}
