//! Milliseconds a training step, for the networks that the checks train most; driven by `bench/train/run.sh`.
//!
//! `cargo run --release -p simbias-bench --bin step_speed -- [THREADS [NETWORK]]` prints one JSON object.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a stopwatch prints and may stop")]

#[path = "../six_layers.rs"]
mod six_layers;

use std::time::Instant;

use ndarray::Array2;
use simbias_data::{ClassLabels, Dataset, Layout, Target};
use simbias_nn::zoo::{Fcn, ResNet18, SmallCnn};
use simbias_nn::{Architecture, ImageDims, Init, Network, Precision, cpu};
use simbias_stats::Seed;
use simbias_train::{FitConfig, Optimizer, Schedule, TrainState, fit_plain};

use self::six_layers::SixLayers;

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
    let wanted = std::env::args().nth(2);
    let image = |channels, side| ImageDims { channels, height: side, width: side };
    // (100,2) on 50 columns, the CNN of the domino checks, and two networks for 32×32 images.
    let networks: [(&str, Architecture, usize); 4] = [
        ("fcn", Fcn::new(50, 100, 2, 2).into(), 256),
        ("cnn", SmallCnn::new(image(1, 28), 2).into(), 64),
        ("resnet", ResNet18 { width: 16, ..ResNet18::new(image(3, 32), 10) }.into(), 64),
        ("six_layers", SixLayers.into(), 64),
    ];
    let times: serde_json::Map<String, serde_json::Value> = networks
        .into_iter()
        .filter(|(name, ..)| wanted.as_deref().is_none_or(|wanted| wanted == *name))
        .map(|(name, architecture, batch)| (name.into(), milliseconds(architecture, batch).into()))
        .collect();
    println!("{}", serde_json::Value::Object(times));
}

/// The best of five runs of a second or less.
fn milliseconds(architecture: Architecture, batch_size: usize) -> f64 {
    let n_features = architecture.n_features();
    let n_classes = architecture.n_outputs() as u32;
    let data = Dataset::new(
        "speed",
        Array2::from_shape_fn((2048, n_features), |(row, column)| {
            ((row * 31 + column * 17) % 101) as f32 / 50.0 - 1.0
        }),
        Layout::array(vec![n_features]),
        Target::Classes(ClassLabels {
            indices: (0..2048).map(|row| row % n_classes).collect(),
            names: (0..n_classes).map(|class| class.to_string()).collect(),
        }),
    );
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
