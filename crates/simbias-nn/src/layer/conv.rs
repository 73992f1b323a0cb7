//! Convolutions: the library's own, or one matrix product for inputs of few channels.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};

use super::{Layer, Values};
use crate::builder::Builder;
use crate::cpu;
use crate::pass::Pass;
use crate::signal::Signal;

/// Largest `channels · height · width` of a filter that is unfolded on the CPU. On two cores the step of a first layer with
/// one channel takes half as long as the library's; at 16 channels of 3×3 the library is as fast.
const LARGEST_UNFOLDED: usize = 32;

/// Sizes of a two-dimensional convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Input channels.
    pub n_in: usize,
    /// Output channels.
    pub n_out: usize,
    /// Pixel rows and columns of a filter.
    pub kernel: [usize; 2],
    /// Distance between the pixels that filters are applied to.
    pub stride: usize,
    /// Rows and columns of zeros on every side.
    pub padding: usize,
    /// Distance between the pixels within a filter.
    pub dilation: usize,
    /// Independent groups of channels, a divisor of `n_in` and `n_out`.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv2dShape {
    /// Square filters of an odd size that keep the size of the image; with a bias, in one group.
    pub fn same(n_in: usize, n_out: usize, kernel: usize) -> Self {
        let (stride, dilation, groups) = (1, 1, 1);
        let (kernel, padding) = ([kernel; 2], (kernel - 1) / 2);
        Self { n_in, n_out, kernel, stride, padding, dilation, groups, bias: true }
    }

    /// Rows and columns of the output for an image of `size`.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let reach = self.dilation * (self.kernel[axis] - 1) + 1;
            (size[axis] + 2 * self.padding).checked_sub(reach).map_or(0, |n| n / self.stride + 1)
        })
    }
}

/// `torch.nn.Conv2d` with zero padding.
#[derive(Debug)]
pub struct Conv2d {
    shape: Conv2dShape,
    weight: usize,
    bias: Option<usize>,
}

impl Conv2d {
    /// `PREFIX.weight` `[out, in / groups, rows, columns]` and `PREFIX.bias` `[out]` for images of `size`.
    pub fn new(prefix: &str, shape: Conv2dShape, size: [usize; 2], builder: &mut Builder) -> Self {
        let n_in = shape.n_in / shape.groups;
        let filters = [shape.n_out, n_in, shape.kernel[0], shape.kernel[1]];
        let n_positions = shape.output_size(size).iter().product();
        let weight = builder.filters(prefix, &filters, n_positions);
        let fan_in = n_in * shape.kernel[0] * shape.kernel[1];
        let bias = shape.bias.then(|| builder.bias(prefix, shape.n_out, fan_in));
        Self { shape, weight, bias }
    }
}

impl Layer for Conv2d {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let bias = self.bias.map(|bias| at.vector(bias));
        Signal::Image(conv2d(signal.image(), at.shaped(self.weight), bias, &self.shape))
    }
}

/// `torch.nn.Conv1d` with zero padding and stride 1.
#[derive(Debug)]
pub struct Conv1d {
    weight: usize,
    bias: usize,
    padding: usize,
}

impl Conv1d {
    /// From `n_in` to `n_out` channels: `PREFIX.weight` `[out, in, kernel]` and `PREFIX.bias` `[out]` on rows of `length`
    /// positions, with `(kernel - 1) / 2` zeros on both sides.
    pub fn new(
        prefix: &str,
        [n_in, n_out]: [usize; 2],
        kernel: usize,
        length: usize,
        builder: &mut Builder,
    ) -> Self {
        Self {
            weight: builder.filters(prefix, &[n_out, n_in, kernel], length),
            bias: builder.bias(prefix, n_out, n_in * kernel),
            padding: (kernel - 1) / 2,
        }
    }
}

impl Layer for Conv1d {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let options = ConvOptions::new([1], [self.padding], [1], 1);
        let bias = Some(at.vector(self.bias));
        Signal::Channels(module::conv1d(signal.channels(), at.shaped(self.weight), bias, options))
    }
}

/// `x` is `[batch, channels, height, width]`, `filters` `[out, channels / groups, rows, columns]`, `bias` `[out]`.
fn conv2d(
    x: Tensor<4>,
    filters: Tensor<4>,
    bias: Option<Tensor<1>>,
    &Conv2dShape { stride, padding, dilation, groups, .. }: &Conv2dShape,
) -> Tensor<4> {
    let window: usize = filters.dims()[1..].iter().product();
    let is_on_cpu = x.device().without_autodiff() == cpu();
    let is_plain = stride == 1 && dilation == 1 && groups == 1;
    if is_on_cpu && is_plain && window <= LARGEST_UNFOLDED {
        return unfolded(x, filters, bias, padding);
    }
    let options = ConvOptions::new([stride; 2], [padding; 2], [dilation; 2], groups);
    module::conv2d(x, filters, bias, options)
}

/// A matrix product: every pixel's neighbourhood is a column, every filter a row.
fn unfolded(
    x: Tensor<4>,
    filters: Tensor<4>,
    bias: Option<Tensor<1>>,
    padding: usize,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [n_filters, _, rows, columns] = filters.dims();
    let (height, width) = (height + 2 * padding + 1 - rows, width + 2 * padding + 1 - columns);
    let padded = x.pad((padding, padding, padding, padding), 0.0);
    let shifted = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).map(
        |(row, column)| {
            padded.clone().slice([0..batch, 0..channels, row..row + height, column..column + width])
        },
    );
    let n_window = rows * columns * channels;
    let neighbourhoods =
        Tensor::cat(shifted.collect(), 1).reshape([batch, n_window, height * width]);
    // The shifts run over the window first and over the channels within.
    let filters = filters.permute([0, 2, 3, 1]).reshape([1, n_filters, n_window]);
    let mut product = filters.matmul(neighbourhoods);
    if let Some(bias) = bias {
        product = product + bias.reshape([1, n_filters, 1]);
    }
    product.reshape([batch, n_filters, height, width])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{TensorData, Tolerance};
    use proptest::prelude::*;

    use super::*;

    fn tensor<const D: usize>(shape: [usize; D], salt: usize) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i: usize| (((i + salt) * 7919) % 101) as f32 / 50.0 - 1.0)
            .collect();
        let device = crate::cpu().autodiff();
        Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_product_is_the_convolution(
            batch in 1_usize..4,
            channels in 1_usize..4,
            n_filters in 1_usize..4,
            (rows, columns) in (1_usize..4, 1_usize..4),
            (height, width) in (3_usize..7, 3_usize..7),
            padding in 0_usize..3,
        ) {
            let x = tensor([batch, channels, height, width], 0);
            let filters = tensor([n_filters, channels, rows, columns], 5);
            let bias = tensor([n_filters], 11);
            let options = ConvOptions::new([1; 2], [padding; 2], [1; 2], 1);
            let expected = module::conv2d(x.clone(), filters.clone(), Some(bias.clone()), options);
            let found = unfolded(x.clone(), filters.clone(), Some(bias.clone()), padding);
            // Weights that differ by place tell a transposed gradient from the right one.
            let slope = tensor(found.dims(), 3).without_autodiff();
            let of = |output: Tensor<4>| {
                let gradients = (output * slope.clone()).sum().backward();
                [
                    x.grad(&gradients).unwrap().into_data(),
                    filters.grad(&gradients).unwrap().into_data(),
                    bias.grad(&gradients).unwrap().into_data(),
                ]
            };
            let tolerance = Tolerance::<f32>::absolute(1e-3);
            found.clone().into_data().assert_approx_eq(&expected.clone().into_data(), tolerance);
            for (ours, theirs) in of(found).iter().zip(of(expected)) {
                ours.assert_approx_eq(&theirs, tolerance);
            }
        }
    }
}
