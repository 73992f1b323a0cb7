//! Why an audit cannot go on.

use simbias_data::ScorerError;
use simbias_nn::NnError;
use simbias_reliance::RelianceError;
use simbias_stats::StatsError;
use simbias_train::TrainError;
use simbias_train::attack::AttackError;

/// What ended an audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Somebody asked to stop; training can be continued from its checkpoint.
    #[error("interrupted")]
    Interrupted,
    /// The data do not suit an audit.
    #[error("data {name:?}: {problem}")]
    Data {
        /// Name of the data.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Numbers to predict where an attack needs classes.
    #[error("attacks need classes, but the label is a number")]
    NoClasses,
    /// Too few rows to fit a perturbation on one half and to judge it on the other.
    #[error("{found} rows are too few to attack; {needed} or more are needed")]
    FewRows {
        /// Found.
        found: usize,
        /// Needed.
        needed: usize,
    },
    /// A model of other classes than the labels have.
    #[error("{model:?} has {n_outputs} outputs, but the labels have {n_classes} classes")]
    OtherClasses {
        /// Name of the model.
        model: String,
        /// Its outputs.
        n_outputs: usize,
        /// Classes of the labels.
        n_classes: usize,
    },
    /// A file that describes no network.
    #[error("not the description of a network: {problem}")]
    NetworkFile {
        /// What is wrong.
        problem: String,
    },
    /// Reliance could not be measured.
    #[error(transparent)]
    Reliance(#[from] RelianceError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The architecture cannot be built.
    #[error(transparent)]
    Network(#[from] NnError),
    /// An attack failed.
    #[error(transparent)]
    Attack(#[from] AttackError),
    /// A statistic is not defined.
    #[error(transparent)]
    Statistic(#[from] StatsError),
    /// The model failed.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
}
