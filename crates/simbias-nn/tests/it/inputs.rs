//! Kinds of input and output: the same numbers in another form give the same result.

use simbias_nn::zoo::CausalSequence;
use simbias_nn::{
    Decoder, ImageDims, Input, Mode, Network, Output, Pass, Precision, SmallCnn, Tensor,
};

use crate::{network, rows, values};

fn outputs(network: &Network, input: impl Into<Input>) -> Output {
    network.forward_with(&network.values(), input, &mut Pass::new(Mode::Eval))
}

#[test]
fn images_are_rows_in_another_shape() {
    let image = ImageDims { channels: 2, height: 8, width: 6 };
    let network = network(&SmallCnn::new(image, 2).into(), Precision::F32);
    let rows = network.upload(rows(3, network.n_features(), 0).view());
    let images: Tensor<4> = rows.clone().reshape([3, 2, 8, 6]);
    let expected = values(&network.forward(rows));
    assert_eq!(values(&outputs(&network, images).rows()), expected);
}

fn sequence_model() -> Network {
    let model = CausalSequence {
        d_input: 2,
        length: 5,
        width: 4,
        n_blocks: 1,
        n_heads: 2,
        positions: true,
        n_outputs: 3,
    };
    network(&model.into(), Precision::F64)
}

#[test]
fn vectors_are_rows_in_another_shape() {
    let network = sequence_model();
    let rows = network.upload(rows(2, 10, 0).view());
    let vectors: Tensor<3> = rows.clone().reshape([2, 5, 2]);
    let all = outputs(&network, vectors).positions().unwrap();
    assert_eq!(all.dims(), [2, 5, 3]);
    assert_eq!(values(&outputs(&network, rows.clone()).positions().unwrap()), values(&all));
    // The one output of a row is that of the last position.
    let last = all.narrow(1, 4, 1);
    for (one, all) in values(&network.forward(rows)).iter().zip(values(&last)) {
        assert!((one - all).abs() < 1e-12);
    }
}

#[test]
fn a_shorter_sequence_is_the_beginning_of_a_longer_one() {
    let network = sequence_model();
    let rows = network.upload(rows(2, 10, 0).view());
    let all = outputs(&network, rows.clone()).positions().unwrap();
    let start = outputs(&network, rows.narrow(1, 0, 6)).positions().unwrap();
    assert_eq!(start.dims(), [2, 3, 3]);
    for (short, long) in values(&start).iter().zip(values(&all.narrow(1, 0, 3))) {
        assert!((short - long).abs() < 1e-12);
    }
}

#[test]
fn tokens_are_whole_numbers_of_rows() {
    let network = network(&Decoder::small(11, 4, 8, 1, 2).into(), Precision::F32);
    let rows = network.upload(ndarray::array![[1.0, 10.0, 0.0, 3.0]].view());
    let tokens = rows.clone().int();
    let by_tokens = outputs(&network, tokens).positions().unwrap();
    assert_eq!(values(&by_tokens), values(&outputs(&network, rows).positions().unwrap()));
}

#[test]
#[should_panic(expected = "columns of the rows")]
fn rows_of_another_width_are_refused() {
    let image = ImageDims { channels: 2, height: 8, width: 6 };
    let network = network(&SmallCnn::new(image, 2).into(), Precision::F32);
    network.forward(network.upload(rows(1, 95, 0).view()));
}
