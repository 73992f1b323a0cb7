//! The losses of single rows: one class or one value each.

use serde::{Deserialize, Serialize};
use simbias_nn::{Network, Pass, Tensor, activation};

use super::{Objective, RowLosses, mismatch, one_logit_a_class};
use crate::TrainError;
use crate::batch::{DeviceBatch, DeviceTarget, TargetKind};

/// A loss of one row against one class or one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Loss {
    /// `-log softmax(logits)[class]`, natural logarithm.
    #[default]
    CrossEntropy,
    /// `max(0, 1 - y f)` with `y = ±1` for class 1 and 0; `f` is the only output, or logit 1 minus logit 0.
    Hinge,
    /// `(f - y)²` against a value, one output.
    SquaredError,
}

impl Loss {
    /// Loss of every row, `[batch]`, from logits `[batch, n_outputs]`.
    ///
    /// # Panics
    ///
    /// If the loss cannot use this kind of target.
    pub fn per_row(self, logits: Tensor<2>, target: &DeviceTarget) -> Tensor<1> {
        let [batch, n_outputs] = logits.dims();
        match (self, target) {
            (Self::CrossEntropy, DeviceTarget::Classes(classes)) => {
                let index = classes.clone().reshape([batch, 1]);
                activation::log_softmax(logits, 1).gather(1, index).reshape([batch]).neg()
            }
            (Self::Hinge, DeviceTarget::Classes(classes)) => {
                let sign =
                    classes.clone().float().cast(logits.dtype()).mul_scalar(2.0).sub_scalar(1.0);
                let score: Tensor<1> = if n_outputs == 2 {
                    (logits.clone().narrow(1, 1, 1) - logits.narrow(1, 0, 1)).reshape([batch])
                } else {
                    logits.reshape([batch])
                };
                activation::relu((score * sign).neg().add_scalar(1.0))
            }
            (Self::SquaredError, DeviceTarget::Values(values)) => {
                (logits.reshape([batch]) - values.clone()).square()
            }
            _ => panic!("{self:?} cannot use this kind of target"),
        }
    }
}

impl Objective for Loss {
    fn name(&self) -> String {
        match self {
            Self::CrossEntropy => "cross-entropy".into(),
            Self::Hinge => "hinge".into(),
            Self::SquaredError => "squared-error".into(),
        }
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        let n_outputs = network.n_outputs();
        match (self, target) {
            (Self::CrossEntropy, TargetKind::Classes { n_classes }) => {
                one_logit_a_class(network, n_classes)
            }
            (Self::Hinge, TargetKind::Classes { n_classes }) if n_outputs > 2 || n_classes > 2 => {
                mismatch("classes under hinge loss", n_classes.max(n_outputs), "2")
            }
            (Self::SquaredError, TargetKind::Values) if n_outputs != 1 => {
                mismatch("outputs of the network", n_outputs, "1 for a regression")
            }
            (Self::Hinge, TargetKind::Classes { .. })
            | (Self::SquaredError, TargetKind::Values) => Ok(()),
            (Self::CrossEntropy | Self::Hinge, TargetKind::Values) => {
                mismatch("target", "values", "classes, or the squared error as loss")
            }
            (Self::SquaredError, TargetKind::Classes { .. }) => {
                mismatch("target", "classes", "values, or cross-entropy as loss")
            }
            (_, other) => mismatch("target", other.name(), "classes or values, one per row"),
        }
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses {
        let logits = network.forward_rows(values, batch.input.clone(), pass);
        let losses = self.per_row(logits.clone(), &batch.target);
        RowLosses { losses, outputs: Some(logits) }
    }
}
