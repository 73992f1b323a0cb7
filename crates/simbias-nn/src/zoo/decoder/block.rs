//! How a decoder runs.

use std::collections::BTreeMap;

use burn::tensor::{Int, Tensor, TensorData, activation};

use super::{Decoder, FeedForward, Norm, Pairs, Positions, Projection};
use crate::layer::{attend, layer_norm};

/// Values of a linear map.
#[derive(Clone, Debug)]
pub struct LinearWeights {
    /// `[out, in]`
    pub weight: Tensor<2>,
    /// `[out]`
    pub bias: Option<Tensor<1>>,
}

/// Values of a normalisation.
#[derive(Clone, Debug)]
pub struct NormWeights {
    /// `[width]`
    pub weight: Tensor<1>,
    /// `[width]`; absent for [`Norm::Rms`].
    pub bias: Option<Tensor<1>>,
}

/// Values of a block.
#[derive(Clone, Debug)]
pub struct BlockWeights {
    /// Before attention.
    pub attention_norm: NormWeights,
    /// Before the feed-forward part.
    pub feed_forward_norm: NormWeights,
    /// All of [`Decoder::projections`].
    pub maps: BTreeMap<Projection, LinearWeights>,
}

impl BlockWeights {
    /// `[batch, length, in] → [batch, length, out]`
    ///
    /// # Panics
    /// If the block has no such map.
    fn apply(&self, projection: Projection, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let LinearWeights { weight, bias } = &self.maps[&projection];
        let n_out = weight.dims()[0];
        let product = x.reshape([batch * length, width]).matmul(weight.clone().transpose());
        let product = match bias {
            Some(bias) => product + bias.clone().unsqueeze::<2>(),
            None => product,
        };
        product.reshape([batch, length, n_out])
    }
}

impl Decoder {
    /// Hidden states of `tokens` `[batch, length]` before the first block, `[batch, length, width]`.
    ///
    /// `embedding` is `[vocabulary, width]`; `positions` is `[n_positions, width]`, for learned positions only.
    pub fn embed(
        &self,
        embedding: Tensor<2>,
        positions: Option<Tensor<2>>,
        tokens: Tensor<2, Int>,
    ) -> Tensor<3> {
        let [batch, length] = tokens.dims();
        let hidden = embedding
            .select(0, tokens.reshape([batch * length]))
            .reshape([batch, length, self.width]);
        match positions {
            Some(positions) => hidden + positions.narrow(0, 0, length).unsqueeze::<3>(),
            None => hidden,
        }
    }

    /// One block on hidden states `[batch, length, width]`.
    ///
    /// `observe` sees every distinct input of the linear maps, `[batch, length, in]`, under the name that
    /// [`Projection::input`] gives it.
    pub fn run_block(
        &self,
        block: &BlockWeights,
        hidden: Tensor<3>,
        observe: &mut dyn FnMut(Projection, &Tensor<3>),
    ) -> Tensor<3> {
        let x = self.normalise(&block.attention_norm, hidden.clone());
        observe(Projection::Query, &x);
        let attended = self.attention(block, x);
        observe(Projection::Output, &attended);
        let hidden = hidden + block.apply(Projection::Output, attended);
        let x = self.normalise(&block.feed_forward_norm, hidden.clone());
        observe(Projection::Up, &x);
        let up = block.apply(Projection::Up, x.clone());
        let inner = match self.feed_forward {
            FeedForward::GatedSilu => activation::silu(block.apply(Projection::Gate, x)) * up,
            FeedForward::Gelu => activation::gelu(up),
            FeedForward::GeluTanh => activation::gelu_approximate(up),
        };
        observe(Projection::Down, &inner);
        hidden + block.apply(Projection::Down, inner)
    }

    /// Logits `[n, vocabulary]` of hidden states `[n, width]` after the last block; `head` is `[vocabulary, width]`.
    pub fn logits(&self, norm: &NormWeights, head: Tensor<2>, hidden: Tensor<2>) -> Tensor<2> {
        self.normalise(norm, hidden).matmul(head.transpose())
    }

    pub(super) fn normalise<const D: usize>(&self, values: &NormWeights, x: Tensor<D>) -> Tensor<D> {
        match self.norm {
            Norm::Rms { epsilon } => {
                let mean = x.clone().square().mean_dim(D - 1);
                x / mean.add_scalar(epsilon).sqrt() * values.weight.clone().unsqueeze::<D>()
            }
            Norm::Layer { epsilon } => {
                layer_norm(x, values.weight.clone(), values.bias.clone(), epsilon)
            }
        }
    }

    /// Causal attention, without its output map.
    fn attention(&self, block: &BlockWeights, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let heads = |projection, n_heads: usize| -> Tensor<4> {
            block
                .apply(projection, x.clone())
                .reshape([batch, length, n_heads, self.head_width])
                .swap_dims(1, 2)
        };
        let mut query = heads(Projection::Query, self.n_heads);
        let mut key = heads(Projection::Key, self.n_key_heads);
        let value = heads(Projection::Value, self.n_key_heads);
        if let Positions::Rotary { frequencies, pairs } = &self.positions {
            let turn = Turn::new(frequencies, length, &query);
            (query, key) = (turn.apply(query, *pairs), turn.apply(key, *pairs));
        }
        attend(query, self.repeat_heads(key), self.repeat_heads(value))
    }

    /// Repeats every key head for each query head that shares it.
    fn repeat_heads(&self, x: Tensor<4>) -> Tensor<4> {
        let group = self.n_heads / self.n_key_heads;
        if group == 1 {
            return x;
        }
        let [batch, n_key_heads, length, width] = x.dims();
        x.reshape([batch, n_key_heads, 1, length, width])
            .expand([batch, n_key_heads, group, length, width])
            .reshape([batch, self.n_heads, length, width])
    }
}

/// Cosines and sines of a rotary embedding, `[1, 1, length, head_width / 2]`.
struct Turn {
    cosine: Tensor<4>,
    sine: Tensor<4>,
}

impl Turn {
    fn new(frequencies: &[f64], length: usize, like: &Tensor<4>) -> Self {
        let table = |function: fn(f64) -> f64| -> Tensor<4> {
            let values: Vec<f64> = (0..length)
                .flat_map(|position| {
                    frequencies.iter().map(move |frequency| function(position as f64 * frequency))
                })
                .collect();
            let data = TensorData::new(values, [1, 1, length, frequencies.len()]);
            Tensor::from_data(data, (&like.device().without_autodiff(), like.dtype()))
        };
        Self { cosine: table(f64::cos), sine: table(f64::sin) }
    }

    fn apply(&self, x: Tensor<4>, pairs: Pairs) -> Tensor<4> {
        let [batch, n_heads, length, width] = x.dims();
        let half = width / 2;
        let part = |index: usize| -> Tensor<4> {
            match pairs {
                Pairs::Halves => x.clone().narrow(3, index * half, half),
                Pairs::Neighbours => x
                    .clone()
                    .reshape([batch, n_heads, length, half, 2])
                    .narrow(4, index, 1)
                    .reshape([batch, n_heads, length, half]),
            }
        };
        let (first, second) = (part(0), part(1));
        let turned_first = first.clone() * self.cosine.clone() - second.clone() * self.sine.clone();
        let turned_second = second * self.cosine.clone() + first * self.sine.clone();
        match pairs {
            Pairs::Halves => Tensor::cat(vec![turned_first, turned_second], 3),
            Pairs::Neighbours => {
                let column = |x: Tensor<4>| x.reshape([batch, n_heads, length, half, 1]);
                Tensor::cat(vec![column(turned_first), column(turned_second)], 4)
                    .reshape([batch, n_heads, length, width])
            }
        }
    }
}
