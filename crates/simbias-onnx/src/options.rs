//! How a model is opened.

use std::path::PathBuf;

/// How to open a model.
#[derive(Clone, Debug)]
pub struct OnnxOptions {
    /// Most rows that are scored at once when the file leaves the batch size free.
    pub batch: usize,
    /// Output to read, if the file has several that may be scores.
    pub output: Option<String>,
    /// What the output's values are.
    pub meaning: OutputMeaning,
    /// Which runtime computes.
    pub runtime: RuntimeChoice,
    /// The library of ONNX Runtime, if it is installed. The first one that is loaded serves the whole process.
    pub library: Option<PathBuf>,
}

impl Default for OnnxOptions {
    /// 256 rows keep a small network's activations in the cache and amortise the call.
    fn default() -> Self {
        Self {
            batch: 256,
            output: None,
            meaning: OutputMeaning::Detect,
            runtime: RuntimeChoice::Auto,
            library: None,
        }
    }
}

/// What the caller knows about the output's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputMeaning {
    /// Probabilities when the graph ends in a softmax, sigmoid or classifier node, or when the output's
    /// name contains `prob`; logits otherwise.
    #[default]
    Detect,
    /// Use the values as they are, whatever the graph ends in.
    Logits,
    /// The values are probabilities.
    Probabilities,
}

/// Which runtime the caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// The embedded one, and ONNX Runtime for models that it refuses.
    #[default]
    Auto,
    /// The embedded one, in pure Rust.
    Embedded,
    /// ONNX Runtime, from [`OnnxOptions::library`].
    OnnxRuntime,
}

/// Which runtime computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The embedded one, in pure Rust.
    Embedded,
    /// ONNX Runtime.
    OnnxRuntime {
        /// Its library.
        library: PathBuf,
    },
}

impl std::fmt::Display for Runtime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded => formatter.write_str("the embedded runtime"),
            Self::OnnxRuntime { library } => {
                write!(formatter, "ONNX Runtime ({})", library.display())
            }
        }
    }
}
