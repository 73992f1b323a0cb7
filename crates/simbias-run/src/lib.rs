//! Runs on disk: what is opened, where it came from, and answers kept whole in a directory.
//!
//! Tools return an [`Answer`](simbias_report::Answer) and touch no files. This crate opens what a user names (models,
//! blocks, plans, results of earlier runs), says what was read ([`of_file`], [`of_dataset`], [`of_checkpoint`]), and
//! keeps an answer in a [`RunDirectory`], which appears whole, under its final name, or not at all. A command line, Python
//! and a web page share it.
//!
//! ```
//! use ndarray::{Array2, ArrayView2};
//! use simbias_data::{ClassLabels, Dataset, Layout, Scorer, ScorerError, Target};
//! use simbias_reliance::document::RelianceAnswer;
//! use simbias_reliance::{RelianceOptions, measure};
//! use simbias_report::Silent;
//! use simbias_run::{Clock, Invocation, RunDirectory, read_outcome, resolve_blocks};
//! use simbias_stats::Seed;
//!
//! /// Any model: rows in, scores out.
//! struct LooksAtTheFirstColumn;
//!
//! impl Scorer for LooksAtTheFirstColumn {
//!     fn n_outputs(&self) -> usize {
//!         1
//!     }
//!     fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
//!         Ok(rows.slice(ndarray::s![.., ..1]).to_owned())
//!     }
//! }
//!
//! let rows = Array2::from_shape_fn((200, 3), |(i, j)| ((i * (j + 3)) % 17) as f32 - 8.0);
//! let indices = rows.column(0).iter().map(|&value| u32::from(value > 0.0)).collect();
//! let target = Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] });
//! let layout = Layout::table(["first", "second", "third"].map(String::from).to_vec());
//! let data = Dataset::new("example", rows, layout, target);
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let (clock, seed) = (Clock::start(), Seed::new(7));
//! // Before any long work, so that a place that cannot be written is known at once.
//! let run = RunDirectory::create(folder.join("reliance-1")).unwrap();
//!
//! let resolved = resolve_blocks(Some("used=0;others=1,2"), &data, false).unwrap();
//! let (blocks, transform) = (&resolved.blocks, &*resolved.transform);
//! let options = RelianceOptions { repeats: 5, ..RelianceOptions::default() };
//! let model = LooksAtTheFirstColumn;
//! let found = measure(&model, &data, blocks, transform, &options, seed, &Silent).unwrap();
//!
//! let called = Invocation {
//!     command: "the example of simbias-run".into(),
//!     seed: seed.value(),
//!     device: "cpu".into(),
//!     ..Invocation::default()
//! };
//! let answer = RelianceAnswer::new("first column", found);
//! let kept = run.keep(&answer, clock.provenance(&called, Vec::new())).unwrap();
//!
//! assert!(kept.path.join("report.html").is_file());
//! let outcome = read_outcome(&kept.path.join("result.json")).unwrap();
//! assert!(outcome.block("used").unwrap().necessity.as_ref().unwrap().value > 0.8);
//! ```

mod blocks;
mod catalogue;
mod checkpoint;
mod directory;
mod ending;
mod error;
mod fingerprint;
mod foreign_model;
mod keep;
mod matching;
mod materialized;
mod model;
mod onnx_runtime;
mod plan;
mod provenance;
mod reliance_state;
mod results;

pub use blocks::resolve_blocks;
pub use catalogue::{KeptRun, find_report, kept_runs};
pub use checkpoint::TrainingCheckpoint;
pub use directory::RunDirectory;
pub use ending::{Ending, Undisturbed};
pub use error::RunError;
pub use fingerprint::{of_checkpoint, of_dataset, of_export, of_file};
pub use keep::Kept;
pub use materialized::Materialized;
pub use model::{
    GivenModel, GivenScorer, Model, ModelSource, OpenGiven, OpenOptions, OpenedModels, is_onnx,
    open_models,
};
pub use onnx_runtime::{RuntimePlaces, find_onnx_runtime};
pub use plan::{howto, read_plan, read_scores, write_plan};
pub use provenance::{Clock, Invocation, RUN_SCHEMA};
pub use reliance_state::{RelianceIdentity, RelianceState};
pub use results::{read_influences, read_outcome, result_file};
