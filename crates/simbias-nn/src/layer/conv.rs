//! Convolutions.

use simbias_kernels::Convolution;

use super::{Layer, Values};
use crate::builder::Builder;
use crate::image_ops::convolve;
use crate::pass::Pass;
use crate::signal::Signal;

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
        self.on(size).output_size()
    }

    /// The convolution of images of `size`.
    fn on(&self, size: [usize; 2]) -> Convolution {
        Convolution {
            channels: self.n_in,
            filters: self.n_out,
            groups: self.groups,
            size,
            kernel: self.kernel,
            stride: [self.stride; 2],
            padding: [self.padding; 2],
            dilation: [self.dilation; 2],
        }
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
        let images = signal.image();
        let [_, _, height, width] = images.dims();
        let sizes = self.shape.on([height, width]);
        Signal::Image(convolve(images, at.shaped(self.weight), bias, sizes))
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
        // An image of one row.
        let x = signal.channels();
        let weight = at.shaped::<3>(self.weight);
        let ([batch, channels, length], [filters, _, kernel]) = (x.dims(), weight.dims());
        let sizes = Convolution {
            channels,
            filters,
            groups: 1,
            size: [1, length],
            kernel: [1, kernel],
            stride: [1; 2],
            padding: [0, self.padding],
            dilation: [1; 2],
        };
        let x = x.reshape([batch, channels, 1, length]);
        let weight = weight.reshape([filters, channels, 1, kernel]);
        let out = convolve(x, weight, Some(at.vector(self.bias)), sizes);
        let [_, _, _, length] = out.dims();
        Signal::Channels(out.reshape([batch, filters, length]))
    }
}
