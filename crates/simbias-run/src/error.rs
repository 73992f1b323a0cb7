//! What can go wrong between files and answers.

use std::io;
use std::path::{Path, PathBuf};

use simbias_data::DataError;
use simbias_onnx::OnnxError;
use simbias_reliance::RelianceError;
use simbias_report::Interrupted;
use simbias_train::TrainError;

/// Why something could not be opened, or an answer could not be kept.
///
/// Messages name the file; [`hint`](Self::hint) says what to try. Neither knows the flags of a command line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The directory of a run exists already.
    #[error("{path:?} exists and is not an empty directory")]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// A path that does not end in a name.
    #[error("{path:?} is not a name for a directory")]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// The place of a run's directory cannot be written.
    #[error("cannot make a directory for {path:?}: {source}")]
    NoPlace {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path:?}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the state of the same run.
    #[error("another process is working on {path:?}")]
    StateInUse {
        /// The state's file.
        path: PathBuf,
    },
    /// A file where the state of a run belongs, which is none.
    #[error("{path:?} is not the state of a reliance run")]
    NotAState {
        /// The file.
        path: PathBuf,
    },
    /// The user asked for the run to end, see [`Ending`](crate::Ending).
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A path without a model of a known kind.
    #[error("{problem}")]
    NoModel {
        /// What is there instead.
        problem: String,
    },
    /// No page of a run where one was wanted.
    #[error("{problem}")]
    NoReport {
        /// What is there instead.
        problem: String,
    },
    /// Weights without the description of their network.
    #[error(
        "cannot read {description:?}, which says what network {weights:?} belongs to: {source}"
    )]
    NoDescription {
        /// The missing file.
        description: PathBuf,
        /// The weights.
        weights: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Weights and a description that do not make a network.
    #[error("{weights:?} and its {description}: {source}")]
    Network {
        /// The weights.
        weights: PathBuf,
        /// Name of the description beside them.
        description: &'static str,
        /// What is wrong.
        source: Box<TrainError>,
    },
    /// A network that takes rows of another width.
    #[error("the network in {weights:?} takes {expected} features, the data have {found}")]
    OtherColumns {
        /// The weights.
        weights: PathBuf,
        /// Features that the network takes.
        expected: usize,
        /// Features that the data have.
        found: usize,
    },
    /// Models that know the data in different orders.
    #[error(
        "{first:?} and {second:?} differ in {what}, so they cannot be measured on the same rows"
    )]
    ModelsDiffer {
        /// The model that decided the order.
        first: String,
        /// The one that needs another.
        second: String,
        /// In what they differ.
        what: &'static str,
    },
    /// A model whose classes have other names than the labels.
    #[error(
        "{model:?} knows the classes {}, but the labels are {}", classes.join(", "), labels.join(", ")
    )]
    OtherClasses {
        /// The model.
        model: PathBuf,
        /// Its classes, in the order of its outputs.
        classes: Vec<String>,
        /// The labels with rows.
        labels: Vec<String>,
    },
    /// A model in the format of another tool.
    #[error("{path:?} is {found}, which cannot be run here")]
    ForeignModel {
        /// The file or folder.
        path: PathBuf,
        /// What it is, such as "a pickled PyTorch object".
        found: &'static str,
        /// How to export it, with the lines to run.
        export: String,
    },
    /// An ONNX file that cannot be used.
    #[error("{}", about(path, &source.to_string()))]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<OnnxError>,
    },
    /// A state of training that cannot be continued.
    #[error(transparent)]
    Checkpoint(TrainError),
    /// A directory that holds no plan, or a damaged one.
    #[error("{path:?}: {problem}")]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Scores of another shape than those of a plan.
    #[error(
        "{path:?}: scores have shape {found:?}, expected [jobs, rows] or [jobs, rows, outputs]"
    )]
    ScoreShape {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<usize>,
    },
    /// An array that does not hold numbers.
    #[error("{path:?} holds texts, not {expected}")]
    Texts {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// A file that is not a result of a measurement of reliance.
    #[error("{path:?}: {source}")]
    Result {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<RelianceError>,
    },
    /// Influences beside a result that are damaged.
    #[error("{path:?}: {problem}")]
    Influences {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Data could not be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Blocks or a plan make no sense.
    #[error(transparent)]
    Reliance(#[from] RelianceError),
}

impl RunError {
    /// What to try, where a library can know it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::ForeignModel { export, .. } => Some(export),
            Self::NoReport { .. } => Some("name the directory of a run, or a file in it"),
            Self::OtherClasses { .. } => Some(
                "if they mean the same, name the labels in the order of the model's outputs; otherwise check that the \
                 model belongs to these data",
            ),
            Self::Onnx { source, .. } => source.hint(),
            Self::Taken { .. } => Some("results are never overwritten: choose a new name"),
            Self::NotAState { .. } => {
                Some("move that file away, or choose another name for the run")
            }
            Self::NoModel { .. } => Some(
                "give an .onnx file, or the folder of a run of `simbias train` or `simbias audit`",
            ),
            Self::NoDescription { .. } => {
                Some("keep the two files of a run together, or export the network to ONNX")
            }
            Self::ModelsDiffer { .. } => Some("measure each of them on its own"),
            Self::OtherColumns { .. } => Some("read the data as in the run that trained it"),
            Self::Plan { .. } => Some("give the directory that `simbias reliance plan` wrote"),
            Self::ScoreShape { .. } => {
                Some("stack the scores of all jobs, in the order of plan.json")
            }
            Self::Result { .. } => Some(
                "give the result.json of a `simbias reliance run` with one model, of `reliance score` or of `audit`",
            ),
            Self::Influences { .. } => {
                Some("remove it to compare without pairing over rows, or measure again")
            }
            _ => None,
        }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.into(), source }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.into(), source }
    }
}

/// `message` with the file that it is about, unless the message names it already.
fn about(path: &Path, message: &str) -> String {
    let name = format!("{path:?}");
    if message.contains(&name) { message.into() } else { format!("{name}: {message}") }
}
