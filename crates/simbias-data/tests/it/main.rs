//! Public behaviour of `simbias-data`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod generators;
mod golden;
mod readers;
mod transforms;
