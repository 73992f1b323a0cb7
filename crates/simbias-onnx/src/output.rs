//! Which output holds the scores, and how to get logits from it.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{NodeProto, ValueInfoProto};

use crate::file::{ModelFile, attribute};
use crate::{OnnxError, OutputMeaning};

/// How the values of the chosen output become logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreSource {
    /// Taken as they are.
    AsGiven,
    /// The final softmax is left out: its input is the logits, exactly.
    BeforeSoftmax,
    /// The final sigmoid is left out: its input is the logits, exactly.
    BeforeSigmoid,
    /// Probabilities of the classes, turned into `ln p`.
    ///
    /// Computed in f64; `p` below the smallest normal f32 counts as that. Softmax of the result gives the
    /// probabilities back. Scores tie where the probabilities had already been rounded to the same value.
    LogProbabilities,
    /// One probability per row, turned into `ln(p / (1 - p))`, computed in f64 with `p` kept one rounding
    /// step away from 0 and 1.
    LogOdds,
}

impl ScoreSource {
    /// Whether the file's own output is probabilities.
    pub fn file_gives_probabilities(self) -> bool {
        self != Self::AsGiven
    }

    /// How the output of the file itself, with its softmax or sigmoid, becomes logits.
    #[cfg(feature = "onnxruntime")]
    pub(crate) fn as_the_file_gives_it(self) -> Self {
        match self {
            Self::BeforeSoftmax | Self::BeforeSigmoid => Self::LogProbabilities,
            other => other,
        }
    }

    /// Turns one row of the output into logits.
    pub(crate) fn convert(self, row: &mut [f32]) {
        match self {
            Self::AsGiven | Self::BeforeSoftmax | Self::BeforeSigmoid => {}
            Self::LogProbabilities => {
                for value in row {
                    *value = f64::from(*value).max(f64::from(f32::MIN_POSITIVE)).ln() as f32;
                }
            }
            Self::LogOdds => {
                let highest = 1.0 - f64::from(f32::EPSILON) / 2.0;
                for value in row {
                    let p = f64::from(*value).clamp(f64::from(f32::MIN_POSITIVE), highest);
                    *value = (p.ln() - (-p).ln_1p()) as f32;
                }
            }
        }
    }

    /// Whether this source can read `value`.
    pub(crate) fn admits(self, value: f32) -> bool {
        const ROUNDING: f32 = 1e-3; // sums of f16 votes
        match self {
            Self::LogProbabilities | Self::LogOdds => {
                value.is_nan() || (-ROUNDING..=1.0 + ROUNDING).contains(&value)
            }
            _ => true,
        }
    }
}

/// Finds the output that holds scores.
pub(crate) fn choose(file: &ModelFile, asked: Option<&str>) -> Result<String, OnnxError> {
    let outputs = &file.graph.output;
    let candidates: Vec<&str> = outputs
        .iter()
        .filter(|output| may_hold_scores(file, output))
        .map(|output| output.name.as_str())
        .collect();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let not_scores = |output: &ValueInfoProto| OnnxError::NotScores {
        output: output.name.clone(),
        found: type_name(output),
        available: names(&candidates),
    };
    if let Some(asked) = asked {
        let Some(output) = outputs.iter().find(|output| output.name == asked) else {
            let available = outputs.iter().map(|output| output.name.clone()).collect();
            return Err(OnnxError::UnknownOutput { found: asked.into(), available });
        };
        return if candidates.contains(&asked) {
            Ok(asked.into())
        } else {
            Err(not_scores(output))
        };
    }
    match candidates.as_slice() {
        [] => Err(not_scores(&outputs[0])),
        [one] => Ok(one.to_string()),
        several => {
            // An unmistakable name decides, a doubtful one never does.
            let named = |part: &str| {
                let mut found =
                    several.iter().filter(|name| name.to_ascii_lowercase().contains(part));
                found.next().filter(|_| found.next().is_none())
            };
            named("logit")
                .or_else(|| named("prob"))
                .map(ToString::to_string)
                .ok_or_else(|| OnnxError::AmbiguousOutput { candidates: names(several) })
        }
    }
}

/// Reduces the graph to `output`, leaves out a final softmax or sigmoid, and says what the values are.
pub(crate) fn reduce_to(file: &mut ModelFile, output: &str, meaning: OutputMeaning) -> ScoreSource {
    file.keep_only(output);
    let mut tensor = output.to_string();
    let mut probabilities = output.to_ascii_lowercase().contains("prob");
    // Each step goes to a node's first input, so only a cycle could make this endless; the count rules it out.
    for _ in 0..file.graph.node.len() {
        let Some((index, node)) = file.producer(&tensor) else { break };
        let first_input = node.input.first().cloned();
        let ending = Ending::of(node);
        let mut source = None;
        match ending {
            Ending::ZipMap => {
                // A list of dictionaries; its input holds the same numbers, columns in class order.
                make_identity(&mut file.graph.node[index]);
                probabilities = true;
            }
            Ending::PassesOn => {}
            Ending::Softmax => source = Some(ScoreSource::BeforeSoftmax),
            Ending::Sigmoid => source = Some(ScoreSource::BeforeSigmoid),
            Ending::LinearSoftmax => source = Some(ScoreSource::BeforeSoftmax),
            Ending::Probabilities => {
                probabilities = true;
                break;
            }
            Ending::LogSoftmax | Ending::Scores => {
                probabilities = false;
                break;
            }
            Ending::ReversedScores => {
                negate_scores(file, index);
                probabilities = false;
                break;
            }
            Ending::Other => break,
        }
        if let Some(source) = source {
            if meaning == OutputMeaning::Logits {
                return ScoreSource::AsGiven;
            }
            let node = &mut file.graph.node[index];
            if ending == Ending::LinearSoftmax {
                node.attribute.retain(|attribute| attribute.name != "post_transform");
            } else {
                make_identity(node);
            }
            file.keep_only(output);
            return source;
        }
        let Some(next) = first_input else { break };
        tensor = next;
    }
    file.keep_only(output);
    let probabilities = match meaning {
        OutputMeaning::Detect => probabilities,
        OutputMeaning::Logits => false,
        OutputMeaning::Probabilities => true,
    };
    if probabilities { ScoreSource::LogProbabilities } else { ScoreSource::AsGiven }
}

/// What the last operations of a classifier do to its scores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    PassesOn,
    ZipMap,
    Softmax,
    Sigmoid,
    LogSoftmax,
    LinearSoftmax,
    Probabilities,
    /// Votes or margins, whatever the name of the output promises.
    Scores,
    /// Margins of two classes with the sign of the first one, although the label goes to the second one.
    ReversedScores,
    Other,
}

impl Ending {
    fn of(node: &NodeProto) -> Self {
        match node.op_type.as_str() {
            "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Flatten" | "Reshape" | "Dropout" => {
                Self::PassesOn
            }
            "ZipMap" => Self::ZipMap,
            "LogSoftmax" => Self::LogSoftmax,
            "Sigmoid" => Self::Sigmoid,
            "Softmax" => match attribute(node, "axis").map_or(-1, |axis| axis.i) {
                // Of [batch, classes] or, after a global pooling, [batch, classes, 1, 1].
                -1 | 1 => Self::Softmax,
                _ => Self::Probabilities,
            },
            "LinearClassifier" => match post_transform(node) {
                "SOFTMAX" => Self::LinearSoftmax,
                "LOGISTIC" => Self::Probabilities,
                "NONE" => Self::Scores,
                _ => Self::Other,
            },
            "SVMClassifier" => {
                let has_probabilities =
                    attribute(node, "prob_a").is_some_and(|list| !list.floats.is_empty());
                match (has_probabilities, post_transform(node)) {
                    (true, _) | (_, "LOGISTIC" | "SOFTMAX") => Self::Probabilities,
                    _ if n_labels(node) == 2 => Self::ReversedScores,
                    _ => Self::Scores,
                }
            }
            "TreeEnsembleClassifier" => {
                let weights = attribute(node, "class_weights");
                let some_are_negative =
                    weights.is_some_and(|list| list.floats.iter().any(|&weight| weight < 0.0));
                match (some_are_negative, post_transform(node)) {
                    (true, "NONE") => Self::Scores,
                    _ => Self::Probabilities,
                }
            }
            "Normalizer" if attribute(node, "norm").is_some_and(|norm| norm.s == b"L1") => {
                Self::Probabilities
            }
            _ => Self::Other,
        }
    }
}

fn post_transform(node: &NodeProto) -> &str {
    attribute(node, "post_transform")
        .map_or("NONE", |kind| std::str::from_utf8(&kind.s).unwrap_or("NONE"))
}

fn n_labels(node: &NodeProto) -> usize {
    let n =
        |name: &str| attribute(node, name).map_or(0, |list| list.ints.len() + list.strings.len());
    n("classlabels_ints") + n("classlabels_strings")
}

/// Negates the scores, the second output, of a classifier.
fn negate_scores(file: &mut ModelFile, index: usize) {
    let Some(scores) = file.graph.node[index].output.get_mut(1) else { return };
    let reversed = format!("{scores}/simbias/reversed");
    let scores = std::mem::replace(scores, reversed.clone());
    let negation = NodeProto {
        name: scores.clone(),
        op_type: "Neg".into(),
        input: vec![reversed],
        output: vec![scores],
        ..Default::default()
    };
    file.graph.node.insert(index + 1, negation);
}

fn make_identity(node: &mut NodeProto) {
    node.op_type = "Identity".into();
    node.domain.clear();
    node.attribute.clear();
    node.input.truncate(1);
    node.output.truncate(1);
}

fn may_hold_scores(file: &ModelFile, output: &ValueInfoProto) -> bool {
    match element_type(output) {
        Some(kind) => is_float(kind),
        // skl2onnx declares the dictionaries of a ZipMap as a type that the reader skips.
        None => file
            .producer(&output.name)
            .is_none_or(|(_, node)| !matches!(node.op_type.as_str(), "ArgMax" | "TopK")),
    }
}

/// Element type of an input or output, when the file says.
pub(crate) fn element_type(info: &ValueInfoProto) -> Option<DataType> {
    let Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    DataType::try_from(tensor.elem_type).ok().filter(|&kind| kind != DataType::Undefined)
}

/// Whether scores can be read from this type.
fn is_float(kind: DataType) -> bool {
    matches!(kind, DataType::Float | DataType::Double | DataType::Float16)
}

/// Readable name of an input's or output's type.
pub(crate) fn type_name(info: &ValueInfoProto) -> String {
    match element_type(info) {
        Some(kind) => format!("{kind:?} values").to_ascii_lowercase(),
        None => "values of an undeclared type".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_undo_softmax_and_sigmoid() {
        let mut odds = [0.75_f32];
        ScoreSource::LogOdds.convert(&mut odds);
        assert!((odds[0] - 3.0_f32.ln()).abs() < 1e-6);
        let mut logs = [0.25_f32, 0.75];
        ScoreSource::LogProbabilities.convert(&mut logs);
        assert!((logs[1] - logs[0] - 3.0_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn certain_probabilities_stay_finite() {
        for p in [0.0_f32, 1.0] {
            for source in [ScoreSource::LogOdds, ScoreSource::LogProbabilities] {
                let mut row = [p];
                source.convert(&mut row);
                assert!(row[0].is_finite(), "{source:?} of {p}");
            }
        }
        assert!(!ScoreSource::LogOdds.admits(1.5));
        assert!(ScoreSource::AsGiven.admits(1.5));
    }
}
