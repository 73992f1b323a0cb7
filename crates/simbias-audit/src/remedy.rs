//! Recipes that change what a network relies on. Each is measured on all blocks and on robustness, since a
//! network that is kept from one shortcut may merely switch to another.

use ndarray::Axis;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use simbias_data::Dataset;
use simbias_data::transform::Transform;
use simbias_reliance::{BlockSet, Side, randomized_rows};
use simbias_stats::Seed;
use simbias_train::{NetScorer, RateRule, TrainState};

use crate::AuditError;
use crate::block_noise::{BlockNoise, BlockNoiseHook};
use crate::model::{AuditedModel, Ensemble, Recipe, fresh, train, whole_stage};
use crate::simplicity::{Parts, SoloRun};
use crate::watch::AuditWatch;

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
}

impl Remedy {
    /// All recipes, in the order of the report.
    pub const ALL: [Self; 3] = [Self::RotatingPermutation, Self::LastLayer, Self::DeniedEnsemble];

    /// The name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::RotatingPermutation => "rotating block permutation",
            Self::LastLayer => "last layer retrained on block-balanced rows",
            Self::DeniedEnsemble => "ensemble of single-block networks",
        }
    }

    /// The name used in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::RotatingPermutation => "rotating-permutation",
            Self::LastLayer => "last-layer",
            Self::DeniedEnsemble => "denied-ensemble",
        }
    }

    /// What it does, in a sentence.
    pub fn how(self) -> &'static str {
        match self {
            Self::RotatingPermutation => {
                "Trained from scratch with the same recipe; in every batch one block, in turn, is taken from \
                 another row in half of the rows, so that no block can be trusted always."
            }
            Self::LastLayer => {
                "All layers but the last stay as they are; the last one is retrained on training rows of which \
                 equal parts have each block taken from another row (after deep feature reweighting)."
            }
            Self::DeniedEnsemble => {
                "One network a block, trained with everything else exchanged between rows; their logits are \
                 averaged."
            }
        }
    }
}

impl std::str::FromStr for Remedy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|remedy| remedy.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|remedy| remedy.name()).collect();
            format!("unknown remedy {text:?}; known are {}", known.join(", "))
        })
    }
}

/// Share of the rows of a batch whose block is exchanged.
const ROTATED_SHARE: f64 = 0.5;

/// What every recipe may use.
pub(crate) struct Ingredients<'a> {
    pub(crate) parts: Parts<'a>,
    pub(crate) blocks: &'a BlockSet,
    pub(crate) transform: &'a dyn Transform,
    pub(crate) recipe: &'a Recipe,
    pub(crate) base: &'a NetScorer,
    /// One network a block, where learning alone was measured.
    pub(crate) solo: &'a [SoloRun],
    pub(crate) seed: Seed,
    pub(crate) watch: &'a dyn AuditWatch,
}

impl Ingredients<'_> {
    /// Applies one recipe.
    pub(crate) fn apply(&self, remedy: Remedy) -> Result<Box<dyn AuditedModel>, AuditError> {
        match remedy {
            Remedy::RotatingPermutation => self.rotating_permutation(),
            Remedy::LastLayer => self.last_layer(),
            Remedy::DeniedEnsemble => {
                let members = self.solo.iter().map(|solo| solo.network.clone()).collect();
                Ok(Box::new(Ensemble::new(members)))
            }
        }
    }

    fn rotating_permutation(&self) -> Result<Box<dyn AuditedModel>, AuditError> {
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
        train(
            &mut state,
            self.parts.train,
            &validation,
            &fit,
            Some(&mut hook),
            whole_stage(self.watch),
        )?;
        Ok(Box::new(NetScorer::new(state.network)))
    }

    fn last_layer(&self) -> Result<Box<dyn AuditedModel>, AuditError> {
        let seed = self.seed.child("audit/last-layer", 0);
        let network = self.base.network().clone();
        let last = network
            .parameters()
            .iter()
            .rev()
            .find_map(|parameter| parameter.name.strip_suffix(".weight").map(str::to_string));
        let Some(last) = last else {
            return Ok(Box::new(self.base.clone()));
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
        train(&mut state, &balanced, &validation, &fit, None, whole_stage(self.watch))?;
        Ok(Box::new(NetScorer::new(state.network)))
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
            let n = members.len();
            let mut together = members.clone();
            together.extend(members.iter().map(|&row| donors[row] as usize));
            let both = data.rows.select(Axis(0), &together);
            let map: Vec<u32> =
                (0..2 * n).map(|row| (if row < n { row + n } else { row }) as u32).collect();
            let changed =
                randomized_rows(both.view(), self.transform, &block.columns, &map, Side::Block);
            for (&row, values) in members.iter().zip(changed.rows()) {
                rows.row_mut(row).assign(&values);
            }
        }
        Dataset { rows, ..data.clone() }
    }
}
