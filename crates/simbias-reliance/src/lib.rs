//! Which parts of the input a model relies on, by randomization.
//!
//! A block of coordinates is replaced by the values of another, randomly chosen row; the change of the model's quality
//! says how much it needs the block, and the same with everything else replaced says how far the block carries alone.
//! Source: Shah et al., *The Pitfalls of Simplicity Bias in Neural Networks*, NeurIPS 2020; intervals, displacements
//! and verdicts are this crate's own.
//!
//! Models are used through [`simbias_data::Scorer`]; nothing here needs a deep-learning framework.

mod beside;
mod block;
mod blocks_file;
mod budget;
mod compare;
mod decision_map;
mod dense;
mod displacement;
pub mod document;
mod donors;
mod error;
mod figures;
mod heat_map;
mod influence;
mod influences_file;
mod journal;
mod manifold;
mod measure;
pub mod metric;
pub mod outcome;
mod pieces;
mod plan;
mod propose;
mod randomize;
mod record;
pub mod screen;
mod verdict;
mod wire;

pub use beside::{Beside, Inside, View, inside_the_leading_block};
pub use block::{Block, BlockSet, REST};
pub use blocks_file::{BlocksFile, MatrixLoader, ResolvedBlocks};
pub use budget::{BudgetShare, budget_shares, mean_budget_shares};
pub use compare::{BlockChange, Change, Comparison, compare};
pub use decision_map::{DecisionMap, Others, decision_map};
pub use dense::{Activation, DenseLayer, DenseNetwork};
pub use donors::{DonorMode, DonorSource};
pub use error::RelianceError;
pub use figures::FEW_ROWS;
pub use heat_map::{Backdrop, Example, HeatCell, HeatMap, heat_map};
pub use influence::{BlockInfluences, Influences};
pub use journal::{Forgetful, Journal, JournalPart};
pub use manifold::{mean_abs_correlation, off_manifold_auc};
pub use measure::{
    BlockSample, Measurement, RelianceOptions, ScoreSamples, measure, measure_resumably,
};
pub use metric::{Metric, Predictions, Truth};
pub use outcome::{BlockOutcome, RelianceOutcome, UnmeasuredStratum};
pub use pieces::{Pieces, ThresholdErrors, pieces, threshold_errors};
pub use plan::{Job, PLAN_SCHEMA, Plan, PlanBlock, PlanColumn, PlanDocument};
pub use propose::propose_blocks;
pub use randomize::{PreparedBlock, Randomizer, Side, randomized_rows};
pub use verdict::{BlockVerdict, VerdictThresholds, assign_verdicts, is_shown_above};
pub use wire::RELIANCE_SCHEMA;
