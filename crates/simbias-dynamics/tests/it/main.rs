//! Selection, histories and opposing groups: against golden data, by hand, by invariance, and on bad input.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod bad_input;
mod golden;
mod history;
mod invariance;
mod outliers;
mod planted;
mod sampler;
