//! Convolutions and the six-layer network: the project's kernels beside the backend's own operations; driven by
//! `bench/train/run.sh`.
//!
//! `cargo run --release -p simbias-bench --bin convolution_speed -- [THREADS]` prints one JSON object: milliseconds
//! `[forward, backward]` of each shape on a batch of 64 for either, the same of the six layers, and GFLOP/s of a matrix
//! product.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a stopwatch prints and may stop")]

#[path = "../six_layers.rs"]
mod six_layers;

use std::time::Instant;

use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, TensorData, activation, module};
use serde_json::{Map, json};
use simbias_kernels::Convolution;
use simbias_nn::{Init, Mode, Network, Pass, Precision, cpu};
use simbias_stats::Seed;

use self::six_layers::{CHANNELS, SixLayers};

/// As in the command line.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 64;

/// Name, channels, filters, groups, side of the image, kernel, stride.
const SHAPES: [(&str, [usize; 6]); 6] = [
    ("3→16, 5×5 at 28²", [3, 16, 1, 28, 5, 1]),
    ("16→32, 3×3 at 14²", [16, 32, 1, 14, 3, 1]),
    ("64→64, 3×3 at 32²", [64, 64, 1, 32, 3, 1]),
    ("128→128, 3×3, stride 2 at 16²", [128, 128, 1, 16, 3, 2]),
    ("depthwise 128, 7×7 at 28²", [128, 128, 128, 28, 7, 1]),
    ("256→64, 1×1 at 14²", [256, 64, 1, 14, 1, 1]),
];

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect()
}

fn tensor<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(numbers(shape.iter().product()), shape);
    Tensor::from_data(data, &cpu().autodiff()).require_grad()
}

/// The best of the runs that fit into half a second, at least five.
fn best_ms(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut best = f64::INFINITY;
    let mut n = 0;
    while n < 5 || start.elapsed().as_secs_f64() < 0.5 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
        n += 1;
    }
    best
}

/// Milliseconds of the forward pass, and of the backward pass by difference.
fn both_ms(forward: impl Fn() -> Tensor<1>) -> [f64; 2] {
    let alone = best_ms(|| drop(forward()));
    let both = best_ms(|| drop(forward().backward()));
    [alone, both - alone]
}

fn main() {
    let threads = std::env::args().nth(1).map_or(2, |threads| threads.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let (mut ours, mut backend) = (Map::new(), Map::new());
    for (name, [channels, filters, groups, side, kernel, stride]) in SHAPES {
        let shape = Convolution {
            channels,
            filters,
            groups,
            size: [side; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            dilation: [1; 2],
        };
        let images = numbers(BATCH * channels * side * side);
        let weight = numbers(filters * channels / groups * kernel * kernel);
        let out = shape.forward(&images, &weight, None);
        let forward = best_ms(|| drop(shape.forward(&images, &weight, None)));
        let backward = best_ms(|| {
            drop((shape.image_gradient(&out, &weight), shape.weight_gradient(&images, &out)));
        });
        ours.insert(name.into(), json!([forward, backward]));
        let images = tensor([BATCH, channels, side, side]);
        let weight = tensor([filters, channels / groups, kernel, kernel]);
        let [height, width] = shape.output_size();
        let slope = tensor([BATCH, filters, height, width]).without_autodiff();
        let options = || ConvOptions::new([stride; 2], [kernel / 2; 2], [1; 2], groups);
        let convolved = || module::conv2d(images.clone(), weight.clone(), None, options());
        let [forward, product] = both_ms(|| (convolved() * slope.clone()).sum());
        backend.insert(name.into(), json!([forward, product]));
    }
    let network =
        Network::new(SixLayers, Init::default(), Precision::F32, Seed::new(0), &cpu()).unwrap();
    let values: Vec<Tensor<1>> = network
        .values()
        .into_iter()
        .map(|value| Tensor::from_data(value.into_data(), &cpu().autodiff()).require_grad())
        .collect();
    let rows = ndarray::Array2::from_shape_vec((BATCH, 3072), numbers(BATCH * 3072)).unwrap();
    let six = both_ms(|| {
        let mut pass = Pass::new(Mode::Train { seed: Seed::new(0) });
        network.forward_with(&values, network.upload(rows.view()), &mut pass).rows().sum()
    });
    ours.insert("six layers".into(), json!(six));
    let filters: Vec<Tensor<4>> = CHANNELS
        .iter()
        .zip([3].iter().chain(&CHANNELS))
        .map(|(&n_out, &n_in)| tensor([n_out, n_in, 3, 3]))
        .collect();
    let scales: Vec<[Tensor<1>; 2]> = CHANNELS.map(|n| [tensor([n]), tensor([n])]).into();
    let linear = tensor([128, 10]);
    let images = Tensor::<4>::from_data(
        TensorData::new(numbers(BATCH * 3072), [BATCH, 3, 32, 32]),
        &cpu().autodiff(),
    );
    let six = both_ms(|| {
        let mut x = images.clone();
        for (nth, (filters, [scale, shift])) in filters.iter().zip(&scales).enumerate() {
            x = module::conv2d(
                x,
                filters.clone(),
                None,
                ConvOptions::new([1; 2], [1; 2], [1; 2], 1),
            );
            let mean = x.clone().mean_dims(&[0, 2, 3]);
            let centred = x - mean;
            let variance = (centred.clone() * centred.clone()).mean_dims(&[0, 2, 3]);
            let n = CHANNELS[nth];
            x = centred / variance.add_scalar(1e-5).sqrt() * scale.clone().reshape([1, n, 1, 1])
                + shift.clone().reshape([1, n, 1, 1]);
            x = activation::relu(x);
            if nth % 2 == 1 {
                x = module::max_pool2d(x, MaxPoolOptions::new([2; 2]));
            }
        }
        let means: Tensor<2> = module::adaptive_avg_pool2d(x, [1, 1]).reshape([BATCH, 128]);
        means.matmul(linear.clone()).sum()
    });
    backend.insert("six layers".into(), json!(six));
    let (a, b) = (tensor([1024, 1024]), tensor([1024, 1024]));
    let (a, b) = (a.without_autodiff(), b.without_autodiff());
    let gflops = 2.0 * 1024_f64.powi(3) / 1e6 / best_ms(|| drop(a.clone().matmul(b.clone())));
    let report = json!({"ours": ours, "backend": backend, "matrix_product_gflops": gflops});
    println!("{}", report);
}
