//! Public behaviour of `simbias-reliance`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod golden;
mod properties;
