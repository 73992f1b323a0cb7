//! Where a training step of the small CNN spends its time: forward, and forward with backward, of each layer by
//! itself on a batch of 64 images of 1×28×28. Driven by `bench/train/run.sh`; prints a table.
//!
//! `cargo run --release -p simbias-bench --bin layer_cost -- [THREADS]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a stopwatch prints and may stop")]

use std::time::Instant;

use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, TensorData, activation, module};

/// As in the command line.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 64;
const RUNS: usize = 30;

fn tensor<const D: usize>(shape: [usize; D], with_gradient: bool) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0)
        .collect();
    let device = simbias_nn::cpu().autodiff();
    let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
    if with_gradient { tensor.require_grad() } else { tensor }
}

fn best_ms(mut run: impl FnMut()) -> f64 {
    (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min)
}

fn row<const D: usize>(name: &str, forward: impl Fn() -> Tensor<D>) {
    let alone = best_ms(|| drop(forward()));
    let both = best_ms(|| drop(forward().sum().backward()));
    println!("{name:<34} {alone:>8.2} {both:>10.2}");
}

fn main() {
    if let Some(threads) = std::env::args().nth(1) {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.parse().unwrap())
            .build_global()
            .unwrap();
    }
    println!("{:<34} {:>8} {:>10}", "layer (batch 64), ms", "forward", "+ backward");
    let conv = |padding| ConvOptions::new([1; 2], [padding; 2], [1; 2], 1);
    let (image, filters) = (tensor([BATCH, 1, 28, 28], false), tensor([16, 1, 5, 5], true));
    row("conv 1→16, 5×5 (library)", || {
        module::conv2d(image.clone(), filters.clone(), None, conv(2))
    });
    let wide = tensor([BATCH, 16, 28, 28], true);
    row("ReLU on 16×28×28", || activation::relu(wide.clone()));
    row("max-pool 2 on 16×28×28", || {
        module::max_pool2d(wide.clone(), MaxPoolOptions::new([2; 2]))
    });
    let (narrow, filters) = (tensor([BATCH, 16, 14, 14], true), tensor([32, 16, 3, 3], true));
    row("conv 16→32, 3×3 (library)", || {
        module::conv2d(narrow.clone(), filters.clone(), None, conv(1))
    });
    let last = tensor([BATCH, 32, 14, 14], true);
    row("ReLU on 32×14×14", || activation::relu(last.clone()));
    row("average pool to 3×2", || module::adaptive_avg_pool2d(last.clone(), [3, 2]));
    let (flat, weight) = (tensor([BATCH, 192], true), tensor([192, 64], true));
    row("linear 192→64", || flat.clone().matmul(weight.clone()));
}
