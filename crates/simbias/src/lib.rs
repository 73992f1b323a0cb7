//! Measures, explains and changes the inductive bias of neural networks: the facade.
//!
//! Everything is re-exported under the name of its crate without the prefix.
//!
//! ```
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
//! let data = Dataset {
//!     name: "example".into(),
//!     rows,
//!     layout: Layout::table(vec!["first".into(), "second".into()]),
//!     target: Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] }),
//!     strata: Vec::new(),
//! };
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

pub use simbias_audit as audit;
pub use simbias_claims as claims;
pub use simbias_data as data;
pub use simbias_html as html;
pub use simbias_language as language;
pub use simbias_nn as nn;
pub use simbias_onnx as onnx;
pub use simbias_reliance as reliance;
pub use simbias_report as report;
pub use simbias_spectra as spectra;
pub use simbias_stats as stats;
pub use simbias_train as train;
