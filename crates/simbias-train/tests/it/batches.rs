//! Sources of batches, and exact resume for each of them.

use ndarray::Array2;
use rand::RngExt;
use simbias_nn::{Fcn, Init, Input, Network, Precision, cpu};
use simbias_stats::Seed;
use simbias_train::{
    Adversarial, Ascent, Batch, BatchTarget, Batches, Clipped, Drawn, FitConfig, Generated, Hooks,
    Loss, LossGoal, MicroBatches, NoWatch, Objective, Optimizer, Place, Plain, Prepared,
    RandomRows, Sam, ShuffledEpochs, StepRule, StopReason, TargetKind, TrainError, TrainState,
    WholeSet,
    attack::{Norm, Pgd},
    fit,
};

use crate::{StopAt, config, small_fcn, two_classes, weights};

/// Batches of points near a line, from seed and step alone.
fn generated() -> Generated<impl FnMut(Seed, u64) -> Result<Batch, TrainError>> {
    Generated::new("two classes", TargetKind::Classes { n_classes: 2 }, |seed, _| {
        let mut stream = seed.stream();
        let classes: Vec<u32> = (0..16).map(|_| stream.random_range(0..2)).collect();
        let rows = Array2::from_shape_fn((16, 6), |(row, _)| {
            stream.random::<f32>() + classes[row] as f32 - 1.0
        });
        Ok(Batch::fresh(rows, BatchTarget::Classes(classes)))
    })
}

/// With dropout and batch norm: masks and running statistics must resume as well.
fn fresh() -> TrainState {
    let fcn = Fcn { dropout: 0.2, batch_norm: true, ..Fcn::new(6, 16, 2, 2) };
    let (init, precision) = (Init::default(), Precision::F32);
    let network = Network::new(fcn, init, precision, Seed::new(1), &cpu()).unwrap();
    TrainState::new(network, Seed::new(8))
}

fn run(
    state: &mut TrainState,
    batches: &mut dyn Batches,
    rule: &mut dyn StepRule,
    config: &FitConfig,
    stop: u64,
) -> Result<StopReason, TrainError> {
    let mut watch = StopAt(stop);
    fit(state, batches, &config.loss, rule, config, Hooks::new(&mut watch)).map(|end| end.reason)
}

/// 2n steps, and n + save + load + n.
fn check_resume(batches: &mut dyn Batches, rule: &mut dyn StepRule) {
    let config = FitConfig { optimizer: Optimizer::adam(1e-4), ..config(22) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut whole = fresh();
    assert_eq!(run(&mut whole, batches, rule, &config, 0).unwrap(), StopReason::MaxSteps);
    let mut part = fresh();
    assert_eq!(run(&mut part, batches, rule, &config, 11).unwrap(), StopReason::Watcher);
    part.save(&path, &config, &*batches).unwrap();
    let architecture = part.network.architecture();
    let mut resumed = TrainState::load(&path, &cpu(), architecture, &config, &*batches).unwrap();
    run(&mut resumed, batches, rule, &config, 0).unwrap();
    assert_eq!(weights(&resumed.network), weights(&whole.network), "{}", rule.name());
    assert_eq!(resumed.evaluations, whole.evaluations);
}

fn attack() -> Pgd {
    Pgd::new(Norm::L2, 0.1, 0.05, 2)
}

#[test]
fn every_source_resumes_exactly_under_every_rule() {
    let data = two_classes(50, 6, 0);
    let attack = attack();
    let rules: [&mut dyn StepRule; 5] = [
        &mut Plain,
        &mut Sam::new(0.05),
        &mut Sam::around(Ascent::Weights { radius: 0.5, eta: 0.01 }, Plain).with_gap(0.4),
        &mut MicroBatches::new(7),
        &mut Clipped {
            max_norm: 0.1,
            rule: Sam::around(Ascent::Normalised { radius: 0.1 }, MicroBatches::new(9)),
        },
    ];
    for rule in rules {
        check_resume(&mut ShuffledEpochs::new(&data, 16), rule);
        check_resume(&mut WholeSet::new(&data), rule);
        check_resume(&mut RandomRows::new(&data, 16), rule);
        check_resume(&mut generated(), rule);
        let (mut epochs, mut hook) = (ShuffledEpochs::new(&data, 16), Adversarial { attack });
        check_resume(&mut Prepared::new(&mut epochs, &mut hook), rule);
    }
}

#[test]
fn a_run_goes_on_under_its_own_source_objective_and_rule_only() {
    let data = two_classes(50, 6, 0);
    let config = config(10);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let mut state = fresh();
    run(&mut state, &mut WholeSet::new(&data), &mut Sam::new(0.1), &config, 4).unwrap();
    state.save(&path, &config, &WholeSet::new(&data)).unwrap();
    let load = |source: &dyn simbias_train::Fingerprint| {
        TrainState::load(&path, &cpu(), fresh().network.architecture(), &config, source)
    };
    for other in
        [&data as &dyn simbias_train::Fingerprint, &RandomRows::new(&data, 8), &generated()]
    {
        let refused = load(other);
        assert!(matches!(refused, Err(TrainError::OtherRun { what: "training data", .. })));
    }
    let weights: Vec<f32> = (0..50).map(|row| row as f32).collect();
    let (mut whole, mut hook) = (WholeSet::new(&data), Adversarial { attack: attack() });
    for other in [
        &WholeSet::new(&data).weighted(&weights) as &dyn simbias_train::Fingerprint,
        &Prepared::new(&mut whole, &mut hook),
    ] {
        let refused = load(other);
        assert!(matches!(refused, Err(TrainError::OtherRun { what: "training data", .. })));
    }
    let mut resumed = load(&WholeSet::new(&data)).unwrap();
    let mut go_on = |objective: &dyn Objective, rule: &mut dyn StepRule| {
        let (mut batches, mut watch) = (WholeSet::new(&data), NoWatch);
        fit(&mut resumed, &mut batches, objective, rule, &config, Hooks::new(&mut watch))
    };
    let refused = go_on(&Loss::CrossEntropy, &mut Plain);
    assert!(matches!(refused, Err(TrainError::OtherRun { what: "step rule", .. })));
    let refused = go_on(&Loss::CrossEntropy, &mut Sam::new(0.2));
    assert!(matches!(refused, Err(TrainError::OtherRun { what: "step rule", .. })));
    let refused = go_on(&Loss::Hinge, &mut Sam::new(0.1));
    assert!(matches!(refused, Err(TrainError::OtherRun { what: "objective", .. })));
    assert_eq!(go_on(&Loss::CrossEntropy, &mut Sam::new(0.1)).unwrap().steps, 10);
}

#[test]
fn the_whole_set_is_one_batch_an_epoch_in_its_own_order() {
    let data = two_classes(50, 6, 0);
    let network = small_fcn(6);
    let mut whole = WholeSet::new(&data);
    assert_eq!(whole.steps_per_epoch(), Some(1));
    for step in [0, 7] {
        let place = Place::new(Seed::new(1), step, whole.steps_per_epoch());
        assert_eq!((place.epoch, place.within_epoch), (step, 0));
        let Drawn::Device(batch) = whole.draw(&network, place).unwrap() else {
            panic!("uploaded once")
        };
        assert!(batch.indices.iter().copied().eq(0..50));
        let Input::Rows(rows) = &batch.input else { panic!("flat rows") };
        let rows: Vec<f32> = rows.to_data().iter::<f32>().collect();
        assert_eq!(rows, data.rows.iter().copied().collect::<Vec<f32>>());
    }
}

#[test]
fn random_rows_are_drawn_with_replacement_and_anew() {
    let data = two_classes(50, 6, 0);
    let network = small_fcn(6);
    let mut rows = RandomRows::new(&data, 40);
    let mut draw = |step| match rows.draw(&network, Place::new(Seed::new(1), step, None)).unwrap() {
        Drawn::Host(batch) => batch,
        Drawn::Device(_) => panic!("on the host"),
    };
    let (first, again, next) = (draw(3), draw(3), draw(4));
    assert_eq!(first, again);
    assert_ne!(first.indices, next.indices);
    let mut distinct = first.indices.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() < 40 && distinct.iter().all(|&row| row < 50));
    assert_eq!(first.rows.row(5), data.rows.row(first.indices[5] as usize));
}

#[test]
fn batches_of_a_generator_are_checked() {
    let classes = |n: usize, n_columns: usize, class: u32| {
        let rows = Array2::zeros((n, n_columns));
        Batch::fresh(rows, BatchTarget::Classes(vec![class; n.min(3)]))
    };
    let values = Batch::fresh(Array2::zeros((3, 6)), BatchTarget::Values(vec![0.0; 3]));
    let unweighted = Batch { weights: Some(vec![1.0]), ..classes(3, 6, 0) };
    for (batch, what) in [
        (classes(0, 6, 0), "rows of a batch"),
        (classes(3, 5, 0), "columns of a batch"),
        (classes(4, 6, 0), "targets of a batch"),
        (classes(3, 6, 2), "targets of a batch"),
        (values, "targets of a batch"),
        (unweighted, "weights of a batch"),
    ] {
        let kind = TargetKind::Classes { n_classes: 2 };
        let mut source = Generated::new("odd", kind, move |_, _| Ok(batch.clone()));
        let error = run(&mut fresh(), &mut source, &mut Plain, &config(3), 0).unwrap_err();
        assert!(error.to_string().starts_with(what), "{error}");
    }
}

#[test]
fn what_a_source_cannot_do_is_told_before_training() {
    let data = two_classes(50, 6, 0);
    let goal = FitConfig { goal: Some(LossGoal::default()), ..config(3) };
    let error = run(&mut fresh(), &mut generated(), &mut Plain, &goal, 0).unwrap_err();
    assert!(error.to_string().contains("keeps no rows"), "{error}");
    assert!(run(&mut fresh(), &mut RandomRows::new(&data, 0), &mut Plain, &config(3), 0).is_err());
    let (mut whole, mut hook) =
        (WholeSet::new(&data), Adversarial { attack: Pgd::new(Norm::L2, 0.1, 0.05, 2) });
    let mut rewritten = Prepared::new(&mut whole, &mut hook);
    let error = run(&mut fresh(), &mut rewritten, &mut Plain, &config(3), 0).unwrap_err();
    assert!(error.to_string().contains("on the host"), "{error}");
}
