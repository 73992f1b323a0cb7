//! Weight files: what comes back, what is refused.

use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use simbias_nn::{Architecture, Fcn, Network, NnError, Precision};

use crate::{architectures, network, values};

fn all_values(network: &Network) -> Vec<Vec<f64>> {
    network.parameters().iter().map(|p| values(&p.value)).collect()
}

fn zeroed(network: &Network) -> Network {
    let mut zeroed = network.clone();
    zeroed.set_values(network.values().into_iter().map(|v| v.zeros_like()).collect());
    zeroed
}

#[test]
fn every_architecture_comes_back_bit_for_bit() {
    for architecture in architectures() {
        for precision in [Precision::F32, Precision::F64] {
            let network = network(&architecture, precision);
            let mut other = zeroed(&network);
            other.load_safetensors(&network.to_safetensors()).unwrap();
            assert_eq!(all_values(&other), all_values(&network), "{architecture:?}");
        }
    }
}

/// The same tensors under changed names.
fn renamed(bytes: &[u8], rename: impl Fn(&str) -> String) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    serialize(file.tensors().into_iter().map(|(name, view)| (rename(&name), view)), None).unwrap()
}

#[test]
fn wrapped_and_bare_names_are_understood() {
    let network = network(&Architecture::from(Fcn::new(5, 7, 2, 3)), Precision::F32);
    let bytes = network.to_safetensors();
    let spellings: [&dyn Fn(&str) -> String; 3] = [
        &|name| name.strip_prefix("model.").unwrap().into(),
        &|name| format!("module.{name}"),
        &|name| format!("net.{name}"),
    ];
    for rename in spellings {
        let mut other = zeroed(&network);
        other.load_safetensors(&renamed(&bytes, rename)).unwrap();
        assert_eq!(all_values(&other), all_values(&network));
    }
}

#[test]
fn other_networks_are_refused_and_change_nothing() {
    let mut network = network(&Architecture::from(Fcn::new(5, 7, 2, 3)), Precision::F32);
    let before = all_values(&network);
    let mut error_of = |other: Fcn| {
        let other = crate::network(&Architecture::from(other), Precision::F32);
        network.load_safetensors(&other.to_safetensors()).unwrap_err()
    };
    assert!(matches!(error_of(Fcn::new(5, 8, 2, 3)), NnError::ParameterShape { .. }));
    assert!(matches!(error_of(Fcn::new(5, 7, 3, 3)), NnError::ParameterShape { .. }));
    assert!(matches!(error_of(Fcn::new(5, 7, 0, 7)), NnError::MissingParameter { .. }));
    assert_eq!(all_values(&network), before);
}

#[test]
fn surplus_integers_and_nan_are_refused() {
    let mut network = network(&Architecture::from(Fcn::new(2, 2, 0, 2)), Precision::F32);
    let weight = [0_u8; 16];
    let bias = [0_u8; 8];
    let mut nan = bias;
    nan[4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut load = |bias_type, bias: &[u8], surplus: bool| {
        let mut views = vec![
            ("model.0.weight", TensorView::new(Dtype::F32, vec![2, 2], &weight).unwrap()),
            ("model.0.bias", TensorView::new(bias_type, vec![2], bias).unwrap()),
        ];
        if surplus {
            views.push(("extra", TensorView::new(Dtype::F32, vec![4], &weight).unwrap()));
        }
        network.load_safetensors(&serialize(views, None).unwrap())
    };
    assert!(load(Dtype::F32, &bias, false).is_ok());
    // Finite in the file, but not as a weight of this network.
    let huge = [1.0_f64, 1e300].map(f64::to_le_bytes).concat();
    assert!(matches!(load(Dtype::F64, &huge, false), Err(NnError::NotFinite { index: 1, .. })));
    assert!(matches!(load(Dtype::F32, &nan, false), Err(NnError::NotFinite { index: 1, .. })));
    assert!(matches!(load(Dtype::I32, &bias, false), Err(NnError::ParameterType { .. })));
    assert!(matches!(load(Dtype::F32, &bias, true), Err(NnError::UnexpectedParameter { .. })));
}

proptest! {
    #[test]
    fn damaged_files_never_panic(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
        let mut network = network(&Architecture::from(Fcn::new(2, 2, 1, 2)), Precision::F32);
        let mut bytes = network.to_safetensors();
        let n = bytes.len();
        bytes[at % n] = byte;
        bytes.truncate(n - cut % n);
        let _ = network.load_safetensors(&bytes);
    }
}
