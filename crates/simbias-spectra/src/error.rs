//! What can be wrong with a question about spectra.

use simbias_checkpoint::CheckpointError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpectraError {
    /// The checkpoint could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An invalid option.
    #[error("option {option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong and allowed.
        problem: String,
    },
    /// No matrix to analyse.
    #[error(
        "{checkpoint:?}: none of its {n_tensors} tensors can be analysed; the first reasons: {reasons}"
    )]
    NoLayers {
        /// The checkpoint.
        checkpoint: String,
        /// Tensors that it has.
        n_tensors: usize,
        /// Why the first ones were left out.
        reasons: String,
    },
    /// An eigenvalue iteration that does not converge.
    #[error("layer {layer:?}: the eigenvalue iteration did not converge; try the SVD route")]
    NoConvergence {
        /// The layer.
        layer: String,
    },
    /// A matrix that cannot be factorised.
    #[error(
        "layer {layer:?}: the Gram matrix of its inputs is not positive definite even with {damping} of its mean \
         diagonal added; give more calibration rows"
    )]
    NotPositiveDefinite {
        /// The layer.
        layer: String,
        /// Share of the mean diagonal that was added last.
        damping: f64,
    },
    /// Statistics or ratios that do not belong to the layer.
    #[error("layer {layer:?}: {problem}")]
    Mismatch {
        /// The layer.
        layer: String,
        /// What was found and expected.
        problem: String,
    },
    /// An allocation that no ratios can meet.
    #[error(
        "a sparsity of {target} cannot be reached with at most {largest} zeros a layer; lower the target or raise \
         the limit"
    )]
    Infeasible {
        /// Wanted share of zeros.
        target: f64,
        /// Largest allowed ratio of one layer.
        largest: f64,
    },
}
