//! The papers: one module each, with a static table of claims and the measurements behind it.

use crate::Claim;

pub mod pitfalls;
pub mod spectra;

/// The table of every paper, in the papers' order.
pub(crate) const TABLES: &[&[Claim]] = &[pitfalls::CLAIMS, spectra::CLAIMS];
