//! Normalisations.

use burn::tensor::Tensor;

use super::{Layer, Values};
use crate::builder::Builder;
use crate::image_ops::{Moments, Normalisation, normalise};
use crate::init::Start;
use crate::network::Kind;
use crate::pass::{Mode, Pass};
use crate::signal::{AnyRank, Signal};

/// PyTorch's default of every batch normalisation.
const BATCH_NORM_EPSILON: f64 = 1e-5;
/// Weight of the newest batch in the running statistics, PyTorch's default.
const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// Batch normalisation of the columns of rows or of the channels of images (Ioffe & Szegedy 2015): batch statistics
/// in training, running ones otherwise.
#[derive(Debug)]
pub struct BatchNorm {
    weight: usize,
    bias: usize,
    mean: usize,
    variance: usize,
    /// Added to the variance.
    epsilon: f64,
    /// Weight of the newest batch in the running statistics.
    momentum: f64,
}

impl BatchNorm {
    /// `torch.nn.BatchNorm` over `n` columns or channels, with PyTorch's ε of 1e-5 and momentum of 0.1.
    pub fn new(prefix: &str, n: usize, builder: &mut Builder) -> Self {
        let mut add = |name: &str, kind, value| {
            builder.add(format!("{prefix}.{name}"), &[n], kind, Start::Constant(value))
        };
        Self {
            weight: add("weight", Kind::Trainable, 1.0),
            bias: add("bias", Kind::Trainable, 0.0),
            mean: add("running_mean", Kind::Statistic, 0.0),
            variance: add("running_var", Kind::Statistic, 1.0),
            epsilon: BATCH_NORM_EPSILON,
            momentum: BATCH_NORM_MOMENTUM,
        }
    }

    /// The same layer with another ε and momentum.
    pub fn with(self, epsilon: f64, momentum: f64) -> Self {
        Self { epsilon, momentum, ..self }
    }
}

impl Layer for BatchNorm {
    fn forward(&self, signal: Signal, at: Values<'_>, pass: &mut Pass) -> Signal {
        signal.map(OverBatch { norm: self, at, pass })
    }
}

struct OverBatch<'a, 'p> {
    norm: &'a BatchNorm,
    at: Values<'a>,
    pass: &'p mut Pass,
}

impl AnyRank for OverBatch<'_, '_> {
    /// As in PyTorch, the batch is normalised by its biased variance, and the running variance takes the unbiased one.
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        let Self { norm, at, pass } = self;
        let (weight, bias) = (at.vector(norm.weight), at.vector(norm.bias));
        let (running_mean, running_variance) = (at.vector(norm.mean), at.vector(norm.variance));
        let n_channels = x.dims()[1];
        let n_per_channel = x.dims().iter().product::<usize>() / n_channels;
        let (is_by_batch, moments) = match pass.mode {
            Mode::Eval => (false, Moments { mean: running_mean, variance: running_variance }),
            Mode::Train { .. } => {
                let moments = Moments::of(&x);
                let unbiased = n_per_channel as f64 / (n_per_channel.max(2) - 1) as f64;
                let mut blend = |index, running: Tensor<1>, batch: &Tensor<1>, factor: f64| {
                    let batch = batch.clone().without_autodiff();
                    let kept = running.without_autodiff().mul_scalar(1.0 - norm.momentum);
                    pass.statistics.push((index, kept + batch.mul_scalar(norm.momentum * factor)));
                };
                blend(norm.mean, running_mean, &moments.mean, 1.0);
                blend(norm.variance, running_variance, &moments.variance, unbiased);
                (true, moments)
            }
        };
        let normalisation = Normalisation { epsilon: norm.epsilon, is_by_batch };
        normalise(x, weight, bias, moments, normalisation)
    }
}

/// Layer normalisation (Ba et al. 2016) of rows or of the vector at every position.
#[derive(Debug)]
pub struct LayerNorm {
    weight: usize,
    bias: usize,
    epsilon: f64,
}

impl LayerNorm {
    /// `torch.nn.LayerNorm` over `width` entries: `PREFIX.weight` and `PREFIX.bias`, `[width]`.
    pub fn new(prefix: &str, width: usize, epsilon: f64, builder: &mut Builder) -> Self {
        let mut add = |name: &str, value| {
            let start = Start::Constant(value);
            builder.add(format!("{prefix}.{name}"), &[width], Kind::Trainable, start)
        };
        Self { weight: add("weight", 1.0), bias: add("bias", 0.0), epsilon }
    }
}

impl Layer for LayerNorm {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let (weight, bias) = (at.vector(self.weight), at.vector(self.bias));
        signal.map_vectors(|x| layer_norm(x, weight, Some(bias), self.epsilon))
    }
}

/// `(x - mean x) / √(var x + ε) · w + b` over the last axis, with the biased variance.
pub(crate) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Option<Tensor<1>>,
    epsilon: f64,
) -> Tensor<D> {
    let centred = x.clone() - x.mean_dim(D - 1);
    let variance = centred.clone().square().mean_dim(D - 1);
    let scaled = centred / variance.add_scalar(epsilon).sqrt() * weight.unsqueeze::<D>();
    match bias {
        Some(bias) => scaled + bias.unsqueeze::<D>(),
        None => scaled,
    }
}
