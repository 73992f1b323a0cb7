//! How much of which layer can I prune?
//!
//! Sparsities follow the exponents of the layers: well-trained layers keep more. The smallest weights go, and the result
//! is a checkpoint of the same form.
//!
//! ```text
//! cargo run --release -p simbias --example prune -- [CHECKPOINT SPARSITY]
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::{Path, PathBuf};

use simbias::checkpoint::Checkpoint;
use simbias::language::prune::{Method, prune_by_statistics};
use simbias::report::Silent;
use simbias::spectra::{ScanOptions, SparsityOptions, scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../simbias-language/tests/reference/llama"),
        PathBuf::from,
    );
    let target: f64 = arguments.next().map_or(Ok(0.6), |share| share.parse())?;

    let checkpoint = Checkpoint::open(&path)?;
    let table = scan(&checkpoint, &ScanOptions::default(), &|_| true, &Silent)?;
    let sparsities = table.sparsities(&SparsityOptions::new(target))?;

    let out = std::env::temp_dir().join(format!("simbias-pruned-{}", std::process::id()));
    let settings = serde_json::json!({ "target": target });
    let report = prune_by_statistics(
        &checkpoint,
        Method::Magnitude,
        &sparsities.patterns(),
        None,
        &out,
        settings,
        &Silent,
    )?;
    println!("{:<45} {:>10} {:>10}", "layer", "asked", "zeros");
    for (asked, done) in sparsities.layers.iter().zip(&report.layers) {
        let zeros = done.zeros_after as f64 / done.n_weights as f64;
        println!("{:<45} {:>10.3} {zeros:>10.3}", asked.layer, asked.ratio);
    }
    println!("{:.1} % of the weights are zero: {}", 100.0 * report.realised, out.display());
    Ok(())
}
