//! The door for files: readers, generators, transforms, splits and fingerprints.
//!
//! A [`Dataset`] is a matrix of rows with a [`Layout`] that says what the columns are and a [`Target`].
//! Models of any framework are met through [`Scorer`] (rows in, scores out) and [`LossGradient`].

mod dataset;
mod layout;
mod scorer;

pub use dataset::{ClassLabels, Dataset, Stratum, Target};
pub use layout::{ImageShape, Layout, TensorSpec};
pub use scorer::{FirstAffine, LossGradient, Objective, Scorer, ScorerError};
