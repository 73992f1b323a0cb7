//! Public behaviour of `simbias-reliance`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod coverage;
mod exactness;
mod few_rows;
mod golden;
mod heat_map;
mod results;
mod resuming;
mod samples;
mod verdicts;
