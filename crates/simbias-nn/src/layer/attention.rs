//! Attention.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, module};

use super::{Layer, Values};
use crate::builder::Builder;
use crate::pass::Pass;
use crate::signal::Signal;

/// Causal attention of several heads on queries, keys and values side by side, `[batch, length, 3 width]`; the maps
/// before and after it are layers of their own.
#[derive(Debug)]
pub struct CausalAttention {
    n_heads: usize,
}

impl CausalAttention {
    /// `n_heads` heads, a divisor of `width`, on rows of `length` positions.
    pub fn new(n_heads: usize, width: usize, length: usize, builder: &mut Builder) -> Self {
        // Attention scores and weighted sums; half of each is masked.
        builder.count(&[width, length, length]);
        Self { n_heads }
    }
}

impl Layer for CausalAttention {
    fn forward(&self, signal: Signal, _: Values<'_>, _: &mut Pass) -> Signal {
        let x = signal.positions();
        let [batch, length, n_columns] = x.dims();
        let width = n_columns / 3;
        let heads = |part: usize| -> Tensor<4> {
            x.clone()
                .narrow(2, part * width, width)
                .reshape([batch, length, self.n_heads, width / self.n_heads])
                .swap_dims(1, 2)
        };
        Signal::Positions(attend(heads(0), heads(1), heads(2)))
    }
}

/// Every position attends to itself and those before it: three times `[batch, n_heads, length, head_width]` →
/// `[batch, length, n_heads · head_width]`.
pub(crate) fn attend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>) -> Tensor<3> {
    let [batch, n_heads, length, head_width] = query.dims();
    let options = AttentionModuleOptions { is_causal: true, ..Default::default() };
    module::attention(query, key, value, None, None, options).swap_dims(1, 2).reshape([
        batch,
        length,
        n_heads * head_width,
    ])
}
