//! A network: an architecture with values for its named parameters.

use std::fmt;
use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor, TensorData};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use simbias_stats::Seed;

use crate::builder::{Blueprint, Builder};
use crate::layer::{Layer, Stack, Values};
use crate::pass::{Mode, Pass};
use crate::signal::{Input, Output, Signal};
use crate::{Architecture, Init, NnError};

/// Whether gradients reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Learned by the optimiser.
    Trainable,
    /// Running statistic of a batch normalisation; updated by the forward pass in training mode.
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

/// An architecture with values.
#[derive(Clone)]
pub struct Network {
    architecture: Architecture,
    layers: Arc<Stack>,
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
    /// [`NnError::Architecture`] for invalid sizes.
    pub fn new(
        architecture: impl Into<Architecture>,
        init: Init,
        precision: Precision,
        seed: Seed,
        device: &Device,
    ) -> Result<Self, NnError> {
        let architecture = architecture.into();
        let (layers, Builder { blueprints, multiply_adds, .. }) = architecture.build()?;
        let layers = Arc::new(layers);
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

    /// Its device, without autodiff.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its number format.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Columns of an input row laid out flat.
    pub fn n_features(&self) -> usize {
        self.architecture.n_features()
    }

    /// Width of an output vector.
    pub fn n_outputs(&self) -> usize {
        self.architecture.n_outputs()
    }

    /// Parameters in the order of the forward pass.
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

    /// Moves the values out, so that an optimiser may overwrite them in place. Before any other call, put new ones back
    /// with [`set_values`](Self::set_values).
    pub fn take_values(&mut self) -> Vec<Tensor<1>> {
        let empty: Tensor<1> = Tensor::empty([0], (&self.device, self.precision.dtype()));
        let take = |p: &mut Parameter| std::mem::replace(&mut p.value, empty.clone());
        self.parameters.iter_mut().map(take).collect()
    }

    /// Names of the layers whose outputs a pass can keep, in the order of the forward pass. They are those of PyTorch's
    /// modules.
    pub fn layer_names(&self) -> Vec<&str> {
        self.layers.names()
    }

    /// A pass in `mode` that keeps the outputs of the layers called `names` in [`Pass::taps`].
    ///
    /// # Errors
    ///
    /// [`NnError::UnknownLayer`] for a name that is not one of [`layer_names`](Self::layer_names).
    pub fn tapping<N: Into<String>>(
        &self,
        mode: Mode,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Pass, NnError> {
        let known = self.layer_names();
        let known_or_refused = |name: N| {
            let name = name.into();
            if known.contains(&name.as_str()) {
                return Ok(name);
            }
            let known = known.iter().map(|&name| name.into()).collect();
            Err(NnError::UnknownLayer { name, known })
        };
        Ok(Pass::keeping(mode, names.into_iter().map(known_or_refused).collect::<Result<_, _>>()?))
    }

    /// Logits of `rows` `[batch, n_features]` in evaluation mode, `[batch, n_outputs]`; those of the last position
    /// where there are several.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.forward_rows(&self.values(), rows, &mut Pass::new(Mode::Eval))
    }

    /// Outputs under other parameter values, in the mode of `pass`, at every position where the network has several.
    /// Gradients flow to every tensor that requires them: values, input, or both.
    ///
    /// # Panics
    ///
    /// For input of another kind or other sizes than [`Architecture::input`] says.
    pub fn forward_with(
        &self,
        values: &[Tensor<1>],
        input: impl Into<Input>,
        pass: &mut Pass,
    ) -> Output {
        match self.run(values, input.into(), pass) {
            Signal::Rows(rows) => Output::Rows(rows),
            Signal::Positions(positions) => Output::Positions(positions),
            other => panic!("an architecture ends in rows or positions, not in {other:?}"),
        }
    }

    /// As [`forward_with`](Self::forward_with) with one output per row, `[batch, n_outputs]`: where there are several,
    /// only the last one is computed.
    ///
    /// # Panics
    ///
    /// As [`forward_with`](Self::forward_with).
    pub fn forward_rows(
        &self,
        values: &[Tensor<1>],
        input: impl Into<Input>,
        pass: &mut Pass,
    ) -> Tensor<2> {
        pass.for_last_position(|pass| self.forward_with(values, input, pass)).rows()
    }

    fn run(&self, values: &[Tensor<1>], input: Input, pass: &mut Pass) -> Signal {
        let at = Values { values, blueprints: &self.blueprints };
        self.layers.forward(input.enter(self.architecture.input()), at, pass)
    }

    /// The layers, for code that looks for a special structure.
    pub(crate) fn layers(&self) -> &Stack {
        &self.layers
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
