//! Public behaviour of the ONNX scorer.

mod bad_input;
mod exports;
mod reference;

use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.onnx"))
}
