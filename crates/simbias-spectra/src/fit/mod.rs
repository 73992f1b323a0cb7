//! Power laws fitted to the upper tail of a spectrum.
//!
//! Input is always an ascending list of eigenvalues `z[0..N]`. For a tail that starts at index `i`, with
//! `n = N - i`,
//!
//! ```text
//! exponent(i)    = 1 + n / (Σ_{j≥i} ln z[j] - n ln z[i])
//! ks_distance(i) = max_{j≥i} |1 - (z[j]/z[i])^(1 - exponent) - (j - i)/n|
//! ```
//!
//! The numerator counts the zero term `j = i`, as the official FARMS code and WeightWatcher do. The rules
//! differ in how they choose `i`; see [`TailRule`].

mod rules;
mod scan;
mod uncertainty;

pub use rules::{NoFit, TailFit, TailRule, fit_tail, fit_tail_with_ambiguity};
pub use scan::{TailPoint, naive_scan, tail_curve};
pub(crate) use uncertainty::pools_at_once;
pub use uncertainty::{Jackknife, jackknife, standard_error};
