//! What training dynamics say about single examples, from what any framework can export.
//!
//! - [`select`]: which examples a network learns slowly (outputs early in training, labels), and how often to show them.
//! - [`history`]: when every example was learned and forgotten (outputs of several epochs, labels).
//! - [`outliers`]: which few examples swing against each other, and how much of the motion is theirs (losses over time).
//!
//! Everything reads numbers through [`RowSource`](simbias_data::RowSource), so that files much larger than the memory are
//! no obstacle, and works on the threads of rayon's current pool. Results do not depend on the number of threads.

pub mod document;
mod error;
pub mod history;
pub mod outliers;
pub mod select;

pub use error::DynamicsError;
pub use select::cross_entropies;
