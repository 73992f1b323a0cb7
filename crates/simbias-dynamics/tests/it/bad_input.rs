//! What is refused, and what is told.

use ndarray::{Array2, ArrayView2, arr2};
use simbias_dynamics::DynamicsError;
use simbias_dynamics::select::{Guard, Outputs, SelectOptions, Selection, Space, select};
use simbias_report::Silent;
use simbias_stats::Seed;

use crate::planted::{planted, select_from};

fn attempt(
    logits: ArrayView2<'_, f32>,
    labels: &[u32],
    options: &SelectOptions,
) -> Result<Selection, DynamicsError> {
    let outputs = Outputs { logits: &logits, embeddings: None };
    select(outputs, labels, Guard::Outputs, options, Seed::new(0), &Silent)
}

#[track_caller]
fn refused(logits: &Array2<f32>, labels: &[u32], options: &SelectOptions, words: &[&str]) {
    let error = attempt(logits.view(), labels, options).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error:?}");
    }
}

fn kinds(selection: &Selection) -> Vec<&str> {
    selection.caveats.iter().map(|caveat| caveat.kind.as_str()).collect()
}

#[test]
fn rows_of_outputs_and_labels_that_differ_in_number() {
    let options = SelectOptions::default();
    refused(&Array2::zeros((3, 2)), &[0, 1], &options, &["3 rows of outputs", "2 of labels"]);
    refused(&Array2::zeros((0, 2)), &[], &options, &["0 examples"]);
}

#[test]
fn outputs_that_are_not_finite_are_refused_or_left_alone() {
    let mut planted = planted(300, 2, 8.0, 0);
    planted.logits[[7, 1]] = f32::NAN;
    planted.logits[[90, 0]] = f32::INFINITY;
    let options = SelectOptions::default();
    refused(&planted.logits, &planted.labels, &options, &["2 rows", "row 7", "NaN"]);
    let options = SelectOptions { keep_not_finite: true, ..options };
    let found = attempt(planted.logits.view(), &planted.labels, &options).unwrap();
    assert_eq!(found.not_finite, [7, 90]);
    assert!(!found.slow[7] && !found.slow[90] && found.losses[7].is_nan());
    assert!(kinds(&found).contains(&"not-finite"));
    assert_eq!(found.classes.iter().map(|class| class.n_rows).sum::<usize>(), 298);
}

#[test]
fn labels_without_output_and_single_logits() {
    let options = SelectOptions::default();
    refused(&Array2::zeros((3, 2)), &[0, 1, 2], &options, &["label 2", "example 2", "0 to 1"]);
    refused(&Array2::zeros((3, 1)), &[0, 1, 0], &options, &["one column", "binary"]);
}

#[test]
fn invalid_settings() {
    let options = SelectOptions { factor: 0, ..SelectOptions::default() };
    refused(&Array2::zeros((3, 2)), &[0, 1, 1], &options, &["factor", "1 or more"]);
    let options = SelectOptions { restarts: Some(0), ..SelectOptions::default() };
    refused(&Array2::zeros((3, 2)), &[0, 1, 1], &options, &["restarts", "1 or more"]);
    let options = SelectOptions { space: Space::Embedding, ..SelectOptions::default() };
    refused(&Array2::zeros((3, 2)), &[0, 1, 1], &options, &["embedding"]);
}

#[test]
fn guards_that_do_not_fit() {
    let planted = planted(40, 2, 8.0, 0);
    let outputs = Outputs { logits: &planted.logits.view(), embeddings: None };
    let attempt = |guard: Guard<'_>| {
        let options = SelectOptions::default();
        select(outputs, &planted.labels, guard, &options, Seed::new(0), &Silent)
            .unwrap_err()
            .to_string()
    };
    assert!(attempt(Guard::Mask(&[true])).contains("mask"));
    let wide: Array2<f32> = Array2::zeros((40, 3));
    assert!(attempt(Guard::Probabilities(&wide.view())).contains("3 columns"));
    let logits = Array2::from_elem((40, 2), 1.5_f32);
    assert!(attempt(Guard::Probabilities(&logits.view())).contains("not logits"));
}

#[test]
fn probabilities_taken_as_logits() {
    let found = attempt(
        Array2::from_shape_fn((60, 2), |(row, column)| {
            let p = 0.3 + 0.01 * (row % 30) as f32;
            if column == row % 2 { p } else { 1.0 - p }
        })
        .view(),
        &(0..60).map(|row| row % 2).collect::<Vec<u32>>(),
        &SelectOptions::default(),
    )
    .unwrap();
    assert_eq!(kinds(&found)[0], "outputs-are-probabilities");
}

#[test]
fn small_classes_and_constant_outputs_are_left_alone() {
    let mut logits = planted(100, 2, 8.0, 0).logits;
    let labels: Vec<u32> = (0..100).map(|row| u32::from(row < 5)).collect();
    let found = attempt(logits.view(), &labels, &SelectOptions::default()).unwrap();
    assert_eq!(found.classes[1].clusters, None);
    assert!(kinds(&found).contains(&"classes-left-alone"));
    assert!(!found.slow[..5].contains(&true));

    logits.fill(0.37);
    let labels: Vec<u32> = (0..100).map(|row| row % 2).collect();
    let found = attempt(logits.view(), &labels, &SelectOptions::default()).unwrap();
    assert_eq!(found.n_slow(), 0);
    assert!(found.classes.iter().all(|class| class.clusters.is_none()));
}

#[test]
fn outputs_that_come_too_early_or_too_late() {
    let early = planted(400, 4, 0.0, 0);
    assert!(kinds(&select_from(&early, Guard::Off, Space::Logits)).contains(&"too-early"));
    let mut late = planted(400, 4, 8.0, 0);
    for (row, &label) in late.labels.iter().enumerate() {
        late.logits[[row, label as usize]] += 50.0;
    }
    assert!(kinds(&select_from(&late, Guard::Off, Space::Logits)).contains(&"too-late"));
}

#[test]
fn shares_and_clusters_out_of_the_ordinary() {
    // One example of 400 far away from all others: its cluster is an outlier and the slow share tiny.
    let logits = Array2::from_shape_fn((400, 2), |(row, column)| {
        let near = 0.001 * (row % 7) as f32;
        let own = if row == 0 { -500.0 } else { 3.0 };
        if column == row % 2 { own } else { near }
    });
    let labels: Vec<u32> = (0..400).map(|row| row % 2).collect();
    let outputs = Outputs { logits: &logits.view(), embeddings: None };
    let options = SelectOptions::default();
    let found = select(outputs, &labels, Guard::Off, &options, Seed::new(0), &Silent).unwrap();
    assert!(found.slow[0]);
    assert!(kinds(&found).contains(&"outlier-cluster"));

    let many = arr2(&[[0.0_f32, 0.0]; 20])
        + Array2::from_shape_fn((20, 2), |(row, column)| {
            if column == 0 && row % 10 > 1 { -5.0 - 0.01 * row as f32 } else { 0.01 * row as f32 }
        });
    let labels = vec![0; 20];
    let outputs = Outputs { logits: &many.view(), embeddings: None };
    let found = select(outputs, &labels, Guard::Off, &options, Seed::new(0), &Silent).unwrap();
    assert_eq!(found.n_slow(), 16);
    assert!(kinds(&found).contains(&"slow-share"));
}
