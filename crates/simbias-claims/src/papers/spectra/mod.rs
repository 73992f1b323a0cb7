//! Paper 08: weight spectra without aspect-ratio bias.

mod augmentation;
mod block_sparsity;
mod exponents;
mod fit_stability;
mod layer_rates;
mod matrices;
mod paper;
mod shape_bias;
mod table;
mod untrained_cnn;

pub use paper::PAPER;
pub use table::CLAIMS;
