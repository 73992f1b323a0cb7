//! Operations on images: the kernels of [`simbias_kernels`] on the CPU, the backend's own on other devices.
//!
//! The kernels become operations of burn's dispatch ([`ImageOps`]) with gradients of their own ([`gradient`]).

mod flex;
mod gradient;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Tensor, module};
use simbias_kernels::{Convolution, Means, Window};

use crate::cpu;

/// How a batch is normalised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normalisation {
    /// Added to the variance.
    pub(crate) epsilon: f64,
    /// Whether mean and variance are those of the batch itself, so that its gradient runs through them.
    pub(crate) is_by_batch: bool,
}

/// Operations with kernels of their own on the CPU. Images are `[batch, channels, rows, columns]`.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait ImageOps: Backend {
    /// `weight` is `[filters, channels / groups, rows, columns]`, `bias` `[filters]`.
    fn convolve(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        sizes: Convolution,
    ) -> FloatTensor<Self>;

    /// The largest number of every window.
    fn largest(images: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;

    /// The mean of every window.
    fn window_means(images: FloatTensor<Self>, means: Means) -> FloatTensor<Self>;

    /// Means and biased variances of the channels of `x` `[batch, channels, …]`: `[2, channels]`, without a gradient.
    fn moments(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `(x - mean) / √(variance + ε) · weight + bias` with `moments` `[2, channels]`.
    fn normalise(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        normalisation: Normalisation,
    ) -> FloatTensor<Self>;
}

/// Whether the kernels serve tensors like this one.
fn is_served<const D: usize>(x: &Tensor<D>) -> bool {
    x.device().without_autodiff() == cpu() && matches!(x.dtype(), DType::F32 | DType::F64)
}

/// A convolution; `bias` is `[filters]`.
pub(crate) fn convolve(
    images: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    sizes: Convolution,
) -> Tensor<4> {
    if !is_served(&images) {
        let Convolution { stride, padding, dilation, groups, .. } = sizes;
        return module::conv2d(
            images,
            weight,
            bias,
            ConvOptions::new(stride, padding, dilation, groups),
        );
    }
    let bias = bias.unwrap_or_else(|| {
        Tensor::zeros([sizes.filters], (&weight.device().without_autodiff(), weight.dtype()))
    });
    Tensor::from_dispatch(Dispatch::convolve(
        images.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        sizes,
    ))
}

/// The largest number of every window.
pub(crate) fn max_pool(images: Tensor<4>, window: Window) -> Tensor<4> {
    if is_served(&images) {
        return Tensor::from_dispatch(Dispatch::largest(images.into_dispatch(), window));
    }
    let options = MaxPoolOptions::new(window.kernel)
        .with_stride(window.stride)
        .with_padding(window.padding)
        .with_ceil_mode(window.rounds_up);
    module::max_pool2d(images, options)
}

/// Means over `output` windows that cover the image.
pub(crate) fn adaptive_average_pool(images: Tensor<4>, output: [usize; 2]) -> Tensor<4> {
    if is_served(&images) {
        let [_, _, height, width] = images.dims();
        let means = Means::adaptive([height, width], output);
        return Tensor::from_dispatch(Dispatch::window_means(images.into_dispatch(), means));
    }
    module::adaptive_avg_pool2d(images, output)
}

/// Mean and biased variance of every channel, `[channels]` each.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub(crate) mean: Tensor<1>,
    pub(crate) variance: Tensor<1>,
}

impl Moments {
    /// Of `x`, `[batch, channels, …]`. The kernels have no gradient of their own for them, since [`normalise`] has.
    pub(crate) fn of<const D: usize>(x: &Tensor<D>) -> Self {
        let n_channels = x.dims()[1];
        if is_served(x) {
            let x = x.clone().without_autodiff();
            let both = Tensor::<2>::from_dispatch(Dispatch::moments(x.into_dispatch()));
            let row = |row: usize| both.clone().slice([row..row + 1, 0..n_channels]).flatten(0, 1);
            return Self { mean: row(0), variance: row(1) };
        }
        let others: Vec<usize> = (0..D).filter(|&axis| axis != 1).collect();
        let mean = x.clone().mean_dims(&others);
        let centred = x.clone() - mean.clone();
        let variance = (centred.clone() * centred).mean_dims(&others);
        Self { mean: mean.reshape([n_channels]), variance: variance.reshape([n_channels]) }
    }
}

/// `(x - mean) / √(variance + ε) · weight + bias`, channel by channel of `x` `[batch, channels, …]`.
pub(crate) fn normalise<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    Moments { mean, variance }: Moments,
    normalisation: Normalisation,
) -> Tensor<D> {
    if is_served(&x) {
        let moments = [mean, variance].map(|row| row.without_autodiff().unsqueeze::<2>());
        return Tensor::from_dispatch(Dispatch::normalise(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            Tensor::cat(moments.into(), 0).into_dispatch(),
            normalisation,
        ));
    }
    let along_channels = |v: Tensor<1>| -> Tensor<D> {
        let shape: [usize; D] = std::array::from_fn(|axis| if axis == 1 { v.dims()[0] } else { 1 });
        v.reshape(shape)
    };
    (x - along_channels(mean)) / along_channels(variance).add_scalar(normalisation.epsilon).sqrt()
        * along_channels(weight)
        + along_channels(bias)
}
