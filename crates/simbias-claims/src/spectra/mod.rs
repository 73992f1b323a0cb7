//! Paper 08: weight spectra without aspect-ratio bias.

mod exponents;
mod fit_stability;
mod matrices;
mod shape_bias;
mod table;
mod untrained_cnn;

pub use table::{CLAIMS, PAPER};
