//! Paper 02: the pitfalls of simplicity bias.

mod accuracy_cost;
mod adversarial;
mod block_reliance;
mod domino_rows;
mod dominoes;
mod ensembles;
mod exclusive_use;
mod paper;
mod recipe;
mod regime;
mod rows;
mod settings;
mod slab_start;
mod table;
mod theorem;
mod universal_attack;
mod universal_image;

pub use paper::PAPER;
pub use table::CLAIMS;
