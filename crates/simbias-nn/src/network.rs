//! A network: an architecture with values for its named parameters.

use std::fmt;

use burn::tensor::{DType, Device, Tensor, TensorData};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_stats::Seed;

use crate::layers::{Blueprint, Builder, Layer, Signal, Values, run};
use crate::{Activation, Architecture, Init, NnError};

/// Whether gradients reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Learned by the optimiser.
    Trainable,
    /// Running statistic of a batch normalisation; the forward pass in training mode renews it.
    Statistic,
}

/// Number format of weights and activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 64 bits; for comparisons, only on devices that support it.
    F64,
}

impl Precision {
    /// The matching tensor type.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

/// One named parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name in a PyTorch `state_dict`.
    pub name: String,
    /// Shape in PyTorch's layout: linear weights `[out, in]`, filters `[out, in, …]`.
    pub shape: Vec<usize>,
    /// Learned, or a running statistic.
    pub kind: Kind,
    /// Its values, flattened in C order.
    pub value: Tensor<1>,
}

/// How a forward pass behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Deterministic: no dropout, running statistics; rows do not influence one another.
    Eval,
    /// Dropout masks from `seed`, statistics of the batch.
    Train {
        /// Root of this pass's random draws; give every step its own.
        seed: Seed,
    },
}

/// The mode of one forward pass and what it leaves behind.
#[derive(Debug)]
pub struct Pass {
    /// Training or evaluation.
    pub mode: Mode,
    /// New values of running statistics, by position in [`Network::parameters`].
    pub statistics: Vec<(usize, Tensor<1>)>,
}

impl Pass {
    /// A pass in the given mode.
    pub fn new(mode: Mode) -> Self {
        Self { mode, statistics: Vec::new() }
    }
}

/// One affine layer on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer {
    /// Weight, `[out, in]`.
    pub weight_out_in: Array2<f32>,
    /// Bias, `[out]`.
    pub bias: Array1<f32>,
}

/// An architecture with values.
#[derive(Clone)]
pub struct Network {
    architecture: Architecture,
    layers: Vec<Layer>,
    blueprints: Vec<Blueprint>,
    multiply_adds: u64,
    parameters: Vec<Parameter>,
    device: Device,
    precision: Precision,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("architecture", &self.architecture)
            .field("precision", &self.precision)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// A network with fresh weights; each parameter draws from its own stream under `seed`.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] for sizes that cannot be.
    pub fn new(
        architecture: Architecture,
        init: Init,
        precision: Precision,
        seed: Seed,
        device: &Device,
    ) -> Result<Self, NnError> {
        architecture.check()?;
        let mut builder = Builder::default();
        let layers = builder.build(&architecture);
        let Builder { blueprints, multiply_adds, .. } = builder;
        let device = device.clone().without_autodiff();
        let parameters = blueprints
            .iter()
            .map(|blueprint| {
                let n = blueprint.shape.iter().product();
                let drawn = init.draw(&blueprint.name, blueprint.start, n, seed);
                Parameter {
                    name: blueprint.name.clone(),
                    shape: blueprint.shape.clone(),
                    kind: blueprint.kind,
                    value: vector(drawn, precision, &device),
                }
            })
            .collect();
        Ok(Self { architecture, layers, blueprints, multiply_adds, parameters, device, precision })
    }

    /// What the network is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Where it lives; without autodiff.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its number format.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Columns of an input row.
    pub fn n_features(&self) -> usize {
        self.architecture.n_features()
    }

    /// Columns of the output.
    pub fn n_outputs(&self) -> usize {
        self.architecture.n_outputs()
    }

    /// Parameters in a fixed order, that of the forward pass.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Number of learned values.
    pub fn n_parameters(&self) -> usize {
        let trainable = self.parameters.iter().filter(|p| p.kind == Kind::Trainable);
        trainable.map(|p| p.shape.iter().product::<usize>()).sum()
    }

    /// Floating-point operations of the matrix products and convolutions for one row, forward; a
    /// multiply-add counts as two. A training step costs about three times as much.
    pub fn flops_per_row(&self) -> u64 {
        2 * self.multiply_adds
    }

    /// All values in parameter order; handles, not copies.
    pub fn values(&self) -> Vec<Tensor<1>> {
        self.parameters.iter().map(|parameter| parameter.value.clone()).collect()
    }

    /// Replaces all values.
    ///
    /// # Panics
    ///
    /// If number or lengths differ from [`values`](Self::values).
    pub fn set_values(&mut self, values: Vec<Tensor<1>>) {
        assert_eq!(values.len(), self.parameters.len(), "one value list a parameter");
        for (index, value) in values.into_iter().enumerate() {
            self.set_value(index, value);
        }
    }

    /// Replaces the value of the parameter at `index`.
    ///
    /// # Panics
    ///
    /// If the length differs.
    pub fn set_value(&mut self, index: usize, value: Tensor<1>) {
        let parameter = &mut self.parameters[index];
        assert_eq!(
            value.dims()[0],
            parameter.shape.iter().product::<usize>(),
            "length of parameter {:?}",
            parameter.name
        );
        parameter.value = value.without_autodiff();
    }

    /// Moves the values out, so that an optimiser may overwrite them in place. Put new ones back with
    /// [`set_values`](Self::set_values) before anything else.
    pub fn take_values(&mut self) -> Vec<Tensor<1>> {
        let empty: Tensor<1> = Tensor::empty([0], (&self.device, self.precision.dtype()));
        let take = |p: &mut Parameter| std::mem::replace(&mut p.value, empty.clone());
        self.parameters.iter_mut().map(take).collect()
    }

    /// Logits of `rows` `[batch, n_features]` in evaluation mode, `[batch, n_outputs]`.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.forward_with(&self.values(), rows, &mut Pass::new(Mode::Eval))
    }

    /// Logits under other parameter values, in the mode of `pass`. Gradients flow to whatever requires
    /// them: values, rows, or both.
    pub fn forward_with(
        &self,
        values: &[Tensor<1>],
        rows: Tensor<2>,
        pass: &mut Pass,
    ) -> Tensor<2> {
        assert_eq!(rows.dims()[1], self.n_features(), "columns of the rows");
        let at = Values { values, blueprints: &self.blueprints };
        match run(&self.layers, Signal::Flat(rows), at, pass) {
            Signal::Flat(logits) => logits,
            _ => unreachable!("every architecture ends in a linear layer"),
        }
    }

    /// Logits of the token after every token of `rows` `[batch, context]` under other parameter values,
    /// `[batch, context, vocabulary]`; `None` for networks that are no decoder.
    pub fn token_logits(&self, values: &[Tensor<1>], rows: Tensor<2>) -> Option<Tensor<3>> {
        let at = Values { values, blueprints: &self.blueprints };
        match self.layers.as_slice() {
            [Layer::Decoder(decoder)] => Some(decoder.token_logits(rows, at)),
            _ => None,
        }
    }

    /// `rows` as a tensor on the network's device, in its precision.
    pub fn upload(&self, rows: ArrayView2<'_, f32>) -> Tensor<2> {
        let shape = [rows.nrows(), rows.ncols()];
        let values: Vec<f32> = match rows.as_slice() {
            Some(slice) => slice.to_vec(),
            None => rows.iter().copied().collect(),
        };
        let data = TensorData::new(values, shape);
        Tensor::from_data(data, (&self.device, self.precision.dtype()))
    }

    /// The affine layers and the non-linearity between them, for a fully connected network without batch
    /// normalisation and without learned slopes.
    pub fn dense_layers(&self) -> Option<(Vec<DenseLayer>, Activation)> {
        let Architecture::Fcn(fcn) = &self.architecture else { return None };
        if fcn.batch_norm || fcn.activation == Activation::PRelu {
            return None;
        }
        let layers = self
            .parameters
            .chunks_exact(2)
            .map(|pair| {
                let [out, input] = [pair[0].shape[0], pair[0].shape[1]];
                DenseLayer {
                    weight_out_in: Array2::from_shape_fn((out, input), {
                        let values = host_f32(&pair[0].value);
                        move |(row, column)| values[row * input + column]
                    }),
                    bias: Array1::from_vec(host_f32(&pair[1].value)),
                }
            })
            .collect();
        Some((layers, fcn.activation))
    }
}

/// A flat tensor of the given precision.
pub(crate) fn vector(values: Vec<f64>, precision: Precision, device: &Device) -> Tensor<1> {
    let n = values.len();
    let data = match precision {
        Precision::F32 => {
            TensorData::new(values.into_iter().map(|value| value as f32).collect::<Vec<f32>>(), [n])
        }
        Precision::F64 => TensorData::new(values, [n]),
    };
    Tensor::from_data(data, (device, precision.dtype()))
}

/// Values on the host, rounded to `f32`.
pub(crate) fn host_f32(value: &Tensor<1>) -> Vec<f32> {
    value.to_data().iter::<f32>().collect()
}
