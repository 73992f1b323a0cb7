//! Areas under the ROC curve against definitions, invariances and thread counts.

use proptest::prelude::*;
use rand::RngExt;
use simbias_stats::{
    AucEstimate, Placements, RocScratch, Seed, StatsError, auc_delong, average_precision,
    paired_difference, roc_auc,
};

/// Win of a positive over a negative: 1, ½ or 0.
fn win(positive: f64, negative: f64) -> f64 {
    f64::from(u8::from(positive > negative)) + 0.5 * f64::from(u8::from(positive == negative))
}

fn class_scores(scores: &[f64], positives: &[bool], class: bool) -> Vec<f64> {
    scores.iter().zip(positives).filter(|row| *row.1 == class).map(|row| *row.0).collect()
}

/// Placements by comparing every pair.
fn brute_placements(scores: &[f64], positives: &[bool]) -> (Vec<f64>, Vec<f64>) {
    let (above, below) =
        (class_scores(scores, positives, true), class_scores(scores, positives, false));
    let mean = |wins: Vec<f64>| wins.iter().sum::<f64>() / wins.len() as f64;
    let v10 = above.iter().map(|&p| mean(below.iter().map(|&q| win(p, q)).collect())).collect();
    let v01 = below.iter().map(|&q| mean(above.iter().map(|&p| win(p, q)).collect())).collect();
    (v10, v01)
}

fn covariance_of_means(first: &[f64], second: &[f64]) -> f64 {
    let n = first.len() as f64;
    let (mean1, mean2) = (first.iter().sum::<f64>() / n, second.iter().sum::<f64>() / n);
    let sum: f64 = first.iter().zip(second).map(|(a, b)| (a - mean1) * (b - mean2)).sum();
    sum / (n - 1.0) / n
}

fn step_sum_precision(scores: &[f64], positives: &[bool]) -> f64 {
    let mut thresholds = scores.to_vec();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let n_positives = positives.iter().filter(|&&p| p).count() as f64;
    let (mut sum, mut recall_before) = (0.0, 0.0);
    for threshold in thresholds {
        let hits = |class| {
            class_scores(scores, positives, class).iter().filter(|&&s| s >= threshold).count()
                as f64
        };
        let (true_hits, false_hits) = (hits(true), hits(false));
        let recall = true_hits / n_positives;
        sum += (recall - recall_before) * true_hits / (true_hits + false_hits);
        recall_before = recall;
    }
    sum
}

/// Two rows of each class and any number more; scores on a grid, so that ties are common.
fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<bool>)> {
    let row = (-9..9_i8, -9..9_i8, any::<bool>());
    prop::collection::vec(row, 4..40).prop_map(|rows| {
        let score = |value: i8| if value == 0 { -0.0 } else { f64::from(value) / 8.0 };
        let first = rows.iter().map(|row| score(row.0)).collect();
        let second = rows.iter().map(|row| f64::from(row.1)).collect();
        let forced = [true, false, true, false].into_iter().map(Some);
        let forced = forced.chain(std::iter::repeat(None));
        let labels = rows.iter().zip(forced).map(|(row, class)| class.unwrap_or(row.2)).collect();
        (first, second, labels)
    })
}

proptest! {
    #[test]
    fn definitions_by_comparing_every_pair((first, second, positives) in rows()) {
        let (v10, v01) = brute_placements(&first, &positives);
        let (w10, w01) = brute_placements(&second, &positives);
        let estimate = auc_delong(&first, &positives).unwrap();
        let auc = v10.iter().sum::<f64>() / v10.len() as f64;
        prop_assert!((estimate.auc - auc).abs() < 1e-12);
        let variance = covariance_of_means(&v10, &v10) + covariance_of_means(&v01, &v01);
        prop_assert!((estimate.variance - variance).abs() < 1e-12);

        let (one, two) = (
            Placements::new(&first, &positives).unwrap(),
            Placements::new(&second, &positives).unwrap(),
        );
        prop_assert_eq!(one.estimate(), estimate);
        for (found, expected) in one.of_positives().zip(&v10).chain(one.of_negatives().zip(&v01)) {
            prop_assert!((found - expected).abs() < 1e-12);
        }
        let paired = paired_difference(&one, &two).unwrap();
        let covariance = covariance_of_means(&v10, &w10) + covariance_of_means(&v01, &w01);
        prop_assert!((paired.covariance - covariance).abs() < 1e-12);
        let spread = estimate.variance + two.estimate().variance - 2.0 * covariance;
        prop_assert!((paired.variance - spread).abs() < 1e-12);
        prop_assert!((paired.difference - (auc - two.estimate().auc)).abs() < 1e-12);
        let precision = average_precision(&first, &positives).unwrap();
        prop_assert!((precision - step_sum_precision(&first, &positives)).abs() < 1e-12);
    }

    #[test]
    fn only_the_order_counts((scores, _, positives) in rows()) {
        let estimate = auc_delong(&scores, &positives).unwrap();
        for map in [|s: f64| s.exp(), |s: f64| 1e-300 * s, |s: f64| s.powi(3) - 40.0] {
            let mapped: Vec<f64> = scores.iter().map(|&score| map(score)).collect();
            prop_assert_eq!(auc_delong(&mapped, &positives).unwrap(), estimate);
        }
        let single: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
        prop_assert_eq!(auc_delong(&single, &positives).unwrap(), estimate);
    }

    #[test]
    fn reversal_mirrors_the_area((scores, _, positives) in rows()) {
        let reversed: Vec<f64> = scores.iter().map(|score| -score).collect();
        let (up, down) =
            (auc_delong(&scores, &positives).unwrap(), auc_delong(&reversed, &positives).unwrap());
        prop_assert!((up.auc + down.auc - 1.0).abs() < 1e-15);
        prop_assert!((up.variance - down.variance).abs() < 1e-15);
        let swapped: Vec<bool> = positives.iter().map(|positive| !positive).collect();
        prop_assert!((roc_auc(&scores, &swapped).unwrap() - down.auc).abs() < 1e-15);
    }
}

#[test]
fn constant_scores_are_chance() {
    let estimate =
        auc_delong(&[3.5; 10], &[true, false, true, false, true, false, false, false, true, true]);
    let estimate = estimate.unwrap();
    assert_eq!((estimate.auc, estimate.variance), (0.5, 0.0));
    let interval = estimate.interval(0.95).unwrap();
    assert!(interval.degenerate && interval.estimate.low < 0.5 && 0.5 < interval.estimate.high);
}

#[test]
fn a_perfect_ranking_gets_wilsons_interval_of_the_rarer_class() {
    let estimate = AucEstimate { auc: 1.0, variance: 0.0, n_positives: 20, n_negatives: 500 };
    let interval = estimate.interval(0.95).unwrap();
    assert!(interval.degenerate);
    // Wilson's lower bound for n of n is n / (n + z²).
    let expected = 20.0 / (20.0 + 1.959_963_984_540_054_f64.powi(2));
    assert!((interval.estimate.low - expected).abs() < 1e-14);
    assert_eq!(interval.estimate.high, 1.0);
}

#[test]
fn bad_input_is_named() {
    let one_class = roc_auc(&[1.0, 2.0], &[true, true]).unwrap_err();
    assert!(one_class.to_string().starts_with("AUC undefined"), "{one_class}");
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = auc_delong(&[0.0, 1.0, bad, bad], &[true, false, true, false]).unwrap_err();
        assert!(matches!(error, StatsError::NotFinite { index: 2, .. }), "{error}");
    }
    assert!(matches!(roc_auc(&[1.0], &[]), Err(StatsError::Lengths { .. })));
    let lonely = auc_delong(&[1.0, 2.0, 3.0], &[true, false, false]).unwrap_err();
    assert!(matches!(lonely, StatsError::TooFew { found: 1, needed: 2, .. }), "{lonely}");
    let ranking = |labels: &[bool]| Placements::new(&[0.0, 1.0, 2.0, 3.0], labels).unwrap();
    let (one, two) = (ranking(&[true, true, false, false]), ranking(&[true, false, true, false]));
    let error = paired_difference(&one, &two).unwrap_err();
    assert_eq!(error, StatsError::DifferentRows { row: 1 });
}

/// Enough rows to share between threads; each family stresses another part of the sorting.
fn large_families() -> Vec<(&'static str, Vec<f64>)> {
    let mut stream = Seed::new(11).child("test/large", 0).stream();
    let mut draw =
        |n: usize| -> Vec<f64> { (0..n).map(|_| stream.random_range(-1.0..1.0)).collect() };
    let n = 150_000;
    let spread = draw(n);
    vec![
        ("both signs", spread.clone()),
        ("one sign", spread.iter().map(|x| x.abs()).collect()),
        ("many zeros", spread.iter().map(|x| if *x < 0.4 { 0.0 * x } else { *x }).collect()),
        ("few values", spread.iter().map(|x| (x * 4.0).round()).collect()),
        ("a constant", vec![-1.5; n]),
        ("all magnitudes", spread.iter().map(|x| x.signum() * (300.0 * x).exp()).collect()),
        (
            "an outlier",
            spread
                .iter()
                .enumerate()
                .map(|(i, x)| if i == 5 { 1e300 } else { 1.0 + x * 1e-12 })
                .collect(),
        ),
    ]
}

#[test]
fn threads_change_no_bit() {
    for (family, scores) in large_families() {
        let mut stream = Seed::new(12).child("test/labels", 0).stream();
        let positives: Vec<bool> = scores
            .iter()
            .map(|&score| stream.random_range(-2.0..2.0) < score.clamp(-1.0, 1.0))
            .collect();
        let alone = RocScratch::default().auc_delong(&scores, &positives).unwrap();
        // Row by row, without the shared machinery of ranges.
        assert_eq!(Placements::new(&scores, &positives).unwrap().estimate(), alone, "{family}");
        for n_threads in [1, 2, 3, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let found = pool.install(|| auc_delong(&scores, &positives).unwrap());
            assert_eq!(found, alone, "{family} on {n_threads} threads");
        }
    }
}
