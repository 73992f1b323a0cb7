//! Measures, explains and changes the inductive bias of neural networks: the facade.
//!
//! Every crate is re-exported as a module with its name without the prefix.
//!
//! | feature | modules | what it adds |
//! |---|---|---|
//! | (none) | [`stats`], [`report`] | intervals, tests and random streams; the vocabulary of results |
//! | `checkpoint` | `checkpoint` | named tensors of any framework, read one at a time |
//! | `data` | `data`, `checkpoint` | readers, generators, transforms, splits; the traits by which methods meet models |
//! | `spectra` | `spectra`, `checkpoint` | weight spectra of a checkpoint, layer-wise rates and sparsities |
//! | `dynamics` | `dynamics`, `data` | which examples are learned slowly, and which few oppose each other |
//! | `reliance` | `reliance`, `data` | which blocks of its input a model relies on |
//! | `onnx` | `onnx`, `data` | ONNX files as models; builds tract |
//! | `train` | `train`, `nn`, `data` | networks, training, attacks; builds burn |
//! | `language` | `language`, `nn`, `spectra` | language models, perplexity, pruning; builds burn |
//! | `audit` | `audit`, `reliance`, `spectra`, `train`, `nn`, `data` | the whole audit; builds burn |
//! | `claims` | `claims` and all of `audit` and `language` | claims of papers as executable checks; builds burn |
//! | `run` | `run` and all of `audit` and `html` | run directories with reports and results on disk; opening of models (of ONNX files with `onnx`) |
//! | `html` | `html` | reports as one HTML file or as terminal text |
//! | `cuda`, `vulkan` | | further devices for networks |
//!
//! All but the devices are on by default. For weight spectra alone, without burn, tract and their dependencies, write
//! `simbias = { version = "0.1", default-features = false, features = ["spectra"] }`.
//!
//! The folder `examples` of this crate has one program for each question.
//!
#![cfg_attr(feature = "reliance", doc = "```")]
#![cfg_attr(not(feature = "reliance"), doc = "```ignore")]
//! use ndarray::{Array2, ArrayView2};
//! use simbias::data::transform::Identity;
//! use simbias::data::{ClassLabels, Dataset, Layout, Scorer, ScorerError, Target};
//! use simbias::reliance::{RelianceOptions, measure, propose_blocks};
//! use simbias::report::Silent;
//! use simbias::stats::Seed;
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
//! let rows = Array2::from_shape_fn((200, 2), |(i, j)| ((i * (j + 3)) % 17) as f32 - 8.0);
//! let indices = rows.column(0).iter().map(|&value| u32::from(value > 0.0)).collect();
//! let target = Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] });
//! let layout = Layout::table(vec!["first".into(), "second".into()]);
//! let data = Dataset::new("example", rows, layout, target);
//! let blocks = propose_blocks(&data).unwrap();
//! let measured = measure(
//!     &LooksAtTheFirstColumn,
//!     &data,
//!     &blocks,
//!     &Identity::new(2),
//!     &RelianceOptions::default(),
//!     Seed::new(0),
//!     &Silent,
//! )
//! .unwrap();
//! assert!(measured.outcome.block("first").unwrap().necessity.as_ref().unwrap().value > 0.8);
//! ```

#[cfg(feature = "audit")]
pub use simbias_audit as audit;
#[cfg(feature = "checkpoint")]
pub use simbias_checkpoint as checkpoint;
#[cfg(feature = "claims")]
pub use simbias_claims as claims;
#[cfg(feature = "data")]
pub use simbias_data as data;
#[cfg(feature = "dynamics")]
pub use simbias_dynamics as dynamics;
#[cfg(feature = "html")]
pub use simbias_html as html;
#[cfg(feature = "language")]
pub use simbias_language as language;
#[cfg(any(feature = "language", feature = "train"))]
pub use simbias_nn as nn;
#[cfg(feature = "onnx")]
pub use simbias_onnx as onnx;
#[cfg(feature = "reliance")]
pub use simbias_reliance as reliance;
pub use simbias_report as report;
#[cfg(feature = "run")]
pub use simbias_run as run;
#[cfg(feature = "spectra")]
pub use simbias_spectra as spectra;
pub use simbias_stats as stats;
#[cfg(feature = "train")]
pub use simbias_train as train;
