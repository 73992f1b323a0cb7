//! A fully connected network as matrices on the host.

use std::any::Any;

use ndarray::{Array1, Array2};

use crate::layer::{Activate, Activation, Dropout, Linear};
use crate::network::host_f32;
use crate::{Network, Parameter};

/// One affine layer on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer {
    /// Weight, `[out, in]`.
    pub weight_out_in: Array2<f32>,
    /// Bias, `[out]`.
    pub bias: Array1<f32>,
}

impl Network {
    /// The affine layers and the non-linearity between them, for a network that in evaluation consists only of linear
    /// layers with the same activation, without learned values, between any two of them.
    pub fn dense_layers(&self) -> Option<(Vec<DenseLayer>, Activation)> {
        let mut layers = Vec::new();
        let mut activations: Vec<Activation> = Vec::new();
        for layer in self.layers().layers() {
            let layer: &dyn Any = layer;
            if let Some(linear) = layer.downcast_ref::<Linear>() {
                // Two linear layers in a row would be one.
                if activations.len() != layers.len() {
                    return None;
                }
                let [weight, bias] = linear.weight_and_bias()?;
                layers.push(on_host(&self.parameters()[weight], &self.parameters()[bias]));
            } else if let Some(activate) = layer.downcast_ref::<Activate>() {
                activations.push(activate.fixed()?);
            } else if !layer.is::<Dropout>() {
                return None;
            }
        }
        let activation = activations.first().copied().unwrap_or_default();
        let is_dense = activations.len() + 1 == layers.len()
            && activations.iter().all(|&other| other == activation);
        is_dense.then_some((layers, activation))
    }
}

fn on_host(weight: &Parameter, bias: &Parameter) -> DenseLayer {
    let [out, input] = [weight.shape[0], weight.shape[1]];
    let values = host_f32(&weight.value);
    DenseLayer {
        weight_out_in: Array2::from_shape_fn((out, input), |(row, column)| {
            values[row * input + column]
        }),
        bias: Array1::from_vec(host_f32(&bias.value)),
    }
}
