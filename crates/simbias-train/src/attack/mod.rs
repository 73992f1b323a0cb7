//! Adversarial perturbations: of single rows, of all rows at once, and from one model to another.
//!
//! Attacks only ask a model for its loss and the gradient of that loss with respect to the input
//! ([`LossGradient`](simbias_data::LossGradient)), on the host. [`FiniteDifference`] gives a gradient to any model that
//! can only score, so that an ONNX model of tables is attacked like a network of ours.
//!
//! Every attack raises the softmax cross-entropy of the true class. A step goes uphill, then back into
//! the ball `‖δ‖ ≤ radius`, then into the box of the data, in this order, as the official code does.
//! A value that starts outside the box may stay where it is but moves no further out. The perturbation therefore stays
//! in the ball after the step into the box, whatever the rows.
//!
//! Results depend on the seed, not on threads; those of [`pgd`] do not depend on the batch size either.
//!
//! Sources: Shah et al. 2020 and its code (`ptb_utils`); Madry et al. 2018 for the projected steps;
//! Shafahi et al. 2018 for the universal perturbation; Deshpande et al. 2020 for its spectral form.

mod ball;
mod error;
mod finite_difference;
mod per_row;
mod score;
mod spectral;
mod transfer;
mod universal;

pub use ball::{Bounds, GRADIENT_FLOOR, Norm};
pub use error::AttackError;
pub use finite_difference::FiniteDifference;
pub use per_row::{Pgd, PgdOutcome, RobustAccuracy, Start, perturbed_rows, pgd, robust_accuracy};
pub use score::AttackScore;
pub use spectral::{SpectralUniversal, svd_universal};
pub use transfer::TransferMatrix;
pub use universal::{BatchOrder, Signing, Universal, UniversalPerturbation, universal};
