//! Times the eigenvalues of one Gram matrix: `eigenvalue_speed MATRIX.npy REPEATS THREADS`, one line of
//! JSON.
//!
//! `bench/spectrum` runs it beside SciPy and PyTorch on the same matrix.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may end by a panic"
)]

use std::path::Path;
use std::time::Instant;

use simbias_checkpoint::Checkpoint;
use simbias_spectra::{Matrix, Route, eigenvalues};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, repeats, threads] = arguments.as_slice() else {
        println!("usage: eigenvalue_speed MATRIX.npy REPEATS THREADS");
        return;
    };
    let checkpoint = Checkpoint::open(Path::new(file)).unwrap();
    let shape = checkpoint.tensors()[0].shape.clone();
    let numbers = checkpoint.read(0).unwrap();
    let matrix = Matrix::new(&numbers, shape[0], shape[1]);
    let n_threads = threads.parse().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
    let mut found = Vec::new();
    let seconds: Vec<f64> = (0..repeats.parse().unwrap())
        .map(|_| {
            let start = Instant::now();
            found = pool.install(|| eigenvalues(&matrix, Route::Gram).unwrap());
            start.elapsed().as_secs_f64()
        })
        .collect();
    println!("{}", serde_json::json!({ "seconds": seconds, "eigenvalues": found }));
}
