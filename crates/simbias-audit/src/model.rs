//! Models under audit: trained here, or brought along.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, LossGradient, Objective, Scorer, ScorerError, Target};
use simbias_nn::{
    Architecture, Device, ImageDims, Init, InputShape, Network, NnError, Precision, zoo,
};
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Hooks, Loss, LossGoal, NetScorer, Optimizer, PrepareBatch, Schedule, StepRule,
    StopReason, TrainState,
};

use crate::AuditError;
use crate::watch::{AuditWatch, TrainingWatch};

/// Which network is trained when the user brings none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkChoice {
    /// The small CNN for images, a (100,2)-FCN for everything else.
    #[default]
    Auto,
    /// The network that [`zoo::by_name`] knows under this name.
    Named(&'static str),
}

impl NetworkChoice {
    /// What is tried for [`Auto`](Self::Auto), in this order: the first that the data suit.
    const AUTOMATIC: [&'static str; 2] = ["cnn", "fcn"];

    /// All names, separated by commas.
    pub fn known() -> String {
        std::iter::once("auto").chain(zoo::names()).collect::<Vec<_>>().join(", ")
    }
}

impl std::str::FromStr for NetworkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, zoo::stored_name(text)) {
            ("auto", _) => Ok(Self::Auto),
            (_, Some(name)) => Ok(Self::Named(name)),
            _ => Err(format!("unknown network {text:?}; known are {}", Self::known())),
        }
    }
}

impl Serialize for NetworkChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Auto => "auto",
            Self::Named(name) => name,
        })
    }
}

impl<'de> Deserialize<'de> for NetworkChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The architecture of `choice` for the shape of `data`.
///
/// # Errors
/// An image network for data that are not images.
pub fn architecture(choice: NetworkChoice, data: &Dataset) -> Result<Architecture, AuditError> {
    let n_outputs = match &data.target {
        Target::Classes(labels) => labels.n_classes(),
        Target::Values(_) => 1,
    };
    let input = match data.layout.image_shape() {
        Some(shape) => InputShape::Image(ImageDims {
            channels: shape.channels,
            height: shape.height,
            width: shape.width,
        }),
        None => InputShape::Rows { n: data.n_features() },
    };
    let made = match choice {
        NetworkChoice::Named(name) => zoo::by_name(name, &input, n_outputs),
        NetworkChoice::Auto => {
            let [first, other] = NetworkChoice::AUTOMATIC;
            zoo::by_name(first, &input, n_outputs)
                .or_else(|_| zoo::by_name(other, &input, n_outputs))
        }
    };
    made.map_err(|error| match error {
        NnError::UnsuitableData { problem } => {
            AuditError::Data { name: data.name.clone(), problem }
        }
        other => AuditError::Network(other),
    })
}

/// How a network under audit is trained.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// What is trained.
    pub architecture: Architecture,
    /// How.
    pub fit: FitConfig,
    /// Where.
    pub device: Device,
}

impl Recipe {
    /// Adam at .002 without weight decay, batches of 64 images or 128 rows; weights of the best validation score,
    /// stop at a training loss of .01. A block must not look ignored because its flat phase was never left: on an
    /// XOR of real digits the SGD of the paper's checks stays there beyond a thousand steps, Adam leaves within
    /// seven hundred, but not with an L2 term, which Adam blows up while the gradient is small.
    pub fn new(architecture: Architecture, n_rows: usize, max_steps: u64, device: Device) -> Self {
        let is_image = architecture.input().is_image();
        let batch_size = if is_image { 64 } else { 128 };
        let mut fit = FitConfig::new(Optimizer::adam(0.0), Schedule::constant(2e-3), max_steps);
        fit.batch_size = batch_size.min(n_rows.max(1));
        // An evaluation costs a forward pass of all validation rows.
        fit.evaluate_every = if is_image { 40 } else { 25 };
        fit.loss =
            if architecture.n_outputs() == 1 { Loss::SquaredError } else { Loss::CrossEntropy };
        fit.goal = Some(LossGoal { below: 1e-2, n_rows: 500 });
        Self { architecture, fit, device }
    }
}

/// How a training went.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSummary {
    /// Steps taken.
    pub steps: u64,
    /// Step whose weights were kept.
    pub kept_step: u64,
    /// Why it ended, in words.
    pub ended: &'static str,
    /// Validation accuracy at each evaluation: step, loss, accuracy.
    pub curve: Vec<(u64, f64, Option<f64>)>,
}

/// Trains one network from `state`.
pub(crate) fn train(
    state: &mut TrainState,
    train: &Dataset,
    validation: &Dataset,
    fit: &FitConfig,
    rule: &mut dyn StepRule,
    prepare: Option<&mut dyn PrepareBatch>,
    mut watch: TrainingWatch<'_>,
) -> Result<TrainingSummary, AuditError> {
    let hooks = Hooks {
        rule,
        // A reborrow of its own, since the hooks live for this call only.
        prepare: prepare.map(|hook| hook as &mut dyn PrepareBatch),
        layer_rates: None,
        example_weights: None,
        watch: &mut watch,
    };
    let outcome = simbias_train::fit(state, train, Some(validation), fit, hooks)?;
    if watch.interrupted {
        return Err(AuditError::Interrupted);
    }
    Ok(TrainingSummary {
        steps: outcome.steps,
        kept_step: outcome.kept_step,
        ended: match outcome.reason {
            StopReason::Goal => "training loss below the goal",
            StopReason::MaxSteps => "all steps taken",
            StopReason::Patience => "no further improvement on the validation rows",
            StopReason::Watcher => "stopped",
        },
        curve: state
            .evaluations
            .iter()
            .filter_map(|evaluation| {
                let score = evaluation.validation?;
                Some((evaluation.step, score.loss, score.accuracy))
            })
            .collect(),
    })
}

/// A fresh network of a recipe.
pub(crate) fn fresh(
    architecture: &Architecture,
    seed: Seed,
    device: &Device,
) -> Result<TrainState, AuditError> {
    let network = Network::new(
        architecture.clone(),
        Init::default(),
        Precision::F32,
        seed.child("audit/init", 0),
        device,
    )?;
    Ok(TrainState::new(network, seed))
}

/// Mean of the logits of several networks.
pub struct Ensemble {
    members: Vec<NetScorer>,
}

impl Ensemble {
    /// An ensemble of at least one network.
    ///
    /// # Panics
    /// Without members.
    pub fn new(members: Vec<NetScorer>) -> Self {
        assert!(!members.is_empty(), "an ensemble needs a member");
        Self { members }
    }

    /// The networks.
    pub fn members(&self) -> &[NetScorer] {
        &self.members
    }
}

impl Scorer for Ensemble {
    fn n_outputs(&self) -> usize {
        self.members[0].n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let mut total = Array2::zeros((rows.nrows(), self.n_outputs()));
        for member in &self.members {
            total += &member.score(rows)?;
        }
        Ok(total / self.members.len() as f32)
    }

    fn gradients(&self) -> Option<&dyn LossGradient> {
        Some(self)
    }

    fn scores_in_parallel(&self) -> bool {
        false
    }
}

impl LossGradient for Ensemble {
    /// `∂L/∂x = Σ_m (∂L/∂z̄ · ∂z_m/∂x) / M` with `∂L/∂z̄ = softmax(z̄) − onehot`.
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError> {
        let logits = self.score(rows)?;
        let (losses, upstream) = match objective {
            Objective::CrossEntropy(classes) => cross_entropy_and_slope(&logits, classes),
            Objective::WeightedLogits(weights) => {
                ((&logits * &weights).sum_axis(ndarray::Axis(1)).to_vec(), weights.to_owned())
            }
        };
        let upstream = upstream / self.members.len() as f32;
        let mut gradient = Array2::zeros(rows.raw_dim());
        for member in &self.members {
            gradient += &member.loss_gradient(rows, Objective::WeightedLogits(upstream.view()))?.1;
        }
        Ok((losses, gradient))
    }
}

/// Cross-entropy of every row and its slope in the logits.
pub(crate) fn cross_entropy_and_slope(
    logits: &Array2<f32>,
    classes: &[u32],
) -> (Vec<f32>, Array2<f32>) {
    let mut slope = logits.clone();
    let mut losses = Vec::with_capacity(classes.len());
    for (mut row, &class) in slope.rows_mut().into_iter().zip(classes) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let own = row[class as usize];
        row.mapv_inplace(|logit| (logit - largest).exp());
        let sum = row.sum();
        losses.push(largest + sum.ln() - own);
        row.mapv_inplace(|value| value / sum);
        row[class as usize] -= 1.0;
    }
    (losses, slope)
}

/// The watch of a training that fills the whole of its stage.
pub(crate) fn whole_stage(audit: &dyn AuditWatch) -> TrainingWatch<'_> {
    TrainingWatch::new(audit, (0.0, 1.0))
}
