//! Stop rules, kept weights, hooks and rates.

use ndarray::Array2;
use simbias_data::{Dataset, Layout, Target};
use simbias_nn::{Architecture, Fcn, Init, Network, Precision, cpu};
use simbias_report::Silent;
use simbias_stats::Seed;
use simbias_train::attack::{Norm, Pgd, pgd};
use simbias_train::{
    Adversarial, Batch, FitConfig, Flow, Hooks, Keep, Loss, LossGoal, NetScorer, NoWatch,
    Optimizer, Patience, Plain, PrepareBatch, Prepared, RateRule, Schedule, ShuffledEpochs,
    StepRecord, StopReason, TrainError, TrainState, Watch, evaluate, fit, fit_plain,
};

use crate::{config, small_fcn, two_classes, weights};

fn state(n_features: usize) -> TrainState {
    TrainState::new(small_fcn(n_features), Seed::new(8))
}

#[test]
fn training_stops_once_the_loss_is_small() {
    let data = two_classes(300, 4, 0);
    let goal = LossGoal { below: 0.3, n_rows: 200 };
    let config = FitConfig { goal: Some(goal), ..config(5000) };
    let mut state = state(4);
    let outcome = fit_plain(&mut state, &data, None, &config).unwrap();
    assert_eq!(outcome.reason, StopReason::Goal);
    assert!(outcome.steps < 5000 && outcome.steps.is_multiple_of(10));
    assert!(evaluate(&state.network, &data, 200, Loss::CrossEntropy).unwrap().loss < 0.3);
}

#[test]
fn the_best_weights_on_validation_remain() {
    let (train, validation) = (two_classes(60, 20, 0), two_classes(60, 20, 1));
    // A rate so high that accuracy jumps about.
    let config = FitConfig { schedule: Schedule::constant(0.8), ..config(200) };
    let mut kept = state(20);
    let outcome = fit_plain(&mut kept, &train, Some(&validation), &config).unwrap();
    let best = *kept.best_evaluation().unwrap();
    assert_eq!(outcome.kept_step, best.step);
    let score = evaluate(&kept.network, &validation, 60, Loss::CrossEntropy).unwrap();
    assert_eq!(Some(score), best.validation);
    let highest =
        kept.evaluations.iter().filter_map(|e| e.validation?.accuracy).fold(0.0, f64::max);
    assert_eq!(score.accuracy, Some(highest));

    let mut last = state(20);
    let config = FitConfig { keep: Keep::Last, ..config };
    let outcome = fit_plain(&mut last, &train, Some(&validation), &config).unwrap();
    assert_eq!(outcome.kept_step, 200);
    assert_ne!(weights(&last.network), weights(&kept.network));
}

#[test]
fn patience_waits_for_the_end_of_the_first_plateau() {
    let (train, validation) = (two_classes(60, 6, 0), two_classes(60, 6, 1));
    let patience = Some(Patience { evaluations: 3 });
    let frozen = FitConfig { schedule: Schedule::constant(0.0), patience, ..config(200) };
    let outcome = fit_plain(&mut state(6), &train, Some(&validation), &frozen).unwrap();
    assert_eq!(outcome.reason, StopReason::MaxSteps);
    let moving = FitConfig { patience, ..config(5000) };
    let mut stopped = state(6);
    let outcome = fit_plain(&mut stopped, &train, Some(&validation), &moving).unwrap();
    assert_eq!(outcome.reason, StopReason::Patience);
    assert_eq!(outcome.steps, stopped.best_evaluation().unwrap().step + 30);
}

/// Counts what the loop shows.
#[derive(Default)]
struct Counter {
    steps: u64,
    epochs: u64,
    evaluations: u64,
}

impl Watch for Counter {
    fn after_step(&mut self, _: &TrainState, record: &StepRecord<'_>) -> Result<Flow, TrainError> {
        assert!(record.loss().is_finite());
        self.steps += 1;
        self.epochs += u64::from(record.ends_epoch);
        Ok(Flow::Continue)
    }

    fn after_evaluation(
        &mut self,
        _: &TrainState,
        _: &simbias_train::Evaluation,
    ) -> Result<Flow, TrainError> {
        self.evaluations += 1;
        Ok(Flow::Continue)
    }
}

/// Remembers the rows that it saw.
#[derive(Default)]
struct Rows(Vec<Vec<u32>>);

impl PrepareBatch for Rows {
    fn prepare(&mut self, _: &Network, batch: &mut Batch, _: Seed) -> Result<(), TrainError> {
        self.0.push(batch.indices.clone());
        Ok(())
    }
}

#[test]
fn every_epoch_visits_every_row_once_in_a_new_order() {
    let data = two_classes(70, 4, 0);
    let (mut rows, mut counter) = (Rows::default(), Counter::default());
    let config = config(6);
    let mut epochs = ShuffledEpochs::new(&data, config.batch_size);
    let mut batches = Prepared::new(&mut epochs, &mut rows);
    let hooks = Hooks::new(&mut counter);
    fit(&mut state(4), &mut batches, &config.loss, &mut Plain, &config, hooks).unwrap();
    assert_eq!((counter.steps, counter.epochs, counter.evaluations), (6, 2, 1));
    let sizes: Vec<usize> = rows.0.iter().map(Vec::len).collect();
    assert_eq!(sizes, [32, 32, 6, 32, 32, 6]);
    let epoch = |of: &[Vec<u32>]| of.concat();
    let (first, second) = (epoch(&rows.0[..3]), epoch(&rows.0[3..]));
    assert_ne!(first, second);
    for mut order in [first, second] {
        order.sort_unstable();
        assert_eq!(order, (0..70).collect::<Vec<u32>>());
    }
}

#[test]
fn a_row_of_weight_zero_is_a_row_that_is_absent() {
    let data = two_classes(32, 4, 0);
    let half: Vec<u32> = (0..16).collect();
    let config = FitConfig { optimizer: Optimizer::sgd(0.0), ..config(5) };
    // Weight 2 on half of the rows: the mean over all rows is the mean over that half.
    let example_weights: Vec<f32> = (0..32).map(|row| if row < 16 { 2.0 } else { 0.0 }).collect();
    let mut weighted = state(4);
    let mut batches = ShuffledEpochs::new(&data, config.batch_size).weighted(&example_weights);
    let mut watch = NoWatch;
    let hooks = Hooks::new(&mut watch);
    fit(&mut weighted, &mut batches, &config.loss, &mut Plain, &config, hooks).unwrap();
    let mut alone = state(4);
    fit_plain(&mut alone, &data.select(&half), None, &config).unwrap();
    for (a, b) in weights(&weighted.network).iter().zip(weights(&alone.network)) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn a_rate_of_zero_freezes_a_layer() {
    let data = two_classes(64, 4, 0);
    let rule = RateRule { pattern: "model.0.*".into(), multiplier: 0.0 };
    let config = FitConfig { rates: vec![rule], ..config(5) };
    let mut trained = state(4);
    let before = trained.network.clone();
    fit_plain(&mut trained, &data, None, &config).unwrap();
    for (old, new) in before.parameters().iter().zip(trained.network.parameters()) {
        let same = old.value.to_data() == new.value.to_data();
        assert_eq!(same, new.name.starts_with("model.0."), "{}", new.name);
    }
    let unknown = RateRule { pattern: "layer9.*".into(), multiplier: 0.0 };
    let config = FitConfig { rates: vec![unknown], ..config };
    let error = fit_plain(&mut state(4), &data, None, &config).unwrap_err();
    assert!(error.to_string().contains("layer9"), "{error}");
}

#[test]
fn a_line_is_fitted_by_squared_error() {
    let rows = Array2::from_shape_fn((64, 1), |(row, _)| row as f32 / 32.0 - 1.0);
    let values = rows.column(0).iter().map(|&x| f64::from(3.0 * x - 0.5)).collect();
    let data = Dataset::new("line", rows, Layout::array(vec![1]), Target::Values(values));
    let architecture = Architecture::from(Fcn::new(1, 1, 0, 1));
    let network =
        Network::new(architecture, Init::default(), Precision::F32, Seed::new(1), &cpu()).unwrap();
    let mut state = TrainState::new(network, Seed::new(0));
    let config = FitConfig {
        loss: Loss::SquaredError,
        optimizer: Optimizer::momentum(0.9, 0.0),
        ..config(300)
    };
    fit_plain(&mut state, &data, None, &config).unwrap();
    let found = weights(&state.network);
    assert!((found[0] - 3.0).abs() < 1e-3 && (found[1] + 0.5).abs() < 1e-3, "{found:?}");
}

#[test]
fn hinge_loss_separates_two_classes() {
    let data = two_classes(200, 4, 0);
    let config = FitConfig { loss: Loss::Hinge, ..config(200) };
    let mut state = state(4);
    fit_plain(&mut state, &data, None, &config).unwrap();
    assert!(0.9 < evaluate(&state.network, &data, 200, Loss::Hinge).unwrap().accuracy.unwrap());
}

#[test]
fn a_rate_out_of_range_is_told() {
    let data = two_classes(64, 4, 0);
    let config = FitConfig { schedule: Schedule::constant(1e30), ..config(100) };
    let error = fit_plain(&mut state(4), &data, None, &config).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let error = fit_plain(&mut state(4), &two_classes(10, 5, 0), None, &config(1)).unwrap_err();
    assert!(error.to_string().contains("found 5, expected 4"), "{error}");
    let data = two_classes(10, 4, 0);
    let weights = [f32::NAN; 10];
    let (mut batches, mut watch) = (ShuffledEpochs::new(&data, 4).weighted(&weights), NoWatch);
    let (hooks, config) = (Hooks::new(&mut watch), config(1));
    assert!(fit(&mut state(4), &mut batches, &config.loss, &mut Plain, &config, hooks).is_err());
}

#[test]
fn adversarial_training_lowers_the_loss_under_attack() {
    let data = two_classes(400, 4, 0);
    let attack = Pgd::new(Norm::L2, 0.3, 0.1, 5);
    let config = FitConfig { optimizer: Optimizer::momentum(0.9, 0.0), ..config(200) };
    let robust = |mut hook: Option<Adversarial>| {
        let (mut state, mut watch) = (state(4), NoWatch);
        let mut batches = ShuffledEpochs::new(&data, config.batch_size);
        let (rule, hooks) = (&mut Plain, Hooks::new(&mut watch));
        match &mut hook {
            Some(hook) => {
                let mut batches = Prepared::new(&mut batches, hook);
                fit(&mut state, &mut batches, &config.loss, rule, &config, hooks)
            }
            None => fit(&mut state, &mut batches, &config.loss, rule, &config, hooks),
        }
        .unwrap();
        let model = NetScorer::new(state.network.clone());
        let classes = &data.class_labels().unwrap().indices;
        let found =
            pgd(&model, data.rows.view(), classes, &attack, Seed::new(0), 400, &Silent).unwrap();
        found.loss.iter().sum::<f32>()
    };
    let plain = robust(None);
    let adversarial = robust(Some(Adversarial { attack }));
    assert!(adversarial < plain, "{adversarial} {plain}");
}
