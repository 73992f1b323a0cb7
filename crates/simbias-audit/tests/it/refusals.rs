//! Data that no audit can use, and data that it can use in part.

use ndarray::s;
use simbias_audit::{AuditInput, AuditOutcome, Remedy, Subject, audit};
use simbias_data::{Dataset, Target};
use simbias_reliance::Metric;
use simbias_report::Silent;

use crate::{options, run, slabs};

fn message(input: &AuditInput) -> String {
    match audit(input, Subject::Train, &options(&Remedy::DEFAULT), &Silent, None) {
        Ok(_) => panic!("such data should be refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn one_class_has_no_auc() {
    let all_of_one = |data: &mut Dataset| {
        let Target::Classes(labels) = &mut data.target else { panic!("classes") };
        labels.indices.fill(1);
    };
    for part in ["training", "validation", "test"] {
        let mut input = slabs(3);
        all_of_one(match part {
            "training" => &mut input.split.train.0,
            "validation" => &mut input.split.validation.0,
            _ => &mut input.split.test.0,
        });
        let message = message(&input);
        assert!(message.contains(&format!("{part} part are of class \"1\"")), "{message}");
        assert!(message.contains("AUC undefined"), "{message}");
    }
}

#[test]
fn one_row_is_too_few() {
    let mut input = slabs(3);
    input.split.test.0 = input.split.test.0.select(&[0]);
    let message = message(&input);
    assert!(message.contains("the test part has 1 row(s), at least 2"), "{message}");
}

#[test]
fn a_value_that_is_not_finite_is_named_before_training() {
    let mut input = slabs(3);
    input.split.train.0.rows[[7, 1]] = f32::NAN;
    let message = message(&input);
    assert!(message.contains("row 8, column \"slab3_1\": the value is NaN"), "{message}");
}

#[test]
fn numbers_are_audited_without_attacks_and_conflicts() {
    let mut input = slabs(3);
    let to_numbers = |data: &mut Dataset| {
        let values = data.rows.slice(s![.., 0]).iter().map(|&x| f64::from(2.0 * x)).collect();
        data.target = Target::Values(values);
    };
    to_numbers(&mut input.split.train.0);
    to_numbers(&mut input.split.validation.0);
    to_numbers(&mut input.split.test.0);
    let mut options = options(&[Remedy::GroupDro, Remedy::RotatingPermutation]);
    options.simplicity.solo_steps = 0;
    let outcome: AuditOutcome = run(&input, &options);
    assert_eq!(outcome.base.outcome.metric, Metric::R2);
    assert!(outcome.base.outcome.standard.metric.value > 0.95);
    assert!(outcome.base.outcome.block("slab").unwrap().necessity.as_ref().unwrap().value < 0.02);
    assert!(outcome.robustness.is_none());
    assert_eq!(outcome.remedies.len(), 1);
    let notes = outcome.notes.join(" ");
    assert!(notes.contains("group-DRO on cue-conflict groups was left out"), "{notes}");
}
