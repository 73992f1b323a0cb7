//! Names, counts, modes and independence of rows.

use simbias_nn::{
    Activation, Architecture, ConvSequence, Fcn, GatedRecurrent, ImageDims, Init, Kind, Mode,
    Network, NnError, Pass, Precision, ResNet18, SmallCnn, cpu,
};
use simbias_stats::Seed;

use crate::{architectures, network, rows, values};

fn names(architecture: &Architecture) -> Vec<String> {
    let network = network(architecture, Precision::F32);
    network.parameters().iter().map(|p| format!("{} {:?}", p.name, p.shape)).collect()
}

#[test]
fn a_plain_fcn_is_named_like_a_sequential() {
    assert_eq!(
        names(&Architecture::from(Fcn::new(5, 7, 1, 3))),
        ["model.0.weight [7, 5]", "model.0.bias [7]", "model.2.weight [3, 7]", "model.2.bias [3]"]
    );
}

#[test]
fn dropout_slopes_and_batch_norm_take_their_places() {
    let fcn = Fcn {
        activation: Activation::PRelu,
        dropout: 0.1,
        batch_norm: true,
        ..Fcn::new(5, 7, 1, 3)
    };
    let expected = [
        "model.0.weight [7, 5]",
        "model.0.bias [7]",
        "model.1.weight [1]",
        "model.3.weight [7]",
        "model.3.bias [7]",
        "model.3.running_mean [7]",
        "model.3.running_var [7]",
        "model.4.weight [3, 7]",
        "model.4.bias [3]",
    ];
    assert_eq!(names(&Architecture::from(fcn)), expected);
}

#[test]
fn convolutions_are_named_like_sequentials() {
    let image = ImageDims { channels: 3, height: 32, width: 16 };
    let found = names(&Architecture::from(SmallCnn::new(image, 2)));
    assert_eq!(found[0], "model.0.weight [16, 3, 5, 5]");
    assert_eq!(found[2], "model.3.weight [32, 16, 3, 3]");
    assert_eq!(found[4], "model.7.weight [64, 256]");
    assert_eq!(found[6], "model.9.weight [2, 64]");
    let conv = ConvSequence { d_input: 50, n_filters: 32, kernel: 7, n_conv: 2, n_outputs: 2 };
    let found = names(&Architecture::from(conv));
    assert_eq!(found[2], "model.2.weight [32, 32, 7]");
    assert_eq!(found[4], "model.5.weight [50, 1600]");
    assert_eq!(found[6], "model.7.weight [2, 50]");
}

#[test]
fn a_gru_is_named_like_torch() {
    let gru =
        GatedRecurrent { d_input: 50, step_width: 10, d_hidden: 100, n_layers: 2, n_outputs: 2 };
    let expected = [
        "gru.weight_ih_l0 [300, 10]",
        "gru.weight_hh_l0 [300, 100]",
        "gru.bias_ih_l0 [300]",
        "gru.bias_hh_l0 [300]",
        "gru.weight_ih_l1 [300, 100]",
    ];
    assert_eq!(names(&Architecture::from(gru))[..5], expected);
}

#[test]
fn a_resnet18_has_the_published_size() {
    let image = ImageDims { channels: 3, height: 32, width: 32 };
    let architecture = Architecture::from(ResNet18::new(image, 10));
    let found = names(&architecture);
    assert!(found.contains(&"layer2.0.downsample.0.weight [128, 64, 1, 1]".into()));
    assert!(found.contains(&"layer4.1.bn2.running_var [512]".into()));
    let network = network(&architecture, Precision::F32);
    // torchvision's 11 689 512 for ImageNet, less 7×7 against 3×3 filters and 1000 against 10 classes.
    let stem = 64 * 3 * (49 - 9);
    let head = 513 * (1000 - 10);
    assert_eq!(network.n_parameters(), 11_689_512 - stem - head);
    // 0.56 G multiply-adds is the figure quoted for this network on CIFAR-10.
    assert!((network.flops_per_row() as f64 / 2e9 - 0.556).abs() < 0.002);
}

#[test]
fn rows_do_not_influence_one_another_in_evaluation() {
    for architecture in architectures() {
        let network = network(&architecture, Precision::F64);
        let all = rows(5, network.n_features(), 0);
        let together = values(&network.forward(network.upload(all.view())));
        let n_outputs = network.n_outputs();
        for row in 0..5 {
            let one = all.slice(ndarray::s![row..=row, ..]);
            let alone = values(&network.forward(network.upload(one)));
            for (alone, together) in alone.iter().zip(&together[row * n_outputs..]) {
                assert!((alone - together).abs() < 1e-12, "{architecture:?} row {row}");
            }
        }
    }
}

#[test]
fn evaluation_is_deterministic_and_training_follows_its_seed() {
    let fcn = Fcn { dropout: 0.5, batch_norm: true, ..Fcn::new(6, 32, 2, 2) };
    let network = network(&Architecture::from(fcn), Precision::F32);
    let rows = network.upload(rows(16, 6, 0).view());
    let forward = |mode| {
        let mut pass = Pass::new(mode);
        let logits = network.forward_rows(&network.values(), rows.clone(), &mut pass);
        (values(&logits), pass.statistics.len())
    };
    assert_eq!(forward(Mode::Eval), forward(Mode::Eval));
    assert_eq!(forward(Mode::Eval).1, 0);
    let train = |seed| forward(Mode::Train { seed: Seed::new(seed) });
    assert_eq!(train(1), train(1));
    assert_ne!(train(1), train(2));
    assert_eq!(train(1).1, 4);
}

#[test]
fn dropout_keeps_the_mean() {
    // One hidden layer of tanh-free identity is not available, so look at the hidden layer through a wide
    // average: the mean over masks of a linear readout is the readout without a mask.
    let fcn = Fcn { dropout: 0.4, ..Fcn::new(4, 64, 1, 1) };
    let network = network(&Architecture::from(fcn), Precision::F64);
    let rows = network.upload(rows(1, 4, 3).view());
    let plain = values(&network.forward(rows.clone()))[0];
    let n_masks = 4000;
    let draws: Vec<f64> = (0..n_masks)
        .map(|mask| {
            let mut pass = Pass::new(Mode::Train { seed: Seed::new(mask) });
            values(&network.forward_rows(&network.values(), rows.clone(), &mut pass))[0]
        })
        .collect();
    let mean = draws.iter().sum::<f64>() / n_masks as f64;
    let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n_masks as f64;
    assert!(0.0 < variance);
    assert!((mean - plain).abs() < 4.0 * (variance / n_masks as f64).sqrt(), "{mean} {plain}");
}

#[test]
fn batch_norm_blends_its_statistics_as_torch_does() {
    let fcn = Fcn { batch_norm: true, ..Fcn::new(3, 4, 1, 2) };
    let network = network(&Architecture::from(fcn), Precision::F64);
    let host = rows(6, 3, 9);
    let mut pass = Pass::new(Mode::Train { seed: Seed::new(0) });
    let _ = network.forward_rows(&network.values(), network.upload(host.view()), &mut pass);
    let parameter = |name: &str| {
        let p = network.parameters().iter().find(|p| p.name == name).unwrap();
        values(&p.value)
    };
    let (weight, bias) = (parameter("model.0.weight"), parameter("model.0.bias"));
    for unit in 0..4 {
        let hidden: Vec<f64> = host
            .rows()
            .into_iter()
            .map(|row| {
                let dot: f64 =
                    (0..3).map(|column| f64::from(row[column]) * weight[unit * 3 + column]).sum();
                (dot + bias[unit]).max(0.0)
            })
            .collect();
        let mean = hidden.iter().sum::<f64>() / 6.0;
        let unbiased = hidden.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / 5.0;
        let found: Vec<f64> =
            pass.statistics.iter().map(|(_, value)| values(value)[unit]).collect();
        assert!((found[0] - 0.1 * mean).abs() < 1e-12);
        assert!((found[1] - (0.9 + 0.1 * unbiased)).abs() < 1e-12);
    }
    let kinds = network.parameters().iter().filter(|p| p.kind == Kind::Statistic).count();
    assert_eq!(kinds, 2);
}

#[test]
fn the_host_layers_compute_what_the_network_computes() {
    let network = network(&Architecture::from(Fcn::new(5, 7, 2, 3)), Precision::F32);
    let (layers, activation) = network.dense_layers().unwrap();
    assert_eq!(activation, Activation::Relu);
    let rows = rows(4, 5, 0);
    let mut hidden = rows.clone();
    for (index, layer) in layers.iter().enumerate() {
        hidden = hidden.dot(&layer.weight_out_in.t()) + &layer.bias;
        if index + 1 < layers.len() {
            hidden.mapv_inplace(|value| value.max(0.0));
        }
    }
    for (host, device) in hidden.iter().zip(values(&network.forward(network.upload(rows.view())))) {
        assert!((f64::from(*host) - device).abs() < 1e-6);
    }
}

#[test]
fn impossible_sizes_are_named() {
    let refused = |architecture| {
        Network::new(architecture, Init::default(), Precision::F32, Seed::new(0), &cpu())
            .unwrap_err()
    };
    let field_of = |error| match error {
        NnError::Architecture { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field_of(refused(Architecture::from(Fcn::new(0, 7, 2, 3)))), "n_features");
    assert_eq!(field_of(refused(Architecture::from(Fcn::new(4, 0, 2, 3)))), "width");
    let dropout = Fcn { dropout: 1.0, ..Fcn::new(4, 4, 1, 2) };
    assert_eq!(field_of(refused(Architecture::from(dropout))), "dropout");
    let gru = GatedRecurrent { d_input: 5, step_width: 2, d_hidden: 4, n_layers: 1, n_outputs: 2 };
    assert_eq!(field_of(refused(Architecture::from(gru))), "step_width");
}
