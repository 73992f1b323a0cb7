//! What can go wrong while training.

use std::path::PathBuf;

/// Why training ended early or never began.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Data and network do not fit together.
    #[error("{what}: found {found}, expected {expected}")]
    Mismatch {
        /// What was looked at.
        what: &'static str,
        /// What it is.
        found: String,
        /// What the network or the loss needs.
        expected: String,
    },
    /// Data that do not suit the chosen network.
    #[error("data {name:?}: {problem}")]
    Data {
        /// Name of the data.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Rows with missing inputs.
    #[error(
        "{name:?} has missing cells, which networks of this tool do not take: fill them or leave them out"
    )]
    MissingInput {
        /// Name of the data.
        name: String,
    },
    /// A file that does not describe a network.
    #[error("not the description of a network: {problem}")]
    NetworkFile {
        /// What is wrong.
        problem: String,
    },
    /// An invalid setting.
    #[error("setting {field} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// The loss is no longer finite.
    #[error("the loss became {loss} by step {step}; lower the learning rate {learning_rate}")]
    Diverged {
        /// Steps done.
        step: u64,
        /// The loss.
        loss: f64,
        /// Rate of the last step.
        learning_rate: f64,
    },
    /// An error of the network.
    #[error(transparent)]
    Network(#[from] simbias_nn::NnError),
    /// An attack on a batch failed.
    #[error(transparent)]
    Attack(#[from] crate::attack::AttackError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] simbias_checkpoint::FileError),
    /// A file could not be read, or holds something else.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system or the format reader said.
        message: String,
    },
    /// A checkpoint of another run.
    #[error(
        "checkpoint: {what} is {found}, this run has {expected}; resume with the same settings"
    )]
    OtherRun {
        /// What differs.
        what: &'static str,
        /// Value in the checkpoint.
        found: String,
        /// Value of this run.
        expected: String,
    },
    /// A watcher failed.
    #[error("{0}")]
    Watch(String),
}
