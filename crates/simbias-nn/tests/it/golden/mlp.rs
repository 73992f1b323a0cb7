//! MLPs against the official code of "Scaling MLPs".

use serde_json::Value;
use simbias_nn::zoo::{BottleneckMlp, StandardMlp};
use simbias_nn::{Architecture, Mode, Precision, Tensor};

use super::{MLP, Tensors, assert_close, tapped};
use crate::values;

const TOLERANCE: [f64; 2] = [1e-5, 1e-5];

/// Numbers in a name like `B_3-Wi_16-Exp_4`, in order.
fn sizes(name: &str) -> Vec<usize> {
    name.split('-').filter_map(|part| part.rsplit_once('_')?.1.parse().ok()).collect()
}

/// What the metadata say of the network under `key`.
fn description(weights: &Tensors, key: &str) -> (Vec<usize>, usize, usize) {
    let description: Value = serde_json::from_str(&weights.metadata[key]).unwrap();
    let number = |key: &str| description[key].as_u64().unwrap() as usize;
    let d_input = 3 * number("res") * number("res");
    (sizes(description["arch"].as_str().unwrap()), d_input, number("classes"))
}

#[test]
fn the_bottleneck_mlp_computes_what_the_official_one_does() {
    let (weights, expected) = (
        Tensors::read(MLP, "nets_weights.safetensors"),
        Tensors::read(MLP, "nets_eval.safetensors"),
    );
    let (sizes, d_input, n_outputs) = description(&weights, "bottleneck");
    let [n_blocks, width, expansion] = sizes.try_into().unwrap();
    let mlp =
        BottleneckMlp { expansion, ..BottleneckMlp::new(d_input, width, n_blocks, n_outputs) };
    let network = weights.network(&Architecture::from(mlp), "b.");
    let images: Tensor<4> = expected.tensor("io.images_nchw", &network);
    let activations = expected.by_name.keys().filter_map(|name| name.strip_prefix("b.act."));
    // The stream before the first block is the output of the first layer.
    let stream_after = |n_blocks: usize| match n_blocks {
        0 => String::from("linear_in"),
        n => format!("residual.{n}"),
    };
    let wanted: Vec<(String, String)> = activations
        .map(|name| (format!("b.act.{name}"), String::from(name)))
        .chain((0..=n_blocks).map(|n| (format!("b.residual.{n}"), stream_after(n))))
        .collect();
    assert!(wanted.len() > 3 * n_blocks);
    let names = wanted.iter().map(|(_, layer)| layer.as_str());
    let mut pass = network.tapping(Mode::Eval, names).unwrap();
    let logits = network.forward_with(&network.values(), images, &mut pass).rows();
    assert_close(&values(&logits), &expected.values("b.logits"), TOLERANCE, "logits");
    for (name, layer) in wanted {
        assert_close(&tapped(&pass, &layer), &expected.values(&name), TOLERANCE, &name);
    }
}

#[test]
fn the_standard_mlp_computes_what_the_official_one_does() {
    let (weights, expected) = (
        Tensors::read(MLP, "nets_weights.safetensors"),
        Tensors::read(MLP, "nets_eval.safetensors"),
    );
    let (sizes, d_input, n_outputs) = description(&weights, "standard");
    let [n_layers, width] = sizes.try_into().unwrap();
    let network =
        weights.network(&StandardMlp { d_input, width, n_layers, n_outputs }.into(), "s.");
    let images: Tensor<4> = expected.tensor("io.images_nchw", &network);
    let found = network.forward(images.flatten(1, 3));
    assert_close(&values(&found), &expected.values("s.logits"), TOLERANCE, "logits");
}

#[test]
fn parameters_and_multiply_adds_are_those_of_the_official_code() {
    let counts: Value = MLP.json("params.json");
    let mut n_checked = 0;
    for (key, count) in counts.as_object().unwrap() {
        let Some((name, data)) = key.split_once('@') else { continue };
        let (resolution, n_outputs) = data.split_once('/').unwrap();
        let resolution: usize = resolution.parse().unwrap();
        let (d_input, n_outputs) = (3 * resolution * resolution, n_outputs.parse().unwrap());
        let mlp: Architecture = match name.strip_prefix("S_") {
            Some(sizes) => {
                let (n_layers, width) = sizes.split_once('x').unwrap();
                let (n_layers, width) = (n_layers.parse().unwrap(), width.parse().unwrap());
                StandardMlp { d_input, width, n_layers, n_outputs }.into()
            }
            None => {
                let sizes = sizes(name);
                BottleneckMlp::new(d_input, sizes[1], sizes[0], n_outputs).into()
            }
        };
        assert_eq!(mlp.n_values().unwrap(), count["params"].as_u64().unwrap(), "{key}");
        if let Some(macs) = count["macs"].as_u64() {
            assert_eq!(mlp.flops_per_row().unwrap(), 2 * macs, "{key}");
        }
        n_checked += 1;
    }
    assert!(n_checked > 0);
}

/// The official container is a bare state dict without a file extension. One copy is in PyTorch's form before 1.6, one
/// has the names of the first official code.
#[test]
fn official_files_load_in_every_form() {
    let folder = MLP.path("");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    let runs: Vec<String> = names
        .filter_map(|name| Some(name.to_str()?.strip_suffix("_config")?.to_string()))
        .collect();
    assert!(!runs.is_empty());
    for run in runs {
        let config: Value = MLP.json(&format!("{run}_config"));
        let number = |key: &str| config[key].as_u64().unwrap() as usize;
        let architecture = sizes(config["architecture"].as_str().unwrap());
        let d_input = 3 * number("resolution").pow(2);
        let expansion = architecture.get(2).copied().unwrap_or(4);
        let mlp =
            BottleneckMlp::new(d_input, architecture[1], architecture[0], number("num_classes"));
        let architecture = Architecture::from(BottleneckMlp { expansion, ..mlp });
        let load = |form: &str| {
            let mut network = crate::network(&architecture, Precision::F32);
            network.load_file(&MLP.path(&format!("{run}_{form}"))).unwrap();
            network.parameters().iter().flat_map(|p| values(&p.value)).collect::<Vec<f64>>()
        };
        let expected = load("weights");
        for form in ["weights_legacy", "weights_oldnames"] {
            assert!(load(form) == expected, "{run} {form}");
        }
    }
}

#[test]
fn the_first_official_code_had_other_names() {
    let mlp = Architecture::from(BottleneckMlp::new(12, 4, 2, 3));
    assert_eq!(mlp.foreign_names("layernorms.1.weight"), ["norms.1.weight"]);
    assert!(mlp.foreign_names("linear_in.weight").is_empty());
}
