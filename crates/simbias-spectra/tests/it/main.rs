//! Public behaviour of `simbias-spectra`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod fits;
mod golden;
mod memory;
mod pruning;
mod randomness;
mod recommendations;
mod sample;
mod scans;
mod spectra;
