//! Intervals, paired tests, ROC-AUC, distribution distances and named random streams.
//!
//! Everything here is pure: numbers in, numbers out. No file, no clock, no thread count changes a result.

mod seed;

pub use seed::{Seed, Stream};
