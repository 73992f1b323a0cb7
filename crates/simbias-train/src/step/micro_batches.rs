//! A batch in parts, for batches that do not fit into memory at once.

use simbias_nn::{Network, Tensor};
use simbias_stats::Seed;

use super::{Gradients, Plain, StepRule};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::Objective;

/// Gradient accumulation: another rule on parts of `rows` rows, averaged with weights by their number of rows.
///
/// Equal to the whole batch up to rounding, unless rows influence one another: batch normalisation normalises every part
/// by itself, and its running statistics take the mean of the parts. Dropout draws new masks for every part.
#[derive(Clone, Copy, Debug)]
pub struct MicroBatches<R = Plain> {
    /// Rows of a part, at least 1; the last part may have fewer.
    pub rows: usize,
    /// The rule that computes the gradient of a part.
    pub rule: R,
}

impl MicroBatches {
    /// Parts of `rows` rows with one pass each.
    pub fn new(rows: usize) -> Self {
        Self { rows, rule: Plain }
    }
}

impl<R: StepRule> StepRule for MicroBatches<R> {
    fn name(&self) -> String {
        format!("micro-batches {} of {}", self.rows, self.rule.name())
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        if self.rows == 0 {
            return Err(TrainError::Setting {
                field: "rows of a micro-batch",
                found: "0".into(),
                expected: "at least 1 row",
            });
        }
        let n_rows = batch.n_rows();
        let mut total: Option<Gradients> = None;
        for (index, first) in (0..n_rows).step_by(self.rows).enumerate() {
            let part = batch.part(first, self.rows.min(n_rows - first));
            let share = part.n_rows() as f64 / n_rows as f64;
            let seed = seed.child("train/micro-batch", index as u64);
            let found = self.rule.gradients(network, values, objective, &part, seed)?;
            let found = scaled(found, share);
            total = Some(match total {
                Some(total) => sum(total, found),
                None => found,
            });
        }
        total.ok_or_else(|| TrainError::Mismatch {
            what: "rows of a batch",
            found: "0".into(),
            expected: "at least 1".into(),
        })
    }
}

/// Everything times `share`, except the losses of single rows.
fn scaled(part: Gradients, share: f64) -> Gradients {
    let scale = |value: Tensor<1>| value.mul_scalar(share);
    Gradients {
        loss: scale(part.loss),
        values: part.values.into_iter().map(|gradient| gradient.map(scale)).collect(),
        statistics: part.statistics.into_iter().map(|(at, value)| (at, scale(value))).collect(),
        rows: part.rows,
    }
}

/// The sum of two parts; the rows of `more` come after those of `total`.
fn sum(total: Gradients, more: Gradients) -> Gradients {
    let values = total.values.into_iter().zip(more.values).map(|pair| match pair {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    });
    // Every part passes through the same layers in the same order.
    let statistics = total.statistics.into_iter().zip(more.statistics);
    let statistics = statistics.map(|((at, one), (_, other))| (at, one + other));
    Gradients {
        loss: total.loss + more.loss,
        values: values.collect(),
        statistics: statistics.collect(),
        rows: [total.rows, more.rows].concat(),
    }
}
