//! Losses per row.

use serde::{Deserialize, Serialize};
use simbias_nn::{Int, Network, Tensor, TensorData, activation};

use crate::TrainError;
use crate::batch::BatchTarget;

/// What training minimises: the mean over rows of weight times loss.
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

/// Targets on the device.
#[derive(Clone, Debug)]
pub enum DeviceTarget {
    /// Class indices `[batch]`.
    Classes(Tensor<1, Int>),
    /// Values `[batch]`; for [`Loss::Hinge`] the signs.
    Values(Tensor<1>),
}

impl DeviceTarget {
    /// Uploads targets to the device of `network`.
    pub(crate) fn new(target: &BatchTarget, network: &Network) -> Self {
        let (device, dtype) = (network.device(), network.precision().dtype());
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
        }
    }
}

impl Loss {
    /// Refuses a target or a number of outputs that the loss cannot use.
    pub(crate) fn check(
        self,
        target: &BatchTarget,
        n_outputs: usize,
        n_classes: usize,
    ) -> Result<(), TrainError> {
        let mismatch = |what, found: String, expected: &str| {
            Err(TrainError::Mismatch { what, found, expected: expected.into() })
        };
        match (self, target) {
            (Self::CrossEntropy, BatchTarget::Classes(_)) if n_outputs < n_classes.max(2) => {
                mismatch("outputs of the network", n_outputs.to_string(), "one logit a class")
            }
            (Self::Hinge, BatchTarget::Classes(_)) if n_outputs > 2 || n_classes > 2 => {
                mismatch("classes under hinge loss", n_classes.max(n_outputs).to_string(), "2")
            }
            (Self::SquaredError, BatchTarget::Values(_)) if n_outputs != 1 => {
                mismatch("outputs of the network", n_outputs.to_string(), "1 for a regression")
            }
            (Self::CrossEntropy | Self::Hinge, BatchTarget::Values(_)) => {
                mismatch("target", "values".into(), "classes, or the squared error as loss")
            }
            (Self::SquaredError, BatchTarget::Classes(_)) => {
                mismatch("target", "classes".into(), "values, or cross-entropy as loss")
            }
            _ => Ok(()),
        }
    }

    /// Loss of every row, `[batch]`, from logits `[batch, n_outputs]`.
    ///
    /// # Panics
    ///
    /// If the kind of target is not the loss's.
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
