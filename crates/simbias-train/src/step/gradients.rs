//! Gradients by automatic differentiation.

use simbias_nn::{Kind, Mode, Network, Pass, Tensor};

use crate::batch::DeviceBatch;
use crate::objective::{Objective, RowLosses};

/// What a step needs, and what it shows.
#[derive(Debug)]
pub struct Gradients {
    /// Mean loss of the batch, `[1]`; reading it waits for the device.
    pub loss: Tensor<1>,
    /// Gradient of every parameter in order; `None` for running statistics.
    pub values: Vec<Option<Tensor<1>>>,
    /// New running statistics by parameter position.
    pub statistics: Vec<(usize, Tensor<1>)>,
    /// What the rule's passes found for the rows of the batch, in consecutive parts; empty if a rule has no pass at the
    /// step's own values.
    pub rows: Vec<RowLosses>,
}

impl Gradients {
    /// Gradients of the mean loss of `batch` with respect to the parameters, taken at `values`.
    pub fn at(
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        mode: Mode,
    ) -> Self {
        let mut pass = Pass::new(mode);
        let mut rows = Vec::new();
        let mut gradients = Self::of(network, values, |leaves| {
            let found = objective.row_losses(network, leaves, batch, &mut pass);
            rows.push(RowLosses {
                losses: found.losses.clone().without_autodiff(),
                outputs: found.outputs.map(Tensor::without_autodiff),
            });
            batch.mean(found.losses)
        });
        gradients.statistics = pass.statistics;
        gradients.rows = rows;
        gradients
    }

    /// Gradients of any scalar `loss` of the parameters' values, taken at `values`; no running statistics, no rows.
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
        let loss = loss.without_autodiff();
        Self { loss, values, statistics: Vec::new(), rows: Vec::new() }
    }

    /// Euclidean norm over the gradients of all parameters, `[1]`.
    ///
    /// # Panics
    ///
    /// If there are no gradients.
    pub fn norm(&self) -> Tensor<1> {
        let squares: Vec<Tensor<1>> =
            self.values.iter().flatten().map(|g| g.clone().square().sum()).collect();
        Tensor::cat(squares, 0).sum().sqrt()
    }
}
