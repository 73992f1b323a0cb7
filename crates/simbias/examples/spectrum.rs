//! What do my checkpoint's weights say about its layers?
//!
//! Reads safetensors (also sharded), PyTorch, NumPy and GGUF; without an argument, a small language model of the test
//! data. Needs the feature `spectra` only.
//!
//! ```text
//! cargo run --release -p simbias --example spectrum -- [CHECKPOINT]
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::{Path, PathBuf};

use simbias::checkpoint::Checkpoint;
use simbias::report::Silent;
use simbias::spectra::document::plain_summary;
use simbias::spectra::{ExponentKind, ScanOptions, scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../simbias-language/tests/reference/llama"),
        PathBuf::from,
    );
    let checkpoint = Checkpoint::open(&path)?;
    // Every layer; the closure chooses layers by name.
    let table = scan(&checkpoint, &ScanOptions::default(), &|_| true, &Silent)?;

    for sentence in plain_summary(&table) {
        println!("{sentence}");
    }
    println!("{:<45} {:>12} {:>8} {:>8}", "layer", "shape", "windows", "whole");
    for layer in &table.layers {
        let exponent = |kind| layer.score(kind).map_or("-".into(), |value| format!("{value:.3}"));
        let shape = format!("{}×{}", layer.shape.0, layer.shape.1);
        let (windows, whole) = (exponent(ExponentKind::Windows), exponent(ExponentKind::Plain));
        println!("{:<45} {shape:>12} {windows:>8} {whole:>8}", layer.name);
    }
    Ok(())
}
