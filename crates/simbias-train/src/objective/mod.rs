//! What training minimises: an objective turns a network and a batch into a loss for every row.

mod loss;
mod sequence;
mod soft;

use simbias_nn::{Network, Pass, Tensor};

pub use self::loss::Loss;
pub use self::sequence::{NextToken, PositionError};
pub use self::soft::{LabelSmoothing, SoftTargets};
use crate::TrainError;
use crate::batch::{DeviceBatch, TargetKind};

/// What one forward pass says about every row of a batch.
#[derive(Clone, Debug)]
pub struct RowLosses {
    /// Loss of every row, `[batch]`, without weights.
    pub losses: Tensor<1>,
    /// The network's output for every row, `[batch, n_outputs]`; `None` if it has several per row, such as a token at
    /// every position.
    pub outputs: Option<Tensor<2>>,
}

/// What training minimises: the mean over rows of weight times loss.
///
/// An objective runs the network itself, so that it may use any of its outputs. Step rules call it as often as they
/// like, at any values of the parameters, in training or evaluation mode.
pub trait Objective: Sync {
    /// Name and settings, such as `label-smoothing 0.1`; a run can only be continued with the same ones.
    fn name(&self) -> String;

    /// Refuses a network or a kind of targets that it cannot use.
    ///
    /// # Errors
    ///
    /// [`TrainError::Mismatch`], or [`TrainError::Setting`] for its own invalid settings.
    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError>;

    /// Loss of every row of `batch` at the parameter values `values` (one per parameter of `network`, in order), in the
    /// mode of `pass`. Gradients flow to every tensor that requires them.
    ///
    /// # Panics
    ///
    /// On a network or targets that [`check`](Self::check) refuses.
    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses;
}

impl<T: Objective + ?Sized> Objective for &T {
    fn name(&self) -> String {
        (**self).name()
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        (**self).check(network, target)
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses {
        (**self).row_losses(network, values, batch, pass)
    }
}

/// The error for `what` that is `found` where the objective needs `expected`.
fn mismatch(
    what: &'static str,
    found: impl ToString,
    expected: impl ToString,
) -> Result<(), TrainError> {
    Err(TrainError::Mismatch { what, found: found.to_string(), expected: expected.to_string() })
}

/// Refuses a network without a logit for each of `n_classes` classes.
fn one_logit_a_class(network: &Network, n_classes: usize) -> Result<(), TrainError> {
    if network.n_outputs() < n_classes.max(2) {
        return mismatch("outputs of the network", network.n_outputs(), "one logit per class");
    }
    Ok(())
}
