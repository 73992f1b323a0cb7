//! How a model is opened.

/// How to open a model.
#[derive(Clone, Debug)]
pub struct OnnxOptions {
    /// Rows that are scored at once when the file leaves the batch size free.
    pub batch: usize,
    /// Output to read, if the file has several that may be scores.
    pub output: Option<String>,
    /// What the output's values are.
    pub meaning: OutputMeaning,
}

impl Default for OnnxOptions {
    /// 256 rows keep a small network's activations in the cache and amortise the call.
    fn default() -> Self {
        Self { batch: 256, output: None, meaning: OutputMeaning::Detect }
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
