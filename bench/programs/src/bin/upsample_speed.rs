//! Selects slow examples from two files and prints what it took: `upsample_speed LOGITS.npy LABELS.npy`.
#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use simbias_data::{Column, MatrixFile, RowSource};
use simbias_dynamics::select::{Guard, Outputs, SelectOptions, select};
use simbias_report::Silent;
use simbias_stats::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [logits, labels] = arguments.as_slice() else {
        return Err("usage: upsample_speed LOGITS.npy LABELS.npy".into());
    };
    let start = Instant::now();
    let logits = MatrixFile::open(logits, &[])?;
    let labels = Column::open(labels)?.into_classes(logits.n_columns(), None)?.indices;
    let outputs = Outputs { logits: &logits, embeddings: None };
    let options = SelectOptions { restarts: Some(10), ..SelectOptions::default() };
    let found = select(outputs, &labels, Guard::Off, &options, Seed::new(0), &Silent)?;
    let seconds = start.elapsed().as_secs_f64();
    let inertia: f64 = found.classes.iter().filter_map(|class| Some(class.clusters?.inertia)).sum();
    println!("{}", json!({ "seconds": seconds, "inertia": inertia, "slow": found.n_slow() }));
    Ok(())
}
