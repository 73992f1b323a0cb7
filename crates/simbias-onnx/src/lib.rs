//! ONNX models as scorers: the file that PyTorch, TensorFlow or scikit-learn exported.
//!
//! ```no_run
//! use std::path::Path;
//! use simbias_data::{Layout, Scorer};
//! use simbias_onnx::OnnxScorer;
//!
//! let layout = Layout::array(vec![3, 32, 32]);
//! let model = OnnxScorer::open(Path::new("model.onnx"), &layout, 256)?;
//! let scores = model.score(ndarray::Array2::zeros((10, 3 * 32 * 32)).view())?; // [10, n_classes]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Scores are always logits. A softmax or sigmoid at the end of the graph is left out, since it rounds
//! confident rows to the same number and so destroys their ranking; other probabilities (forests, linear
//! classifiers of scikit-learn) are converted as [`ScoreSource`] says.
//!
//! Two runtimes compute: the embedded one (tract, with our own trees), and ONNX Runtime for models that the embedded
//! one refuses, if the caller names its library ([`OnnxOptions::library`]); [`OnnxScorer::runtime`] says which. Both get the
//! same reduced graph.
//!
//! The feature `tract`, on by default, brings the embedded runtime and the reader of graphs. Without it everything
//! compiles and every model is refused with [`OnnxError::LeftOut`]. The feature `onnxruntime`, on by default, can load
//! the library of ONNX Runtime; it needs nothing to compile.

#[cfg(feature = "tract")]
mod classes;
#[cfg(feature = "tract")]
mod embedded;
mod error;
#[cfg(feature = "tract")]
mod file;
#[cfg(feature = "tract")]
mod input;
#[cfg(not(feature = "tract"))]
mod left_out;
#[cfg(feature = "tract")]
mod lower;
#[cfg(feature = "tract")]
mod message;
#[cfg(feature = "onnxruntime")]
mod onnx_runtime;
mod options;
#[cfg(feature = "tract")]
mod output;
#[cfg(feature = "tract")]
mod scorer;
#[cfg(feature = "tract")]
mod trees;

pub use error::OnnxError;
pub use options::{OnnxOptions, OutputMeaning, Runtime, RuntimeChoice};

#[cfg(feature = "tract")]
pub use {input::InputBinding, output::ScoreSource, scorer::OnnxScorer};

#[cfg(not(feature = "tract"))]
pub use left_out::OnnxScorer;
