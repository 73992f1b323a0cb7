//! Recipes that change what a network relies on. Each is measured on all blocks and on robustness, since a
//! network that is kept from one shortcut may merely switch to another.

use ndarray::Axis;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer};
use simbias_nn::{Mode, Network, Tensor};
use simbias_reliance::{BlockSet, Side};
use simbias_report::Progress;
use simbias_stats::Seed;
use simbias_train::{
    DeviceBatch, Ensemble, Evaluation, Gradients, Hooks, NetScorer, Objective, Observed, Plain,
    Prepared, RateRule, Recipe, ShuffledEpochs, StepRule, TrainError, TrainState,
};

use crate::AuditError;
use crate::block_noise::{BlockNoise, BlockNoiseHook, exchange_in};
use crate::cue_conflict::{ConflictGroups, GroupDro, GroupLoss, group_losses};
use crate::simplicity::{Parts, SoloRun};
use crate::training::{fresh, train};

/// A recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Train from scratch; each batch exchanges one block, in turn, in half of its rows.
    RotatingPermutation,
    /// Keep the features, retrain the last layer on rows in which every block is exchanged equally often.
    LastLayer,
    /// Average the logits of networks that each see one block only.
    DeniedEnsemble,
    /// Train from scratch by group-DRO on groups in which one block contradicts the rest.
    GroupDro,
}

impl Remedy {
    /// All recipes, in the order of the report.
    pub const ALL: [Self; 4] =
        [Self::RotatingPermutation, Self::LastLayer, Self::DeniedEnsemble, Self::GroupDro];

    /// Those tried by default: they fit into the minute and a half of an audit.
    pub const DEFAULT: [Self; 3] =
        [Self::RotatingPermutation, Self::LastLayer, Self::DeniedEnsemble];

    /// The name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::RotatingPermutation => "rotating block permutation",
            Self::LastLayer => "last layer retrained on block-balanced rows",
            Self::DeniedEnsemble => "ensemble of single-block networks",
            Self::GroupDro => "group-DRO on cue-conflict groups",
        }
    }

    /// The name used in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::RotatingPermutation => "rotating-permutation",
            Self::LastLayer => "last-layer",
            Self::DeniedEnsemble => "denied-ensemble",
            Self::GroupDro => "group-dro",
        }
    }

    /// What it does, in a sentence.
    pub fn how(self) -> &'static str {
        match self {
            Self::RotatingPermutation => {
                "Trained from scratch with the same recipe; in every batch one block, in turn, is taken from \
                 another row in half of the rows, so that no block is always reliable."
            }
            Self::LastLayer => {
                "All layers but the last stay as they are; the last one is retrained on training rows in which equal \
                 parts have each block taken from another row (after deep feature reweighting)."
            }
            Self::DeniedEnsemble => {
                "One network per block, trained with everything else exchanged between rows; their logits are \
                 averaged."
            }
            Self::GroupDro => {
                "Trained from scratch with the same recipe on equally large groups of every batch: intact rows, and \
                 for each block rows in which it comes from a row of another class while the label stays that of \
                 the rest. Groups with a high loss gain weight (Sagawa et al. 2020). The groups of two blocks \
                 contradict each other - the same conflict, the other label - so their losses cannot both fall \
                 below ln 2; the larger one is lowest when both blocks have equal say. With three or \
                 more predictive blocks the majority can be right in every group. The kept weights are those of \
                 the lowest sum of intact and worst-group loss on validation rows."
            }
        }
    }
}

impl std::str::FromStr for Remedy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|remedy| remedy.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|remedy| remedy.name()).collect();
            format!("unknown remedy {text:?}; expected one of {}", known.join(", "))
        })
    }
}

/// Share of the rows of a batch whose block is exchanged.
const ROTATED_SHARE: f64 = 0.5;

/// `η` of the group weights, as in the official code of Sagawa et al. 2020.
const GROUP_STEP_SIZE: f64 = 0.01;

/// One pass in evaluation mode, so that only the trained layer changes.
struct FixedFeatures;

impl StepRule for FixedFeatures {
    fn name(&self) -> String {
        "fixed-features".into()
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        _seed: Seed,
    ) -> Result<Gradients, TrainError> {
        Ok(Gradients::at(network, values, objective, batch, Mode::Eval))
    }
}

/// What every recipe may use.
pub(crate) struct Ingredients<'a> {
    pub(crate) parts: Parts<'a>,
    pub(crate) blocks: &'a BlockSet,
    pub(crate) transform: &'a dyn Transform,
    pub(crate) recipe: &'a Recipe,
    pub(crate) base: &'a NetScorer,
    /// One network per block, where learning alone was measured.
    pub(crate) solo: &'a [SoloRun],
    pub(crate) seed: Seed,
    /// Coverage of intervals.
    pub(crate) level: f64,
    pub(crate) progress: &'a dyn Progress,
}

/// The model that a recipe made.
pub enum RemediedModel {
    /// One network.
    Network(Box<NetScorer>),
    /// The mean logits of several.
    Ensemble(Ensemble),
}

impl RemediedModel {
    /// As a model to be measured.
    pub fn as_model(&self) -> &dyn Scorer {
        match self {
            Self::Network(network) => network.as_ref(),
            Self::Ensemble(ensemble) => ensemble,
        }
    }
}

/// What a recipe made, and how.
pub(crate) struct Remedied {
    pub(crate) model: RemediedModel,
    /// Steps of training that it took; `None` where nothing was trained for it.
    pub(crate) steps: Option<u64>,
    /// Losses of the groups of [`Remedy::GroupDro`].
    pub(crate) groups: Vec<GroupLoss>,
}

/// What came of a recipe.
pub(crate) enum Applied {
    /// A model.
    Model(Remedied),
    /// Nothing, for this reason.
    LeftOut(&'static str),
}

impl Remedied {
    fn network(network: Network, steps: u64) -> Self {
        let model = RemediedModel::Network(Box::new(NetScorer::new(network)));
        Self { model, steps: Some(steps), groups: Vec::new() }
    }
}

impl Ingredients<'_> {
    /// Applies one recipe.
    pub(crate) fn apply(&self, remedy: Remedy) -> Result<Applied, AuditError> {
        match remedy {
            Remedy::RotatingPermutation => self.rotating_permutation().map(Applied::Model),
            Remedy::LastLayer => self.last_layer(),
            Remedy::DeniedEnsemble if self.solo.is_empty() => {
                Ok(Applied::LeftOut("learning blocks alone was switched off"))
            }
            Remedy::DeniedEnsemble => {
                let members = self.solo.iter().map(|solo| solo.network.clone()).collect();
                let model = RemediedModel::Ensemble(Ensemble::new(members));
                Ok(Applied::Model(Remedied { model, steps: None, groups: Vec::new() }))
            }
            Remedy::GroupDro => self.group_dro(),
        }
    }

    /// Watches a training of this remedy.
    fn watch(&self) -> Observed<'_> {
        Observed::new(self.progress)
    }

    fn rotating_permutation(&self) -> Result<Remedied, AuditError> {
        let seed = self.seed.child("audit/rotating-permutation", 0);
        let mut state = fresh(&self.recipe.architecture, seed, &self.recipe.device)?;
        // The goal is a loss that exchanged rows keep out of reach; the validation part gets the same
        // treatment, so that the kept step is the best under it.
        let mut fit = self.recipe.fit.clone();
        fit.goal = None;
        let validation = self.balanced(self.parts.validation, seed.child("validation", 0));
        let mut hook = BlockNoiseHook {
            noise: BlockNoise::Rotate { blocks: self.blocks, share: ROTATED_SHARE },
            train: self.parts.train,
            transform: self.transform,
        };
        let mut epochs = ShuffledEpochs::new(self.parts.train, fit.batch_size);
        let mut batches = Prepared::new(&mut epochs, &mut hook);
        let mut watch = self.watch();
        let hooks = Hooks::new(&mut watch).validated(Some(&validation));
        let training = train(&mut state, &mut batches, &mut Plain, &fit, hooks)?;
        Ok(Remedied::network(state.network, training.steps))
    }

    fn last_layer(&self) -> Result<Applied, AuditError> {
        let seed = self.seed.child("audit/last-layer", 0);
        let network = self.base.network().clone();
        let last = network
            .parameters()
            .iter()
            .rev()
            .find_map(|parameter| parameter.name.strip_suffix(".weight").map(str::to_string));
        let Some(last) = last else {
            return Ok(Applied::LeftOut("the network has no last layer that is known by name"));
        };
        let mut state = TrainState::new(network, seed);
        let mut fit = self.recipe.fit.clone();
        fit.goal = None;
        fit.max_steps = (fit.max_steps / 3).max(100);
        fit.rates = vec![
            RateRule { pattern: format!("{last}.*"), multiplier: 1.0 },
            RateRule { pattern: "*".into(), multiplier: 0.0 },
        ];
        let balanced = self.balanced(self.parts.train, seed.child("train", 0));
        let validation = self.balanced(self.parts.validation, seed.child("validation", 0));
        // Batch statistics and dropout stay as in use: in training mode they would change the features.
        let mut batches = ShuffledEpochs::new(&balanced, fit.batch_size);
        let mut watch = self.watch();
        let hooks = Hooks::new(&mut watch).validated(Some(&validation));
        let training = train(&mut state, &mut batches, &mut FixedFeatures, &fit, hooks)?;
        Ok(Applied::Model(Remedied::network(state.network, training.steps)))
    }

    fn group_dro(&self) -> Result<Applied, AuditError> {
        let Parts { train: train_rows, validation, test } = self.parts;
        if self.blocks.blocks().len() < 2 {
            return Ok(Applied::LeftOut("a conflict needs two blocks or more"));
        }
        let rule = GroupDro::new(train_rows, self.blocks, self.transform, GROUP_STEP_SIZE);
        let Some(mut rule) = rule else {
            return Ok(Applied::LeftOut("a conflict between blocks needs classes"));
        };
        let seed = self.seed.child("audit/group-dro", 0);
        let groups_of = |data: &Dataset, purpose: &str| {
            ConflictGroups::of(data, self.blocks, self.transform, seed.child(purpose, 0))
        };
        let validation = groups_of(validation, "validation")?;
        let mut state = fresh(&self.recipe.architecture, seed, &self.recipe.device)?;
        let mut fit = self.recipe.fit.clone();
        // As for the rotating permutation; validation groups say which weights are kept.
        fit.goal = None;
        let mut lowest = |state: &TrainState, _: &Evaluation| -> Result<f64, TrainError> {
            Ok(-validation.criterion(&state.network)?)
        };
        let mut watch = self.watch();
        let hooks = Hooks { keep: Some(&mut lowest), ..Hooks::new(&mut watch) };
        let mut epochs = ShuffledEpochs::new(train_rows, fit.batch_size);
        let mut batches = Prepared::new(&mut epochs, &mut rule);
        let training = train(&mut state, &mut batches, &mut Plain, &fit, hooks)?;
        let network = state.network;
        let after = NetScorer::new(network.clone());
        let groups = [&groups_of(train_rows, "train")?, &groups_of(test, "test")?];
        Ok(Applied::Model(Remedied {
            groups: group_losses(groups, rule.weights(), self.base, &after, self.level)?,
            ..Remedied::network(network, training.steps)
        }))
    }

    /// `data` in which equal parts of the rows are unchanged and have each block from another row.
    fn balanced(&self, data: &Dataset, seed: Seed) -> Dataset {
        let n_parts = self.blocks.blocks().len() + 1;
        let mut stream = seed.stream();
        let part: Vec<usize> =
            (0..data.n_rows()).map(|_| stream.random_range(0..n_parts)).collect();
        let donors = seed.child("donors", 0).permutation(data.n_rows());
        let mut rows = data.rows.clone();
        for (index, block) in self.blocks.blocks().iter().enumerate() {
            let members: Vec<usize> =
                (0..data.n_rows()).filter(|&row| part[row] == index + 1).collect();
            let of_members: Vec<usize> = members.iter().map(|&row| donors[row] as usize).collect();
            exchange_in(
                &mut rows,
                &members,
                data.rows.select(Axis(0), &of_members).view(),
                self.transform,
                &block.columns,
                Side::Block,
            );
        }
        Dataset { rows, ..data.clone() }
    }
}
