//! Why a claim was not measured or a ledger not read.

use crate::Scale;

/// Why a claim was not measured or a ledger not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// An unknown claim or paper.
    #[error(
        "unknown claim or paper {found:?}; give an id such as \"P2-C1\", a paper such as \"02\" or \
            \"pitfalls\", or \"all\""
    )]
    Unknown {
        /// What was asked for.
        found: String,
    },
    /// An unknown scale.
    #[error("unknown scale {found:?}; use \"cpu\", \"gpu\" or \"full\"")]
    UnknownScale {
        /// What was asked for.
        found: String,
    },
    /// A measurement failed.
    #[error("claim {claim}, {stage}: {message}")]
    Measure {
        /// Id of the claim.
        claim: &'static str,
        /// What was being done.
        stage: String,
        /// What went wrong.
        message: String,
    },
    /// A measurement lacks files of the user's; its outcome is "not run".
    #[error("claim {claim} needs {what}")]
    Needs {
        /// Id of the claim.
        claim: &'static str,
        /// What it would take, as a phrase that completes "needs …".
        what: String,
    },
    /// A measurement reported a criterion that the table lacks.
    #[error("claim {claim}: the measurement reports {found:?}, the table has {}", allowed.join(", "))]
    UnknownCriterion {
        /// Id of the claim.
        claim: &'static str,
        /// The reported name.
        found: String,
        /// Names in the table.
        allowed: Vec<&'static str>,
    },
    /// A measurement reported one criterion twice for one seed.
    #[error("claim {claim}: {criterion:?} was reported twice for seed {seed}")]
    RepeatedSeed {
        /// Id of the claim.
        claim: &'static str,
        /// The criterion.
        criterion: String,
        /// The seed.
        seed: u64,
    },
    /// The user ended the run.
    #[error("claim {claim}: interrupted")]
    Interrupted {
        /// Id of the claim.
        claim: &'static str,
    },
    /// A quick run was to be written into the ledger.
    #[error(
        "claim {claim} at scale {scale}: a quick run has reduced sizes and is not kept; run it \
            without the quick setting"
    )]
    QuickRun {
        /// Id of the claim.
        claim: &'static str,
        /// The scale.
        scale: Scale,
    },
    /// A text that is not a ledger.
    #[error("not a claims ledger: {message}")]
    Ledger {
        /// What does not fit.
        message: String,
    },
    /// A document without the place for the table.
    #[error("the document needs one line {begin:?} and after it one line {end:?}; found {found}")]
    Markers {
        /// Opening marker.
        begin: &'static str,
        /// Closing marker.
        end: &'static str,
        /// What was found.
        found: String,
    },
}
