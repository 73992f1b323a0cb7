//! The audit: which parts of the input a network relies on, which predictive parts it ignores, and what remedies
//! change.
//!
//! [`audit`] trains a network (or takes one), measures its reliance on every block, learns each block alone,
//! attacks the model, applies remedies and measures each of them on *all* blocks and on robustness.
//! [`document::audit_report`] says it in words.

mod attack;
mod audit;
mod block_noise;
mod blocks_alone;
mod budget;
mod check;
mod cue_conflict;
mod demo;
mod deviations;
pub mod document;
mod error;
mod remedy;
mod robustness;
mod simplicity;
mod simplicity_of_data;
mod training;

pub use attack::{AttackGround, AttackOptions, AttackOutcome, Attacked, BudgetUnits, Transfer};
pub use audit::{
    AuditInput, AuditOptions, AuditOutcome, Prepared, RemedyOutcome, Subject, audit, prepared,
    training_settings,
};
pub use block_noise::{BlockNoise, BlockNoiseHook};
pub use budget::{Budgeted, Cost, within_budget};
pub use check::check_split;
pub use cue_conflict::GroupLoss;
pub use demo::{demo_input, demo_options};
pub use error::AuditError;
pub use remedy::{RemediedModel, Remedy};
pub use robustness::{
    RobustAt, Robustness, RobustnessOptions, UniversalResult, data_margin, measure_robustness,
};
pub use simplicity::{
    Parts, SimplicityOptions, SoloRun, learn_alone, probe_block, simplicity_correlation,
};
pub use simplicity_of_data::{DataSimplicity, simplicity_of_data};
// What the options and outcomes of an audit are made of.
pub use simbias_train::{
    Ensemble, KeepState, NetworkChoice, Recipe, Standardization, TrainedNetwork, TrainingSummary,
};
