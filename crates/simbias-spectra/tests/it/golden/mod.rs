//! Comparison with vectors made by the official FARMS code and by WeightWatcher.
//!
//! Cases and expected values are read from the files; `SIMBIAS_GOLDEN=DIR` runs the tests on `DIR/spectra`.
//! Tolerances are those of the golden README.

mod allocations;
mod fits;
mod pruning;
mod scans;
mod spectra;

use serde_json::{Map, Value};
use simbias_golden::Set;

/// "fits given the stored eigenvalues: alpha relative 1e-3, D absolute 1e-4".
const EXPONENT_RELATIVE: f64 = 1e-3;
const KS_ABSOLUTE: f64 = 1e-4;

const GOLDEN: Set = simbias_golden::set!("spectra");

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// The number under `key`, also when it is in a list of one.
#[track_caller]
fn number(value: &Value, key: &str) -> f64 {
    match &value[key] {
        Value::Array(list) => list[0].as_f64().unwrap(),
        single => single.as_f64().unwrap_or_else(|| panic!("{key} of {value}")),
    }
}

fn raises(value: &Value) -> bool {
    value.get("official_code_raises").is_some()
}

#[track_caller]
fn assert_relative(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{what}: {found} is not {expected} within {tolerance:e}"
    );
}

#[track_caller]
fn assert_absolute(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found} is not {expected} within {tolerance:e}"
    );
}
