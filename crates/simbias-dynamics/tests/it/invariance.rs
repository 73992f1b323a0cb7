//! What must not change a selection.

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use simbias_dynamics::select::{Guard, Outputs, SelectOptions, Space, select};
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::planted::{Planted, planted, select_from};

fn permuted(planted: &Planted, order: &[u32]) -> Planted {
    let rows: Vec<usize> = order.iter().map(|&row| row as usize).collect();
    Planted {
        logits: planted.logits.select(Axis(0), &rows),
        labels: rows.iter().map(|&row| planted.labels[row]).collect(),
        slow: rows.iter().map(|&row| planted.slow[row]).collect(),
    }
}

#[test]
fn the_order_of_examples() {
    let planted = planted(900, 3, 2.0, 4);
    let order = Seed::new(1).permutation(900);
    let found = select_from(&planted, Guard::Outputs, Space::Logits);
    let other = select_from(&permuted(&planted, &order), Guard::Outputs, Space::Logits);
    for (place, &row) in order.iter().enumerate() {
        assert_eq!(other.slow[place], found.slow[row as usize]);
        assert_eq!(other.suspect[place], found.suspect[row as usize]);
    }
    assert_eq!(other.classes, found.classes);
}

#[test]
fn the_order_of_classes() {
    let planted = planted(900, 3, 6.0, 4);
    let relabelled = Planted {
        logits: planted.logits.select(Axis(1), &[2, 0, 1]),
        labels: planted.labels.iter().map(|&label| (label + 1) % 3).collect(),
        slow: planted.slow.clone(),
    };
    let found = select_from(&planted, Guard::Outputs, Space::Logits);
    let other = select_from(&relabelled, Guard::Outputs, Space::Logits);
    assert_eq!(found.slow, other.slow);
    assert_eq!(found.suspect, other.suspect);
}

#[test]
fn the_number_of_threads_and_the_memory() {
    let planted = planted(30_000, 5, 1.0, 4);
    let found = select_from(&planted, Guard::Outputs, Space::Logits);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| select_from(&planted, Guard::Outputs, Space::Logits));
        assert_eq!(found, other);
    }
    let outputs = Outputs { logits: &planted.logits.view(), embeddings: None };
    let options = SelectOptions { memory_bytes: 1, ..SelectOptions::default() };
    let narrow =
        select(outputs, &planted.labels, Guard::Outputs, &options, Seed::new(5), &Silent).unwrap();
    assert_eq!(found, narrow);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn positive_scaling_scales_the_clusters(seed in 0..1000_u64, exponent in -8..8_i32) {
        // A power of two, so that nothing is rounded.
        let scale = 2.0_f32.powi(exponent);
        let planted = planted(300, 3, 4.0, seed);
        let scaled = Planted {
            logits: planted.logits.mapv(|logit| logit * scale),
            labels: planted.labels.clone(),
            slow: planted.slow.clone(),
        };
        let embedded = |planted: &Planted, embeddings: &Array2<f32>| {
            let outputs = Outputs {
                logits: &planted.logits.view(),
                embeddings: Some(&embeddings.view()),
            };
            let options = SelectOptions { space: Space::Embedding, ..SelectOptions::default() };
            select(outputs, &planted.labels, Guard::Off, &options, Seed::new(1), &Silent).unwrap()
        };
        // The losses, and with them the order of the rows, stay those of the unscaled logits.
        let (found, other) =
            (embedded(&planted, &planted.logits), embedded(&planted, &scaled.logits));
        prop_assert_eq!(&found.slow, &other.slow);
        for (found, other) in found.classes.iter().zip(&other.classes) {
            let expected = found.clusters.unwrap().inertia * f64::from(scale).powi(2);
            prop_assert!((other.clusters.unwrap().inertia / expected - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn slow_clusters_have_the_higher_loss_and_lists_are_whole(seed in 0..1000_u64, factor in 1..6_u32) {
        let planted = planted(200, 4, 3.0, seed);
        let outputs = Outputs { logits: &planted.logits.view(), embeddings: None };
        let options = SelectOptions { factor, ..SelectOptions::default() };
        let found =
            select(outputs, &planted.labels, Guard::Outputs, &options, Seed::new(1), &Silent).unwrap();
        for class in &found.classes {
            let clusters = class.clusters.unwrap();
            prop_assert!(clusters.mean_loss_slow >= clusters.mean_loss_fast);
        }
        let sum: f64 = found.weights().iter().sum();
        prop_assert_eq!(sum, (200 + (factor as usize - 1) * found.n_slow()) as f64);
        let mut counts = vec![0_u32; 200];
        for index in found.indices() {
            counts[index as usize] += 1;
        }
        let expected = |slow: bool| if slow { factor } else { 1 };
        prop_assert!(counts.iter().zip(&found.slow).all(|(&count, &slow)| count == expected(slow)));
        if factor == 1 {
            prop_assert!(found.indices().into_iter().eq(0..200));
        }
    }
}
