//! What watchers see of a step.

use std::sync::atomic::{AtomicUsize, Ordering};

use safetensors::SafeTensors;
use simbias_report::Progress;
use simbias_stats::Seed;
use simbias_train::{
    Batches, FitConfig, Flow, Hooks, Loss, MicroBatches, Observed, Optimizer, Plain, Schedule,
    ShuffledEpochs, StepRecord, StepRule, StopReason, TraceRecorder, TrainError, TrainState, Watch,
    WholeSet, evaluate, fit,
};

use crate::{config, small_fcn, two_classes, weights};

fn fresh() -> TrainState {
    TrainState::new(small_fcn(4), Seed::new(8))
}

fn run(
    state: &mut TrainState,
    batches: &mut dyn Batches,
    rule: &mut dyn StepRule,
    config: &FitConfig,
    watch: &mut dyn Watch,
) -> Result<StopReason, TrainError> {
    fit(state, batches, &config.loss, rule, config, Hooks::new(watch)).map(|end| end.reason)
}

/// Redoes plain gradient descent from the gradients that it is shown.
struct Redo {
    wants: bool,
    weights: Vec<f64>,
    n_seen: usize,
}

impl Watch for Redo {
    fn wants_gradients(&self) -> bool {
        self.wants
    }

    fn wants_rows(&self) -> bool {
        self.wants
    }

    fn after_step(
        &mut self,
        state: &TrainState,
        record: &StepRecord<'_>,
    ) -> Result<Flow, TrainError> {
        assert_eq!(record.gradients().is_some(), self.wants);
        assert_eq!(record.rows().is_some(), self.wants);
        let (Some(gradients), Some(rows)) = (record.gradients(), record.rows()) else {
            return Ok(Flow::Continue);
        };
        self.n_seen += 1;
        let gradients = gradients.iter().flatten();
        let gradients = gradients.flat_map(|g| g.to_data().iter::<f64>().collect::<Vec<_>>());
        for (weight, gradient) in self.weights.iter_mut().zip(gradients) {
            *weight -= record.learning_rate * gradient;
        }
        for (mine, theirs) in self.weights.iter().zip(weights(&state.network)) {
            assert!((mine - theirs).abs() < 1e-5);
        }
        let losses: Vec<f64> = rows
            .iter()
            .flat_map(|part| part.losses.to_data().iter::<f64>().collect::<Vec<_>>())
            .collect();
        assert_eq!(losses.len(), record.batch.n_rows());
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        assert!((mean - record.loss()).abs() < 1e-6);
        assert_eq!(record.batch.indices.len(), losses.len());
        Ok(Flow::Continue)
    }
}

#[test]
fn gradients_and_rows_are_shown_to_those_who_ask() {
    let data = two_classes(70, 4, 0);
    let config = FitConfig { optimizer: Optimizer::sgd(0.0), ..config(9) };
    let rules: [&mut dyn StepRule; 2] = [&mut Plain, &mut MicroBatches::new(7)];
    for rule in rules {
        for wants in [false, true] {
            let mut state = fresh();
            let mut redo = Redo { wants, weights: weights(&state.network), n_seen: 0 };
            let mut batches = ShuffledEpochs::new(&data, config.batch_size);
            run(&mut state, &mut batches, rule, &config, &mut redo).unwrap();
            assert_eq!(redo.n_seen, if wants { 9 } else { 0 });
        }
    }
}

#[test]
fn steps_on_the_whole_set_are_their_own_trace() {
    let data = two_classes(40, 4, 0);
    let config = config(12);
    let mut own = TraceRecorder::of_steps(40, 3);
    run(&mut fresh(), &mut WholeSet::new(&data), &mut Plain, &config, &mut own).unwrap();
    assert_eq!(own.steps(), [0, 3, 6, 9]);
    // A pass of its own after the same number of steps finds the same.
    let mut passes = TraceRecorder::new(&data, Loss::CrossEntropy, 3);
    run(&mut fresh(), &mut WholeSet::new(&data), &mut Plain, &config, &mut passes).unwrap();
    assert_eq!(passes.steps(), [3, 6, 9, 12]);
    for (of_step, of_pass) in own.losses()[40..].iter().zip(passes.losses()) {
        assert!((of_step - of_pass).abs() < 1e-6);
    }
    let start = evaluate(&fresh().network, &data, 40, Loss::CrossEntropy).unwrap().loss;
    let first = own.losses()[..40].iter().map(|&loss| f64::from(loss)).sum::<f64>() / 40.0;
    assert!((start - first).abs() < 1e-6);
    let bytes = own.to_safetensors();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("loss").unwrap().shape(), [4, 40]);
    assert_eq!(file.tensor("logits").unwrap().shape(), [4, 40, 2]);
}

#[test]
fn a_trace_of_steps_goes_on_where_training_does() {
    let data = two_classes(40, 4, 0);
    let config = config(12);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.safetensors");
    let mut whole = TraceRecorder::of_steps(40, 1);
    run(&mut fresh(), &mut WholeSet::new(&data), &mut Plain, &config, &mut whole).unwrap();
    let mut state = fresh();
    let mut first = TraceRecorder::of_steps(40, 1);
    let short = FitConfig { max_steps: 5, ..config.clone() };
    run(&mut state, &mut WholeSet::new(&data), &mut Plain, &short, &mut first).unwrap();
    first.save(&path).unwrap();
    let mut second = TraceRecorder::of_steps(40, 1);
    second.resume(&path, state.step).unwrap();
    run(&mut state, &mut WholeSet::new(&data), &mut Plain, &config, &mut second).unwrap();
    assert_eq!(second.steps(), whole.steps());
    assert_eq!(second.losses(), whole.losses());
    // Of the first three steps alone.
    second.resume(&path, 3).unwrap();
    assert_eq!(second.steps(), [0, 1, 2]);
}

#[test]
fn batches_that_are_not_all_rows_have_no_trace_of_steps() {
    let data = two_classes(40, 4, 0);
    let mut trace = TraceRecorder::of_steps(40, 1);
    let mut batches = ShuffledEpochs::new(&data, 40);
    let error = run(&mut fresh(), &mut batches, &mut Plain, &config(3), &mut trace).unwrap_err();
    assert!(error.to_string().contains("rows of a traced step"), "{error}");
}

/// Wants to stop after some reports.
struct StopAfter {
    reports: AtomicUsize,
    most: usize,
}

impl Progress for StopAfter {
    fn advance(&self, done: usize, total: usize, _remark: &str) {
        assert_eq!(total, 30);
        assert_eq!(self.reports.fetch_add(1, Ordering::Relaxed) + 1, done);
    }

    fn wants_stop(&self) -> bool {
        self.reports.load(Ordering::Relaxed) >= self.most
    }
}

#[test]
fn an_observed_training_ends_on_request_and_leaves_its_states() {
    let data = two_classes(64, 4, 0);
    let config = FitConfig { schedule: Schedule::constant(0.01), ..config(30) };
    for (most, kept, reason) in [
        (usize::MAX, vec![8, 16, 24], StopReason::MaxSteps),
        (13, vec![8, 13], StopReason::Watcher),
    ] {
        let progress = StopAfter { reports: 0.into(), most };
        let mut steps = Vec::new();
        let mut keep = |state: &TrainState| {
            steps.push(state.step);
            Ok(())
        };
        let mut watch = Observed::new(&progress).keeping(8, &mut keep);
        let mut batches = ShuffledEpochs::new(&data, config.batch_size);
        let found = run(&mut fresh(), &mut batches, &mut Plain, &config, &mut watch).unwrap();
        assert_eq!(found, reason);
        assert_eq!(steps, kept);
    }
}
