//! The registry: stored descriptions, names, networks by name for some data; the published sizes of VGG.

use simbias_nn::zoo::{self, CausalSequence, Vgg, VggHead};
use simbias_nn::{
    Architecture, ConvSequence, Decoder, Fcn, GatedRecurrent, ImageDims, Init, InputShape, Network,
    NnError, Precision, ResNet18, SmallCnn, cpu,
};
use simbias_stats::Seed;

use crate::{architectures, network};

const IMAGE: ImageDims = ImageDims { channels: 3, height: 32, width: 24 };

/// Descriptions as they were written when every architecture was a variant of one enumeration.
#[test]
fn stored_descriptions_stay_readable() {
    let conv = ConvSequence { d_input: 50, n_filters: 32, kernel: 7, n_conv: 4, n_outputs: 2 };
    let gru =
        GatedRecurrent { d_input: 50, step_width: 10, d_hidden: 100, n_layers: 1, n_outputs: 2 };
    let stored: [(Architecture, &str); 6] = [
        (
            Fcn::new(50, 100, 2, 2).into(),
            r#"{"kind":"fcn","d_input":50,"width":100,"n_hidden":2,"n_outputs":2,"activation":"relu","dropout":0.0,"batch_norm":false}"#,
        ),
        (
            SmallCnn::new(IMAGE, 2).into(),
            r#"{"kind":"small-cnn","image":{"channels":3,"height":32,"width":24},"pool":[4,2],"n_outputs":2}"#,
        ),
        (
            conv.into(),
            r#"{"kind":"conv1d","d_input":50,"n_filters":32,"kernel":7,"n_conv":4,"n_outputs":2}"#,
        ),
        (
            gru.into(),
            r#"{"kind":"gru","d_input":50,"step_width":10,"d_hidden":100,"n_layers":1,"n_outputs":2}"#,
        ),
        (
            ResNet18::new(IMAGE, 10).into(),
            r#"{"kind":"res-net18","image":{"channels":3,"height":32,"width":24},"width":64,"n_outputs":10}"#,
        ),
        (
            Decoder::small(11, 6, 8, 2, 2).into(),
            r#"{"kind":"decoder","vocabulary":11,"context":6,"width":8,"n_blocks":2,"n_heads":2,"n_key_heads":2,"head_width":4,"inner":32,"norm":{"kind":"layer","epsilon":0.00001},"positions":{"kind":"learned","n_positions":6},"feed_forward":"gelu","biases":{"attention":false,"output":false,"feed_forward":false},"ties_head":false}"#,
        ),
    ];
    for (architecture, json) in stored {
        assert_eq!(serde_json::to_string(&architecture).unwrap(), json);
        assert_eq!(serde_json::from_str::<Architecture>(json).unwrap(), architecture);
    }
}

#[test]
fn every_architecture_survives_json() {
    for architecture in architectures() {
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture);
    }
    let error = serde_json::from_str::<Architecture>(r#"{"kind":"perceptron"}"#).unwrap_err();
    assert!(error.to_string().contains("perceptron"), "{error}");
}

#[test]
fn equal_handles_hold_equal_descriptions() {
    let fcn = Architecture::from(Fcn::new(5, 7, 1, 3));
    assert_eq!(fcn, Fcn::new(5, 7, 1, 3).into());
    assert_ne!(fcn, Fcn::new(5, 8, 1, 3).into());
    assert_ne!(fcn, SmallCnn::new(IMAGE, 3).into());
    assert_eq!(fcn.downcast_ref::<Fcn>().map(|fcn| fcn.width), Some(7));
    assert!(fcn.downcast_ref::<SmallCnn>().is_none());
}

#[test]
fn every_name_makes_a_network_that_fits_the_data() {
    let names = zoo::names();
    assert_eq!(names[..3], ["fcn", "cnn", "resnet18"]);
    assert!(names.contains(&"vgg16-bn"));
    for name in names {
        let image = InputShape::Image(IMAGE);
        let made = zoo::by_name(name, &image, 5).unwrap();
        assert_eq!((made.n_features(), made.n_outputs()), (image.n_features(), 5), "{name}");
        assert!(made.n_values().unwrap() > 0);
        let stored = zoo::stored_name(name).unwrap();
        assert_eq!(zoo::by_name(stored, &image, 5).unwrap(), made);
        let of_rows = zoo::by_name(name, &InputShape::Rows { n: 9 }, 5);
        if name != "fcn" {
            let refused = of_rows.unwrap_err();
            assert!(matches!(refused, NnError::UnsuitableData { .. }), "{refused}");
        }
    }
    assert_eq!(zoo::stored_name("resnet18"), Some("res-net18"));
    assert_eq!(zoo::stored_name("perceptron"), None);
    let refused = zoo::by_name("perceptron", &InputShape::Rows { n: 9 }, 2).unwrap_err();
    assert!(refused.to_string().contains("resnet18"), "{refused}");
}

#[test]
fn a_vgg_has_the_published_size() {
    let image = ImageDims { channels: 3, height: 224, width: 224 };
    for (depth, plain, with_norm) in [
        (11, 132_863_336, 132_868_840),
        (13, 133_047_848, 133_053_736),
        (16, 138_357_544, 138_365_992),
        (19, 143_667_240, 143_678_248),
    ] {
        let of = |batch_norm| Architecture::from(Vgg::published(depth, batch_norm, image, 1000));
        assert_eq!(of(false).n_values().unwrap(), plain, "VGG-{depth}");
        // Half of the values of a batch normalisation are running statistics, which the published counts leave out.
        let statistics = with_norm - plain;
        assert_eq!(of(true).n_values().unwrap(), with_norm + statistics, "VGG-{depth} with norm");
    }
    // 7.61 and 15.47 G multiply-adds are torchvision's figures.
    for (depth, giga) in [(11, 7.61), (16, 15.47)] {
        let vgg = Architecture::from(Vgg::published(depth, false, image, 1000));
        assert!((vgg.flops_per_row().unwrap() as f64 / 2e9 - giga).abs() < 0.01);
    }
}

#[test]
fn a_vgg_is_named_like_torchvision() {
    let image = ImageDims { channels: 1, height: 32, width: 32 };
    let narrow = |head, batch_norm| {
        let vgg = Vgg { width: 2, head, ..Vgg::small(11, batch_norm, image, 3) };
        network(&vgg.into(), Precision::F32)
    };
    let described = |network: &Network| -> Vec<String> {
        let parameters = network.parameters().iter();
        parameters.map(|p| format!("{} {:?}", p.name, p.shape)).collect()
    };
    let plain = described(&narrow(VggHead::Published, false));
    for name in [
        "features.0.weight [2, 1, 3, 3]",
        "features.3.weight [4, 2, 3, 3]",
        "features.18.bias [16]",
        "classifier.0.weight [4096, 784]",
        "classifier.3.weight [4096, 4096]",
        "classifier.6.bias [3]",
    ] {
        assert!(plain.contains(&name.into()), "{name} is not in {plain:?}");
    }
    let small = narrow(VggHead::Pooled, true);
    let names = described(&small);
    assert!(names.contains(&"features.1.running_var [2]".into()), "{names:?}");
    assert!(names.contains(&"features.25.weight [16, 16, 3, 3]".into()), "{names:?}");
    assert!(names.contains(&"classifier.weight [3, 16]".into()), "{names:?}");
    assert!(small.layer_names().contains(&"features.28"));
}

#[test]
fn invalid_descriptions_are_named() {
    let sequence = CausalSequence {
        d_input: 4,
        length: 6,
        width: 8,
        n_blocks: 1,
        n_heads: 3,
        positions: true,
        n_outputs: 1,
    };
    let tiny = ImageDims { channels: 3, height: 16, width: 64 };
    for (architecture, expected) in [
        (Vgg::small(12, false, IMAGE, 2).into(), "depth"),
        (Vgg::published(11, false, tiny, 2).into(), "image"),
        (Architecture::from(sequence), "n_heads"),
    ] {
        let (precision, seed) = (Precision::F32, Seed::new(0));
        let refused = Network::new(architecture, Init::default(), precision, seed, &cpu());
        assert!(
            matches!(refused, Err(NnError::Architecture { field, .. }) if field == expected),
            "{refused:?}"
        );
    }
}
