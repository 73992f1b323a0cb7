//! Step rules and how they compose.

use simbias_nn::{Mode, Tensor};
use simbias_stats::Seed;
use simbias_train::{
    Ascent, Batch, BatchTarget, Clipped, DeviceBatch, Gradients, Hooks, Loss, MicroBatches,
    NoWatch, Normalised, Objective, Optimizer, Plain, Sam, Schedule, ShuffledEpochs, StepRule,
    TrainError, TrainState, fit,
};

use crate::{config, small_fcn, two_classes, weights};

/// Weights after ten steps under a rule.
fn trained(rule: &mut dyn StepRule) -> Vec<f64> {
    let (data, config) = (two_classes(64, 4, 0), config(10));
    let mut state = TrainState::new(small_fcn(4), Seed::new(8));
    let (mut batches, mut watch) = (ShuffledEpochs::new(&data, config.batch_size), NoWatch);
    let hooks = Hooks::new(&mut watch);
    fit(&mut state, &mut batches, &config.loss, rule, &config, hooks).unwrap();
    weights(&state.network)
}

/// A batch of 10 rows with different weights.
fn batch(network: &simbias_nn::Network) -> DeviceBatch {
    let data = two_classes(10, 4, 0);
    let classes = data.class_labels().unwrap().indices.clone();
    let batch = Batch {
        weights: Some((0..10).map(|row| row as f32 / 5.0).collect()),
        ..Batch::fresh(data.rows, BatchTarget::Classes(classes))
    };
    DeviceBatch::new(&batch, network)
}

fn host(values: &[Option<Tensor<1>>]) -> Vec<f64> {
    values.iter().flatten().flat_map(|g| g.to_data().iter::<f64>().collect::<Vec<_>>()).collect()
}

fn gradients(rule: &mut dyn StepRule) -> (f64, Vec<f64>, Vec<f64>) {
    let network = small_fcn(4);
    let batch = batch(&network);
    let found = rule
        .gradients(&network, &network.values(), &Loss::CrossEntropy, &batch, Seed::new(2))
        .unwrap();
    let losses =
        found.rows.iter().flat_map(|part| part.losses.to_data().iter::<f64>().collect::<Vec<_>>());
    let losses = losses.collect();
    (found.loss.to_data().iter::<f64>().next().unwrap(), host(&found.values), losses)
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }
}

#[test]
fn sam_without_a_radius_is_the_plain_step() {
    let plain = trained(&mut Plain);
    assert_eq!(plain, trained(&mut Sam::new(0.0)));
    for ascent in [
        Ascent::Unnormalised { radius: 0.0 },
        Ascent::Elementwise { radius: 0.0 },
        Ascent::Weights { radius: 0.0, eta: 0.01 },
    ] {
        assert_eq!(plain, trained(&mut Sam::around(ascent, Plain)));
    }
    assert_ne!(plain, trained(&mut Sam::new(0.1)));
}

#[test]
fn sam_takes_the_gradient_uphill() {
    let network = small_fcn(4);
    let batch = batch(&network);
    let at = |values: &[Tensor<1>]| {
        let mode = Mode::Train { seed: Seed::new(2) };
        host(&Gradients::at(&network, values, &Loss::CrossEntropy, &batch, mode).values)
    };
    let here = at(&network.values());
    let norm = here.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut offset = 0;
    let uphill: Vec<Tensor<1>> = network
        .values()
        .into_iter()
        .map(|value| {
            let n = value.dims()[0];
            let shift: Vec<f32> =
                here[offset..offset + n].iter().map(|g| (0.3 * g / norm) as f32).collect();
            offset += n;
            value + Tensor::from_data(shift.as_slice(), network.device())
        })
        .collect();
    let (_, found, _) = gradients(&mut Sam::new(0.3));
    assert_close(&found, &at(&uphill), 1e-6);
}

#[test]
fn parts_of_a_batch_add_up_to_the_whole() {
    let (loss, whole, losses) = gradients(&mut Plain);
    for rows in [1, 3, 5, 10, 99] {
        let (of_parts, parts, by_row) = gradients(&mut MicroBatches::new(rows));
        assert!((of_parts - loss).abs() < 1e-6);
        assert_close(&parts, &whole, 1e-6);
        assert_close(&by_row, &losses, 1e-6);
    }
    assert_close(&trained(&mut MicroBatches::new(5)), &trained(&mut Plain), 1e-4);
}

#[test]
fn clipping_bounds_the_norm_and_keeps_the_direction() {
    let (_, free, _) = gradients(&mut Plain);
    let norm = |values: &[f64]| values.iter().map(|g| g * g).sum::<f64>().sqrt();
    let bound = 0.5 * norm(&free);
    let (_, clipped, _) = gradients(&mut Clipped::new(bound));
    assert!((norm(&clipped) / bound - 1.0).abs() < 1e-4);
    let halved: Vec<f64> = free.iter().map(|g| 0.5 * g).collect();
    assert_close(&clipped, &halved, 1e-6);
    let (_, untouched, _) = gradients(&mut Clipped::new(2.0 * norm(&free)));
    assert_eq!(untouched, free);
}

#[test]
fn normalised_gradients_have_length_one() {
    let (_, free, _) = gradients(&mut Plain);
    let length = free.iter().map(|g| g * g).sum::<f64>().sqrt();
    let (_, found, _) = gradients(&mut Normalised { rule: Plain });
    assert_close(&found, &free.iter().map(|g| g / length).collect::<Vec<_>>(), 1e-6);
}

#[test]
fn without_learning_sam_leaves_the_weights_as_they_are() {
    let (data, mut config) = (two_classes(64, 4, 0), config(5));
    config.schedule = Schedule::constant(0.0);
    config.optimizer = Optimizer::sgd(0.0);
    let mut state = TrainState::new(small_fcn(4), Seed::new(8));
    let before = weights(&state.network);
    let (mut batches, mut watch) = (ShuffledEpochs::new(&data, config.batch_size), NoWatch);
    let mut rule = Sam::around(Ascent::Elementwise { radius: 2.0 }, Plain);
    fit(&mut state, &mut batches, &config.loss, &mut rule, &config, Hooks::new(&mut watch))
        .unwrap();
    assert_eq!(weights(&state.network), before);
}

#[test]
fn rules_wrap_rules() {
    let (_, sam, _) = gradients(&mut Sam::new(0.1));
    let mut accumulated = Sam::around(Ascent::Normalised { radius: 0.1 }, MicroBatches::new(4));
    assert_eq!(accumulated.name(), "sam 0.1 of micro-batches 4 of plain");
    assert_close(&gradients(&mut accumulated).1, &sam, 1e-5);
    let bound = 0.1;
    let mut clipped = Clipped { max_norm: bound, rule: accumulated };
    let (_, found, _) = gradients(&mut clipped);
    assert!((found.iter().map(|g| g * g).sum::<f64>().sqrt() / bound - 1.0).abs() < 1e-4);
}

#[test]
fn invalid_settings_of_rules_are_told() {
    let network = small_fcn(4);
    let batch = batch(&network);
    let rules: [&mut dyn StepRule; 6] = [
        &mut Sam::new(-1.0),
        &mut Sam::new(0.1).with_gap(f64::INFINITY),
        &mut Sam::around(Ascent::Weights { radius: 0.1, eta: -1.0 }, Plain),
        &mut MicroBatches::new(0),
        &mut Clipped::new(0.0),
        &mut Clipped::new(f64::NAN),
    ];
    for rule in rules {
        let objective: &dyn Objective = &Loss::CrossEntropy;
        let found = rule.gradients(&network, &network.values(), objective, &batch, Seed::new(2));
        assert!(matches!(found, Err(TrainError::Setting { .. })), "{}", rule.name());
    }
}
