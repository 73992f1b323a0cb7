//! Operations on images: the kernels of [`simbias_kernels`] on the CPU, the backend's own on other devices.
//!
//! The kernels become operations of burn's dispatch ([`ImageOps`]) with gradients of their own ([`gradient`]).

mod flex;
mod gradient;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Tensor, activation, module};
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

    /// `max(0, x)`.
    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self>;
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

/// `max(0, x)`.
pub(crate) fn rectify<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if is_served(&x) {
        return Tensor::from_dispatch(Dispatch::rectify(x.into_dispatch()));
    }
    activation::relu(x)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{TensorData, Tolerance};
    use proptest::prelude::*;

    use super::*;

    fn tensor<const D: usize>(shape: [usize; D], salt: usize) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i: usize| (((i + salt) * 7919) % 1009) as f32 / 500.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, shape), &cpu().autodiff()).require_grad()
    }

    /// The output and the gradients of all inputs for slopes that differ by place, which tells a transposed gradient
    /// from the right one.
    fn all<const D: usize>(output: Tensor<D>, inputs: [&dyn Gradient; 3]) -> Vec<TensorData> {
        let slope = tensor(output.dims(), 3).without_autodiff();
        let gradients = (output.clone() * slope).sum().backward();
        let gradients = inputs.into_iter().filter_map(|input| input.of(&gradients));
        [output.into_data()].into_iter().chain(gradients).collect()
    }

    trait Gradient {
        fn of(&self, gradients: &burn::tensor::Gradients) -> Option<TensorData>;
    }

    impl<const D: usize> Gradient for Tensor<D> {
        fn of(&self, gradients: &burn::tensor::Gradients) -> Option<TensorData> {
            self.grad(gradients).map(Tensor::into_data)
        }
    }

    fn assert_alike(ours: &[TensorData], theirs: &[TensorData]) {
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            ours.assert_approx_eq(theirs, Tolerance::<f32>::rel_abs(1e-3, 1e-3));
        }
    }

    fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
        [range.clone(), range]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn convolution_is_the_backends_own(
            batch in 1..4_usize,
            (groups, channels, filters) in (1..4_usize, 1..4_usize, 1..5_usize),
            size in pair(5..10),
            (kernel, stride, padding, dilation) in (pair(1..4), pair(1..3), pair(0..3), pair(1..3)),
            has_bias in any::<bool>(),
        ) {
            let (channels, filters) = (groups * channels, groups * filters);
            let sizes =
                Convolution { channels, filters, groups, size, kernel, stride, padding, dilation };
            let x = tensor([batch, channels, size[0], size[1]], 0);
            let weight = tensor([filters, channels / groups, kernel[0], kernel[1]], 5);
            let bias = tensor([filters], 11);
            let given = || has_bias.then(|| bias.clone());
            let inputs: [&dyn Gradient; 3] = [&x, &weight, &bias];
            let ours = all(convolve(x.clone(), weight.clone(), given(), sizes), inputs);
            let options = ConvOptions::new(stride, padding, dilation, groups);
            let theirs = all(module::conv2d(x.clone(), weight.clone(), given(), options), inputs);
            prop_assert_eq!(ours.len(), 3 + usize::from(has_bias));
            assert_alike(&ours, &theirs);
        }

        #[test]
        fn pooling_is_the_backends_own(
            (batch, channels) in (1..4_usize, 1..4_usize),
            size in pair(4..10),
            (kernel, stride) in (pair(1..4), pair(1..4)),
            output in pair(1..5),
            rounds_up in any::<bool>(),
        ) {
            let padding = kernel.map(|n| n / 2);
            let window = Window { kernel, stride, padding, rounds_up };
            let x = tensor([batch, channels, size[0], size[1]], 0);
            let inputs: [&dyn Gradient; 3] = [&x, &x, &x];
            let options = MaxPoolOptions::new(kernel)
                .with_stride(stride)
                .with_padding(padding)
                .with_ceil_mode(rounds_up);
            assert_alike(
                &all(max_pool(x.clone(), window), inputs),
                &all(module::max_pool2d(x.clone(), options), inputs),
            );
            assert_alike(
                &all(adaptive_average_pool(x.clone(), output), inputs),
                &all(module::adaptive_avg_pool2d(x.clone(), output), inputs),
            );
        }

        #[test]
        fn rectification_is_the_backends_own(shape in pair(1..400)) {
            let x = tensor(shape, 0);
            let inputs: [&dyn Gradient; 3] = [&x, &x, &x];
            assert_alike(&all(rectify(x.clone()), inputs), &all(activation::relu(x.clone()), inputs));
        }

        #[test]
        fn normalisation_is_its_formula(
            (batch, channels) in (2..5_usize, 1..5_usize),
            size in pair(1..5),
            is_by_batch in any::<bool>(),
        ) {
            let x = tensor([batch, channels, size[0], size[1]], 0);
            let (weight, bias) = (tensor([channels], 5), tensor([channels], 7));
            let normalisation = Normalisation { epsilon: 1e-2, is_by_batch };
            let along = |v: Tensor<1>| v.reshape([1, channels, 1, 1]);
            let mean = x.clone().mean_dims(&[0, 2, 3]);
            let variance = (x.clone() - mean.clone()).square().mean_dims(&[0, 2, 3]);
            let [mean, variance] = [mean, variance]
                .map(|moment| if is_by_batch { moment } else { moment.without_autodiff() });
            let theirs = (x.clone() - mean) / variance.add_scalar(1e-2).sqrt()
                * along(weight.clone())
                + along(bias.clone());
            let ours = normalise(x.clone(), weight.clone(), bias.clone(), Moments::of(&x), normalisation);
            let inputs: [&dyn Gradient; 3] = [&x, &weight, &bias];
            assert_alike(&all(ours, inputs), &all(theirs, inputs));
        }
    }

    #[test]
    fn tensors_that_are_not_contiguous_are_read_in_order() {
        let sizes = Convolution {
            channels: 3,
            filters: 2,
            groups: 1,
            size: [4, 6],
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1, 1],
            dilation: [1, 1],
        };
        let x = tensor([2, 3, 6, 4], 0).without_autodiff().swap_dims(2, 3);
        let weight = tensor([3, 2, 3, 3], 5).without_autodiff().swap_dims(0, 1);
        let options = ConvOptions::new([1; 2], [1; 2], [1; 2], 1);
        let theirs = module::conv2d(x.clone(), weight.clone(), None, options).into_data();
        let ours = convolve(x, weight, None, sizes).into_data();
        ours.assert_approx_eq(&theirs, Tolerance::<f32>::absolute(1e-4));
    }
}
