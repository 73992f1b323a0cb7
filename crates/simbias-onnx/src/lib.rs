//! ONNX models as scorers: the file that PyTorch, TensorFlow or scikit-learn exported, run in pure Rust.
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
//! The feature `tract`, on by default, brings the runtime. Without it everything compiles and every model is
//! refused with [`OnnxError::LeftOut`].

mod error;
#[cfg(feature = "tract")]
mod file;
#[cfg(feature = "tract")]
mod input;
#[cfg(not(feature = "tract"))]
mod left_out;
#[cfg(feature = "tract")]
mod lower;
mod options;
#[cfg(feature = "tract")]
mod output;
#[cfg(feature = "tract")]
mod scorer;

pub use error::OnnxError;
pub use options::{OnnxOptions, OutputMeaning};

#[cfg(feature = "tract")]
pub use {input::InputBinding, output::ScoreSource, scorer::OnnxScorer};

#[cfg(not(feature = "tract"))]
pub use left_out::OnnxScorer;
