//! Language models against transformers, and pruning against itself by other routes.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod allocations;
mod forward;
mod pruning;
mod sample;
mod texts;
