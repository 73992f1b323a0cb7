//! Objectives against their formulas.

use ndarray::{Array2, array};
use simbias_nn::{Decoder, Init, Mode, Network, Pass, Precision, cpu};
use simbias_stats::Seed;
use simbias_train::{
    Batch, BatchTarget, DeviceBatch, FitConfig, FixedBatches, Generated, Hooks, LabelSmoothing,
    Loss, NextToken, NoWatch, Objective, Optimizer, Plain, Schedule, SoftTargets, TargetKind,
    TrainError, TrainState, evaluate, fit,
};

use crate::{config, small_fcn, two_classes};

fn losses(network: &Network, objective: &dyn Objective, batch: &Batch) -> Vec<f64> {
    let on_device = DeviceBatch::new(batch, network);
    let mut pass = Pass::new(Mode::Eval);
    let found = objective.row_losses(network, &network.values(), &on_device, &mut pass);
    found.losses.to_data().iter::<f64>().collect()
}

/// Log-probabilities of every row, in double precision.
fn log_softmax(network: &Network, rows: &Array2<f32>) -> Vec<Vec<f64>> {
    let logits: Vec<f64> =
        network.forward(network.upload(rows.view())).to_data().iter::<f64>().collect();
    logits
        .chunks(network.n_outputs())
        .map(|row| {
            let sum = row.iter().map(|logit| logit.exp()).sum::<f64>().ln();
            row.iter().map(|logit| logit - sum).collect()
        })
        .collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn soft_targets_and_smoothed_labels_follow_their_formulas() {
    let network = small_fcn(4);
    let rows = two_classes(3, 4, 0).rows;
    let log = log_softmax(&network, &rows);
    let shares = array![[0.2_f32, 0.8], [1.0, 0.0], [0.5, 0.5]];
    let soft = Batch::fresh(rows.clone(), BatchTarget::Shares(shares.clone()));
    let expected: Vec<f64> = (0..3)
        .map(|row| -(0..2).map(|c| f64::from(shares[[row, c]]) * log[row][c]).sum::<f64>())
        .collect();
    assert_close(&losses(&network, &SoftTargets, &soft), &expected);

    let classes = [1_usize, 0, 1];
    let hard =
        Batch::fresh(rows, BatchTarget::Classes(classes.iter().map(|&c| c as u32).collect()));
    let smoothing = 0.1;
    let expected: Vec<f64> = (0..3)
        .map(|row| {
            let mean = -log[row].iter().sum::<f64>() / 2.0;
            -(1.0 - smoothing) * log[row][classes[row]] + smoothing * mean
        })
        .collect();
    assert_close(&losses(&network, &LabelSmoothing { smoothing }, &hard), &expected);
    let plain = losses(&network, &Loss::CrossEntropy, &hard);
    assert_close(&losses(&network, &LabelSmoothing { smoothing: 0.0 }, &hard), &plain);
    // Shares that name one class are that class.
    let one_hot = Array2::from_shape_fn((3, 2), |(row, c)| f32::from(u8::from(classes[row] == c)));
    let named = Batch { target: BatchTarget::Shares(one_hot), ..hard };
    assert_close(&losses(&network, &SoftTargets, &named), &plain);
}

#[test]
fn a_smoothed_loss_still_tells_the_accuracy() {
    let data = two_classes(50, 4, 0);
    let network = small_fcn(4);
    let smoothed = evaluate(&network, &data, 50, LabelSmoothing { smoothing: 0.2 }).unwrap();
    let plain = evaluate(&network, &data, 50, Loss::CrossEntropy).unwrap();
    assert_eq!(smoothed.accuracy, plain.accuracy);
    assert_ne!(smoothed.loss, plain.loss);
}

/// A decoder of 7 tokens over rows of 5.
fn decoder() -> Network {
    Network::new(
        Decoder::small(7, 5, 8, 1, 2),
        Init::default(),
        Precision::F32,
        Seed::new(1),
        &cpu(),
    )
    .unwrap()
}

#[test]
fn next_tokens_are_predicted_at_every_position() {
    let network = decoder();
    let rows = array![[1.0_f32, 2.0, 3.0, 4.0, 5.0], [6.0, 0.0, 6.0, 0.0, 6.0]];
    let batch = Batch::fresh(rows.clone(), BatchTarget::Classes(vec![6, 0]));
    let found = losses(&network, &NextToken, &batch);
    // The last of them is the cross-entropy of the row's own class; the others come before it.
    let last = losses(&network, &Loss::CrossEntropy, &batch);
    let mut repeated = rows;
    repeated.row_mut(0).fill(2.0);
    let constant = Batch::fresh(repeated, BatchTarget::Classes(vec![2, 0]));
    assert!(found.iter().chain(&last).all(|loss| loss.is_finite()));
    assert_ne!(found, last);
    assert_ne!(losses(&network, &NextToken, &constant)[0], found[0]);
    assert_eq!(losses(&network, &NextToken, &constant)[1], found[1]);
}

#[test]
fn rows_of_one_token_are_predicted_too() {
    let network = decoder();
    let batch = Batch::fresh(array![[3.0_f32], [5.0]], BatchTarget::Classes(vec![6, 0]));
    assert_eq!(losses(&network, &NextToken, &batch), losses(&network, &Loss::CrossEntropy, &batch));
}

#[test]
fn rows_that_are_no_tokens_are_refused() {
    let network = decoder();
    for value in [7.0_f32, -1.0, 0.5, f32::NAN] {
        let rows = array![[1.0_f32, 2.0, value, 4.0, 5.0]];
        let batch = Batch::fresh(rows, BatchTarget::Classes(vec![6]));
        let refused = batch.check(&network, TargetKind::Classes { n_classes: 7 });
        let Err(TrainError::Mismatch { what, found, .. }) = refused else { panic!("{value}") };
        assert_eq!(
            (what, found),
            ("tokens of the rows", format!("{value} in row 0 at position 2"))
        );
    }
}

#[test]
fn objectives_refuse_what_they_cannot_use() {
    let (network, decoder) = (small_fcn(4), decoder());
    let classes = |n_classes| TargetKind::Classes { n_classes };
    for (objective, network, target) in [
        (&NextToken as &dyn Objective, &network, classes(2)),
        (&NextToken, &decoder, TargetKind::Values),
        (&NextToken, &decoder, classes(8)),
        (&SoftTargets, &network, classes(2)),
        (&SoftTargets, &network, TargetKind::Shares { n_classes: 3 }),
        (&LabelSmoothing { smoothing: 1.0 }, &network, classes(2)),
        (&LabelSmoothing { smoothing: f64::NAN }, &network, classes(2)),
        (&LabelSmoothing { smoothing: 0.1 }, &network, TargetKind::Values),
        (&LabelSmoothing { smoothing: 0.1 }, &network, classes(3)),
        (&Loss::CrossEntropy, &network, classes(3)),
        (&Loss::CrossEntropy, &network, TargetKind::Shares { n_classes: 2 }),
        (&Loss::SquaredError, &network, TargetKind::Values),
        (&Loss::SquaredError, &network, TargetKind::Positions { n_positions: 2 }),
        (&Loss::Hinge, &decoder, classes(2)),
    ] {
        assert!(objective.check(network, target).is_err(), "{} {target:?}", objective.name());
    }
    for (objective, network, target) in [
        (&NextToken as &dyn Objective, &decoder, classes(7)),
        (&SoftTargets, &network, TargetKind::Shares { n_classes: 2 }),
        (&LabelSmoothing { smoothing: 0.1 }, &network, classes(2)),
        (&Loss::Hinge, &network, classes(2)),
    ] {
        assert!(objective.check(network, target).is_ok(), "{} {target:?}", objective.name());
    }
}

#[test]
fn a_generator_has_fixed_batches_as_its_validation() {
    let target = TargetKind::Shares { n_classes: 2 };
    // The share of the second class is the first column.
    let make = |seed: Seed| {
        use rand::RngExt;
        let mut stream = seed.stream();
        let rows = Array2::from_shape_fn((16, 4), |_| stream.random::<f32>());
        let shares = Array2::from_shape_fn((16, 2), |(row, class)| {
            if class == 1 { rows[[row, 0]] } else { 1.0 - rows[[row, 0]] }
        });
        Batch::fresh(rows, BatchTarget::Shares(shares))
    };
    let held_out = FixedBatches {
        batches: (0..3).map(|index| make(Seed::new(5).child("held out", index))).collect(),
        target,
    };
    let mut batches = Generated::new("shares", target, move |seed, _| Ok(make(seed)));
    let mut state = TrainState::new(small_fcn(4), Seed::new(8));
    let config = FitConfig {
        optimizer: Optimizer::adam(0.0),
        schedule: Schedule::constant(0.01),
        evaluate_every: 100,
        ..config(400)
    };
    let mut watch = NoWatch;
    let hooks = Hooks { validation: Some(&held_out), ..Hooks::new(&mut watch) };
    fit(&mut state, &mut batches, &SoftTargets, &mut Plain, &config, hooks).unwrap();
    let losses: Vec<f64> =
        state.evaluations.iter().map(|evaluation| evaluation.validation.unwrap().loss).collect();
    assert_eq!(losses.len(), 4);
    assert!(losses[3] < losses[0], "{losses:?}");
    assert!(state.evaluations.iter().all(|e| e.validation.unwrap().accuracy.is_none()));
}
