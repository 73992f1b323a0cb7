//! A decoder as the one layer of a [`Network`](crate::Network): where its values stand in the parameter list.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::{BlockWeights, Decoder, LinearWeights, Norm, NormWeights, Positions, Projection};
use crate::init::Start;
use crate::layers::{Builder, Values};
use crate::network::Kind;

/// Deviation of the normal draws that embeddings start from, as in GPT-2.
const EMBEDDING_DEVIATION: f64 = 0.02;

#[derive(Clone, Debug)]
struct LinearAt {
    weight: usize,
    bias: Option<usize>,
}

#[derive(Clone, Debug)]
struct NormAt {
    weight: usize,
    bias: Option<usize>,
}

#[derive(Clone, Debug)]
struct BlockAt {
    attention_norm: NormAt,
    feed_forward_norm: NormAt,
    maps: Vec<(Projection, LinearAt)>,
}

/// The decoder and the places of its values.
#[derive(Clone, Debug)]
pub(crate) struct DecoderLayer {
    decoder: Decoder,
    embedding: usize,
    positions: Option<usize>,
    blocks: Vec<BlockAt>,
    norm: NormAt,
    head: usize,
}

impl DecoderLayer {
    /// Adds all parameters under the names of Hugging Face's LLaMA; learned positions are `model.embed_positions`.
    pub(crate) fn build(decoder: &Decoder, builder: &mut Builder) -> Self {
        let Decoder { vocabulary, width, .. } = *decoder;
        let table = |builder: &mut Builder, name: &str, n_rows| {
            let start = Start::Normal { deviation: EMBEDDING_DEVIATION };
            builder.add(format!("model.{name}.weight"), &[n_rows, width], Kind::Trainable, start)
        };
        let embedding = table(builder, "embed_tokens", vocabulary);
        let positions = match decoder.positions {
            Positions::Learned { n_positions } => {
                Some(table(builder, "embed_positions", n_positions))
            }
            Positions::Rotary { .. } => None,
        };
        let blocks = (0..decoder.n_blocks)
            .map(|index| {
                let prefix = format!("model.layers.{index}");
                let attention_norm = norm(decoder, &format!("{prefix}.input_layernorm"), builder);
                let mut maps = Vec::new();
                for (projection, [n_out, n_in]) in decoder.projections() {
                    let prefix = format!("{prefix}.{}", projection.name());
                    builder.multiply_adds += (n_out * n_in * decoder.context) as u64;
                    let start = Start::Weight { fan_in: n_in, fan_out: n_out };
                    let name = format!("{prefix}.weight");
                    let weight = builder.add(name, &[n_out, n_in], Kind::Trainable, start);
                    let bias =
                        decoder.has_bias(projection).then(|| builder.bias(&prefix, n_out, n_in));
                    maps.push((projection, LinearAt { weight, bias }));
                }
                // Scores and their use, half of each masked.
                let attended = decoder.n_heads * decoder.head_width * decoder.context;
                builder.multiply_adds += (attended * decoder.context) as u64;
                let after = format!("{prefix}.post_attention_layernorm");
                BlockAt { attention_norm, feed_forward_norm: norm(decoder, &after, builder), maps }
            })
            .collect();
        let norm = norm(decoder, "model.norm", builder);
        let head = if decoder.ties_head {
            embedding
        } else {
            let start = Start::Weight { fan_in: width, fan_out: vocabulary };
            builder.add("lm_head.weight".into(), &[vocabulary, width], Kind::Trainable, start)
        };
        builder.multiply_adds += (vocabulary * width * decoder.context) as u64;
        Self { decoder: decoder.clone(), embedding, positions, blocks, norm, head }
    }

    /// Logits of the token after every token of `rows` `[batch, length]`: `[batch, length, vocabulary]`.
    pub(crate) fn token_logits(&self, rows: Tensor<2>, at: Values<'_>) -> Tensor<3> {
        let [batch, length] = rows.dims();
        let hidden = self.hidden(rows, at).reshape([batch * length, self.decoder.width]);
        let vocabulary = self.decoder.vocabulary;
        self.head(hidden, at).reshape([batch, length, vocabulary])
    }

    /// Logits of the token after the last one, `[batch, vocabulary]`.
    pub(crate) fn last_logits(&self, rows: Tensor<2>, at: Values<'_>) -> Tensor<2> {
        let [batch, length] = rows.dims();
        let last = self.hidden(rows, at).narrow(1, length - 1, 1);
        self.head(last.reshape([batch, self.decoder.width]), at)
    }

    fn head(&self, hidden: Tensor<2>, at: Values<'_>) -> Tensor<2> {
        self.decoder.logits(&norm_weights(&self.norm, at), at.shaped(self.head), hidden)
    }

    fn hidden(&self, rows: Tensor<2>, at: Values<'_>) -> Tensor<3> {
        let positions = self.positions.map(|index| at.shaped(index));
        let tokens = rows.without_autodiff().int();
        let mut hidden = self.decoder.embed(at.shaped(self.embedding), positions, tokens);
        for block in &self.blocks {
            let weights = BlockWeights {
                attention_norm: norm_weights(&block.attention_norm, at),
                feed_forward_norm: norm_weights(&block.feed_forward_norm, at),
                maps: block
                    .maps
                    .iter()
                    .map(|(projection, map)| {
                        let weight = at.shaped(map.weight);
                        let bias = map.bias.map(|index| at.vector(index));
                        (*projection, LinearWeights { weight, bias })
                    })
                    .collect::<BTreeMap<_, _>>(),
            };
            hidden = self.decoder.run_block(&weights, hidden, &mut |_, _| {});
        }
        hidden
    }
}

fn norm(decoder: &Decoder, prefix: &str, builder: &mut Builder) -> NormAt {
    let mut add = |name: &str, value| {
        let start = Start::Constant(value);
        builder.add(format!("{prefix}.{name}"), &[decoder.width], Kind::Trainable, start)
    };
    let weight = add("weight", 1.0);
    let bias = matches!(decoder.norm, Norm::Layer { .. }).then(|| add("bias", 0.0));
    NormAt { weight, bias }
}

fn norm_weights(norm: &NormAt, at: Values<'_>) -> NormWeights {
    NormWeights { weight: at.vector(norm.weight), bias: norm.bias.map(|index| at.vector(index)) }
}
