//! Models under audit: trained here, or brought along.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use simbias_data::{Dataset, LossGradient, Objective, Scorer, ScorerError, Target};
use simbias_nn::{
    Architecture, Device, Fcn, ImageDims, Init, Network, Precision, ResNet18, SmallCnn,
};
use simbias_report::Interrupted;
use simbias_stats::Seed;
use simbias_train::{
    FitConfig, Hooks, Loss, LossGoal, NetScorer, Optimizer, PrepareBatch, Schedule, StepRule,
    StopReason, TrainState,
};

use crate::AuditError;
use crate::watch::TrainingWatch;

/// A model that can be scored and, if it has gradients, attacked.
pub trait AuditedModel: Scorer {
    /// The model's input gradients, when it has them.
    fn gradients(&self) -> Option<&dyn LossGradient> {
        None
    }
}

impl AuditedModel for NetScorer {
    fn gradients(&self) -> Option<&dyn LossGradient> {
        Some(self)
    }
}

/// A model of another framework behind a scorer, without gradients.
pub struct ForeignModel<S>(pub S);

impl<S: Scorer> Scorer for ForeignModel<S> {
    fn n_outputs(&self) -> usize {
        self.0.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.0.score(rows)
    }

    fn scores_in_parallel(&self) -> bool {
        self.0.scores_in_parallel()
    }
}

impl<S: Scorer> AuditedModel for ForeignModel<S> {}

/// Which network is trained when the person brings none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkChoice {
    /// The small CNN for images, a (100,2)-FCN for everything else.
    #[default]
    Auto,
    /// Fully connected, two hidden layers of 100.
    Fcn,
    /// Two convolutions and two linear layers.
    SmallCnn,
    /// ResNet-18 for small images.
    ResNet18,
}

impl std::str::FromStr for NetworkChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "fcn" => Ok(Self::Fcn),
            "cnn" | "small-cnn" => Ok(Self::SmallCnn),
            "resnet18" => Ok(Self::ResNet18),
            _ => Err(format!("unknown network {text:?}; known are auto, fcn, cnn, resnet18")),
        }
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
    let image = data.layout.image_shape().map(|shape| ImageDims {
        channels: shape.channels,
        height: shape.height,
        width: shape.width,
    });
    let fcn = || Architecture::Fcn(Fcn::new(data.n_features(), 100, 2, n_outputs));
    // The small CNN halves its input once and pools to height/8.
    let fits = image.is_some_and(|image| image.height >= 8 && image.width >= 4);
    match (choice, image) {
        (NetworkChoice::Auto, Some(image)) if fits => {
            Ok(Architecture::SmallCnn(SmallCnn::new(image, n_outputs)))
        }
        (NetworkChoice::Auto | NetworkChoice::Fcn, _) => Ok(fcn()),
        (NetworkChoice::SmallCnn, Some(image)) if fits => {
            Ok(Architecture::SmallCnn(SmallCnn::new(image, n_outputs)))
        }
        (NetworkChoice::ResNet18, Some(image)) => {
            Ok(Architecture::ResNet18(ResNet18::new(image, n_outputs)))
        }
        _ => Err(AuditError::Data {
            name: data.name.clone(),
            problem:
                "an image network needs images of shape [channels, height ≥ 8, width ≥ 4]; use the \
                      network fcn"
                    .into(),
        }),
    }
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
        let is_image =
            matches!(architecture, Architecture::SmallCnn(_) | Architecture::ResNet18(_));
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
    mut watch: TrainingWatch<'_, '_>,
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
    if outcome.reason == StopReason::Watcher {
        return Err(Interrupted.into());
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

impl AuditedModel for Ensemble {
    fn gradients(&self) -> Option<&dyn LossGradient> {
        Some(self)
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
