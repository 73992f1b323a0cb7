//! Results that travel: plans, JSON, comparisons; and questions that are refused.

use ndarray::{Array2, ArrayView2};
use simbias_data::transform::{Identity, Transform};
use simbias_data::{ClassLabels, Dataset, Scorer, ScorerError, Stratum, Target};
use simbias_reliance::{
    Block, BlockSet, Change, DonorMode, Measurement, Metric, Plan, Randomizer, RelianceError,
    RelianceOptions, RelianceOutcome, Side, compare, measure,
};
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::samples::{Model, dataset, noisy, quick, run, split_blocks, uniform};

#[test]
fn a_plan_scored_elsewhere_gives_the_same_result() {
    let mut data = dataset(uniform(23, 300, 4), |row| row[0] + row[2] > 0.0);
    data.strata.push(Stratum {
        name: "site".into(),
        indices: (0..300).map(|row| u32::from(row % 3 == 0)).collect(),
        values: vec!["a".into(), "b".into()],
    });
    let model = Model(|row: &[f32]| row[0] + 0.5 * row[2]);
    let blocks = split_blocks(4);
    let options = RelianceOptions { conflict: false, manifold: false, ..quick() };
    let direct = run(&model, &data, &blocks, &options, 10).unwrap();
    let plan = Plan::new(&data, &blocks, &options, Seed::new(10)).unwrap();
    let identity = Identity::new(4);
    let randomizer = Randomizer::new(&model, data.rows.view(), &identity, 64);
    let mut scores = ndarray::Array3::<f64>::zeros((plan.document.jobs.len(), 300, 1));
    for job in &plan.document.jobs {
        let of_job = match (&job.block, job.repeat) {
            (Some(block), Some(repeat)) => {
                let side = if job.complement { Side::Complement } else { Side::Block };
                let prepared = randomizer.prepare(&blocks.find(block).unwrap().columns);
                let donors = plan.donors.row(repeat).to_vec();
                randomizer.score(&prepared, &donors, side).unwrap()
            }
            _ => model.score(data.rows.view()).unwrap(),
        };
        scores.index_axis_mut(ndarray::Axis(0), job.id).assign(&of_job.mapv(f64::from));
    }
    let hash = plan.document.hash.clone();
    let found = plan.evaluate(scores.view(), Some(&hash), &options).unwrap().outcome;
    for (a, b) in direct.blocks.iter().zip(&found.blocks) {
        assert_eq!(a.randomized, b.randomized);
        assert_eq!(a.complement, b.complement);
        assert_eq!(a.strata, b.strata);
        assert_eq!(a.verdict, b.verdict);
    }
    let again = Plan::from_parts(
        plan.document.clone(),
        plan.donors.clone(),
        plan.target.clone(),
        plan.strata.clone(),
    );
    assert_eq!(again.unwrap(), plan);
    let error = plan.evaluate(scores.view(), Some("0123"), &options).unwrap_err();
    assert!(matches!(error, RelianceError::PlanMismatch { .. }), "{error}");
    let short = scores.slice(ndarray::s![..3, .., ..]);
    let error = plan.evaluate(short, Some(&hash), &options).unwrap_err();
    assert!(matches!(error, RelianceError::ScoreShape { .. }), "{error}");
}

#[test]
fn results_survive_json_and_can_be_compared() {
    let data = dataset(uniform(25, 600, 4), |row| row[0] + row[2] > 0.0);
    let first = Model(|row: &[f32]| row[0]);
    let both = Model(|row: &[f32]| row[0] + row[2]);
    let before = run(&first, &data, &split_blocks(4), &quick(), 11).unwrap();
    let after = run(&both, &data, &split_blocks(4), &quick(), 11).unwrap();
    let read = RelianceOutcome::from_json(&after.to_json()).unwrap();
    assert_eq!(read.to_json(), after.to_json());
    let comparison = compare(&before, &read, None).unwrap();
    assert!(comparison.paired && !comparison.paired_over_rows);
    let second = &comparison.blocks[1];
    assert!(second.randomized.difference.high < 0.0 || second.randomized.p_value < 0.05);
    assert!(second.necessity.as_ref().unwrap().difference.value > 0.1);
    let same = compare(&before, &before, None).unwrap();
    assert!(same.blocks[0].randomized.difference.value == 0.0);

    let other = dataset(uniform(26, 600, 4), |row| row[0] > 0.0);
    let other = run(&first, &other, &split_blocks(4), &quick(), 11).unwrap();
    let error = compare(&before, &other, None).unwrap_err();
    assert!(error.to_string().contains("different rows"), "{error}");
    let newer = after.to_json().replace("simbias.reliance/1", "simbias.reliance/9");
    let error = RelianceOutcome::from_json(&newer).unwrap_err();
    assert!(error.to_string().contains("simbias.reliance/9"), "{error}");
}

#[test]
fn multi_class_and_regression_are_measured() {
    let rows = uniform(27, 900, 4);
    let indices = rows
        .rows()
        .into_iter()
        .map(|row| if row[0] < -0.33 { 0 } else { u32::from(row[0] > 0.33) + 1 })
        .collect();
    let names = vec!["low".into(), "mid".into(), "high".into()];
    let data = Dataset {
        target: Target::Classes(ClassLabels { indices, names }),
        ..dataset(rows.clone(), |_| true)
    };
    struct ThreeLogits;
    impl Scorer for ThreeLogits {
        fn n_outputs(&self) -> usize {
            3
        }
        fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
            Ok(Array2::from_shape_fn((rows.nrows(), 3), |(row, class)| {
                let centre = class as f32 - 1.0;
                -4.0 * (rows[[row, 0]] - 0.66 * centre).powi(2)
            }))
        }
    }
    let outcome = run(&ThreeLogits, &data, &split_blocks(4), &quick(), 12).unwrap();
    assert!(outcome.standard.metric.value > 0.99);
    let first = outcome.block("first").unwrap();
    assert!((first.randomized.metric.value - 0.5).abs() < 0.05);
    assert!((first.randomized.accuracy_null.unwrap() - 1.0 / 3.0).abs() < 0.02);
    assert_eq!(outcome.block("second").unwrap().randomized.flips.value, 0.0);

    let values = rows.rows().into_iter().map(|row| f64::from(2.0 * row[0] + row[3])).collect();
    let data = Dataset { target: Target::Values(values), ..data };
    let model = Model(|row: &[f32]| 2.0 * row[0] + row[3]);
    let outcome = run(&model, &data, &split_blocks(4), &quick(), 13).unwrap();
    assert_eq!(outcome.metric, Metric::R2);
    assert!((outcome.standard.metric.value - 1.0).abs() < 1e-6);
    // R² after permuting x₀: 1 − 2·Var(2x₀)/Var(y) = 1 − 2·(4/5) = −.6.
    let first = outcome.block("first").unwrap().randomized.metric.value;
    assert!((first + 0.6).abs() < 0.15, "{first}");
}

#[test]
fn meaningless_questions_are_refused_with_the_reason() {
    let rows = uniform(29, 50, 4);
    let model = Model(|row: &[f32]| row[0]);
    let blocks = split_blocks(4);
    let good = dataset(rows.clone(), |row| row[0] > 0.0);

    let one_class = dataset(rows.clone(), |_| true);
    let error = run(&model, &one_class, &blocks, &quick(), 1).unwrap_err();
    assert!(error.to_string().contains("AUC undefined"), "{error}");

    let mut not_finite = good.clone();
    not_finite.rows[[7, 2]] = f32::NAN;
    let error = run(&model, &not_finite, &blocks, &quick(), 1).unwrap_err();
    assert!(error.to_string().contains("row 8,") && error.to_string().contains("x2"), "{error}");

    let bad_scores = Model(|row: &[f32]| if row[0] > 0.9 { f32::INFINITY } else { row[0] });
    let error = run(&bad_scores, &good, &blocks, &quick(), 1).unwrap_err();
    assert!(matches!(error, RelianceError::NotFiniteScore { .. }), "{error}");

    let single = good.select(&[0]);
    let error = run(&model, &single, &blocks, &quick(), 1).unwrap_err();
    assert!(matches!(error, RelianceError::TooFewRows { found: 1 }), "{error}");

    let wide = BlockSet::partition(vec![Block::new("a", [0, 5])], 6).unwrap();
    let error = run(&model, &good, &wide, &quick(), 1).unwrap_err();
    assert!(matches!(error, RelianceError::FeatureCount { .. }), "{error}");

    let options = RelianceOptions { metric: Some(Metric::R2), ..quick() };
    let error = run(&model, &good, &blocks, &options, 1).unwrap_err();
    assert!(error.to_string().contains("r2"), "{error}");

    let options = RelianceOptions { mode: DonorMode::WithinStratum, ..quick() };
    let error = run(&model, &good, &blocks, &options, 1).unwrap_err();
    assert!(error.to_string().contains("--strata"), "{error}");

    struct Broken(Identity);
    impl Transform for Broken {
        fn n_features(&self) -> usize {
            self.0.n_features()
        }
        fn forward(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
            rows.to_owned()
        }
        fn inverse(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
            rows.mapv(|value| 1.01 * value)
        }
    }
    let broken = Broken(Identity::new(4));
    let error =
        measure(&model, &good, &blocks, &broken, &quick(), Seed::new(1), &Silent).err().unwrap();
    assert!(matches!(error, RelianceError::RoundTrip { .. }), "{error}");
}

#[test]
fn comparisons_are_paired_over_rows() {
    let data = noisy(41, 800);
    let blocks = split_blocks(4);
    let measured = |model: &dyn Scorer| {
        let identity = Identity::new(4);
        measure(model, &data, &blocks, &identity, &quick(), Seed::new(1), &Silent).unwrap()
    };
    let before = measured(&Model(|row: &[f32]| row[0] + row[2]));
    let after = measured(&Model(|row: &[f32]| row[0] + 0.9 * row[2]));
    let both = |a: &Measurement, b: &Measurement| {
        let influences = a.influences.as_ref().zip(b.influences.as_ref());
        compare(&a.outcome, &b.outcome, influences).unwrap()
    };
    // The same result twice: no row could tell them apart.
    let same = both(&before, &before);
    assert!(same.paired_over_rows);
    for block in &same.blocks {
        let shares = [block.necessity.as_ref().unwrap(), block.sufficiency.as_ref().unwrap()];
        for change in shares.into_iter().chain([&block.randomized, &same.standard]) {
            let found = &change.difference;
            assert_eq!((found.value, found.low, found.high), (0.0, 0.0, 0.0));
            assert_eq!(change.p_value, 1.0);
        }
    }
    // Nearly the same model: the interval is far narrower than that of two sets of rows, and not a point.
    let paired = both(&before, &after);
    let unpaired = compare(&before.outcome, &after.outcome, None).unwrap();
    let width = |change: &Change| change.difference.high - change.difference.low;
    for (a, b) in paired.blocks.iter().zip(&unpaired.blocks) {
        for (a, b) in [
            (&a.randomized, &b.randomized),
            (a.necessity.as_ref().unwrap(), b.necessity.as_ref().unwrap()),
            (a.sufficiency.as_ref().unwrap(), b.sufficiency.as_ref().unwrap()),
            (&paired.standard, &unpaired.standard),
        ] {
            assert_eq!(a.difference.value, b.difference.value);
            assert!(width(a) > 0.0 && width(a) < 0.6 * width(b), "{} {}", width(a), width(b));
        }
    }
    // Influences of another result are refused.
    let error = compare(
        &before.outcome,
        &after.outcome,
        before.influences.as_ref().zip(before.influences.as_ref()),
    );
    assert!(error.unwrap_err().to_string().contains("another result"));
}

#[test]
fn the_variance_of_a_paired_change_is_that_over_samples_of_rows() {
    // 200 samples of rows: the spread of the change against the standard errors that single samples report.
    const N_SAMPLES: u64 = 200;
    let blocks = split_blocks(4);
    let (mut changes, mut variances) = (Vec::new(), Vec::new());
    for sample in 0..N_SAMPLES {
        let data = noisy(5000 + sample, 300);
        // With few repeats the noise of the donors counts twice: in ψ and between repeats.
        let options = RelianceOptions { repeats: 20, manifold: false, conflict: false, ..quick() };
        let identity = Identity::new(4);
        let seed = Seed::new(sample);
        let [before, after] = [1.0_f32, 0.5].map(|weight| {
            let model = Model(move |row: &[f32]| row[0] + weight * row[2]);
            measure(&model, &data, &blocks, &identity, &options, seed, &Silent).unwrap()
        });
        let influences = before.influences.as_ref().zip(after.influences.as_ref());
        let found = compare(&before.outcome, &after.outcome, influences).unwrap();
        let change = &found.blocks[1].randomized.difference;
        changes.push(change.value);
        variances.push(((change.high - change.low) / 2.0 / 1.96).powi(2));
    }
    let n = N_SAMPLES as f64;
    let mean = changes.iter().sum::<f64>() / n;
    let spread = changes.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let ratio = variances.iter().sum::<f64>() / n / spread;
    // The standard error of a variance from 200 draws is 10 %.
    assert!((0.7..1.4).contains(&ratio), "{ratio}");
}
