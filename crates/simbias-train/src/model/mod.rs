//! Models that this crate makes: what is trained, how, and what came of it.

mod choice;
mod ensemble;
mod network_files;
mod recipe;
mod standardization;
mod summary;
mod trained;

pub use self::choice::{NetworkChoice, architecture};
pub use self::ensemble::{Ensemble, cross_entropy_and_slope};
pub use self::recipe::Recipe;
pub use self::standardization::Standardization;
pub use self::summary::TrainingSummary;
pub use self::trained::{LearnedFrom, TrainedNetwork};
