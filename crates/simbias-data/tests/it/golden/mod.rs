//! Comparisons with stored results of the official implementation. Tolerances and forms:
//! `golden/pitfalls/README.md`.

mod domino;
mod lsn;
mod slabs;

use ndarray::ArrayD;
use simbias_golden::Set;

const GOLDEN: Set = simbias_golden::set!("pitfalls");

#[track_caller]
fn assert_close(what: &str, found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{what}{index:?}: {found} != {expected}");
    }
}
