//! Comparison with vectors made by the official FARMS code and by WeightWatcher.
//!
//! Cases and expected values are read from the files; `SIMBIAS_GOLDEN=DIR` runs the tests on `DIR/spectra`.
//! Tolerances are those of the golden README.

mod allocations;
mod fits;
mod pruning;
mod scans;
mod spectra;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use simbias_checkpoint::parse_npz;

/// "fits given the stored eigenvalues: alpha relative 1e-3, D absolute 1e-4".
const EXPONENT_RELATIVE: f64 = 1e-3;
const KS_ABSOLUTE: f64 = 1e-4;

fn path(name: &str) -> PathBuf {
    std::env::var_os("SIMBIAS_GOLDEN")
        .map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/spectra"),
            |root| PathBuf::from(root).join("spectra"),
        )
        .join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).unwrap()
}

/// Arrays of a `.npz` by name, as 64-bit numbers.
struct Arrays(Vec<(String, Vec<usize>, Vec<f64>)>);

impl Arrays {
    fn open(name: &str) -> Self {
        let arrays = parse_npz(Path::new(name), &read(name)).unwrap();
        Self(
            arrays
                .into_iter()
                .map(|array| (array.name.clone(), array.shape.clone(), array.to_f64().unwrap()))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&[f64]> {
        self.0.iter().find(|(found, ..)| found == name).map(|(.., values)| values.as_slice())
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// The number under `key`, also when it stands in a list of one.
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
