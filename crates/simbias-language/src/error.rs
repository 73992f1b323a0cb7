//! What can be wrong with a language model, its tokenizer or a text.

use std::path::PathBuf;

use simbias_checkpoint::CheckpointError;
use simbias_nn::NnError;
use simbias_report::Interrupted;
use simbias_spectra::SpectraError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// The checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A matrix could not be pruned, or spectra could not be measured.
    #[error(transparent)]
    Spectra(#[from] SpectraError),
    /// Invalid sizes of a decoder.
    #[error(transparent)]
    Network(#[from] NnError),
    /// An unsupported kind of model.
    #[error("{}: {problem}; {expected}", path.display())]
    Unsupported {
        /// The checkpoint.
        path: PathBuf,
        /// What was found.
        problem: String,
        /// What is supported, or what to do instead.
        expected: &'static str,
    },
    /// A tensor that the model needs and the checkpoint lacks, or has in another shape.
    #[error("{}: {problem}", path.display())]
    Tensor {
        /// The checkpoint.
        path: PathBuf,
        /// What was found and expected.
        problem: String,
    },
    /// A missing or damaged tokenizer.
    #[error("{}: {problem}", path.display())]
    Tokenizer {
        /// The file that should describe it.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An invalid text or token file.
    #[error("{}: {problem}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// An invalid option.
    #[error("option {option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong and allowed.
        problem: String,
    },
    /// A hidden state or loss that is not finite.
    #[error(
        "{place} gave numbers that are not finite; the weights are damaged, or too many of them were pruned"
    )]
    NotFinite {
        /// Where they appeared first.
        place: String,
    },
    /// The work was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Work files beside the output.
    #[error("{}: {source}", path.display())]
    Scratch {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
