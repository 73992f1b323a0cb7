//! Golden files in tests: cases and expected values that official implementations computed.
//!
//! Every set lies in `tests/golden/<slug>` of the tested crate, with a README about its format and
//! tolerances. `SIMBIAS_GOLDEN=DIR` takes the files from `DIR/<slug>` instead, so that
//! `SIMBIAS_GOLDEN=DIR cargo test -p CRATE --test it golden` runs the same tests on another set.
//!
//! Tests read their cases and expected values from the files; none are written in the tests. A file that is missing or
//! has an unexpected form ends the test with a panic that names it.
//!
//! ```no_run
//! const GOLDEN: simbias_golden::Set = simbias_golden::set!("pitfalls");
//!
//! let cases: serde_json::Value = GOLDEN.json("auc_cases.json");
//! let rows = GOLDEN.tensors("randomized_metrics.safetensors").matrix("x");
//! # let _ = (cases, rows);
//! ```

mod arrays;
mod set;
mod tensors;

pub use arrays::Arrays;
pub use set::Set;
pub use tensors::Tensors;
