//! Group-DRO on groups that are made from blocks: intact rows, and rows in which one block shows another class than the
//! rest.

use ndarray::Axis;
use rand::seq::IndexedRandom;
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer};
use simbias_nn::Network;
use simbias_reliance::{BlockSet, DonorMode, DonorSource, Side, randomized_rows};
use simbias_report::Estimate;
use simbias_stats::{Seed, mean_estimate};
use simbias_train::{
    Batch, BatchTarget, Loss, NetScorer, PrepareBatch, TrainError, cross_entropy_and_slope,
    evaluate,
};

use crate::AuditError;
use crate::block_noise::exchange_in;

/// Name of the group of unchanged rows.
const INTACT: &str = "intact";
/// Maximum number of rows per group that losses are read from.
const GROUP_ROWS: usize = 500;

/// The mean cross-entropy of one group, in nats, with the plain network and with the remedied one.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupLoss {
    /// `intact`, or the name of the block that comes from a row of another class.
    pub group: String,
    /// The group's weight at the end of training; the weights sum to 1.
    pub weight: f64,
    /// The plain network on groups made of training rows.
    pub train_before: Estimate,
    /// The remedied network on the same rows.
    pub train_after: Estimate,
    /// The plain network on groups made of test rows.
    pub test_before: Estimate,
    /// The remedied network on the same rows.
    pub test_after: Estimate,
}

/// Makes batches of equally large groups and weights them by group-DRO (Sagawa et al. 2020, Algorithm 1):
/// `q_g ∝ q_g · exp(η · loss_g)`, minimising `Σ_g q_g · loss_g`.
///
/// Group 0 is intact; in group `b + 1` block `b` comes from a training row of another class while the label
/// stays the row's own, so that only the complement tells it. The losses that move `q` are those of the batch
/// under the current weights in evaluation mode: one forward pass on top of the training step.
pub(crate) struct GroupDro<'a> {
    train: &'a Dataset,
    blocks: &'a BlockSet,
    transform: &'a dyn Transform,
    /// By class: training rows of all other classes.
    others: Vec<Vec<usize>>,
    /// `q`.
    weights: Vec<f64>,
    /// `η`.
    step_size: f64,
}

impl<'a> GroupDro<'a> {
    /// Equal weights. `None` where no conflict can be made: numbers as target, or training rows of one class.
    pub(crate) fn new(
        train: &'a Dataset,
        blocks: &'a BlockSet,
        transform: &'a dyn Transform,
        step_size: f64,
    ) -> Option<Self> {
        let labels = train.class_labels()?;
        let others: Vec<Vec<usize>> = (0..labels.n_classes() as u32)
            .map(|class| (0..train.n_rows()).filter(|&row| labels.indices[row] != class).collect())
            .collect();
        if others.iter().any(Vec::is_empty) {
            return None;
        }
        let n_groups = blocks.blocks().len() + 1;
        let weights = vec![1.0 / n_groups as f64; n_groups];
        Some(Self { train, blocks, transform, others, weights, step_size })
    }

    /// `q`, intact rows first.
    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Raises the weight of groups with a high loss; `None` for a group without rows.
    fn update(&mut self, losses: &[Option<f64>]) {
        for (weight, loss) in self.weights.iter_mut().zip(losses) {
            if let Some(loss) = loss {
                *weight *= (self.step_size * loss).exp();
            }
        }
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
    }
}

impl PrepareBatch for GroupDro<'_> {
    fn prepare(
        &mut self,
        network: &Network,
        batch: &mut Batch,
        seed: Seed,
    ) -> Result<(), TrainError> {
        let BatchTarget::Classes(classes) = &batch.target else {
            return Err(TrainError::Mismatch {
                what: "target under group-DRO",
                found: "values".into(),
                expected: "classes".into(),
            });
        };
        let n_groups = self.weights.len();
        let n = classes.len();
        // Batches are shuffled; the turn lets every group occur where a batch has fewer rows than groups.
        let group: Vec<usize> = (0..n).map(|row| (row + batch.step as usize) % n_groups).collect();
        let mut stream = seed.child("audit/group-dro", 0).stream();
        let donors: Vec<usize> = classes
            .iter()
            .map(|&class| {
                // `new` refuses data in which a class has no others.
                self.others[class as usize].choose(&mut stream).copied().unwrap_or(0)
            })
            .collect();
        for (index, block) in self.blocks.blocks().iter().enumerate() {
            let members: Vec<usize> = (0..n).filter(|&row| group[row] == index + 1).collect();
            let of_members: Vec<usize> = members.iter().map(|&row| donors[row]).collect();
            exchange_in(
                &mut batch.rows,
                &members,
                self.train.rows.select(Axis(0), &of_members).view(),
                self.transform,
                &block.columns,
                Side::Block,
            );
        }

        let logits = NetScorer::new(network.clone())
            .score(batch.rows.view())
            .map_err(|error| TrainError::Watch(error.to_string()))?;
        let (losses, _) = cross_entropy_and_slope(&logits, classes);
        let mut sums = vec![0.0; n_groups];
        let mut counts = vec![0_usize; n_groups];
        for (&own, &loss) in group.iter().zip(&losses) {
            sums[own] += f64::from(loss);
            counts[own] += 1;
        }
        let means: Vec<Option<f64>> = sums
            .iter()
            .zip(&counts)
            .map(|(sum, &count)| (count > 0).then(|| sum / count as f64))
            .collect();
        self.update(&means);
        // The loop takes the mean over rows of weight times loss, which is then Σ q_g · loss_g.
        batch.weights = Some(
            group
                .iter()
                .map(|&own| (self.weights[own] * n as f64 / counts[own] as f64) as f32)
                .collect(),
        );
        Ok(())
    }
}

/// The groups of a data set under one donor map: intact rows first, then one part per block.
pub(crate) struct ConflictGroups(Vec<(String, Dataset)>);

impl ConflictGroups {
    /// Of the first rows of `data`; donors are those of [`DonorMode::Swap`].
    ///
    /// # Errors
    /// Rows of one class.
    pub(crate) fn of(
        data: &Dataset,
        blocks: &BlockSet,
        transform: &dyn Transform,
        seed: Seed,
    ) -> Result<Self, AuditError> {
        let few: Vec<u32> = (0..data.n_rows().min(GROUP_ROWS) as u32).collect();
        let data = data.select(&few);
        let donors =
            DonorSource::new(DonorMode::Swap, &data, None, seed.child("audit/conflict", 0))?
                .draw(0);
        let mut groups = vec![(INTACT.to_string(), data.clone())];
        groups.extend(blocks.blocks().iter().map(|block| {
            let rows =
                randomized_rows(data.rows.view(), transform, &block.columns, &donors, Side::Block);
            (block.name.clone(), Dataset { rows, ..data.clone() })
        }));
        Ok(Self(groups))
    }

    /// Loss of the intact rows plus the highest loss of a group, in nats.
    ///
    /// The highest loss alone would accept a network that knows nothing: where two blocks contradict
    /// each other, `ln 2` is the best that any network can do in both groups.
    pub(crate) fn criterion(&self, network: &Network) -> Result<f64, TrainError> {
        let losses = self
            .0
            .iter()
            .map(|(_, data)| Ok(evaluate(network, data, data.n_rows(), Loss::CrossEntropy)?.loss))
            .collect::<Result<Vec<f64>, TrainError>>()?;
        Ok(losses[0] + losses.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Mean loss of every group with its interval over rows.
    fn losses(&self, network: &NetScorer, level: f64) -> Result<Vec<Estimate>, AuditError> {
        self.0
            .iter()
            .map(|(_, data)| {
                let logits = network.score(data.rows.view())?;
                let classes = data.class_labels().map_or(&[][..], |labels| &labels.indices);
                let (losses, _) = cross_entropy_and_slope(&logits, classes);
                let losses: Vec<f64> = losses.into_iter().map(f64::from).collect();
                let found = mean_estimate(&losses, level)?;
                Ok(Estimate::new(found.value, found.low, found.high)
                    .level(level)
                    .n(losses.len() as u64)
                    .varied("rows, one donor map"))
            })
            .collect()
    }
}

/// Losses of the groups before and after the remedy.
pub(crate) fn group_losses(
    [train, test]: [&ConflictGroups; 2],
    weights: &[f64],
    before: &NetScorer,
    after: &NetScorer,
    level: f64,
) -> Result<Vec<GroupLoss>, AuditError> {
    let train_before = train.losses(before, level)?;
    let train_after = train.losses(after, level)?;
    let test_before = test.losses(before, level)?;
    let test_after = test.losses(after, level)?;
    Ok((0..weights.len())
        .map(|index| GroupLoss {
            group: train.0[index].0.clone(),
            weight: weights[index],
            train_before: train_before[index].clone(),
            train_after: train_after[index].clone(),
            test_before: test_before[index].clone(),
            test_after: test_after[index].clone(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use simbias_data::transform::Identity;
    use simbias_data::{ClassLabels, Layout, Target};
    use simbias_reliance::Block;

    use super::*;

    #[test]
    fn weights_follow_the_exponentiated_gradient() {
        let data = Dataset::new(
            "two rows",
            Array2::zeros((2, 2)),
            Layout::array(vec![2]),
            Target::Classes(ClassLabels {
                indices: vec![0, 1],
                names: vec!["no".into(), "yes".into()],
            }),
        );
        let blocks =
            BlockSet::partition(vec![Block::new("a", 0..1), Block::new("b", 1..2)], 2).unwrap();
        let transform = Identity::new(2);
        let mut rule = GroupDro::new(&data, &blocks, &transform, 0.5).unwrap();
        rule.update(&[Some(0.0), Some(2.0), None]);
        // e^0 : e^1 : e^0 by hand.
        let sum = 2.0 + std::f64::consts::E;
        for (found, expected) in rule.weights().iter().zip([1.0, std::f64::consts::E, 1.0]) {
            assert!((found - expected / sum).abs() < 1e-12);
        }
    }
}
