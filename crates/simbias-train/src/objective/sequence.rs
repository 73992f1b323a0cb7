//! Objectives of networks with an output at every position.

use simbias_nn::{Architecture, Network, Pass, Tensor, activation};

use super::{Objective, RowLosses, mismatch};
use crate::TrainError;
use crate::batch::{DeviceBatch, DeviceTarget, TargetKind};

/// Every next token of a row: the mean cross-entropy over all positions of a decoder, in nats, where a row's class is the
/// token after its last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextToken;

impl Objective for NextToken {
    fn name(&self) -> String {
        "next-token".into()
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        match (network.architecture(), target) {
            (Architecture::Decoder(_), TargetKind::Classes { n_classes })
                if n_classes > network.n_outputs() =>
            {
                mismatch("kinds of tokens", n_classes, network.n_outputs())
            }
            (Architecture::Decoder(_), TargetKind::Classes { .. }) => Ok(()),
            (Architecture::Decoder(_), other) => mismatch("target", other.name(), "classes"),
            _ => mismatch("network", "one output a row", "a decoder, to predict next tokens"),
        }
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        _: &mut Pass,
    ) -> RowLosses {
        let (Some(logits), DeviceTarget::Classes(last)) =
            (network.token_logits(values, batch.rows.clone()), &batch.target)
        else {
            panic!("next tokens are predicted by a decoder from rows whose class is a token");
        };
        let [n_rows, length, vocabulary] = logits.dims();
        let given = batch.rows.clone().narrow(1, 1, length - 1).int();
        let next = Tensor::cat(vec![given, last.clone().reshape([n_rows, 1])], 1);
        let per_token = activation::log_softmax(logits.reshape([n_rows * length, vocabulary]), 1)
            .gather(1, next.reshape([n_rows * length, 1]))
            .neg();
        let losses = per_token.reshape([n_rows, length]).mean_dim(1).reshape([n_rows]);
        RowLosses { losses, outputs: None }
    }
}
