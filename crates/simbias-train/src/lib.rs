//! The training loop, optimisers, attacks, traces, checkpoints and exact resume.
//!
//! [`fit`] advances a [`TrainState`] step by step. Three things make a step, each an open trait:
//!
//! - a source of [`Batches`]: [`ShuffledEpochs`] or the [`WholeSet`] of a data set, [`RandomRows`] of a large one, endless
//!   fresh data ([`Generated`]); any source on the host can be [`Prepared`] by a hook that rewrites batches (augmentation,
//!   [`Adversarial`] examples);
//! - an [`Objective`], which turns a network and a batch into a loss for every row: a [`Loss`], [`SoftTargets`],
//!   [`LabelSmoothing`], [`NextToken`], [`PositionError`];
//! - a [`StepRule`], which turns an objective and a batch into gradients: [`Plain`], or [`Sam`] in all its variants,
//!   [`MicroBatches`], [`Clipped`] and [`Normalised`] around any other rule.
//!
//! [`Hooks`] decide what happens around steps: evaluation, which weights are kept, rates of layers, and a [`Watch`] that
//! sees every step. The loop knows no files, clocks or terminals. A run that is saved and continued equals one that was
//! never interrupted, whatever its parts.
//!
//! On top of the loop: [`Recipe`], a network for some data and how it is trained; [`TrainedNetwork`], a network with the
//! standardisation of its rows; [`Ensemble`].

mod adversarial;
pub mod attack;
mod batch;
mod batches;
mod checkpoint;
mod document;
mod error;
mod fit;
mod model;
mod objective;
mod observed;
mod optimizer;
mod predict;
mod schedule;
mod spectral_rates;
mod step;
mod trace;

pub use adversarial::Adversarial;
pub use batch::{Batch, BatchTarget, DeviceBatch, DeviceTarget, TargetKind};
pub use batches::{
    Batches, Drawn, Fingerprint, Generated, Place, PrepareBatch, Prepared, RandomRows,
    ShuffledEpochs, WholeSet,
};
pub use document::{TRAINING_SCHEMA, TrainingAnswer};
pub use error::TrainError;
pub use fit::{
    Evaluate, Evaluation, FitConfig, FixedBatches, Flow, Hooks, Keep, KeepBest, LayerRates,
    LossGoal, NoWatch, Outcome, Patience, Score, StepRecord, StopReason, TrainState, Watch,
    evaluate, fit, fit_plain,
};
pub use model::{
    Ensemble, LearnedFrom, NetworkChoice, Recipe, Standardization, TrainedNetwork, TrainingSummary,
    architecture, cross_entropy_and_slope,
};
pub use objective::{
    LabelSmoothing, Loss, NextToken, Objective, PositionError, RowLosses, SoftTargets,
};
pub use observed::{KeepState, Observed, StopOnRequest};
pub use optimizer::{Optimizer, OptimizerState, RateRule};
pub use predict::NetScorer;
pub use schedule::{Decay, Schedule};
pub use spectral_rates::SpectralRates;
pub use step::{Ascent, Clipped, Gradients, MicroBatches, Normalised, Plain, Sam, StepRule};
pub use trace::TraceRecorder;
