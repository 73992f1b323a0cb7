//! Weights in the files that a user may bring: PyTorch, half precision, shards, NumPy.

use std::path::{Path, PathBuf};

use simbias_checkpoint::{Numbers, safetensors_image};
use simbias_nn::{Architecture, BottleneckMlp, Fcn, Network, NnError, Precision};

use crate::values;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The network whose weights `fixtures/make.py` writes, with other ones.
fn fresh(precision: Precision) -> Network {
    let architecture = Fcn { batch_norm: true, ..Fcn::new(3, 4, 1, 2) };
    crate::network(&Architecture::from(architecture), precision)
}

/// Values of parameter number `index`; the same formula stands in `fixtures/make.py`.
fn expected(index: usize, n: usize) -> Vec<f64> {
    (0..n).map(|k| (((29 * index + 13 * k) % 61) as f64 - 30.0) / 16.0).collect()
}

#[track_caller]
fn assert_loaded(network: &Network) {
    for (index, parameter) in network.parameters().iter().enumerate() {
        let n = parameter.shape.iter().product();
        assert_eq!(values(&parameter.value), expected(index, n), "{}", parameter.name);
    }
}

#[test]
fn every_format_gives_the_same_values_bit_for_bit() {
    for name in ["training.pth", "half.pt", "half.safetensors", "shards", "weights.npz"] {
        for precision in [Precision::F32, Precision::F64] {
            let mut network = fresh(precision);
            network.load_file(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_loaded(&network);
        }
    }
}

#[test]
fn the_content_says_what_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    for name in ["training.pth", "half.safetensors", "weights.npz"] {
        std::fs::copy(fixture(name), &path).unwrap();
        let mut network = fresh(Precision::F32);
        network.load_file(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_loaded(&network);
    }
}

#[test]
fn names_of_other_programs_are_known_by_the_architecture() {
    let architecture = Architecture::from(BottleneckMlp::new(12, 4, 2, 3));
    let network = crate::network(&architecture, Precision::F32);
    let renamed = |from: &str, to: &str| {
        let tensors: Vec<_> = network
            .parameters()
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                let n = parameter.shape.iter().product();
                let numbers = Numbers::F64(expected(index, n));
                let name = parameter.name.replace(from, to);
                (format!("module.{name}"), parameter.shape.clone(), numbers)
            })
            .collect();
        safetensors_image(tensors, None).unwrap()
    };
    let mut loaded = crate::network(&architecture, Precision::F32);
    loaded.load_safetensors(&renamed("layernorms", "norms")).unwrap();
    assert_loaded(&loaded);
    let error = loaded.load_safetensors(&renamed("layernorms", "other")).unwrap_err();
    assert!(
        matches!(error, NnError::MissingParameter { name, .. } if name.starts_with("layernorms"))
    );
}

#[test]
fn files_that_are_no_checkpoint_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let before = fresh(Precision::F32);
    let mut network = before.clone();
    let mut error_of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        network.load_file(&path).unwrap_err().to_string()
    };
    assert!(error_of(b"<!DOCTYPE html>").contains("none of the known formats"));
    let whole = std::fs::read(fixture("training.pth")).unwrap();
    assert!(error_of(&whole[..whole.len() / 2]).contains("cut short or damaged"));
    assert!(
        network
            .load_file(Path::new("nowhere.pth"))
            .unwrap_err()
            .to_string()
            .contains("cannot read")
    );
    for (left, right) in network.parameters().iter().zip(before.parameters()) {
        assert_eq!(values(&left.value), values(&right.value));
    }
}
