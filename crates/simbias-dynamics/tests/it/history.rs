//! Histories by hand.

use ndarray::{Array2, ArrayView2, arr2};
use simbias_data::RowSource;
use simbias_dynamics::history::history;
use simbias_report::Silent;

#[test]
fn an_example_that_is_learned_forgotten_and_learned_again() {
    // Right, wrong, wrong, right, right; the other example is wrong throughout.
    let right = arr2(&[[1.0_f32, 0.0], [1.0, 0.0]]);
    let wrong = arr2(&[[0.0_f32, 1.0], [1.0, 0.0]]);
    let epochs: Vec<&Array2<f32>> = vec![&right, &wrong, &wrong, &right, &right];
    let views: Vec<ArrayView2<'_, f32>> = epochs.iter().map(|epoch| epoch.view()).collect();
    let sources: Vec<&dyn RowSource> = views.iter().map(|view| view as &dyn RowSource).collect();
    let found = history(&sources, &[0, 1], &Silent).unwrap();
    let [first, second] = found.examples[..] else { panic!("two examples") };
    assert_eq!((first.n_correct, first.forgetting_events), (3, 1));
    assert_eq!((first.first_learned, first.learned_for_good), (Some(0), 3));
    assert!(second.is_never_learned());
    assert_eq!((second.forgetting_score(5), second.learned_for_good), (5, 5));
    assert_eq!(found.errors, [0.5, 1.0, 1.0, 0.5, 0.5]);
    // Of probabilities p, q, q, p, p with p + q = 1: the standard deviation is (p - q) √6 / 5.
    let p = 1.0 / (1.0 + (-1.0_f64).exp());
    let expected = (2.0 * p - 1.0) * 6.0_f64.sqrt() / 5.0;
    assert!((first.variability - expected).abs() < 1e-12);
    // What is added under the root is v⁴/(E-1).
    let corrected = (expected * expected + expected.powi(4) / 4.0).sqrt();
    assert!((first.corrected_variability(5) - corrected).abs() < 1e-12);
}
