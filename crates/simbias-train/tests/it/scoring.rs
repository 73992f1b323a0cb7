//! Scores, input gradients and traces.

use ndarray::s;
use safetensors::SafeTensors;
use simbias_data::{LossGradient, Objective, Scorer};
use simbias_stats::Seed;
use simbias_train::{
    Hooks, Loss, NetScorer, Plain, ShuffledEpochs, TraceRecorder, TrainState, evaluate, fit,
};

use crate::{config, small_fcn, two_classes};

#[test]
fn scores_do_not_depend_on_the_batch() {
    let data = two_classes(70, 6, 0);
    let network = small_fcn(6);
    let all = NetScorer::new(network.clone()).score(data.rows.view()).unwrap();
    let few = NetScorer::with_batch(network, 7).score(data.rows.view()).unwrap();
    for (a, b) in all.iter().zip(&few) {
        assert!((a - b).abs() < 1e-6);
    }
    assert_eq!(all.dim(), (70, 2));
}

#[test]
fn rows_of_another_width_are_an_error() {
    let error = NetScorer::new(small_fcn(6)).score(two_classes(3, 5, 0).rows.view()).unwrap_err();
    assert!(error.to_string().contains("6 columns"), "{error}");
}

#[test]
fn input_gradients_are_those_of_each_rows_own_loss() {
    let data = two_classes(9, 6, 0);
    let classes = &data.class_labels().unwrap().indices;
    let model = NetScorer::new(small_fcn(6));
    let objective = Objective::CrossEntropy(classes);
    let (losses, gradient) = model.loss_gradient(data.rows.view(), objective).unwrap();
    for row in 0..9 {
        let one = Objective::CrossEntropy(&classes[row..=row]);
        for column in 0..6 {
            let at = |shift: f32| {
                let mut moved = data.rows.slice(s![row..=row, ..]).to_owned();
                moved[[0, column]] += shift;
                f64::from(model.loss_gradient(moved.view(), one).unwrap().0[0])
            };
            let difference = (at(1e-2) - at(-1e-2)) / 2e-2;
            // A step of 1e-2 in single precision; kinks of the network are farther away than that.
            assert!((difference - f64::from(gradient[[row, column]])).abs() < 3e-3);
        }
        assert!(
            (f64::from(losses[row])
                - f64::from(
                    model.loss_gradient(data.rows.slice(s![row..=row, ..]), one).unwrap().0[0]
                ))
            .abs()
                < 1e-6
        );
    }
}

#[test]
fn a_trace_holds_every_row_at_every_record() {
    let data = two_classes(40, 6, 0);
    let mut trace = TraceRecorder::new(&data, Loss::CrossEntropy, 5);
    let mut state = TrainState::new(small_fcn(6), Seed::new(0));
    let config = config(20);
    let mut batches = ShuffledEpochs::new(&data, config.batch_size);
    let hooks = Hooks::new(&mut trace);
    fit(&mut state, &mut batches, &config.loss, &mut Plain, &config, hooks).unwrap();
    assert_eq!(trace.steps(), [5, 10, 15, 20]);
    let bytes = trace.to_safetensors();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("loss").unwrap().shape(), [4, 40]);
    assert_eq!(file.tensor("logits").unwrap().shape(), [4, 40, 2]);
    let last = &trace.losses()[120..];
    let mean = last.iter().map(|&loss| f64::from(loss)).sum::<f64>() / 40.0;
    let score = evaluate(&state.network, &data, 40, Loss::CrossEntropy).unwrap();
    assert!((mean - score.loss).abs() < 1e-9);
}
