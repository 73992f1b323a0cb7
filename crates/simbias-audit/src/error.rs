//! Why an audit cannot go on.

use simbias_data::ScorerError;
use simbias_nn::NnError;
use simbias_reliance::RelianceError;
use simbias_report::Interrupted;
use simbias_stats::StatsError;
use simbias_train::TrainError;
use simbias_train::attack::AttackError;

/// What ended an audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The audit was asked to stop. It can go on from the last kept state of its training.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The data do not suit an audit.
    #[error("data {name:?}: {problem}")]
    Data {
        /// Name of the data.
        name: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Numbers as target where an attack needs classes.
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
    /// Standard deviations of columns, where blocks lie behind a transform of the columns.
    #[error(
        "the blocks select coordinates after a transform, so that a budget in deviations of the columns has no meaning for \
         them; count it in units of the data"
    )]
    UnitsBehindTransform,
    /// Reliance could not be measured.
    #[error(transparent)]
    Reliance(RelianceError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The architecture cannot be built.
    #[error(transparent)]
    Network(#[from] NnError),
    /// An attack failed.
    #[error(transparent)]
    Attack(AttackError),
    /// A statistic is not defined.
    #[error(transparent)]
    Statistic(#[from] StatsError),
    /// The model failed.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
}

// An interrupt stays an interrupt, wherever it was noticed.

impl From<RelianceError> for AuditError {
    fn from(error: RelianceError) -> Self {
        match error {
            RelianceError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            other => Self::Reliance(other),
        }
    }
}

impl From<AttackError> for AuditError {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            other => Self::Attack(other),
        }
    }
}
