//! How good a network is on rows that stay the same.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use simbias_data::Dataset;
use simbias_nn::{Mode, Network, Pass};

use crate::TrainError;
use crate::batch::{Batch, BatchTarget, DeviceBatch, TargetKind, check_tokens, select_target};
use crate::objective::{Objective, RowLosses};
use crate::predict::{host, rows_at_once};

/// Mean loss and accuracy over some rows, in evaluation mode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean loss, unweighted.
    pub loss: f64,
    /// Share of rows whose largest logit is their class (ties: the lowest class); `None` without classes.
    pub accuracy: Option<f64>,
}

impl Score {
    /// Higher accuracy, then lower loss.
    pub(super) fn is_better_than(self, other: Self) -> bool {
        let by_accuracy = match (self.accuracy, other.accuracy) {
            (Some(mine), Some(theirs)) => mine.total_cmp(&theirs),
            _ => Ordering::Equal,
        };
        by_accuracy.then(other.loss.total_cmp(&self.loss)) == Ordering::Greater
    }
}

/// What was measured at one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps done.
    pub step: u64,
    /// On the first training rows; see [`LossGoal`](crate::LossGoal).
    pub train: Option<Score>,
    /// On the validation rows.
    pub validation: Option<Score>,
}

/// Rows that a network can be judged on during training.
pub trait Evaluate {
    /// Number of rows.
    fn n_rows(&self) -> usize;

    /// Refuses a network or an objective that does not fit the rows.
    ///
    /// # Errors
    ///
    /// [`TrainError::Mismatch`].
    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError>;

    /// Mean loss and accuracy on the first `n_rows` rows, or all if there are fewer.
    ///
    /// # Errors
    ///
    /// Any error of the evaluation; it ends training.
    fn score(
        &self,
        network: &Network,
        objective: &dyn Objective,
        n_rows: usize,
    ) -> Result<Score, TrainError>;
}

impl Evaluate for Dataset {
    fn n_rows(&self) -> usize {
        self.n_rows()
    }

    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        let mismatch = |what, found: usize, expected: String| {
            Err(TrainError::Mismatch { what, found: found.to_string(), expected })
        };
        if self.n_rows() == 0 {
            return mismatch("rows of the data", 0, "at least 1".into());
        }
        if self.n_features() != network.n_features() {
            let expected = network.n_features().to_string();
            return mismatch("columns of the data", self.n_features(), expected);
        }
        check_tokens(self.rows.view(), network)?;
        if self.has_missing() {
            return Err(TrainError::MissingInput { name: self.name.clone() });
        }
        objective.check(network, TargetKind::of(&self.target))
    }

    fn score(
        &self,
        network: &Network,
        objective: &dyn Objective,
        n_rows: usize,
    ) -> Result<Score, TrainError> {
        let mut tally = Tally::default();
        visit_rows(network, self, n_rows, objective, |target, found| tally.add(target, &found));
        Ok(tally.score())
    }
}

/// Batches on the host that stay the same, for example from a generator before training.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedBatches {
    /// The batches, each small enough to pass through the network at once.
    pub batches: Vec<Batch>,
    /// Their kind of targets.
    pub target: TargetKind,
}

impl Evaluate for FixedBatches {
    fn n_rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows.nrows()).sum()
    }

    fn check(&self, network: &Network, objective: &dyn Objective) -> Result<(), TrainError> {
        self.batches.iter().try_for_each(|batch| batch.check(network, self.target))?;
        if self.batches.is_empty() {
            return Err(TrainError::Mismatch {
                what: "rows of the data",
                found: "0".into(),
                expected: "at least 1".into(),
            });
        }
        objective.check(network, self.target)
    }

    fn score(
        &self,
        network: &Network,
        objective: &dyn Objective,
        n_rows: usize,
    ) -> Result<Score, TrainError> {
        let mut tally = Tally::default();
        for batch in &self.batches {
            let left = n_rows.saturating_sub(tally.n_rows);
            if left == 0 {
                break;
            }
            let on_device = DeviceBatch::new(batch, network);
            let n = left.min(batch.rows.nrows());
            let found = evaluated(network, &on_device.part(0, n), objective);
            tally.add(&batch.target, &found);
        }
        Ok(tally.score())
    }
}

/// Mean loss and accuracy of `network` on the first `n_rows` rows of `data`.
///
/// # Errors
///
/// [`TrainError::Mismatch`] if data, objective and network do not fit.
pub fn evaluate(
    network: &Network,
    data: &Dataset,
    n_rows: usize,
    objective: impl Objective,
) -> Result<Score, TrainError> {
    data.check(network, &objective)?;
    data.score(network, &objective, n_rows)
}

/// Losses and outputs of some rows on the host.
pub(crate) struct HostRows {
    /// One per row.
    pub(crate) losses: Vec<f32>,
    /// Outputs of every row, C order; empty if the objective shows none.
    pub(crate) outputs: Vec<f32>,
}

impl HostRows {
    pub(crate) fn new(rows: RowLosses) -> Self {
        Self { losses: host(rows.losses), outputs: rows.outputs.map(host).unwrap_or_default() }
    }
}

/// The rows of `batch` in evaluation mode.
fn evaluated(network: &Network, batch: &DeviceBatch, objective: &dyn Objective) -> HostRows {
    let mut pass = Pass::new(Mode::Eval);
    HostRows::new(objective.row_losses(network, &network.values(), batch, &mut pass))
}

/// Walks the first `n_rows` rows of `data` in batches; `visit` takes targets, losses and outputs.
pub(crate) fn visit_rows(
    network: &Network,
    data: &Dataset,
    n_rows: usize,
    objective: &dyn Objective,
    mut visit: impl FnMut(&BatchTarget, HostRows),
) {
    let n_rows = n_rows.min(data.n_rows());
    let rows_at_once = rows_at_once(network);
    let mut start = 0;
    while start < n_rows {
        let end = (start + rows_at_once).min(n_rows);
        let indices: Vec<u32> = (start as u32..end as u32).collect();
        let target = select_target(&data.target, &indices);
        let rows = data.rows.slice(ndarray::s![start..end, ..]).to_owned();
        let batch = Batch { step: 0, epoch: 0, indices, rows, target, weights: None };
        let found = evaluated(network, &DeviceBatch::new(&batch, network), objective);
        visit(&batch.target, found);
        start = end;
    }
}

/// Sums over rows.
#[derive(Default)]
struct Tally {
    loss: f64,
    n_rows: usize,
    /// Of rows with classes and outputs.
    n_correct: Option<usize>,
}

impl Tally {
    fn add(&mut self, target: &BatchTarget, found: &HostRows) {
        self.loss += found.losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        let n = found.losses.len();
        self.n_rows += n;
        if let BatchTarget::Classes(classes) = target
            && !found.outputs.is_empty()
        {
            let rows = found.outputs.chunks_exact(found.outputs.len() / n);
            let n_correct = rows.zip(classes).filter(|(row, class)| argmax(row) == **class).count();
            *self.n_correct.get_or_insert(0) += n_correct;
        }
    }

    fn score(self) -> Score {
        let n_rows = self.n_rows as f64;
        let accuracy = self.n_correct.map(|n_correct| n_correct as f64 / n_rows);
        Score { loss: self.loss / n_rows, accuracy }
    }
}

/// Index of the largest logit, the lowest of equals; a single logit is a score for class 1.
fn argmax(logits: &[f32]) -> u32 {
    if let [score] = logits {
        return u32::from(*score > 0.0);
    }
    let mut best = 0;
    for (index, &logit) in logits.iter().enumerate() {
        if logits[best] < logit {
            best = index;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_comes_before_loss() {
        let score = |accuracy, loss| Score { loss, accuracy: Some(accuracy) };
        assert!(score(0.9, 2.0).is_better_than(score(0.8, 1.0)));
        assert!(score(0.9, 1.0).is_better_than(score(0.9, 2.0)));
        assert!(!score(0.9, 1.0).is_better_than(score(0.9, 1.0)));
        let value = |loss| Score { loss, accuracy: None };
        assert!(value(1.0).is_better_than(value(2.0)));
    }

    #[test]
    fn ties_go_to_the_lowest_class() {
        assert_eq!(argmax(&[1.0, 1.0]), 0);
        assert_eq!(argmax(&[0.0, 2.0, 2.0]), 1);
        assert_eq!(argmax(&[0.5]), 1);
        assert_eq!(argmax(&[0.0]), 0);
    }
}
