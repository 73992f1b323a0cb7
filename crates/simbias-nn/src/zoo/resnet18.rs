//! ResNet-18 for small images.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Choice, Describe, image_sizes, positive};
use crate::builder::Builder;
use crate::layer::{
    Activate, AdaptiveAveragePool2d, BatchNorm, Conv2d, Conv2dShape, Flatten, Linear, Residual,
    Stack,
};
use crate::signal::{ImageDims, InputShape, OutputShape};

/// ResNet-18 (He et al. 2016) for small images: first convolution 3×3 with stride 1, no max-pool, global
/// average pool, so that 32×32 as well as 64×32 works. Names as in torchvision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResNet18 {
    /// Input image.
    pub image: ImageDims,
    /// Channels of the first stage, doubled three times; 64 in the paper.
    pub width: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

impl ResNet18 {
    /// The usual width of 64.
    pub fn new(image: ImageDims, n_outputs: usize) -> Self {
        Self { image, width: 64, n_outputs }
    }
}

/// `n_in` to `n_out` channels by filters of `kernel`×`kernel` without a bias.
fn conv(n_in: usize, n_out: usize, kernel: usize, stride: usize) -> Conv2dShape {
    Conv2dShape { stride, bias: false, ..Conv2dShape::same(n_in, n_out, kernel) }
}

/// Two convolutions around which the input is added, through a 1×1 convolution where sizes change.
fn block(
    prefix: &str,
    [n_in, n_out]: [usize; 2],
    stride: usize,
    size: [usize; 2],
    builder: &mut Builder,
) -> Stack {
    let first = conv(n_in, n_out, 3, stride);
    let mut body = Stack::under(prefix);
    body.add("conv1", |name| Conv2d::new(name, first, size, builder));
    body.add("bn1", |name| BatchNorm::new(name, n_out, builder));
    body.add("relu", |_| Activate::relu());
    let smaller = first.output_size(size);
    body.add("conv2", |name| Conv2d::new(name, conv(n_out, n_out, 3, 1), smaller, builder));
    body.add("bn2", |name| BatchNorm::new(name, n_out, builder));
    let mut shortcut = Stack::under(prefix);
    if stride != 1 || n_in != n_out {
        shortcut.add("downsample", |name| {
            let mut downsample = Stack::under(name);
            let pointwise = conv(n_in, n_out, 1, stride);
            downsample.add_next(|name| Conv2d::new(name, pointwise, size, builder));
            downsample.add_next(|name| BatchNorm::new(name, n_out, builder));
            downsample
        });
    }
    let mut block = Stack::under(prefix);
    block.then(Residual::with_shortcut(body, shortcut)).then(Activate::relu());
    block
}

impl Describe for ResNet18 {
    fn title(&self) -> String {
        "a ResNet-18".into()
    }

    fn input(&self) -> InputShape {
        InputShape::Image(self.image)
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = vec![("width", self.width)];
        sizes.extend(image_sizes(&self.image));
        sizes
    }

    fn check(&self) -> Result<(), NnError> {
        positive("width", self.width)
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let ImageDims { channels, height, width } = self.image;
        let mut size = [height, width];
        let mut model = Stack::root();
        model.add("conv1", |name| {
            Conv2d::new(name, conv(channels, self.width, 3, 1), size, builder)
        });
        model.add("bn1", |name| BatchNorm::new(name, self.width, builder));
        model.add("relu", |_| Activate::relu());
        let mut n_in = self.width;
        for stage in 0..4 {
            let n_out = self.width << stage;
            let stride = if stage > 0 { 2 } else { 1 };
            model.add(format!("layer{}", stage + 1), |name| {
                let mut layer = Stack::under(name);
                layer.add_next(|name| block(name, [n_in, n_out], stride, size, builder));
                size = conv(n_in, n_out, 3, stride).output_size(size);
                layer.add_next(|name| block(name, [n_out, n_out], 1, size, builder));
                layer
            });
            n_in = n_out;
        }
        model.add("avgpool", |_| AdaptiveAveragePool2d { output: [1, 1] });
        model.then(Flatten);
        model.add("fc", |name| Linear::new(name, n_in, self.n_outputs, builder));
        model
    }

    fn choices() -> &'static [Choice<Self>] {
        &[Choice {
            names: &["resnet18", "res-net18"],
            make: |input, n_outputs| match *input {
                InputShape::Image(image) => Ok(Box::new(Self::new(image, n_outputs))),
                _ => Err("an image network needs images of shape [channels, height, width]; use the \
                          network fcn"
                    .into()),
            },
        }]
    }
}
