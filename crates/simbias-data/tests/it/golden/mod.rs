//! Comparisons with stored results of the official implementation. Tolerances and forms:
//! `golden/pitfalls/README.md`.

mod domino;
mod lsn;
mod slabs;

use std::fs;
use std::path::PathBuf;

use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// A file of the `pitfalls` set: from `$SIMBIAS_GOLDEN/pitfalls` if set, else the copy in this
/// repository.
fn path(name: &str) -> PathBuf {
    let root = match std::env::var_os("SIMBIAS_GOLDEN") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    };
    root.join("pitfalls").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = path(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).unwrap()
}

/// A safetensors file in memory.
struct Tensors(Vec<u8>);

impl Tensors {
    fn open(name: &str) -> Self {
        Self(read(name))
    }

    fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let mut names: Vec<String> = file.names().into_iter().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    }

    /// A tensor of any stored number type, as 64-bit numbers.
    fn array(&self, name: &str) -> ArrayD<f64> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = tensor.data();
        let values: Vec<f64> = match tensor.dtype() {
            Dtype::F64 => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            Dtype::F32 => {
                bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect()
            }
            Dtype::I64 => {
                bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f64).collect()
            }
            other => panic!("{name}: unexpected type {other:?}"),
        };
        ArrayD::from_shape_vec(tensor.shape(), values).unwrap()
    }

    fn matrix(&self, name: &str) -> Array2<f64> {
        self.array(name).into_dimensionality::<Ix2>().unwrap()
    }

    fn vector(&self, name: &str) -> Array1<f64> {
        self.array(name).into_dimensionality::<Ix1>().unwrap()
    }

    fn indices(&self, name: &str) -> Vec<u32> {
        self.vector(name).iter().map(|&value| value as u32).collect()
    }
}

#[track_caller]
fn assert_close(what: &str, found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{what}{index:?}: {found} != {expected}");
    }
}
