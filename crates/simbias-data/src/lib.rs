//! Data sets: readers, generators, transforms, splits and fingerprints.
//!
//! A [`Dataset`] is a matrix of rows with a [`Layout`] that says what the columns are and a [`Target`].
//! Models of any framework are used through [`Scorer`] (rows in, scores out) and [`LossGradient`], their weights
//! through `simbias-checkpoint`.

mod arrange;
mod dataset;
pub mod embedded;
mod error;
mod layout;
pub mod read;
mod rows;
mod scorer;
mod split;
pub mod synth;
pub mod transform;
mod write;

pub use arrange::{Arranged, Respelled};
pub use dataset::{ClassLabels, Dataset, Stratum, Target};
pub use error::{DataError, UnusableColumn, UnusableKind, nearest_name};
pub use layout::{ColumnGroup, ImageShape, Layout, SourceColumn, TensorSpec};
pub use read::{Column, MatrixFile, ReadOptions, read_array, read_dataset, read_splits};
pub use rows::RowSource;
pub use scorer::{FirstAffine, LossGradient, Objective, OwnRows, Scorer, ScorerError};
pub use simbias_checkpoint::{FileError, write_whole};
pub use split::{SplitDataset, SplitOptions, TestSplit, TrainSplit, ValidationSplit};
pub use write::{
    ParquetColumn, npy_to, parquet_to, write_csv, write_npy, write_parquet, write_safetensors,
};
