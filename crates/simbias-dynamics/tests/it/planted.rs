//! Data whose slow examples are known.

use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use simbias_dynamics::select::{Guard, Outputs, SelectOptions, Selection, Space, select};
use simbias_report::Silent;
use simbias_stats::Seed;

/// Outputs, labels, and which examples are slow.
pub(crate) struct Planted {
    pub(crate) logits: Array2<f32>,
    pub(crate) labels: Vec<u32>,
    pub(crate) slow: Vec<bool>,
}

/// Two clusters in every class, `separation` standard deviations apart along the logit of the class; every fourth example
/// is in the one of lower logits.
pub(crate) fn planted(n_rows: usize, n_classes: usize, separation: f32, seed: u64) -> Planted {
    let mut stream = Seed::new(seed).child("test/planted", 0).stream();
    let labels: Vec<u32> = (0..n_rows).map(|row| (row % n_classes) as u32).collect();
    let slow: Vec<bool> = (0..n_rows).map(|row| (row / n_classes).is_multiple_of(4)).collect();
    let logits = Array2::from_shape_fn((n_rows, n_classes), |(row, class)| {
        let noise: f32 = StandardNormal.sample(&mut stream);
        let own = if slow[row] { 0.0 } else { separation };
        noise + if labels[row] as usize == class { own } else { 0.0 }
    });
    Planted { logits, labels, slow }
}

pub(crate) fn select_from(planted: &Planted, guard: Guard<'_>, space: Space) -> Selection {
    let outputs = Outputs { logits: &planted.logits.view(), embeddings: None };
    let options = SelectOptions { space, ..SelectOptions::default() };
    select(outputs, &planted.labels, guard, &options, Seed::new(5), &Silent).unwrap()
}

#[test]
fn clusters_eight_deviations_apart_are_found_exactly() {
    for seed in 0..5 {
        // Eight, so that no example of 3000 is expected nearer to the other mean.
        let planted = planted(3000, 7, 8.0, seed);
        let found = select_from(&planted, Guard::Off, Space::Logits);
        let n_wrong = found.slow.iter().zip(&planted.slow).filter(|(a, b)| a != b).count();
        assert!(n_wrong <= 1, "{n_wrong} of 3000 examples are on the wrong side");
        assert!(found.classes.iter().all(|class| {
            let clusters = class.clusters.unwrap();
            clusters.mean_loss_slow > clusters.mean_loss_fast && clusters.silhouette > Some(0.4)
        }));
    }
}

#[test]
fn embeddings_are_clustered_in_place_of_outputs() {
    let planted = planted(400, 4, 1.0, 3);
    let embeddings = Array2::from_shape_fn((400, 2), |(row, column)| {
        (row % 5) as f32 * 0.1 + if planted.slow[row] && column == 0 { 100.0 } else { 0.0 }
    });
    let outputs = Outputs { logits: &planted.logits.view(), embeddings: Some(&embeddings.view()) };
    let options = SelectOptions { space: Space::Embedding, ..SelectOptions::default() };
    let found =
        select(outputs, &planted.labels, Guard::Off, &options, Seed::new(0), &Silent).unwrap();
    assert_eq!(found.slow, planted.slow);
}

/// An example whose outputs are those of another class, as a label error has them.
#[test]
fn label_errors_are_not_shown_more_often() {
    let mut planted = planted(1000, 4, 9.0, 1);
    let flipped: Vec<usize> = (4..1000).step_by(20).collect();
    for &row in &flipped {
        planted.labels[row] = (planted.labels[row] + 1) % 4;
    }
    let unguarded = select_from(&planted, Guard::Off, Space::Logits);
    let n_slow = |found: &Selection| flipped.iter().filter(|&&row| found.slow[row]).count();
    assert!(n_slow(&unguarded) >= 30, "label errors look slow: {}", n_slow(&unguarded));

    let guarded = select_from(&planted, Guard::Outputs, Space::Logits);
    assert!(n_slow(&guarded) <= 15, "{} label errors are left", n_slow(&guarded));
    let n_suspect = guarded.suspect.iter().filter(|&&suspect| suspect).count();
    let n_right = flipped.iter().filter(|&&row| guarded.suspect[row]).count();
    assert!(n_right * 2 >= n_suspect, "{n_right} of {n_suspect} suspects are errors");
    assert!(guarded.caveats.iter().any(|caveat| caveat.kind == "suspect-labels"));

    let mask: Vec<bool> = (0..1000).map(|row| flipped.contains(&row)).collect();
    let masked = select_from(&planted, Guard::Mask(&mask), Space::Logits);
    assert_eq!((n_slow(&masked), &masked.suspect), (0, &mask));

    let probabilities = Array2::from_shape_fn((1000, 4), |(row, class)| {
        let label = planted.labels[row] as usize;
        let truth = if mask[row] { (label + 3) % 4 } else { label };
        if class == truth { 0.7 } else { 0.1 }
    });
    let out_of_fold = Guard::Probabilities(&probabilities.view());
    assert_eq!(select_from(&planted, out_of_fold, Space::Logits).suspect, mask);
}

#[test]
fn saturated_probabilities_cluster_otherwise_than_logits() {
    let planted = planted(2000, 4, 8.0, 2);
    let logits = select_from(&planted, Guard::Off, Space::Logits);
    let softmax = select_from(&planted, Guard::Off, Space::Softmax);
    assert!(softmax.n_slow() < logits.n_slow(), "the slow cluster shrinks to the errors");
    let centered = select_from(&planted, Guard::Off, Space::Centered);
    assert!(centered.n_slow() > 0);
    assert!(logits.overlap_with_centered.unwrap() > 0.5);
}
