//! Decoder transformers: gradients, order of time, names, invalid sizes.

use simbias_checkpoint::safetensors_image;
use simbias_nn::decoder::{Biases, FeedForward, Norm, Pairs, Positions};
use simbias_nn::{
    Architecture, Decoder, Mode, Network, NnError, Pass, Precision, Tensor, TensorData,
    host_numbers,
};

use crate::{network, values};

/// LLaMA's parts, grouped queries and biases included.
fn llama(pairs: Pairs) -> Decoder {
    Decoder {
        n_key_heads: 2,
        head_width: 4,
        inner: 9,
        norm: Norm::Rms { epsilon: 1e-5 },
        positions: Positions::Rotary { frequencies: Decoder::rotary_frequencies(100.0, 4), pairs },
        feed_forward: FeedForward::GatedSilu,
        biases: Biases { attention: true, output: true, feed_forward: true },
        ties_head: true,
        ..Decoder::small(11, 6, 12, 2, 4)
    }
}

fn decoders() -> Vec<Decoder> {
    let gpt = Decoder::small(11, 6, 12, 2, 3);
    let tanh = Decoder { feed_forward: FeedForward::GeluTanh, ..gpt.clone() };
    vec![llama(Pairs::Halves), llama(Pairs::Neighbours), gpt, tanh]
}

fn of(decoder: Decoder) -> Network {
    network(&Architecture::from(decoder), Precision::F64)
}

fn tokens(network: &Network, rows: &[[u8; 6]]) -> Tensor<2> {
    let values: Vec<f64> = rows.iter().flatten().map(|&token| f64::from(token)).collect();
    let options = (network.device(), network.precision().dtype());
    Tensor::from_data(TensorData::new(values, [rows.len(), 6]), options)
}

/// Logits after every token.
fn token_logits(network: &Network, values: &[Tensor<1>], rows: &[[u8; 6]]) -> Tensor<3> {
    let mut pass = Pass::new(Mode::Eval);
    network.forward_with(values, tokens(network, rows), &mut pass).positions().unwrap()
}

const ROWS: [[u8; 6]; 2] = [[1, 7, 7, 0, 10, 3], [4, 4, 2, 9, 5, 6]];

/// A number that depends on every logit.
fn mixed(network: &Network, values: &[Tensor<1>]) -> Tensor<1> {
    let logits = token_logits(network, values, &ROWS);
    let n = logits.shape().num_elements();
    let factors: Vec<f64> = (0..n).map(|i| ((i * 37 % 23) as f64 - 11.0) / 11.0).collect();
    let options = (network.device(), network.precision().dtype());
    let factors: Tensor<1> = Tensor::from_data(TensorData::new(factors, [n]), options);
    (logits.reshape([n]) * factors).sum()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-5;
    for decoder in decoders() {
        let network = of(decoder);
        // Away from the constants that normalisations start from.
        let start: Vec<Tensor<1>> = network
            .values()
            .into_iter()
            .enumerate()
            .map(|(index, value)| value.mul_scalar(1.5).add_scalar(0.02 * (index % 5) as f64))
            .collect();
        let leaves: Vec<Tensor<1>> =
            start.iter().map(|value| value.clone().autodiff().require_grad()).collect();
        let mut gradients = mixed(&network, &leaves).backward();
        for (index, leaf) in leaves.iter().enumerate() {
            let name = &network.parameters()[index].name;
            let gradient = values(&leaf.grad_remove(&mut gradients).unwrap());
            for at in [0, gradient.len() / 2, gradient.len() - 1] {
                let moved = |by: f64| {
                    let mut all = start.clone();
                    let mut numbers = values(&start[index]);
                    numbers[at] += by;
                    let n = numbers.len();
                    let options = (network.device(), network.precision().dtype());
                    all[index] = Tensor::from_data(TensorData::new(numbers, [n]), options);
                    values(&mixed(&network, &all))[0]
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let error = (gradient[at] - expected).abs();
                assert!(
                    error < 1e-6 * (1.0 + expected.abs()),
                    "{name}[{at}]: {} and {expected}",
                    gradient[at]
                );
            }
        }
    }
}

#[test]
fn a_row_ends_in_the_logits_of_its_last_token() {
    for decoder in decoders() {
        let network = of(decoder);
        let rows = tokens(&network, &ROWS);
        let all = token_logits(&network, &network.values(), &ROWS);
        let last = all.narrow(1, 5, 1).reshape([2, 11]);
        let found = values(&network.forward(rows));
        for (left, right) in found.iter().zip(values(&last)) {
            assert!((left - right).abs() < 1e-12);
        }
    }
}

#[test]
fn a_later_token_changes_nothing_before_it() {
    for decoder in decoders() {
        let network = of(decoder);
        let logits = |rows: &[[u8; 6]]| values(&token_logits(&network, &network.values(), rows));
        let before = logits(&ROWS[..1]);
        let mut changed = ROWS[0];
        changed[3] = 8;
        let after = logits(&[changed]);
        assert_eq!(before[..3 * 11], after[..3 * 11]);
        assert_ne!(before[3 * 11..4 * 11], after[3 * 11..4 * 11]);
    }
}

#[test]
fn parameters_are_named_as_hugging_face_names_llama() {
    let network = of(llama(Pairs::Halves));
    let names: Vec<&str> = network.parameters().iter().map(|p| p.name.as_str()).collect();
    for name in [
        "model.embed_tokens.weight",
        "model.layers.1.input_layernorm.weight",
        "model.layers.0.self_attn.k_proj.bias",
        "model.layers.0.mlp.gate_proj.weight",
        "model.norm.weight",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert!(!names.contains(&"lm_head.weight"));
    let shape =
        |name: &str| network.parameters().iter().find(|p| p.name == name).map(|p| p.shape.clone());
    assert_eq!(shape("model.layers.0.self_attn.k_proj.weight"), Some(vec![8, 12]));
    assert_eq!(shape("model.layers.0.self_attn.o_proj.weight"), Some(vec![12, 16]));
    let gpt = of(Decoder::small(11, 6, 12, 2, 3));
    let block = 4 * 12 * 12 + 2 * 4 * 12 * 12 + 4 * 12;
    assert_eq!(gpt.n_parameters(), 11 * 12 + 6 * 12 + 2 * block + 2 * 12 + 11 * 12);
}

/// Files of tied models often hold the head as well, and the frequencies of their positions.
#[test]
fn copies_of_a_tied_head_and_frequencies_are_skipped() {
    let network = of(llama(Pairs::Halves));
    let tensors = |more: &[&str]| {
        let own = network.parameters().iter().map(|parameter| {
            (parameter.name.clone(), &parameter.shape[..], host_numbers(&parameter.value))
        });
        let embedding = &network.parameters()[0];
        let more = more
            .iter()
            .map(|name| (name.to_string(), &embedding.shape[..], host_numbers(&embedding.value)));
        safetensors_image(own.chain(more), None).unwrap()
    };
    let needless = [
        "lm_head.weight",
        "model.layers.0.self_attn.rotary_emb.inv_freq",
        "model.layers.1.attn.bias",
    ];
    network.clone().load_safetensors(&tensors(&needless)).unwrap();
    let surplus = network.clone().load_safetensors(&tensors(&["score.weight"]));
    assert!(matches!(surplus, Err(NnError::UnexpectedParameter { .. })));
}

#[test]
fn impossible_decoders_are_named() {
    let base = || Decoder::small(11, 6, 12, 2, 4);
    for (decoder, expected) in [
        (Decoder { vocabulary: 0, ..base() }, "vocabulary"),
        (Decoder { n_blocks: 1_000_000, ..base() }, "n_blocks"),
        (Decoder { n_key_heads: 3, ..base() }, "n_key_heads"),
        (Decoder { context: 7, ..base() }, "n_positions"),
        (
            Decoder {
                positions: Positions::Rotary { frequencies: vec![1.0], pairs: Pairs::Halves },
                head_width: 4,
                ..base()
            },
            "frequencies",
        ),
    ] {
        let refused = decoder.check();
        assert!(
            matches!(refused, Err(NnError::Architecture { field, .. }) if field == expected),
            "{refused:?}"
        );
    }
}
