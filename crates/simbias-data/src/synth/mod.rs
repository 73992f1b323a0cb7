//! Generators of data whose features have a known simplicity order.
//!
//! Blocks of Shah et al., *The Pitfalls of Simplicity Bias in Neural Networks* (NeurIPS 2020):
//! linear and k-slab coordinates ([`SlabSpec`]), the distribution of its Theorem 1 ([`lsn`]) and
//! dominoes of two images ([`domino`]). Where paper and official code disagree, the code's formula
//! is used and the item says so.

pub mod domino;
mod error;
mod geometry;
pub mod lsn;
mod preset;
mod rotation;
mod slab;

pub use error::SynthError;
pub use geometry::{SlabGeometry, SlabRegion};
pub use preset::{NoiseMode, Preset, PresetOptions, PresetSample};
pub use rotation::{haar_rotation, orthogonality_error};
pub use slab::{CorruptedRows, SlabBlock, SlabNoise, SlabSample, SlabSpec};
