//! Against official code (the READMEs beside the files say which).
//!
//! Cases and expected values are read from the files; `SIMBIAS_GOLDEN=DIR` runs the tests on `DIR/mlp` and `DIR/icl`.

mod icl;
mod mlp;

use std::collections::{BTreeMap, HashMap};

use safetensors::{SafeTensors, serialize};
use simbias_golden::Set;
use simbias_nn::{Architecture, Network, Precision, Tensor, TensorData};

use crate::{network, values};

const MLP: Set = simbias_golden::set!("mlp");
const ICL: Set = simbias_golden::set!("icl");

/// 32-bit tensors of a file.
struct Tensors {
    by_name: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    metadata: HashMap<String, String>,
    bytes: Vec<u8>,
}

impl Tensors {
    fn read(set: Set, name: &str) -> Self {
        let bytes = set.bytes(name);
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = metadata.metadata().clone().unwrap_or_default();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let by_name = tensors.tensors().into_iter().map(|(name, view)| {
            assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
            let (chunks, _) = view.data().as_chunks::<4>();
            let values = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
            (name, (view.shape().to_vec(), values))
        });
        Self { by_name: by_name.collect(), metadata, bytes }
    }

    fn shape(&self, name: &str) -> &[usize] {
        &self.by_name[name].0
    }

    fn values(&self, name: &str) -> Vec<f64> {
        self.by_name[name].1.iter().map(|&value| f64::from(value)).collect()
    }

    /// The tensor `name` on the device of `network`.
    fn tensor<const D: usize>(&self, name: &str, network: &Network) -> Tensor<D> {
        let (shape, values) = &self.by_name[name];
        let shape: [usize; D] = shape.as_slice().try_into().unwrap();
        let options = (network.device(), network.precision().dtype());
        Tensor::from_data(TensorData::new(values.clone(), shape), options)
    }

    /// A network of `architecture` with the weights that stand under `prefix`.
    fn network(&self, architecture: &Architecture, prefix: &str) -> Network {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let own = file
            .tensors()
            .into_iter()
            .filter_map(|(name, view)| Some((String::from(name.strip_prefix(prefix)?), view)));
        let mut network = network(architecture, Precision::F32);
        network.load_safetensors(&serialize(own, None).unwrap()).unwrap();
        network
    }
}

/// Fails where `found` and `expected` differ by more than `absolute + relative · |expected|`.
fn assert_close(found: &[f64], expected: &[f64], [absolute, relative]: [f64; 2], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(
            error <= absolute + relative * expected.abs(),
            "{what}[{index}]: {found} and {expected}"
        );
    }
}

/// Values of a tapped layer.
fn tapped(pass: &simbias_nn::Pass, name: &str) -> Vec<f64> {
    values(&pass.taps[name].clone().flat())
}
