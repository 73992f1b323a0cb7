//! Activations of named layers.

use simbias_nn::{
    Decoder, Fcn, ImageDims, Mode, NnError, Precision, ResNet18, Signal, Tensor, TensorData,
};
use simbias_stats::Seed;

use crate::{network, rows, values};

#[test]
fn layers_are_named_as_the_modules_of_pytorch() {
    let image = ImageDims { channels: 2, height: 8, width: 6 };
    let resnet = network(&ResNet18 { image, width: 2, n_outputs: 2 }.into(), Precision::F32);
    let names = resnet.layer_names();
    let place = |name: &str| names.iter().position(|&other| other == name).unwrap();
    let in_order = [
        "conv1",
        "relu",
        "layer1.0.conv1",
        "layer1.0",
        "layer1.1",
        "layer1",
        "layer2.0.conv2",
        "layer2.0.downsample.0",
        "layer2.0.downsample",
        "layer2.0",
        "avgpool",
        "fc",
    ];
    assert!(in_order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{names:?}");
    let fcn = network(&Fcn { dropout: 0.1, ..Fcn::new(5, 7, 1, 3) }.into(), Precision::F32);
    assert_eq!(fcn.layer_names(), ["model.0", "model.1", "model.2", "model.3"]);
}

#[test]
fn a_tapped_layer_is_kept_and_no_other() {
    let image = ImageDims { channels: 2, height: 8, width: 6 };
    let network = network(&ResNet18 { image, width: 2, n_outputs: 2 }.into(), Precision::F64);
    let rows = network.upload(rows(3, network.n_features(), 0).view());
    let mut pass = network.tapping(Mode::Eval, ["layer2", "avgpool", "fc"]).unwrap();
    let logits = network.forward_rows(&network.values(), rows.clone(), &mut pass);
    assert_eq!(pass.taps.keys().collect::<Vec<_>>(), ["avgpool", "fc", "layer2"]);
    assert_eq!(values(&logits), values(&network.forward(rows)));
    assert_eq!(values(&pass.taps["fc"].clone().flat()), values(&logits));
    assert_eq!(pass.taps["layer2"].clone().image().dims(), [3, 4, 4, 3]);
    // What comes out is the last layer on what went into it.
    let [weight, bias] = ["fc.weight", "fc.bias"]
        .map(|name| network.parameters().iter().find(|p| p.name == name).unwrap().value.clone());
    let pooled = pass.taps["avgpool"].clone().flat();
    let again = pooled.matmul(weight.reshape([2, 16]).transpose()) + bias.unsqueeze::<2>();
    assert_eq!(values(&again), values(&logits));
}

#[test]
fn gradients_flow_through_taps() {
    let network = network(&Fcn::new(4, 5, 1, 2).into(), Precision::F64);
    let leaves: Vec<Tensor<1>> =
        network.values().into_iter().map(|value| value.autodiff().require_grad()).collect();
    let mut pass = network.tapping(Mode::Train { seed: Seed::new(0) }, ["model.0"]).unwrap();
    network.forward_with(&leaves, network.upload(rows(3, 4, 0).view()), &mut pass);
    let mut gradients = pass.taps["model.0"].clone().flat().sum().backward();
    assert_eq!(values(&leaves[1].grad_remove(&mut gradients).unwrap()), [3.0; 5]);
    assert!(leaves[2].grad_remove(&mut gradients).is_none());
}

#[test]
fn hidden_states_of_a_decoder_have_all_positions() {
    let network = network(&Decoder::small(11, 6, 8, 2, 2).into(), Precision::F32);
    let tokens: Tensor<2> = Tensor::from_data(
        TensorData::new(vec![1.0_f32, 4.0, 2.0, 7.0, 7.0, 0.0], [1, 6]),
        (network.device(), network.precision().dtype()),
    );
    let mut pass = network.tapping(Mode::Eval, ["model.layers.1", "lm_head"]).unwrap();
    network.forward_rows(&network.values(), tokens, &mut pass);
    let dims = |signal: &Signal| match signal {
        Signal::Positions(x) => x.dims().to_vec(),
        Signal::Rows(x) => x.dims().to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(dims(&pass.taps["model.layers.1"]), [1, 6, 8]);
    assert_eq!(dims(&pass.taps["lm_head"]), [1, 11]);
}

#[test]
fn unknown_layers_are_refused_before_the_pass() {
    let network = network(&Fcn::new(4, 5, 1, 2).into(), Precision::F32);
    let refused = network.tapping(Mode::Eval, ["model.0", "model.7"]).unwrap_err();
    assert!(matches!(&refused, NnError::UnknownLayer { name, .. } if name == "model.7"));
    assert!(refused.to_string().contains("model.2"), "{refused}");
}
