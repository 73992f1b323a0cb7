//! A batch on the network's device.

use std::sync::Arc;

use ndarray::ArrayView2;
use simbias_nn::{Input, Int, Network, Tensor, TensorData};

use super::{Batch, BatchTarget};

/// Targets on the device.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DeviceTarget {
    /// Class indices, `[batch]`.
    Classes(Tensor<1, Int>),
    /// Values, `[batch]`.
    Values(Tensor<1>),
    /// A share of every class, `[batch, n_classes]`.
    Shares(Tensor<2>),
    /// A value for every position, `[batch, n_positions]`.
    Positions(Tensor<2>),
}

impl DeviceTarget {
    /// Uploads targets to the device of `network`.
    pub fn new(target: &BatchTarget, network: &Network) -> Self {
        let (device, dtype) = (network.device(), network.precision().dtype());
        let matrix = |values: ArrayView2<'_, f32>| network.upload(values);
        match target {
            BatchTarget::Classes(classes) => {
                let classes: Vec<i64> = classes.iter().map(|&class| i64::from(class)).collect();
                let n = classes.len();
                Self::Classes(Tensor::from_data(TensorData::new(classes, [n]), device))
            }
            BatchTarget::Values(values) => {
                let data = TensorData::new(values.clone(), [values.len()]);
                Self::Values(Tensor::from_data(data, (device, dtype)))
            }
            BatchTarget::Shares(shares) => Self::Shares(matrix(shares.view())),
            BatchTarget::Positions(values) => Self::Positions(matrix(values.view())),
        }
    }

    /// Targets of the rows `first..first + n`.
    fn part(&self, first: usize, n: usize) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(classes.clone().narrow(0, first, n)),
            Self::Values(values) => Self::Values(values.clone().narrow(0, first, n)),
            Self::Shares(shares) => Self::Shares(shares.clone().narrow(0, first, n)),
            Self::Positions(values) => Self::Positions(values.clone().narrow(0, first, n)),
        }
    }
}

/// A batch on the network's device. Its parts are handles: a clone copies no values.
#[derive(Clone, Debug)]
pub struct DeviceBatch {
    /// Indices of the rows in the data set, in batch order; empty if the rows belong to no data set.
    pub indices: Arc<[u32]>,
    /// Rows as the network takes them, or laid out flat.
    pub input: Input,
    /// One per row.
    pub target: DeviceTarget,
    /// Factor on each row's loss, `[batch]`.
    pub weights: Option<Tensor<1>>,
}

impl DeviceBatch {
    /// Uploads a batch.
    pub fn new(batch: &Batch, network: &Network) -> Self {
        let (device, dtype) = (network.device(), network.precision().dtype());
        let vector = |values: &[f32]| {
            Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), (device, dtype))
        };
        Self {
            indices: batch.indices.as_slice().into(),
            input: network.upload(batch.rows.view()).into(),
            target: DeviceTarget::new(&batch.target, network),
            weights: batch.weights.as_deref().map(vector),
        }
    }

    /// Rows in it.
    pub fn n_rows(&self) -> usize {
        match &self.input {
            Input::Rows(rows) => rows.dims()[0],
            Input::Images(images) => images.dims()[0],
            Input::Tokens(tokens) => tokens.dims()[0],
            Input::Sequences(sequences) => sequences.dims()[0],
        }
    }

    /// The rows `first..first + n`.
    ///
    /// # Panics
    ///
    /// If there are fewer rows.
    pub fn part(&self, first: usize, n: usize) -> Self {
        let indices = self.indices.get(first..first + n).unwrap_or_default();
        Self {
            indices: indices.into(),
            input: part(&self.input, first, n),
            target: self.target.part(first, n),
            weights: self.weights.as_ref().map(|weights| weights.clone().narrow(0, first, n)),
        }
    }

    /// The mean over rows of weight times loss, `[1]`, from the losses of all rows, `[batch]`.
    pub fn mean(&self, losses: Tensor<1>) -> Tensor<1> {
        match &self.weights {
            Some(weights) => (losses * weights.clone()).mean(),
            None => losses.mean(),
        }
    }
}

/// The rows `first..first + n` of an input.
fn part(input: &Input, first: usize, n: usize) -> Input {
    match input {
        Input::Rows(rows) => rows.clone().narrow(0, first, n).into(),
        Input::Images(images) => images.clone().narrow(0, first, n).into(),
        Input::Tokens(tokens) => tokens.clone().narrow(0, first, n).into(),
        Input::Sequences(sequences) => sequences.clone().narrow(0, first, n).into(),
    }
}
