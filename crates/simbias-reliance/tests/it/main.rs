//! Public behaviour of `simbias-reliance`.

mod golden;
mod properties;
