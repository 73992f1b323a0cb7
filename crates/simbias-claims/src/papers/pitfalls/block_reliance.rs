//! How well a network does without its simplest block, and with that block alone.

use simbias_data::transform::Transform;
use simbias_data::{Scorer, TestSplit};
use simbias_nn::Network;
use simbias_reliance::outcome::Condition;
use simbias_reliance::{
    Block, BlockSet, DenseLayer, DenseNetwork, RelianceError, RelianceOptions, measure,
};
use simbias_stats::Seed;
use simbias_train::NetScorer;

use super::rows::SlabRows;
use crate::ClaimError;
use crate::stages::Stages;

/// Donor maps per network; the paper does not say how many it used.
const REPEATS: usize = 10;

/// Figures over the test rows, each the mean over [`REPEATS`] permutations.
#[derive(Clone, Debug)]
pub(crate) struct BlockReliance {
    /// ROC-AUC of the unchanged rows.
    pub(crate) auc: f64,
    /// Accuracy of the unchanged rows.
    pub(crate) accuracy: f64,
    /// Whether each unchanged row is classified correctly.
    pub(crate) correct: Vec<bool>,
    /// S taken from other rows.
    pub(crate) s_rand: Randomized,
    /// Everything but S taken from other rows.
    pub(crate) sc_rand: Randomized,
}

/// Figures with one side of the input taken from other rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Randomized {
    /// ROC-AUC.
    pub(crate) auc: f64,
    /// Accuracy.
    pub(crate) accuracy: f64,
    /// `mean |s' - s| / std(s)` over logit differences `s`.
    pub(crate) shift: f64,
    /// KS distance of the positives' scores from those before.
    pub(crate) ks_positives: f64,
    /// KS distance of the positives' scores from those of all rows before.
    pub(crate) ks_all_positives: f64,
}

impl BlockReliance {
    /// Of `network` on the simplest block of `rows`, over the test rows.
    ///
    /// # Errors
    ///
    /// Scores that are not finite, or a network that does not fit the rows.
    pub(crate) fn of(
        network: &Network,
        rows: &SlabRows,
        stages: &Stages<'_>,
        seed: Seed,
    ) -> Result<Self, ClaimError> {
        let columns = rows.simple.clone();
        Self::of_columns(network, &rows.test, columns, &*rows.transform, stages, seed)
    }

    /// Of `network` on the coordinates `columns` of the transformed test rows.
    ///
    /// # Errors
    ///
    /// As [`Self::of`].
    pub(crate) fn of_columns(
        network: &Network,
        test: &TestSplit,
        columns: impl IntoIterator<Item = usize>,
        transform: &dyn Transform,
        stages: &Stages<'_>,
        seed: Seed,
    ) -> Result<Self, ClaimError> {
        let failure = |error: RelianceError| stages.failure(error);
        let blocks =
            BlockSet::overlapping(vec![Block::new("S", columns)], transform.n_coefficients())
                .map_err(failure)?;
        let options = RelianceOptions {
            repeats: REPEATS,
            conflict: false,
            manifold: false,
            batch_rows: 1024,
            ..RelianceOptions::default()
        };
        let seed = seed.child("claims/reliance", 0);
        let scorer = scorer(network).map_err(failure)?;
        let found = measure(&*scorer, &test.0, &blocks, transform, &options, seed, &stages.quiet())
            .map_err(failure)?;
        let block = &found.outcome.blocks[0];
        let Some(complement) = &block.complement else {
            return Err(stages.failure("the complement of S was not measured"));
        };
        let Some(labels) = test.0.class_labels() else {
            return Err(stages.failure("the test rows have no classes"));
        };
        let standard = &found.samples.standard;
        let correct: Vec<bool> = (labels.indices.iter().enumerate())
            .map(|(row, &class)| standard.predicted(row) == class)
            .collect();
        Ok(Self {
            auc: found.outcome.standard.metric.value,
            accuracy: share(correct.iter().copied()),
            correct,
            s_rand: Randomized::of(&block.randomized),
            sc_rand: Randomized::of(complement),
        })
    }

    /// Accuracy on the unchanged rows that `chosen` marks; NaN without any.
    pub(crate) fn accuracy_where(&self, chosen: impl Iterator<Item = bool>) -> f64 {
        share(self.correct.iter().zip(chosen).filter_map(|(&hit, chosen)| chosen.then_some(hit)))
    }
}

impl Randomized {
    fn of(condition: &Condition) -> Self {
        Self {
            auc: condition.metric.value,
            accuracy: condition.accuracy.as_ref().map_or(f64::NAN, |accuracy| accuracy.value),
            shift: condition.shift.value,
            ks_positives: condition.ks_positives.value,
            ks_all_positives: condition.ks_all_positives.value,
        }
    }
}

/// The fastest scorer for `network`.
fn scorer(network: &Network) -> Result<Box<dyn Scorer>, RelianceError> {
    let Some((layers, activation)) = network.dense_layers() else {
        return Ok(Box::new(NetScorer::new(network.clone())));
    };
    let activation = match activation {
        simbias_nn::Activation::Relu => simbias_reliance::Activation::Relu,
        simbias_nn::Activation::LeakyRelu => {
            simbias_reliance::Activation::LeakyRelu { slope: 0.01 }
        }
        simbias_nn::Activation::Tanh => simbias_reliance::Activation::Tanh,
        _ => return Ok(Box::new(NetScorer::new(network.clone()))),
    };
    let layers = layers
        .into_iter()
        .map(|layer| DenseLayer { weight_out_in: layer.weight_out_in, bias: layer.bias })
        .collect();
    Ok(Box::new(DenseNetwork::new(layers, activation)?))
}

/// Share of hits; NaN without any entry.
fn share(hits: impl Iterator<Item = bool>) -> f64 {
    let (mut n_hits, mut n) = (0_usize, 0_usize);
    for hit in hits {
        n_hits += usize::from(hit);
        n += 1;
    }
    n_hits as f64 / n as f64
}

/// The worst value of one criterion over the networks or settings of a repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worst {
    value: f64,
    larger_is_worse: bool,
}

impl Worst {
    /// For a criterion with an upper bound.
    pub(crate) fn largest() -> Self {
        Self { value: f64::NEG_INFINITY, larger_is_worse: true }
    }

    /// For a criterion with a lower bound.
    pub(crate) fn smallest() -> Self {
        Self { value: f64::INFINITY, larger_is_worse: false }
    }

    /// Takes one more value; NaN is the worst of all.
    pub(crate) fn add(&mut self, value: f64) {
        let is_worse = if self.larger_is_worse { self.value < value } else { value < self.value };
        if is_worse || value.is_nan() {
            self.value = value;
        }
    }

    /// The worst value so far.
    pub(crate) fn value(self) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_on_the_side_of_the_bound_and_no_number_is_worse_still() {
        let (mut largest, mut smallest) = (Worst::largest(), Worst::smallest());
        for value in [0.5, 0.7, 0.6] {
            largest.add(value);
            smallest.add(value);
        }
        assert_eq!((largest.value(), smallest.value()), (0.7, 0.5));
        for mut worst in [largest, smallest] {
            worst.add(f64::NAN);
            worst.add(0.9);
            worst.add(0.1);
            assert!(worst.value().is_nan());
        }
    }

    #[test]
    fn a_share_of_nothing_is_no_number() {
        assert_eq!(share([true, false, true, true].into_iter()), 0.75);
        assert!(share(std::iter::empty()).is_nan());
    }
}
