//! The training loop, optimisers, attacks, traces, checkpoints and exact resume.
//!
//! [`fit`] advances a [`TrainState`] by mini-batches; what happens around a step is open: a [`StepRule`]
//! turns a batch into gradients (one pass, two passes, …), [`Hooks::prepare`] may rewrite a batch
//! (augmentation, adversarial examples), and a [`Watch`] sees every step and evaluation. The loop knows no
//! files, clocks or terminals.

mod adversarial;
pub mod attack;
mod batch;
mod checkpoint;
mod document;
mod error;
mod fit;
mod loss;
mod on_request;
mod optimizer;
mod predict;
mod schedule;
mod spectral_rates;
mod step;
mod trace;

pub use adversarial::Adversarial;
pub use batch::{Batch, BatchTarget};
pub use document::{TRAINING_SCHEMA, TrainingAnswer};
pub use error::TrainError;
pub use fit::{
    Evaluation, FitConfig, Flow, Hooks, Keep, LayerRates, LossGoal, NoWatch, Outcome, Patience,
    PrepareBatch, Score, StepRecord, StopReason, TrainState, Watch, evaluate, fit, fit_plain,
};
pub use loss::{DeviceTarget, Loss};
pub use on_request::StopOnRequest;
pub use optimizer::{Optimizer, OptimizerState, RateRule};
pub use predict::NetScorer;
pub use schedule::{Decay, Schedule};
pub use spectral_rates::SpectralRates;
pub use step::{DeviceBatch, Gradients, NextToken, Plain, Sam, StepRule};
pub use trace::TraceRecorder;
