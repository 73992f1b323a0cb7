//! Times one reliance measurement of a (100,2) FCN; driven by `bench/reliance/run.sh`.
//!
//! Usage: `reliance_speed DIR THREADS REPEATS`, where DIR holds `rows.f32` `[10000, 50]`, `labels.u8` and the
//! layers' `weight<i>.f32` (`[n_out, n_in]`) and `bias<i>.f32`. Writes `donors.u32` `[REPEATS, 10000]` there
//! and prints seconds and per-repeat AUCs as JSON.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

use std::path::Path;
use std::time::Instant;

use ndarray::{Array1, Array2};
use simbias_data::transform::Identity;
use simbias_data::{ClassLabels, Dataset, Layout, Target};
use simbias_reliance::{
    Activation, Block, BlockSet, DenseLayer, DenseNetwork, DonorMode, DonorSource, RelianceOptions,
    measure,
};
use simbias_report::Silent;
use simbias_stats::Seed;

const N_FEATURES: usize = 50;
const SIZES: [(usize, usize); 3] = [(100, N_FEATURES), (100, 100), (2, 100)];

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = Path::new(&arguments[1]);
    let threads: usize = arguments[2].parse().unwrap();
    let repeats: usize = arguments[3].parse().unwrap();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();

    let rows = floats(&folder.join("rows.f32"));
    let rows = Array2::from_shape_vec((rows.len() / N_FEATURES, N_FEATURES), rows).unwrap();
    let labels = std::fs::read(folder.join("labels.u8")).unwrap();
    let data = Dataset::new(
        "speed",
        rows,
        Layout::array(vec![N_FEATURES]),
        Target::Classes(ClassLabels {
            indices: labels.into_iter().map(u32::from).collect(),
            names: vec!["0".into(), "1".into()],
        }),
    );
    let layers = SIZES
        .iter()
        .enumerate()
        .map(|(index, &shape)| DenseLayer {
            weight_out_in: Array2::from_shape_vec(
                shape,
                floats(&folder.join(format!("weight{index}.f32"))),
            )
            .unwrap(),
            bias: Array1::from_vec(floats(&folder.join(format!("bias{index}.f32")))),
        })
        .collect();
    let network = DenseNetwork::new(layers, Activation::Relu).unwrap();
    let blocks = BlockSet::partition(
        vec![Block::new("S", [0]), Block::new("Sc", 1..N_FEATURES)],
        N_FEATURES,
    )
    .unwrap();
    let seed = Seed::new(0);
    let source = DonorSource::new(DonorMode::Permute, &data, None, seed).unwrap();
    let donors: Vec<u8> =
        (0..repeats).flat_map(|r| source.draw(r)).flat_map(|donor| donor.to_le_bytes()).collect();
    std::fs::write(folder.join("donors.u32"), donors).unwrap();

    let options =
        RelianceOptions { repeats, conflict: false, manifold: false, ..RelianceOptions::default() };
    let identity = Identity::new(N_FEATURES);
    let start = Instant::now();
    let measured = measure(&network, &data, &blocks, &identity, &options, seed, &Silent).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let aucs: Vec<&[f64]> = measured
        .outcome
        .blocks
        .iter()
        .flat_map(|block| {
            let complement = block.complement.as_ref().unwrap();
            [block.randomized.per_repeat.as_slice(), complement.per_repeat.as_slice()]
        })
        .collect();
    println!("{}", serde_json::json!({ "seconds": seconds, "aucs": aucs }));
}
