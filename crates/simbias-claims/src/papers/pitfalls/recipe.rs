//! How the networks of the paper are trained.
//!
//! Settings of Shah et al. 2020, Appendix B, with the weight decay of the notebooks: SGD, rate .1, weight
//! decay 5e-5 on all parameters, batches of 256, shuffled each epoch, until the loss on 20 000 training
//! rows is below .01, checked every 250 steps. A budget of steps ends a run that never gets there. A lack of
//! progress does not end a run, because the hard blocks are learned after a long flat phase. The weights kept are
//! those that were best on the validation rows; the test rows choose nothing.

use simbias_data::{TestSplit, TrainSplit, ValidationSplit};
use simbias_nn::{Architecture, ConvSequence, Fcn, GatedRecurrent, Init, Network};
use simbias_report::Caveat;
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Keep, Loss, LossGoal, Optimizer, PrepareBatch, Prepared, Schedule, ShuffledEpochs,
    StopReason, TrainState, evaluate,
};

use crate::ClaimError;
use crate::stages::Stages;

/// Weight decay of the notebooks (the paper's Appendix B prints 5e-7).
pub(crate) const WEIGHT_DECAY: f64 = 5e-5;

/// A network and how it is trained.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// The network.
    pub(crate) architecture: Architecture,
    /// How it starts.
    pub(crate) init: Init,
    /// Update rule.
    pub(crate) optimizer: Optimizer,
    /// The same throughout.
    pub(crate) learning_rate: f64,
    /// Rows a batch.
    pub(crate) batch_size: usize,
    /// Steps after which training ends in any case.
    pub(crate) max_steps: u64,
    /// Steps between evaluations of the losses.
    pub(crate) evaluate_every: u64,
    /// Training loss that ends the run; `None` uses up the steps.
    pub(crate) goal: Option<LossGoal>,
}

impl Recipe {
    /// The paper's plain SGD.
    pub(crate) fn sgd(architecture: Architecture, max_steps: u64) -> Self {
        Self {
            architecture,
            init: Init::default(),
            optimizer: Optimizer::sgd(WEIGHT_DECAY),
            learning_rate: 0.1,
            batch_size: 256,
            max_steps,
            evaluate_every: 250,
            goal: Some(LossGoal::default()),
        }
    }

    /// The paper's SGD with momentum .9, which shortens the flat phase.
    pub(crate) fn momentum(architecture: Architecture, max_steps: u64) -> Self {
        let optimizer = Optimizer::momentum(0.9, WEIGHT_DECAY);
        Self { optimizer, ..Self::sgd(architecture, max_steps) }
    }

    /// A fresh network; `seed` determines the weights.
    pub(crate) fn network(&self, stages: &Stages<'_>, seed: Seed) -> Result<Network, ClaimError> {
        Ok(stages.fresh(&self.architecture, self.init, seed)?.network)
    }

    /// Trains a fresh network; `seed` determines the weights and the order of rows.
    ///
    /// # Errors
    ///
    /// Data that do not fit the network, a loss that is no longer finite, an interrupt.
    pub(crate) fn train(
        &self,
        train: &TrainSplit,
        validation: &ValidationSplit,
        stages: &Stages<'_>,
        seed: Seed,
    ) -> Result<Trained, ClaimError> {
        self.train_from(self.network(stages, seed)?, train, validation, None, stages, seed)
    }

    /// Goes on training `start` on batches that `prepare` rewrites; `seed` determines the order of rows.
    ///
    /// # Errors
    ///
    /// As [`Self::train`].
    pub(crate) fn train_from(
        &self,
        start: Network,
        train: &TrainSplit,
        validation: &ValidationSplit,
        prepare: Option<&mut dyn PrepareBatch>,
        stages: &Stages<'_>,
        seed: Seed,
    ) -> Result<Trained, ClaimError> {
        let schedule = Schedule::constant(self.learning_rate);
        let config = FitConfig {
            batch_size: self.batch_size,
            evaluate_every: self.evaluate_every,
            goal: self.goal,
            keep: Keep::BestOnValidation,
            ..FitConfig::new(self.optimizer, schedule, stages.steps(self.max_steps))
        };
        let mut state = TrainState::new(start, seed.child("claims/train", 0));
        let mut epochs = ShuffledEpochs::new(&train.0, config.batch_size);
        let validation = Some(&validation.0);
        let outcome = match prepare {
            Some(prepare) => {
                let mut batches = Prepared::new(&mut epochs, prepare);
                stages.fit(&mut state, &mut batches, &config.loss, validation, &config)
            }
            None => stages.fit(&mut state, &mut epochs, &config.loss, validation, &config),
        }?;
        Ok(Trained {
            steps: outcome.steps,
            kept_step: outcome.kept_step,
            missed_goal: self.goal.is_some() && outcome.reason != StopReason::Goal,
            validation_accuracy: state
                .best_evaluation()
                .and_then(|best| best.validation?.accuracy)
                .unwrap_or(f64::NAN),
            network: state.network,
        })
    }
}

/// A trained network and how it came about.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    /// With the weights that were best on the validation rows.
    pub(crate) network: Network,
    /// Steps done.
    pub(crate) steps: u64,
    /// Step of the kept weights.
    pub(crate) kept_step: u64,
    /// Whether the run had a goal for its loss and did not reach it.
    pub(crate) missed_goal: bool,
    /// Accuracy of the kept weights on the validation rows.
    pub(crate) validation_accuracy: f64,
}

impl Trained {
    /// A doubt about a run that ended above its goal.
    pub(crate) fn caveat(&self, what: &str) -> Option<Caveat> {
        self.missed_goal.then(|| {
            Caveat::caution(
                "goal-not-reached",
                format!(
                    "{what}: in one repetition at least, the training loss was still above the goal \
                     after {} steps, so that some figures are those of an unfinished network.",
                    self.steps
                ),
            )
        })
    }
}

/// Share of the test rows that `network` classifies correctly.
pub(crate) fn test_accuracy(
    network: &Network,
    test: &TestSplit,
    stages: &Stages<'_>,
) -> Result<f64, ClaimError> {
    let score = evaluate(network, &test.0, test.0.n_rows(), Loss::CrossEntropy)
        .map_err(|error| stages.failure(error))?;
    score.accuracy.ok_or_else(|| stages.failure("the test rows have no classes"))
}

/// The `(width, n_hidden)`-FCN of the paper.
pub(crate) fn fcn(d_input: usize, width: usize, n_hidden: usize) -> Architecture {
    Fcn::new(d_input, width, n_hidden, 2).into()
}

/// The `(32, 7, n_conv)`-CNN of the paper.
pub(crate) fn cnn(d_input: usize, n_conv: usize) -> Architecture {
    ConvSequence { d_input, n_filters: 32, kernel: 7, n_conv, n_outputs: 2 }.into()
}

/// The `(100, 10, n_layers)`-GRU of the paper: 100 hidden units, steps of 10 columns.
pub(crate) fn gru(d_input: usize, n_layers: usize) -> Architecture {
    GatedRecurrent { d_input, step_width: 10, d_hidden: 100, n_layers, n_outputs: 2 }.into()
}

#[cfg(test)]
mod tests {
    use simbias_nn::Precision;

    use super::*;

    #[test]
    fn recipes_are_those_of_the_paper() {
        let plain = Recipe::sgd(fcn(50, 100, 2), 10);
        assert_eq!(plain.optimizer, Optimizer::sgd(5e-5));
        assert_eq!((plain.learning_rate, plain.batch_size, plain.evaluate_every), (0.1, 256, 250));
        assert_eq!(plain.goal, Some(LossGoal { below: 0.01, n_rows: 20_000 }));
        let momentum = Recipe::momentum(fcn(50, 100, 2), 10);
        assert_eq!(momentum.optimizer, Optimizer::momentum(0.9, 5e-5));
        assert_eq!(momentum.learning_rate, plain.learning_rate);
    }

    #[test]
    fn networks_have_the_sizes_of_the_paper() {
        for (architecture, n_parameters) in [
            (fcn(50, 100, 1), 50 * 100 + 100 + 100 * 2 + 2),
            (cnn(50, 1), 7 * 32 + 32 + 50 * 32 * 50 + 50 + 50 * 2 + 2),
            (gru(50, 1), 3 * (10 * 100 + 100 * 100 + 2 * 100) + 100 * 2 + 2),
        ] {
            let (precision, device) = (Precision::F32, simbias_nn::cpu());
            let network =
                Network::new(architecture, Init::default(), precision, Seed::new(0), &device)
                    .unwrap();
            assert_eq!(network.n_parameters(), n_parameters, "{network:?}");
        }
    }
}
