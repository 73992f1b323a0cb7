//! Paper 02: the pitfalls of simplicity bias.

mod table;

pub use table::{CLAIMS, PAPER};
