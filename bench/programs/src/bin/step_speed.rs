//! Milliseconds a training step, for the two networks that the checks train most; driven by `bench/train/run.sh`.
//!
//! `cargo run --release -p simbias-bench --bin step_speed -- [THREADS]` prints one JSON object.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a stopwatch prints and may stop")]

use std::time::Instant;

use ndarray::Array2;
use simbias_data::{ClassLabels, Dataset, Layout, Target};
use simbias_nn::{Architecture, Fcn, ImageDims, Init, Network, Precision, SmallCnn, cpu};
use simbias_stats::Seed;
use simbias_train::{FitConfig, Optimizer, Schedule, TrainState, fit_plain};

/// As in the command line.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    if let Some(threads) = std::env::args().nth(1) {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.parse().unwrap())
            .build_global()
            .unwrap();
    }
    let image = ImageDims { channels: 1, height: 28, width: 28 };
    // (100,2) on 50 columns; the CNN of the domino checks.
    let fcn = milliseconds(Architecture::from(Fcn::new(50, 100, 2, 2)), 256);
    let cnn = milliseconds(Architecture::from(SmallCnn::new(image, 2)), 64);
    println!("{{\"fcn_ms\": {fcn:.4}, \"cnn_ms\": {cnn:.4}}}");
}

/// The best of five runs of a second or less.
fn milliseconds(architecture: Architecture, batch_size: usize) -> f64 {
    let n_features = architecture.n_features();
    let data = Dataset {
        name: "speed".into(),
        rows: Array2::from_shape_fn((2048, n_features), |(row, column)| {
            ((row * 31 + column * 17) % 101) as f32 / 50.0 - 1.0
        }),
        layout: Layout::array(vec![n_features]),
        target: Target::Classes(ClassLabels {
            indices: (0..2048).map(|row| row % 2).collect(),
            names: vec!["0".into(), "1".into()],
        }),
        strata: Vec::new(),
    };
    let seed = Seed::new(0);
    let network =
        Network::new(architecture, Init::default(), Precision::F32, seed, &cpu()).unwrap();
    let flops = 3 * network.flops_per_row() * batch_size as u64;
    let mut state = TrainState::new(network, seed);
    let mut config = FitConfig::new(Optimizer::momentum(0.9, 5e-5), Schedule::constant(0.01), 0);
    config.batch_size = batch_size;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let n_steps = (10_000_000_000 / flops).clamp(10, 400);
        config.max_steps += n_steps;
        let start = Instant::now();
        fit_plain(&mut state, &data, None, &config).unwrap();
        best = best.min(start.elapsed().as_secs_f64() / n_steps as f64);
    }
    best * 1e3
}
