//! Times ROC-AUC with DeLong variance on scores and labels from raw files; used by `bench/auc`.
//!
//! `auc_speed SCORES LABELS REPEATS THREADS`: little-endian f64 scores, one byte 0 or 1 per label.
//! Prints one JSON line: `auc`, `variance`, and the milliseconds of every repeat.
#![expect(clippy::print_stdout, reason = "a program whose output is its result")]

use std::time::Instant;

use simbias_stats::{RocScratch, auc_delong};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scores, labels, repeats, threads] = arguments.as_slice() else {
        return Err("usage: auc_speed SCORES LABELS REPEATS THREADS".into());
    };
    let scores: Vec<f64> = std::fs::read(scores)?
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect();
    let positives: Vec<bool> = std::fs::read(labels)?.iter().map(|&label| label != 0).collect();
    let n_threads: usize = threads.parse()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build()?;
    let mut milliseconds = Vec::new();
    let mut scratch = RocScratch::default();
    let mut estimate = pool.install(|| auc_delong(&scores, &positives))?;
    for _ in 0..repeats.parse()? {
        let start = Instant::now();
        estimate = if n_threads == 1 {
            scratch.auc_delong(&scores, &positives)?
        } else {
            pool.install(|| auc_delong(&scores, &positives))?
        };
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{{\"auc\": {}, \"variance\": {}, \"milliseconds\": {milliseconds:?}}}",
        estimate.auc, estimate.variance
    );
    Ok(())
}
