//! Public behaviour of `simbias-stats`.

mod coverage;
mod golden;
mod roc;
