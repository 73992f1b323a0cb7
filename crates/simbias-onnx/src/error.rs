//! Why an ONNX file cannot serve as a scorer.

use std::path::PathBuf;

/// Why an ONNX file cannot serve as a scorer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The file cannot be read.
    #[error("{path:?}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The runtime was left out of this build.
    #[error(
        "this build of simbias leaves ONNX models out; build it again with the feature `onnx`, which is on \
         by default (`cargo install --path crates/simbias-cli`), or score the model where it was trained, \
         with `simbias reliance plan` and `simbias reliance score`"
    )]
    LeftOut,
    /// The bytes are not an ONNX model.
    #[error(
        "not an ONNX model: {reason}; expected the file that torch.onnx.export, tf2onnx or skl2onnx \
         writes"
    )]
    NotOnnx {
        /// What gave it away.
        reason: String,
    },
    /// The bytes start like an ONNX model and then break off or contradict themselves.
    #[error("the ONNX model is damaged or cut short: {reason}; copy or export the file again")]
    Damaged {
        /// What does not fit.
        reason: String,
    },
    /// The graph uses operators that the runtime lacks.
    #[error("the model needs operators that the embedded runtime lacks: {}; {WAY_OUT}", operators.join(", "))]
    UnsupportedOperators {
        /// Their names, sorted, with the domain when it is not ONNX's own.
        operators: Vec<String>,
    },
    /// The requested output does not exist.
    #[error("the model has no output {found:?}; its outputs are {}", available.join(", "))]
    UnknownOutput {
        /// The name that was asked for.
        found: String,
        /// The graph's outputs.
        available: Vec<String>,
    },
    /// Several outputs could be the scores.
    #[error(
        "the model has several outputs that may be scores: {}; name one of them", candidates.join(", ")
    )]
    AmbiguousOutput {
        /// Outputs with floating-point values.
        candidates: Vec<String>,
    },
    /// The output holds no scores.
    #[error(
        "output {output:?} holds {found}, not scores; export the logits or probabilities as an \
         output{}", if available.is_empty() { String::new() } else { format!(" or take one of {}", available.join(", ")) }
    )]
    NotScores {
        /// The output.
        output: String,
        /// What it holds.
        found: String,
        /// Outputs that may hold scores.
        available: Vec<String>,
    },
    /// An input takes values of a type that rows cannot give.
    #[error(
        "input {input:?} takes {found}, which rows of this data cannot give; score the model where it \
         was trained, with `simbias reliance plan` and `simbias reliance score`"
    )]
    InputType {
        /// The input.
        input: String,
        /// Its element type.
        found: String,
    },
    /// A row does not fit an input.
    #[error(
        "input {input:?} has shape {expected}, a row has shape {found:?} ({n_features} values); \
         give data of the shape the model was trained on"
    )]
    InputShape {
        /// The input.
        input: String,
        /// Its shape in the file, `?` where free.
        expected: String,
        /// Shape of one row.
        found: Vec<usize>,
        /// Values of one row.
        n_features: usize,
    },
    /// An input takes texts and its column holds numbers, or the other way round.
    #[error(
        "input {input:?} takes {takes}, but the column of that name holds {holds}; give the columns that the model \
         was trained on"
    )]
    InputColumn {
        /// The input.
        input: String,
        /// What it takes, in the plural.
        takes: &'static str,
        /// What the column holds, in the plural.
        holds: &'static str,
    },
    /// The names of inputs and of tensors or columns differ.
    #[error(
        "the model has the inputs {} and the data the {kind} {}; name the {kind} as the inputs",
        inputs.join(", "), tensors.join(", "), kind = if *are_columns { "columns" } else { "tensors" }
    )]
    InputNames {
        /// Names of the model's inputs.
        inputs: Vec<String>,
        /// Names of the data's tensors or columns.
        tensors: Vec<String>,
        /// Whether the data are a table of columns.
        are_columns: bool,
    },
    /// The batch size is zero.
    #[error("a batch of 0 rows; use 1 or more")]
    EmptyBatch,
    /// The output has no `[batch]`, `[batch, 1]` or `[batch, classes]` shape.
    #[error(
        "output {output:?} has shape {found:?} for {batch} rows; expected [{batch}], [{batch}, 1] or \
         [{batch}, classes]"
    )]
    OutputShape {
        /// The output.
        output: String,
        /// The shape that it has.
        found: Vec<usize>,
        /// Rows of the batch.
        batch: usize,
    },
    /// The embedded runtime refuses the graph.
    #[error("the embedded runtime cannot prepare the model: {message}; {WAY_OUT}")]
    Prepare {
        /// What the runtime said.
        message: String,
    },
    /// ONNX Runtime was asked for and is not there, or not usable.
    #[error(
        "{problem}; install it (`pip install onnxruntime`) or name its library in ORT_DYLIB_PATH"
    )]
    NoOnnxRuntime {
        /// What is missing.
        problem: String,
    },
    /// ONNX Runtime refuses the model.
    #[error(
        "ONNX Runtime cannot run the model: {message}{}; score it where it was trained instead, with \
         `simbias reliance plan` and `simbias reliance score`",
        embedded.as_ref().map_or_else(String::new, |said| format!(" (the embedded runtime: {said})"))
    )]
    OnnxRuntime {
        /// What it said.
        message: String,
        /// What the embedded runtime said before, if it was tried.
        embedded: Option<String>,
    },
}

/// What helps when the embedded runtime cannot run a model.
const WAY_OUT: &str = "`pip install onnxruntime` brings a runtime that knows nearly every model and is found by itself; \
     or score the model where it was trained, with `simbias reliance plan` and `simbias reliance score`";

impl OnnxError {
    /// What to try, with the lines that export another file, where that helps.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotOnnx { .. } => {
                "export the model where it was trained:\n\
                 \x20 torch.onnx.export(model.eval(), (x,), \"model.onnx\", input_names=[\"x\"], dynamic_axes={\"x\": {0: \"rows\"}})\n\
                 \x20 onnx = skl2onnx.to_onnx(model, X[:1], options={\"zipmap\": False}); open(\"model.onnx\", \"wb\").write(onnx.SerializeToString())"
            }
            Self::OutputShape { .. } => {
                "export a model that ends in one score for each row and class, for example by taking the mean over places:\n\
                 \x20 class Scores(torch.nn.Module):\n\
                 \x20     def forward(self, x): return model(x).flatten(2).mean(2)\n\
                 \x20 torch.onnx.export(Scores().eval(), (x,), \"model.onnx\", input_names=[\"x\"], dynamic_axes={\"x\": {0: \"rows\"}})"
            }
            Self::NotScores { .. } => {
                "scikit-learn's classifiers give scores with\n\
                 \x20 skl2onnx.to_onnx(model, X[:1], options={\"zipmap\": False})"
            }
            Self::InputType { .. } => {
                "export with inputs of numbers, for example\n\
                 \x20 skl2onnx.to_onnx(model, X[:1].astype(\"float32\"))"
            }
            _ => return None,
        })
    }

    /// Whether another runtime may be able to run the model.
    #[cfg(feature = "tract")]
    pub(crate) fn is_about_the_runtime(&self) -> bool {
        matches!(
            self,
            Self::UnsupportedOperators { .. } | Self::Prepare { .. } | Self::OutputShape { .. }
        )
    }
}
