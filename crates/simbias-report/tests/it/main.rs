//! The wire form and the CSV files, as the outside sees them.

mod files;
mod wire;
