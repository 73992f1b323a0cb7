//! Random matrices and small checkpoints made of them.

use std::path::{Path, PathBuf};

use rand_distr::{Distribution, StandardNormal, StudentT};
use simbias_checkpoint::{Checkpoint, Numbers};
use simbias_stats::Seed;

/// Independent Gaussian entries of variance one.
pub(crate) fn gaussian(n: usize, index: u64) -> Vec<f32> {
    let mut stream = Seed::new(8).child("gaussian", index).stream();
    (0..n)
        .map(|_| {
            let value: f64 = StandardNormal.sample(&mut stream);
            value as f32
        })
        .collect()
}

/// Independent entries of Student's t with 2.5 degrees of freedom.
pub(crate) fn heavy(n: usize, index: u64) -> Vec<f32> {
    let mut stream = Seed::new(8).child("heavy", index).stream();
    let distribution = StudentT::new(2.5).unwrap();
    (0..n)
        .map(|_| {
            let value: f64 = distribution.sample(&mut stream);
            value as f32
        })
        .collect()
}

pub(crate) fn numbers(values: &[f32]) -> Numbers {
    Numbers::F32(values.to_vec())
}

/// A tensor of 32-bit floats.
pub(crate) struct Tensor {
    pub(crate) name: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

pub(crate) fn tensor(name: &'static str, shape: &[usize], values: Vec<f32>) -> Tensor {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}");
    Tensor { name, shape: shape.to_vec(), values }
}

pub(crate) fn random(name: &'static str, shape: &[usize], index: u64) -> Tensor {
    tensor(name, shape, gaussian(shape.iter().product(), index))
}

/// Writes tensors as `model.safetensors` into `folder`.
pub(crate) fn write(folder: &Path, tensors: &[Tensor]) -> PathBuf {
    let file = folder.join("model.safetensors");
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for tensor in tensors {
        let begin = data.len();
        data.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
        let entry = serde_json::json!({
            "dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, data.len()]
        });
        header.insert(tensor.name.into(), entry);
    }
    let header = serde_json::Value::Object(header).to_string();
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat();
    std::fs::write(&file, bytes).unwrap();
    file
}

/// A checkpoint in a folder that lives as long as it.
pub(crate) struct Model {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) checkpoint: Checkpoint,
}

pub(crate) fn model(tensors: &[Tensor]) -> Model {
    model_with(tensors, None)
}

pub(crate) fn model_with(tensors: &[Tensor], config: Option<serde_json::Value>) -> Model {
    let folder = tempfile::tempdir().unwrap();
    if let Some(config) = config {
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    }
    let checkpoint = Checkpoint::open(&write(folder.path(), tensors)).unwrap();
    Model { folder, checkpoint }
}
