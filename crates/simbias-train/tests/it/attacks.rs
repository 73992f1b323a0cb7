//! What attacks promise, on models small enough to know the answer.

use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;
use rand::RngExt;
use simbias_data::{LossGradient, Objective, Scorer};
use simbias_report::Silent;
use simbias_stats::Seed;
use simbias_train::attack::{
    AttackError, AttackScore, BatchOrder, Bounds, FiniteDifference, Norm, Pgd, Signing,
    SpectralUniversal, Start, TransferMatrix, Universal, UniversalPerturbation, perturbed_rows,
    pgd, robust_accuracy, svd_universal, universal,
};

use crate::models::ReluMlp;

fn uniform(shape: (usize, usize), half_width: f32, seed: Seed) -> Array2<f32> {
    let mut stream = seed.stream();
    Array2::from_shape_simple_fn(shape, || stream.random_range(-half_width..half_width))
}

fn random_mlp(widths: &[usize], seed: Seed) -> ReluMlp {
    let layers = widths
        .windows(2)
        .enumerate()
        .map(|(index, pair)| {
            let scale = (3.0 / pair[0] as f32).sqrt();
            let seed = seed.child("layer", index as u64);
            let bias = uniform((1, pair[1]), 0.1, seed.child("bias", 0));
            (uniform((pair[1], pair[0]), scale, seed), bias.index_axis_move(Axis(0), 0))
        })
        .collect();
    ReluMlp { layers }
}

/// Rows whose first column is `±1` with the label's sign and whose other columns are noise.
fn one_linear_column(n_rows: usize, n_features: usize, seed: Seed) -> (Array2<f32>, Vec<u32>) {
    let mut rows = uniform((n_rows, n_features), 1.0, seed);
    let labels: Vec<u32> = (0..n_rows as u32).map(|row| row % 2).collect();
    for (value, &label) in rows.column_mut(0).iter_mut().zip(&labels) {
        *value = if label == 1 { 1.0 } else { -1.0 };
    }
    (rows, labels)
}

const UNIVERSAL: Universal = Universal {
    norm: Norm::L2,
    radius: 1.5,
    step: 0.1,
    inner_steps: 5,
    epochs: 3,
    batch_rows: 16,
    order: BatchOrder::Shuffled,
    signing: Signing::LabelSigned,
    bounds: None,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_perturbation_keeps_to_ball_and_box(
        seed in any::<u64>(),
        radius in 0.01_f64..2.0,
        step in 0.01_f64..1.0,
        linf in any::<bool>(),
        random_start in any::<bool>(),
    ) {
        let seed = Seed::new(seed);
        let norm = if linf { Norm::Linf } else { Norm::L2 };
        let model = random_mlp(&[5, 8, 3], seed);
        let rows = uniform((12, 5), 1.0, seed.child("rows", 0));
        let labels: Vec<u32> = (0..12).map(|row| row % 3).collect();
        // Some rows lie outside the box.
        let bounds = Some(Bounds { low: -0.8, high: 0.9 });
        let (start, restarts) =
            if random_start { (Start::Random { radius: 0.5 }, 2) } else { (Start::Zero, 1) };
        let config = Pgd { start, restarts, bounds, ..Pgd::new(norm, radius, step, 4) };
        let delta = pgd(&model, rows.view(), &labels, &config, seed, 5, &Silent).unwrap().delta;
        for shift in delta.rows() {
            prop_assert!(norm.of(shift) <= radius * (1.0 + 1e-6));
        }
        let there = perturbed_rows(rows.view(), delta.view(), bounds).unwrap();
        for (value, start) in there.iter().zip(&rows) {
            prop_assert!(*value >= start.min(-0.8) && *value <= start.max(0.9));
        }

        let signing = Signing::Unsigned;
        let config = Universal { norm, radius, step, bounds, signing, batch_rows: 5, ..UNIVERSAL };
        let one = universal(&model, rows.view(), &labels, &config, seed, &Silent).unwrap();
        prop_assert!(norm.of(&one.delta) <= radius * (1.0 + 1e-6));
        let there = one.apply(rows.view(), &labels).unwrap();
        for (value, start) in there.iter().zip(&rows) {
            prop_assert!(*value >= start.min(-0.8) && *value <= start.max(0.9));
        }
    }
}

#[test]
fn batch_size_changes_nothing_and_the_seed_only_random_starts() {
    let seed = Seed::new(5);
    let model = random_mlp(&[6, 10, 4], seed);
    let rows = uniform((23, 6), 1.0, seed.child("rows", 0));
    let labels: Vec<u32> = (0..23).map(|row| row % 4).collect();
    let random = Pgd {
        start: Start::Random { radius: 0.1 },
        restarts: 3,
        bounds: Bounds::of(rows.view()),
        ..Pgd::new(Norm::L2, 0.5, 0.1, 6)
    };
    let attack = |config: &Pgd, seed, batch_rows| {
        pgd(&model, rows.view(), &labels, config, seed, batch_rows, &Silent).unwrap()
    };
    let whole = attack(&random, seed, 23);
    for batch_rows in [1, 7, 100] {
        let parts = attack(&random, seed, batch_rows);
        for (part, one) in parts.delta.iter().zip(&whole.delta) {
            assert!((part - one).abs() <= 1e-5, "{batch_rows} rows at a time: {part} and {one}");
        }
    }
    assert_eq!(attack(&random, seed, 23), whole);
    assert_ne!(attack(&random, Seed::new(6), 23).delta, whole.delta);
    let zero = Pgd { start: Start::Zero, restarts: 1, ..random };
    assert_eq!(attack(&zero, seed, 23), attack(&zero, Seed::new(6), 23));
}

#[test]
fn more_restarts_never_lose() {
    let seed = Seed::new(8);
    let model = random_mlp(&[6, 16, 3], seed);
    let rows = uniform((40, 6), 1.0, seed.child("rows", 0));
    let labels: Vec<u32> = (0..40).map(|row| row % 3).collect();
    let config = Pgd { start: Start::Random { radius: 0.5 }, ..Pgd::new(Norm::Linf, 0.5, 0.2, 3) };
    let attack = |restarts| {
        let config = Pgd { restarts, ..config };
        pgd(&model, rows.view(), &labels, &config, seed, 16, &Silent).unwrap()
    };
    let (one, five) = (attack(1), attack(5));
    assert!(one.loss.iter().zip(&five.loss).all(|(one, five)| one <= five));
    assert!(one.loss.iter().zip(&five.loss).any(|(one, five)| one < five));
    let there = perturbed_rows(rows.view(), five.delta.view(), None).unwrap();
    let objective = Objective::CrossEntropy(&labels);
    assert_eq!(model.loss_gradient(there.view(), objective).unwrap().0, five.loss);
}

#[test]
fn on_a_linear_model_the_worst_case_is_known() {
    let model = ReluMlp::linear(&[3.0, 4.0]);
    let rows = array![[1.0, 1.0], [-1.0, -1.0]];
    let labels = [1, 0];
    // L2: against the weights' direction. The start is zero, so every step is along it.
    let config = Pgd::new(Norm::L2, 0.5, 0.2, 5);
    let delta = pgd(&model, rows.view(), &labels, &config, Seed::new(0), 2, &Silent).unwrap().delta;
    let expected = array![[-0.3, -0.4], [0.3, 0.4]];
    assert!((&delta - &expected).iter().all(|gap| gap.abs() < 1e-5), "{delta}");
    let config = Pgd::new(Norm::Linf, 0.5, 0.2, 5);
    let delta = pgd(&model, rows.view(), &labels, &config, Seed::new(0), 2, &Silent).unwrap().delta;
    assert_eq!(delta, array![[-0.5, -0.5], [0.5, 0.5]]);
    // The box is met after the ball: the first column stops at the wall and the second does not make up.
    let bounds = Some(Bounds { low: 0.75, high: 2.0 });
    let config = Pgd { bounds, ..Pgd::new(Norm::Linf, 0.5, 0.2, 5) };
    let rows = array![[1.0, 1.9]];
    let delta = pgd(&model, rows.view(), &[1], &config, Seed::new(0), 2, &Silent).unwrap().delta;
    assert_eq!(delta, array![[-0.25, -0.5]]);
}

#[test]
fn on_a_linear_feature_only_a_signed_perturbation_beats_a_coin() {
    let seed = Seed::new(11);
    let (rows, labels) = one_linear_column(400, 4, seed);
    let (test_rows, test_labels) = one_linear_column(400, 4, seed.child("test", 0));
    let model = ReluMlp::linear(&[2.0, 0.0, 0.0, 0.0]);
    let fitted = |signing| {
        let config = Universal { signing, ..UNIVERSAL };
        universal(&model, rows.view(), &labels, &config, seed, &Silent).unwrap()
    };
    let accuracy = |perturbation: &UniversalPerturbation| {
        perturbation.score(&model, test_rows.view(), &test_labels).unwrap().accuracy
    };
    let (signed, unsigned) = (fitted(Signing::LabelSigned), fitted(Signing::Unsigned));
    // By hand: signed, every row loses 1.5 of its 1; unsigned, one class crosses and the other moves away.
    assert!((signed.delta[0] + 1.5).abs() < 1e-4, "{}", signed.delta);
    assert_eq!(accuracy(&signed), 0.0);
    assert_eq!(accuracy(&unsigned), 0.5);
    assert_eq!(AttackScore::of_rows(&model, rows.view(), &labels).unwrap().accuracy, 1.0);
}

#[test]
fn the_universal_gradient_stops_where_the_clamp_holds() {
    // Class 0 loses by going up. Column 0 is at the wall after one step and has no slope from then on;
    // column 1 walks to the end of the ball.
    let model = ReluMlp::linear(&[1.0, 1.0]);
    let rows = array![[0.875, 0.0]];
    let config = Universal {
        norm: Norm::Linf,
        radius: 0.5,
        step: 0.25,
        inner_steps: 4,
        epochs: 1,
        signing: Signing::Unsigned,
        bounds: Some(Bounds { low: -1.0, high: 1.0 }),
        ..UNIVERSAL
    };
    let found = universal(&model, rows.view(), &[0], &config, Seed::new(0), &Silent).unwrap();
    assert_eq!(found.delta, array![0.25, 0.5]);
    // Applied to others: within the wall, at the wall, and beyond it from the start.
    let others = array![[0.5, 0.0], [1.0, 0.75], [2.0, -2.0]];
    let there = found.apply(others.view(), &[0, 1, 1]).unwrap();
    assert_eq!(there, array![[0.75, 0.5], [1.0, 1.0], [2.0, -1.5]]);
}

#[test]
fn shuffled_batches_follow_the_seed() {
    let seed = Seed::new(21);
    let model = random_mlp(&[4, 8, 2], seed);
    let rows = uniform((50, 4), 1.0, seed.child("rows", 0));
    let labels: Vec<u32> = (0..50).map(|row| row % 2).collect();
    let fitted = |order, seed| {
        let config = Universal { order, ..UNIVERSAL };
        universal(&model, rows.view(), &labels, &config, Seed::new(seed), &Silent).unwrap().delta
    };
    assert_eq!(fitted(BatchOrder::Shuffled, 1), fitted(BatchOrder::Shuffled, 1));
    assert_ne!(fitted(BatchOrder::Shuffled, 1), fitted(BatchOrder::Shuffled, 2));
    assert_eq!(fitted(BatchOrder::AsGiven, 1), fitted(BatchOrder::AsGiven, 2));
}

#[test]
fn the_common_direction_is_found_with_its_orientation() {
    let seed = Seed::new(13);
    let weights = [0.0, 3.0, 0.0, -4.0, 0.0];
    let (mut rows, labels) = one_linear_column(200, 5, seed);
    // The class now lies along the weights, and nothing else does.
    for (mut row, &label) in rows.rows_mut().into_iter().zip(&labels) {
        let side = if label == 1 { 0.1 } else { -0.1 };
        row.assign(&(Array1::from(weights.to_vec()) * side));
    }
    let model = ReluMlp::linear(&weights);
    let per_row = Pgd::new(Norm::L2, 0.5, 0.2, 5);
    let config = SpectralUniversal { per_row, radius: 2.0, signing: Signing::LabelSigned };
    let found =
        svd_universal(&model, &model, rows.view(), &labels, &config, seed, 64, &Silent).unwrap();
    let planted = array![0.0, -1.2, 0.0, 1.6, 0.0];
    assert!((&found.delta - &planted).iter().all(|gap| gap.abs() < 1e-4), "{}", found.delta);
    assert_eq!(found.score(&model, rows.view(), &labels).unwrap().accuracy, 0.0);
}

#[test]
fn finite_differences_agree_with_the_gradient_by_hand() {
    let seed = Seed::new(17);
    let model = random_mlp(&[7, 12, 9, 3], seed);
    let rows = uniform((30, 7), 1.0, seed.child("rows", 0));
    let labels: Vec<u32> = (0..30).map(|row| row % 3).collect();
    let objective = Objective::CrossEntropy(&labels);
    let (losses, gradient) = model.loss_gradient(rows.view(), objective).unwrap();
    let differences = FiniteDifference::new(&model, 7, 1e-3).unwrap();
    let (approximate_losses, approximate) =
        differences.loss_gradient(rows.view(), objective).unwrap();
    for (approximate, loss) in approximate_losses.iter().zip(&losses) {
        assert!((approximate - loss).abs() < 1e-5);
    }
    // A row within a step of a kink takes a mean of both sides; there are few.
    let n_apart =
        gradient.iter().zip(&approximate).filter(|(a, b)| (**a - **b).abs() > 2e-3).count();
    assert!(n_apart * 50 <= gradient.len(), "{n_apart} of {} slopes differ", gradient.len());
    let config = Pgd::new(Norm::L2, 0.5, 0.1, 10);
    let attack = |model: &dyn LossGradient| {
        pgd(model, rows.view(), &labels, &config, seed, 8, &Silent)
            .unwrap()
            .loss
            .iter()
            .sum::<f32>()
    };
    let (exact, approximate) = (attack(&model), attack(&differences));
    assert!((exact - approximate).abs() < 0.01 * exact, "{exact} and {approximate}");
}

#[test]
fn finite_differences_serve_a_single_score() {
    /// One logit instead of two.
    struct Single(ReluMlp);
    impl Scorer for Single {
        fn n_outputs(&self) -> usize {
            1
        }
        fn score(
            &self,
            rows: ndarray::ArrayView2<'_, f32>,
        ) -> Result<Array2<f32>, simbias_data::ScorerError> {
            let scores = self.0.score(rows)?;
            Ok((&scores.column(1) - &scores.column(0)).insert_axis(Axis(1)))
        }
    }
    let (rows, labels) = one_linear_column(40, 3, Seed::new(19));
    let pair = ReluMlp::linear(&[2.0, 0.5, -0.5]);
    let single = Single(ReluMlp::linear(&[2.0, 0.5, -0.5]));
    let differences = FiniteDifference::new(&single, 3, 1e-3).unwrap();
    let config = Pgd::new(Norm::L2, 1.5, 0.3, 8);
    let (seed, view) = (Seed::new(0), rows.view());
    let by_score =
        robust_accuracy(&single, &differences, view, &labels, &config, seed, 40, &Silent).unwrap();
    let by_pair = robust_accuracy(&pair, &pair, view, &labels, &config, seed, 40, &Silent).unwrap();
    assert_eq!(by_score.clean.accuracy, by_pair.clean.accuracy);
    assert!((by_score.clean.loss - by_pair.clean.loss).abs() < 1e-6);
    assert!((by_score.attacked.accuracy - by_pair.attacked.accuracy).abs() < 0.026);
    assert!(by_score.attacked.accuracy < 0.3 && by_score.attacked.loss > by_score.clean.loss);
}

#[test]
fn a_model_transfers_to_itself_and_not_to_its_opposite() {
    let seed = Seed::new(23);
    let (rows, labels) = one_linear_column(100, 3, seed);
    let (same, other) = (ReluMlp::linear(&[2.0, 0.0, 0.0]), ReluMlp::linear(&[0.0, 0.0, 5.0]));
    let fit = |model: &ReluMlp| {
        universal(model, rows.view(), &labels, &UNIVERSAL, seed, &Silent).unwrap()
    };
    let models: [(&str, &dyn Scorer); 3] = [("a", &same), ("a again", &same), ("b", &other)];
    let perturbations = [fit(&same), fit(&same), fit(&other)];
    let matrix =
        TransferMatrix::measure(&models, &perturbations, rows.view(), &labels, &Silent).unwrap();
    assert_eq!(matrix.names, ["a", "a again", "b"]);
    assert_eq!(matrix.clean_accuracy[..2], [1.0, 1.0]);
    for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        assert_eq!(matrix.accuracy[[i, j]], 0.0);
        assert!((matrix.cosine[[i, j]] - 1.0).abs() < 1e-12);
    }
    // `b` looks at another column, so neither perturbation reaches the other model.
    assert_eq!(matrix.accuracy[[2, 0]], 1.0);
    assert_eq!(matrix.accuracy[[0, 2]], matrix.clean_accuracy[2]);
    assert!(matrix.cosine[[0, 2]].abs() < 1e-6 && matrix.cosine[[2, 0]].abs() < 1e-6);
}

#[test]
fn what_cannot_be_attacked_is_refused_by_name() {
    let seed = Seed::new(0);
    let model = ReluMlp::linear(&[1.0, 1.0]);
    let rows = array![[0.0, 1.0], [1.0, 0.0]];
    let config = Pgd::new(Norm::L2, 0.5, 0.1, 2);
    let attack =
        |labels: &[u32], config: &Pgd| pgd(&model, rows.view(), labels, config, seed, 2, &Silent);
    let said = |error: AttackError, part: &str| {
        assert!(error.to_string().contains(part), "{error} says nothing of {part}");
    };
    said(attack(&[0], &config).unwrap_err(), "2 rows but 1 labels");
    said(attack(&[0, 1], &Pgd { radius: f64::NAN, ..config }).unwrap_err(), "radius");
    said(attack(&[0, 1], &Pgd { step: 0.0, ..config }).unwrap_err(), "step");
    said(attack(&[0, 1], &Pgd { restarts: 2, ..config }).unwrap_err(), "random start");
    let bounds = Some(Bounds { low: 1.0, high: 0.0 });
    said(attack(&[0, 1], &Pgd { bounds, ..config }).unwrap_err(), "bounds");
    let broken = array![[0.0, 1.0], [f32::NAN, 0.0]];
    let error = pgd(&model, broken.view(), &[0, 1], &config, seed, 2, &Silent).unwrap_err();
    said(error, "row 1, column 0");
    let infinite = ReluMlp::linear(&[f32::INFINITY, 1.0]);
    said(
        pgd(&infinite, rows.view(), &[0, 1], &config, seed, 2, &Silent).unwrap_err(),
        "not finite",
    );
    said(
        universal(&model, rows.view(), &[0, 2], &UNIVERSAL, seed, &Silent).unwrap_err(),
        "unsigned",
    );
    said(AttackScore::of_rows(&model, rows.view(), &[0, 2]).unwrap_err(), "label 2 of row 1");
    said(FiniteDifference::new(&model, 1025, 0.1).err().unwrap(), "1025");
    let delta = Array2::zeros((1, 2));
    said(perturbed_rows(rows.view(), delta.view(), None).unwrap_err(), "[1, 2]");
}

#[test]
fn a_radius_of_zero_leaves_the_rows_alone() {
    let (rows, labels) = one_linear_column(10, 2, Seed::new(1));
    let model = ReluMlp::linear(&[1.0, -1.0]);
    for start in [Start::Zero, Start::Random { radius: 0.1 }] {
        let config = Pgd { start, ..Pgd::new(Norm::L2, 0.0, 0.1, 3) };
        let delta =
            pgd(&model, rows.view(), &labels, &config, Seed::new(2), 4, &Silent).unwrap().delta;
        assert!(delta.iter().all(|value| *value == 0.0));
    }
}
