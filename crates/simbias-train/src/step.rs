//! From a batch to gradients: one pass, or as many as a rule likes.

use simbias_nn::{Kind, Mode, Network, Pass, Tensor, TensorData, activation};
use simbias_stats::Seed;

use crate::batch::Batch;
use crate::loss::{DeviceTarget, Loss};

/// A batch on the network's device.
#[derive(Clone, Debug)]
pub struct DeviceBatch {
    /// `[batch, n_features]`.
    pub rows: Tensor<2>,
    /// `[batch]`.
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
            rows: network.upload(batch.rows.view()),
            target: DeviceTarget::new(&batch.target, network),
            weights: batch.weights.as_deref().map(vector),
        }
    }

    fn mean_loss(&self, loss: Loss, logits: Tensor<2>) -> Tensor<1> {
        let per_row = loss.per_row(logits, &self.target);
        match &self.weights {
            Some(weights) => (per_row * weights.clone()).mean(),
            None => per_row.mean(),
        }
    }
}

/// What a step needs to know.
#[derive(Debug)]
pub struct Gradients {
    /// Mean loss of the batch, `[1]`; reading it waits for the device.
    pub loss: Tensor<1>,
    /// Gradient of every parameter in order; `None` for running statistics.
    pub values: Vec<Option<Tensor<1>>>,
    /// New running statistics by parameter position.
    pub statistics: Vec<(usize, Tensor<1>)>,
}

impl Gradients {
    /// Gradients of the mean loss of `batch` with respect to the parameters, taken at `values`.
    pub fn at(
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        loss: Loss,
        mode: Mode,
    ) -> Self {
        let mut pass = Pass::new(mode);
        let mut gradients = Self::of(network, values, |leaves| {
            let logits = network.forward_rows(leaves, batch.rows.clone(), &mut pass);
            batch.mean_loss(loss, logits)
        });
        gradients.statistics = pass.statistics;
        gradients
    }

    /// Gradients of any scalar `loss` of the parameters' values, taken at `values`; no running statistics.
    pub fn of(
        network: &Network,
        values: &[Tensor<1>],
        loss: impl FnOnce(&[Tensor<1>]) -> Tensor<1>,
    ) -> Self {
        let leaves: Vec<Tensor<1>> = network
            .parameters()
            .iter()
            .zip(values)
            .map(|(parameter, value)| match parameter.kind {
                Kind::Trainable => value.clone().autodiff().require_grad(),
                Kind::Statistic => value.clone(),
            })
            .collect();
        let loss = loss(&leaves);
        let mut gradients = loss.backward();
        let values = leaves
            .iter()
            .zip(network.parameters())
            .map(|(leaf, parameter)| match parameter.kind {
                Kind::Trainable => leaf.grad_remove(&mut gradients),
                Kind::Statistic => None,
            })
            .collect();
        Self { loss: loss.without_autodiff(), values, statistics: Vec::new() }
    }
}

/// How a batch becomes the gradients that the optimiser sees.
pub trait StepRule {
    /// Gradients for one step. `seed` belongs to this step alone.
    fn gradients(
        &mut self,
        network: &Network,
        batch: &DeviceBatch,
        loss: Loss,
        seed: Seed,
    ) -> Gradients;
}

/// One forward and one backward pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl StepRule for Plain {
    fn gradients(
        &mut self,
        network: &Network,
        batch: &DeviceBatch,
        loss: Loss,
        seed: Seed,
    ) -> Gradients {
        Gradients::at(network, &network.values(), batch, loss, Mode::Train { seed })
    }
}

/// One pass of a decoder that predicts every next token of its rows: the mean cross-entropy over all positions, where a
/// row's class is the token after its last one. Example weights are factors on whole rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct NextToken;

impl NextToken {
    /// Mean loss of `batch` at the parameter values `values`, `[1]`.
    ///
    /// # Panics
    ///
    /// If the network has no output at every position or the targets are not classes.
    pub fn mean_loss(network: &Network, values: &[Tensor<1>], batch: &DeviceBatch) -> Tensor<1> {
        // Nothing of a decoder depends on the mode.
        let mut pass = Pass::new(Mode::Eval);
        let output = network.forward_with(values, batch.rows.clone(), &mut pass);
        let (Some(logits), DeviceTarget::Classes(last)) = (output.positions(), &batch.target)
        else {
            panic!("next tokens are predicted by a decoder from rows whose class is a token");
        };
        let [n_rows, length, vocabulary] = logits.dims();
        let given = batch.rows.clone().narrow(1, 1, length - 1).int();
        let next = Tensor::cat(vec![given, last.clone().reshape([n_rows, 1])], 1);
        let per_token = activation::log_softmax(logits.reshape([n_rows * length, vocabulary]), 1)
            .gather(1, next.reshape([n_rows * length, 1]))
            .neg();
        let per_row: Tensor<1> = per_token.reshape([n_rows, length]).mean_dim(1).reshape([n_rows]);
        match &batch.weights {
            Some(weights) => (per_row * weights.clone()).mean(),
            None => per_row.mean(),
        }
    }
}

impl StepRule for NextToken {
    fn gradients(&mut self, network: &Network, batch: &DeviceBatch, _: Loss, _: Seed) -> Gradients {
        Gradients::of(network, &network.values(), |leaves| Self::mean_loss(network, leaves, batch))
    }
}

/// Sharpness-aware minimisation (Foret et al. 2021): the gradient at `w + ρ g / ‖g‖`, norm over all parameters.
#[derive(Clone, Copy, Debug)]
pub struct Sam {
    /// ρ, the length of the step uphill.
    pub radius: f64,
}

impl StepRule for Sam {
    fn gradients(
        &mut self,
        network: &Network,
        batch: &DeviceBatch,
        loss: Loss,
        seed: Seed,
    ) -> Gradients {
        let mode = Mode::Train { seed };
        let values = network.values();
        let here = Gradients::at(network, &values, batch, loss, mode);
        let squares: Vec<Tensor<1>> =
            here.values.iter().flatten().map(|g| g.clone().square().sum()).collect();
        let norm = Tensor::cat(squares, 0).sum().sqrt().add_scalar(1e-12);
        let uphill: Vec<Tensor<1>> = values
            .into_iter()
            .zip(here.values)
            .map(|(value, gradient)| match gradient {
                Some(gradient) => value + gradient.mul_scalar(self.radius) / norm.clone(),
                None => value,
            })
            .collect();
        let there = Gradients::at(network, &uphill, batch, loss, mode);
        // Loss and running statistics are those of the weights that the network really has.
        Gradients { loss: here.loss, values: there.values, statistics: here.statistics }
    }
}
