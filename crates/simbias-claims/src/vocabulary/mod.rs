//! The words in which a paper's table and its measurements are written.

mod claim;
mod criterion;
mod measure;
mod scale;

pub use claim::{Availability, Claim, Measure, Paper};
pub use criterion::{Criterion, Expectation};
pub use measure::{Control, MeasureContext, Measurement, Observation};
pub use scale::Scale;
