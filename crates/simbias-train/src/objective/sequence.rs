//! Objectives of networks with an output at every position.

use simbias_nn::{
    Input, InputShape, Int, Network, OutputShape, Pass, Tensor, TensorData, activation,
};

use super::{Objective, RowLosses, mismatch};
use crate::TrainError;
use crate::batch::{DeviceBatch, DeviceTarget, TargetKind};

/// Prediction of every next token: the mean cross-entropy over all positions of a decoder, in nats. Rows are token
/// numbers; a row's class is the token that follows its last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextToken;

impl Objective for NextToken {
    fn name(&self) -> String {
        "next-token".into()
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        let architecture = network.architecture();
        match (architecture.input(), architecture.output(), target) {
            (
                InputShape::Tokens { vocabulary, .. },
                OutputShape::Positions { n_outputs },
                TargetKind::Classes { n_classes },
            ) if n_outputs == vocabulary && n_classes <= vocabulary => Ok(()),
            (InputShape::Tokens { vocabulary, .. }, OutputShape::Positions { .. }, target) => {
                let found = match target {
                    TargetKind::Classes { n_classes } => format!("{n_classes} classes"),
                    other => other.name().into(),
                };
                mismatch("target", found, format!("at most {vocabulary} tokens as classes"))
            }
            (input, ..) => mismatch("network", format!("one for {input:?}"), "a decoder of tokens"),
        }
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses {
        let tokens: Tensor<2, Int> = match &batch.input {
            Input::Rows(rows) => rows.clone().int(),
            Input::Tokens(tokens) => tokens.clone(),
            other => panic!("tokens are rows of numbers, not {other:?}"),
        };
        let output = network.forward_with(values, batch.input.clone(), pass);
        let (Some(logits), DeviceTarget::Classes(last)) = (output.positions(), &batch.target)
        else {
            panic!("next tokens are predicted by a decoder from rows whose class is a token");
        };
        let [n_rows, length, vocabulary] = logits.dims();
        let last = last.clone().reshape([n_rows, 1]);
        let next = match length {
            1 => last,
            _ => Tensor::cat(vec![tokens.narrow(1, 1, length - 1), last], 1),
        };
        let per_token = activation::log_softmax(logits.reshape([n_rows * length, vocabulary]), 1)
            .gather(1, next.reshape([n_rows * length, 1]))
            .neg();
        let losses = per_token.reshape([n_rows, length]).mean_dim(1).reshape([n_rows]);
        RowLosses { losses, outputs: None }
    }
}

/// Mean squared error over some positions of a sequence model with one output at each: position `first` and every
/// `every`-th one after it, as many as a row has target values.
///
/// A prompt in which examples and their labels alternate has its predictions at positions 0, 2, 4, …
/// ([`of_prompts`](Self::of_prompts)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionError {
    /// Position of the first target value, counted from 0.
    pub first: usize,
    /// Distance between positions of target values, at least 1.
    pub every: usize,
    /// How many target values of a row count, from its last one back, at least 1; `None` for all.
    pub last: Option<usize>,
}

impl PositionError {
    /// For prompts `x₁, y₁, x₂, y₂, …`: the label of every example is predicted at the example.
    pub fn of_prompts() -> Self {
        Self { first: 0, every: 2, last: None }
    }

    /// What `network` predicts at the first `n_targets` of the positions, `[batch, n_targets]`; gradients flow as in
    /// [`Network::forward_with`].
    ///
    /// # Panics
    ///
    /// If the network has no output at every position, or rows have fewer positions.
    pub fn predictions(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        input: Input,
        n_targets: usize,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let Some(outputs) = network.forward_with(values, input, pass).positions() else {
            panic!("positions need a network with an output at each of them");
        };
        let [n_rows, length, _] = outputs.dims();
        let positions: Vec<i64> =
            (0..n_targets).map(|index| (self.first + index * self.every) as i64).collect();
        let positions = TensorData::new(positions, [n_targets]);
        let positions: Tensor<1, Int> = Tensor::from_data(positions, network.device());
        outputs.reshape([n_rows, length]).select(1, positions)
    }
}

impl Objective for PositionError {
    fn name(&self) -> String {
        let Self { first, every, last } = self;
        match last {
            Some(last) => format!("position-error {first}+{every}, last {last}"),
            None => format!("position-error {first}+{every}"),
        }
    }

    fn check(&self, network: &Network, target: TargetKind) -> Result<(), TrainError> {
        let zero =
            |field| Err(TrainError::Setting { field, found: "0".into(), expected: "at least 1" });
        if self.every == 0 {
            return zero("distance of positions");
        }
        if self.last == Some(0) {
            return zero("last positions that count");
        }
        let architecture = network.architecture();
        let (InputShape::Sequence { length, .. }, OutputShape::Positions { n_outputs: 1 }) =
            (architecture.input(), architecture.output())
        else {
            let found = format!("{:?} to {:?}", architecture.input(), architecture.output());
            return mismatch(
                "network",
                found,
                "a sequence model with one output at every position",
            );
        };
        let most = length.saturating_sub(self.first).div_ceil(self.every);
        match target {
            TargetKind::Positions { n_positions } if n_positions <= most => Ok(()),
            TargetKind::Positions { n_positions } => {
                mismatch("target values of a row", n_positions, format!("at most {most}"))
            }
            other => mismatch("target", other.name(), "values by position"),
        }
    }

    fn row_losses(
        &self,
        network: &Network,
        values: &[Tensor<1>],
        batch: &DeviceBatch,
        pass: &mut Pass,
    ) -> RowLosses {
        let DeviceTarget::Positions(targets) = &batch.target else {
            panic!("positions have values of their own")
        };
        let [n_rows, n_targets] = targets.dims();
        let found = self.predictions(network, values, batch.input.clone(), n_targets, pass);
        let squares = (found.clone() - targets.clone()).square();
        let n_last = self.last.map_or(n_targets, |last| last.min(n_targets));
        let squares = squares.narrow(1, n_targets - n_last, n_last);
        RowLosses { losses: squares.mean_dim(1).reshape([n_rows]), outputs: Some(found) }
    }
}
