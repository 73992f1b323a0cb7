//! Dominoes: two images on top of one another, each of which tells the label.
//!
//! [`combine`] joins any two image sets as the paper does for MNIST-CIFAR. [`StandIn`] draws
//! dominoes that need no download; a result on them is not a result on MNIST-CIFAR and must say so.

mod combine;
mod images;
mod stand_in;

pub use combine::{Pairing, PairingDraws, combine, combine_at_random};
pub use images::{fit_images, mean_pool_2x2, two_classes};
pub use stand_in::{StandIn, StandInKind, StandInSplits};

use crate::Dataset;

/// Rows of dominoes and where the two images meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Domino {
    /// Images of shape `[channels, top + bottom height, width]` with two classes.
    pub dataset: Dataset,
    /// Pixel rows of the upper image: rows `0..top_height` are the upper block, the others the
    /// lower.
    pub top_height: usize,
}
