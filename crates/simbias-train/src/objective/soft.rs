//! Cross-entropies against more than one class per row.

use simbias_nn::{Network, Pass, Tensor, activation};

use super::{Objective, RowLosses, mismatch, one_logit_a_class};
use crate::TrainError;
use crate::batch::{DeviceBatch, DeviceTarget, TargetKind};

/// Cross-entropy against a share of every class, `-Σ share · log softmax(logits)`. Shares may be another network's
/// probabilities (distillation), the votes of several annotators, or the weights of mixed rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftTargets;

impl Objective for SoftTargets {
    fn name(&self) -> String {
        "soft-targets".into()
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        match target {
            TargetKind::Shares { n_classes } if n_classes != network.n_outputs() => {
                mismatch("classes of the soft targets", n_classes, network.n_outputs())
            }
            TargetKind::Shares { n_classes } => one_logit_a_class(network, n_classes),
            other => mismatch("target", other.name(), "shares of classes"),
        }
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses {
        let DeviceTarget::Shares(shares) = &batch.target else {
            panic!("soft targets are shares of classes")
        };
        let logits = network.forward_rows(values, batch.input.clone(), pass);
        let n_rows = batch.n_rows();
        let products = activation::log_softmax(logits.clone(), 1) * shares.clone();
        let losses = products.sum_dim(1).reshape([n_rows]).neg();
        RowLosses { losses, outputs: Some(logits) }
    }
}

/// Cross-entropy with the weight `1 - smoothing` on the row's class; all classes share the rest equally (Szegedy et al.
/// 2016), as in PyTorch's `label_smoothing`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSmoothing {
    /// Weight that all classes share, in `[0, 1)`.
    pub smoothing: f64,
}

impl Objective for LabelSmoothing {
    fn name(&self) -> String {
        format!("label-smoothing {}", self.smoothing)
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        if !(0.0..1.0).contains(&self.smoothing) {
            return Err(TrainError::Setting {
                field: "label smoothing",
                found: self.smoothing.to_string(),
                expected: "a share from 0 up and below 1",
            });
        }
        match target {
            TargetKind::Classes { n_classes } => one_logit_a_class(network, n_classes),
            other => mismatch("target", other.name(), "classes"),
        }
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses {
        let DeviceTarget::Classes(classes) = &batch.target else {
            panic!("label smoothing needs classes")
        };
        let logits = network.forward_rows(values, batch.input.clone(), pass);
        let n_rows = batch.n_rows();
        let surprise = activation::log_softmax(logits.clone(), 1).neg();
        let own: Tensor<1> =
            surprise.clone().gather(1, classes.clone().reshape([n_rows, 1])).reshape([n_rows]);
        let mean: Tensor<1> = surprise.mean_dim(1).reshape([n_rows]);
        let losses = own.mul_scalar(1.0 - self.smoothing) + mean.mul_scalar(self.smoothing);
        RowLosses { losses, outputs: Some(logits) }
    }
}
