//! Behaviour of every architecture that a user can rely on.

#![allow(clippy::unwrap_used, reason = "a test ends by a panic")]

mod decoder;
mod foreign_weights;
mod golden;
mod gradients;
mod inputs;
mod layers;
mod networks;
mod recurrent;
mod taps;
mod weights;
mod zoo;

use ndarray::Array2;
use rand::RngExt;
use simbias_nn::zoo::{BottleneckMlp, CausalSequence, StandardMlp, Vgg};
use simbias_nn::{
    Activation, Architecture, ConvSequence, Fcn, GatedRecurrent, ImageDims, Init, Network,
    Precision, ResNet18, SmallCnn, cpu,
};
use simbias_stats::Seed;

/// One small network of every kind, and of every kind of hidden layer.
fn architectures() -> Vec<Architecture> {
    let image = ImageDims { channels: 2, height: 8, width: 6 };
    let fcn = Fcn::new(5, 7, 2, 3);
    vec![
        Architecture::from(fcn.clone()),
        Architecture::from(Fcn { n_hidden: 0, ..fcn.clone() }),
        Architecture::from(Fcn { activation: Activation::LeakyRelu, ..fcn.clone() }),
        Architecture::from(Fcn { activation: Activation::PRelu, ..fcn.clone() }),
        Architecture::from(Fcn { activation: Activation::Tanh, dropout: 0.3, ..fcn.clone() }),
        Architecture::from(Fcn { batch_norm: true, activation: Activation::Tanh, ..fcn }),
        Architecture::from(SmallCnn::new(image, 2)),
        Architecture::from(ConvSequence {
            d_input: 9,
            n_filters: 3,
            kernel: 4,
            n_conv: 2,
            n_outputs: 2,
        }),
        Architecture::from(GatedRecurrent {
            d_input: 6,
            step_width: 2,
            d_hidden: 4,
            n_layers: 2,
            n_outputs: 2,
        }),
        Architecture::from(ResNet18 { image, width: 2, n_outputs: 2 }),
        Vgg { width: 2, ..Vgg::small(11, false, image, 2) }.into(),
        BottleneckMlp { expansion: 2, ..BottleneckMlp::new(5, 4, 2, 3) }.into(),
        StandardMlp { d_input: 5, width: 4, n_layers: 3, n_outputs: 3 }.into(),
        CausalSequence {
            d_input: 2,
            length: 3,
            width: 4,
            n_blocks: 2,
            n_heads: 2,
            positions: true,
            n_outputs: 2,
        }
        .into(),
    ]
}

fn network(architecture: &Architecture, precision: Precision) -> Network {
    Network::new(architecture.clone(), Init::default(), precision, Seed::new(5), &cpu()).unwrap()
}

fn rows(n_rows: usize, n_features: usize, index: u64) -> Array2<f32> {
    let mut stream = Seed::new(11).child("rows", index).stream();
    Array2::from_shape_fn((n_rows, n_features), |_| stream.random::<f32>() * 2.0 - 1.0)
}

fn values<const D: usize>(tensor: &simbias_nn::Tensor<D>) -> Vec<f64> {
    tensor.to_data().iter::<f64>().collect()
}
