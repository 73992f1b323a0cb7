//! Which weights remain, and watchers that end training.

use simbias_stats::Seed;
use simbias_train::{
    Evaluation, FitConfig, Flow, Hooks, Keep, KeepBest, NoWatch, Outcome, Plain, ShuffledEpochs,
    StepRecord, StopReason, TrainError, TrainState, Watch, fit,
};

use crate::{StopAt, config, small_fcn, two_classes, weights};

fn run(
    state: &mut TrainState,
    config: &FitConfig,
    keep: Option<&mut dyn KeepBest>,
    watch: &mut dyn Watch,
) -> Outcome {
    let data = two_classes(64, 4, 0);
    let mut batches = ShuffledEpochs::new(&data, config.batch_size);
    // Reborrowed, since the hooks live for this call only.
    let keep = keep.map(|keep| keep as &mut dyn KeepBest);
    let hooks = Hooks { keep, ..Hooks::new(watch) };
    fit(state, &mut batches, &config.loss, &mut Plain, config, hooks).unwrap()
}

fn fresh() -> TrainState {
    TrainState::new(small_fcn(4), Seed::new(8))
}

/// The weights nearest to a step.
fn near(step: u64) -> impl KeepBest {
    move |state: &TrainState, evaluation: &Evaluation| {
        assert_eq!(evaluation.step, state.step);
        Ok(-(state.step as f64 - step as f64).abs())
    }
}

#[test]
fn an_own_criterion_chooses_the_weights() {
    let mut kept = fresh();
    let outcome = run(&mut kept, &config(50), Some(&mut near(23)), &mut NoWatch);
    assert_eq!((outcome.steps, outcome.kept_step), (50, 20));
    let mut until = fresh();
    run(&mut until, &FitConfig { keep: Keep::Last, ..config(20) }, None, &mut NoWatch);
    assert_eq!(weights(&kept.network), weights(&until.network));
    // NaN is never the best, not even as the first.
    let mut nan = |state: &TrainState, _: &Evaluation| -> Result<f64, TrainError> {
        Ok(if state.step == 30 { 0.0 } else { f64::NAN })
    };
    let outcome = run(&mut fresh(), &config(50), Some(&mut nan), &mut NoWatch);
    assert_eq!(outcome.kept_step, 30);
}

/// All weights are equally good; the last ones remain.
struct Latest;

impl KeepBest for Latest {
    fn score(&mut self, _: &TrainState, _: &Evaluation) -> Result<f64, TrainError> {
        Ok(0.0)
    }

    fn replaces(&self, new: f64, best: f64) -> bool {
        best <= new
    }
}

#[test]
fn a_criterion_says_which_of_equals_remains() {
    let mut equal = |_: &TrainState, _: &Evaluation| -> Result<f64, TrainError> { Ok(0.0) };
    assert_eq!(run(&mut fresh(), &config(50), Some(&mut equal), &mut NoWatch).kept_step, 10);
    assert_eq!(run(&mut fresh(), &config(50), Some(&mut Latest), &mut NoWatch).kept_step, 50);
}

#[test]
fn what_was_best_before_an_interrupt_is_remembered() {
    let config = config(50);
    let data = two_classes(64, 4, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut whole = fresh();
    run(&mut whole, &config, Some(&mut near(12)), &mut NoWatch);
    let mut part = fresh();
    run(&mut part, &config, Some(&mut near(12)), &mut StopAt(33));
    part.save(&path, &config, &data).unwrap();
    let (device, architecture) = (part.network.device(), part.network.architecture());
    let mut resumed = TrainState::load(&path, device, architecture, &config, &data).unwrap();
    let outcome = run(&mut resumed, &config, Some(&mut near(12)), &mut NoWatch);
    assert_eq!(outcome.kept_step, 10);
    assert_eq!(weights(&resumed.network), weights(&whole.network));
    // Its scores mean nothing to another criterion.
    let mut resumed = TrainState::load(&path, device, architecture, &config, &data).unwrap();
    let (mut batches, mut watch) = (ShuffledEpochs::new(&data, config.batch_size), NoWatch);
    let hooks = Hooks { keep: Some(&mut Latest), ..Hooks::new(&mut watch) };
    let refused =
        fit(&mut resumed, &mut batches, &config.loss, &mut Plain, &config, hooks).unwrap_err();
    let TrainError::OtherRun { what, expected, .. } = refused else { panic!("{refused}") };
    assert_eq!(what, "criterion of the kept weights");
    assert!(expected.ends_with("Latest"), "{expected}");
}

/// Sees that training is complete.
struct FinishAt(u64);

impl Watch for FinishAt {
    fn after_step(&mut self, _: &TrainState, record: &StepRecord<'_>) -> Result<Flow, TrainError> {
        Ok(if record.step == self.0 { Flow::Finish } else { Flow::Continue })
    }
}

#[test]
fn finishing_keeps_the_best_weights_and_stopping_the_last_ones() {
    let config = config(50);
    let finished = run(&mut fresh(), &config, Some(&mut near(10)), &mut FinishAt(27));
    assert_eq!((finished.reason, finished.steps), (StopReason::Finished, 27));
    assert_eq!(finished.kept_step, 10);
    let stopped = run(&mut fresh(), &config, Some(&mut near(10)), &mut StopAt(27));
    assert_eq!((stopped.reason, stopped.kept_step), (StopReason::Watcher, 27));
    let mut both: Vec<Box<dyn Watch>> = vec![Box::new(StopAt(27)), Box::new(FinishAt(27))];
    let outcome = run(&mut fresh(), &config, Some(&mut near(10)), &mut both);
    assert_eq!(outcome.reason, StopReason::Watcher);
}
