//! A decoder as layers of a [`Network`](crate::Network), which know the places of their values in the parameter list.

use super::{BlockWeights, Decoder, LinearWeights, Norm, NormWeights, Positions, Projection};
use crate::builder::Builder;
use crate::init::Start;
use crate::layer::{AddPositions, EMBEDDING_DEVIATION, Layer, Stack, Values, WantedPositions};
use crate::network::Kind;
use crate::pass::Pass;
use crate::signal::Signal;

/// All layers with the parameter names of Hugging Face's LLaMA; learned positions are `model.embed_positions`.
pub(super) fn stack(decoder: &Decoder, builder: &mut Builder) -> Stack {
    let Decoder { vocabulary, width, context, .. } = *decoder;
    let start = Start::Normal { deviation: EMBEDDING_DEVIATION };
    let name = "model.embed_tokens.weight".into();
    let table = builder.add(name, &[vocabulary, width], Kind::Trainable, start);
    let mut stack = Stack::root();
    stack.add("model.embed_tokens", |_| Embedding { decoder: decoder.clone(), table });
    if let Positions::Learned { n_positions } = decoder.positions {
        stack.then(AddPositions::new("model.embed_positions", n_positions, width, builder));
    }
    for index in 0..decoder.n_blocks {
        stack.add(format!("model.layers.{index}"), |name| Block::new(name, decoder, builder));
    }
    stack.then(WantedPositions);
    stack.add("model.norm", |name| {
        FinalNorm { decoder: decoder.clone(), norm: NormAt::new(name, decoder, builder) }
    });
    stack.add("lm_head", |name| {
        let weight = if decoder.ties_head {
            table
        } else {
            let start = Start::Weight { fan_in: width, fan_out: vocabulary };
            builder.add(format!("{name}.weight"), &[vocabulary, width], Kind::Trainable, start)
        };
        builder.multiply_adds += (vocabulary * width * context) as u64;
        Head { weight }
    });
    stack
}

#[derive(Debug)]
struct Embedding {
    decoder: Decoder,
    table: usize,
}

impl Layer for Embedding {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        Signal::Positions(self.decoder.embed(at.shaped(self.table), None, signal.tokens()))
    }
}

#[derive(Debug)]
struct NormAt {
    weight: usize,
    bias: Option<usize>,
}

impl NormAt {
    fn new(prefix: &str, decoder: &Decoder, builder: &mut Builder) -> Self {
        let mut add = |name: &str, value| {
            let start = Start::Constant(value);
            builder.add(format!("{prefix}.{name}"), &[decoder.width], Kind::Trainable, start)
        };
        let weight = add("weight", 1.0);
        let bias = matches!(decoder.norm, Norm::Layer { .. }).then(|| add("bias", 0.0));
        Self { weight, bias }
    }

    fn weights(&self, at: Values<'_>) -> NormWeights {
        NormWeights {
            weight: at.vector(self.weight),
            bias: self.bias.map(|index| at.vector(index)),
        }
    }
}

#[derive(Debug)]
struct LinearAt {
    weight: usize,
    bias: Option<usize>,
}

#[derive(Debug)]
struct Block {
    decoder: Decoder,
    attention_norm: NormAt,
    feed_forward_norm: NormAt,
    maps: Vec<(Projection, LinearAt)>,
}

impl Block {
    fn new(prefix: &str, decoder: &Decoder, builder: &mut Builder) -> Self {
        let attention_norm = NormAt::new(&format!("{prefix}.input_layernorm"), decoder, builder);
        let mut maps = Vec::new();
        for (projection, [n_out, n_in]) in decoder.projections() {
            let prefix = format!("{prefix}.{}", projection.name());
            builder.multiply_adds += (n_out * n_in * decoder.context) as u64;
            let start = Start::Weight { fan_in: n_in, fan_out: n_out };
            let name = format!("{prefix}.weight");
            let weight = builder.add(name, &[n_out, n_in], Kind::Trainable, start);
            let bias = decoder.has_bias(projection).then(|| builder.bias(&prefix, n_out, n_in));
            maps.push((projection, LinearAt { weight, bias }));
        }
        // Attention scores and weighted sums; half of each is masked.
        let attended = decoder.n_heads * decoder.head_width * decoder.context;
        builder.multiply_adds += (attended * decoder.context) as u64;
        let after = format!("{prefix}.post_attention_layernorm");
        let feed_forward_norm = NormAt::new(&after, decoder, builder);
        Self { decoder: decoder.clone(), attention_norm, feed_forward_norm, maps }
    }
}

impl Layer for Block {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let maps = self.maps.iter().map(|(projection, map)| {
            let weight = at.shaped(map.weight);
            let bias = map.bias.map(|index| at.vector(index));
            (*projection, LinearWeights { weight, bias })
        });
        let weights = BlockWeights {
            attention_norm: self.attention_norm.weights(at),
            feed_forward_norm: self.feed_forward_norm.weights(at),
            maps: maps.collect(),
        };
        let hidden = signal.positions();
        Signal::Positions(self.decoder.run_block(&weights, hidden, &mut |_, _| {}))
    }
}

/// The normalisation after the last block.
#[derive(Debug)]
struct FinalNorm {
    decoder: Decoder,
    norm: NormAt,
}

impl Layer for FinalNorm {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let weights = self.norm.weights(at);
        signal.map_vectors(|hidden| self.decoder.normalise(&weights, hidden))
    }
}

/// Logits of normalised hidden states.
#[derive(Debug)]
struct Head {
    weight: usize,
}

impl Layer for Head {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        signal.map_vectors(|hidden| hidden.matmul(at.shaped::<2>(self.weight).transpose()))
    }
}
