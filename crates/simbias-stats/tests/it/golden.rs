//! Comparison with values computed by scikit-learn and by brute-force placements.
//!
//! The files come from `tests/golden/pitfalls`, or from `$SIMBIAS_GOLDEN/pitfalls`.

use serde::Deserialize;
use simbias_golden::Set;
use simbias_stats::{
    Placements, RocScratch, auc_delong, average_precision, one_vs_one_auc, one_vs_rest_auc,
    paired_difference, roc_auc,
};

const GOLDEN: Set = simbias_golden::set!("pitfalls");

/// From the table in `tests/golden/pitfalls/README.md`.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct BinaryCase {
    y: Vec<u8>,
    s: Vec<f64>,
    s2: Vec<f64>,
    roc_auc: f64,
    avg_precision: f64,
    delong_var: f64,
    roc_auc2: f64,
    delong_var2: f64,
    delong_cov: f64,
    diff_se: f64,
    ci95_wald: [f64; 2],
}

#[derive(Deserialize)]
struct MulticlassCase {
    logits: Vec<Vec<f64>>,
    y: Vec<u32>,
    ovr_macro: f64,
    ovo_macro: f64,
}

#[test]
fn binary_areas_and_delong_variances() {
    let cases: Vec<BinaryCase> = GOLDEN.json("auc_cases.json");
    assert!(!cases.is_empty(), "the golden file holds no case");
    for (number, case) in cases.iter().enumerate() {
        let close = |what: &str, found: f64, expected: f64| {
            assert_close(&format!("case {number}, {what}"), found, expected);
        };
        let positives: Vec<bool> = case.y.iter().map(|&label| label == 1).collect();
        let estimate = auc_delong(&case.s, &positives).unwrap();
        close("auc", estimate.auc, case.roc_auc);
        close("variance", estimate.variance, case.delong_var);
        close("auc alone", roc_auc(&case.s, &positives).unwrap(), case.roc_auc);
        close("precision", average_precision(&case.s, &positives).unwrap(), case.avg_precision);
        let wald = estimate.wald(0.95).unwrap();
        close("lower bound", wald.low, case.ci95_wald[0]);
        close("upper bound", wald.high, case.ci95_wald[1]);
        assert_eq!(RocScratch::default().auc_delong(&case.s, &positives).unwrap(), estimate);

        let first = Placements::new(&case.s, &positives).unwrap();
        let second = Placements::new(&case.s2, &positives).unwrap();
        assert_eq!(first.estimate(), estimate);
        close("second auc", second.estimate().auc, case.roc_auc2);
        close("second variance", second.estimate().variance, case.delong_var2);
        let paired = paired_difference(&first, &second).unwrap();
        close("difference", paired.difference, case.roc_auc - case.roc_auc2);
        close("covariance", paired.covariance, case.delong_cov);
        close("error of the difference", paired.standard_error(), case.diff_se);

        let degenerate = estimate.interval(0.95).unwrap().degenerate;
        assert_eq!(degenerate, case.delong_var == 0.0, "case {number}");
    }
}

#[test]
fn multiclass_areas() {
    let case: MulticlassCase = GOLDEN.json("auc_multiclass.json");
    let n_classes = case.logits[0].len();
    let logits = case.logits.concat();
    let one_vs_rest = one_vs_rest_auc(&logits, n_classes, &case.y).unwrap();
    assert_close("one against the rest", one_vs_rest, case.ovr_macro);
    let one_vs_one = one_vs_one_auc(&logits, n_classes, &case.y).unwrap();
    assert_close("one against one", one_vs_one, case.ovo_macro);
}

#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64) {
    let gap = (found - expected).abs();
    assert!(gap <= TOLERANCE, "{what}: found {found}, expected {expected}, {gap:e} apart");
}
