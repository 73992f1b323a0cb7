//! VGG networks.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Choice, Describe, image_sizes, positive, wrong};
use crate::builder::Builder;
use crate::layer::{
    Activate, AdaptiveAveragePool2d, BatchNorm, Conv2d, Conv2dShape, Dropout, Flatten, Linear,
    MaxPool2d, Stack,
};
use crate::signal::{ImageDims, InputShape, OutputShape};

/// Channels of the five stages as multiples of the first one's.
const STAGES: [usize; 5] = [1, 2, 4, 8, 8];
/// Units of the two hidden layers of the published classifier.
const CLASSIFIER_UNITS: usize = 4096;
/// Rows and columns that the published classifier sees.
const CLASSIFIER_SIZE: usize = 7;
/// Share of hidden units that the published classifier drops in training.
const CLASSIFIER_DROPOUT: f64 = 0.5;

/// What turns a VGG's last image into outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VggHead {
    /// For small images: the mean of every channel and one linear layer, `classifier`. Max pools round up, so that at
    /// least one pixel remains of an image of any size.
    #[default]
    Pooled,
    /// As published and in torchvision: an adaptive average pool to 7×7 and three linear layers with 4096 hidden units,
    /// ReLU and dropout of one half, `classifier.0`, `classifier.3` and `classifier.6`. Images have at least 32×32 pixels.
    Published,
}

/// VGG (Simonyan & Zisserman 2015): five stages of 3×3 convolutions, each ended by a max pool of 2. Names as in
/// torchvision, `features.N` and `classifier.N`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vgg {
    /// Input image; 3×224×224 as published.
    pub image: ImageDims,
    /// Layers with weights in the published network: 11, 13, 16 or 19.
    pub depth: usize,
    /// Whether every convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// Channels of the first stage, doubled three times; 64 as published.
    pub width: usize,
    /// What follows the convolutions.
    pub head: VggHead,
    /// Columns of the output.
    pub n_outputs: usize,
}

impl Vgg {
    /// The published network for images of `image`, width 64.
    pub fn published(depth: usize, batch_norm: bool, image: ImageDims, n_outputs: usize) -> Self {
        Self { image, depth, batch_norm, width: 64, head: VggHead::Published, n_outputs }
    }

    /// The form for small images, width 64.
    pub fn small(depth: usize, batch_norm: bool, image: ImageDims, n_outputs: usize) -> Self {
        Self { head: VggHead::Pooled, ..Self::published(depth, batch_norm, image, n_outputs) }
    }

    /// Convolutions of each stage; `None` for an unpublished depth.
    fn convolutions(&self) -> Option<[usize; 5]> {
        match self.depth {
            11 => Some([1, 1, 2, 2, 2]),
            13 => Some([2; 5]),
            16 => Some([2, 2, 3, 3, 3]),
            19 => Some([2, 2, 4, 4, 4]),
            _ => None,
        }
    }

    fn pool(&self) -> MaxPool2d {
        MaxPool2d { rounds_up: self.head == VggHead::Pooled, ..MaxPool2d::halving() }
    }

    fn features(&self, name: &str, builder: &mut Builder) -> Stack {
        let ImageDims { channels, height, width } = self.image;
        let (mut n_in, mut size) = (channels, [height, width]);
        let mut features = Stack::under(name);
        for (stage, n_convolutions) in self.convolutions().into_iter().flatten().enumerate() {
            let n_out = STAGES[stage] * self.width;
            for _ in 0..n_convolutions {
                let shape = Conv2dShape::same(n_in, n_out, 3);
                features.add_next(|name| Conv2d::new(name, shape, size, builder));
                if self.batch_norm {
                    features.add_next(|name| BatchNorm::new(name, n_out, builder));
                }
                features.add_next(|_| Activate::relu());
                n_in = n_out;
            }
            features.add_next(|_| self.pool());
            size = self.pool().output_size(size);
        }
        features
    }

    fn classifier(&self, name: &str, builder: &mut Builder) -> Stack {
        let d_last = STAGES[4] * self.width;
        let mut classifier = Stack::under(name);
        if self.head == VggHead::Pooled {
            classifier.then(Linear::new(name, d_last, self.n_outputs, builder));
            return classifier;
        }
        let mut d_input = d_last * CLASSIFIER_SIZE * CLASSIFIER_SIZE;
        for _ in 0..2 {
            classifier.add_next(|name| Linear::new(name, d_input, CLASSIFIER_UNITS, builder));
            classifier.add_next(|_| Activate::relu());
            classifier.add_next(|_| Dropout::new(CLASSIFIER_DROPOUT, builder));
            d_input = CLASSIFIER_UNITS;
        }
        classifier.add_next(|name| Linear::new(name, d_input, self.n_outputs, builder));
        classifier
    }
}

impl Describe for Vgg {
    fn title(&self) -> String {
        let norm = if self.batch_norm { " with batch normalisation" } else { "" };
        format!("a VGG-{}{norm}", self.depth)
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
        positive("width", self.width)?;
        if self.convolutions().is_none() {
            return Err(wrong("depth", self.depth, "11, 13, 16 or 19"));
        }
        let ImageDims { height, width, .. } = self.image;
        if self.head == VggHead::Published && height.min(width) < 32 {
            let found = format!("{height}×{width}");
            return Err(wrong("image", found, "at least 32×32 pixels, or the pooled head"));
        }
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let pooled = match self.head {
            VggHead::Pooled => 1,
            VggHead::Published => CLASSIFIER_SIZE,
        };
        let mut model = Stack::root();
        model.add("features", |name| self.features(name, builder));
        model.add("avgpool", |_| AdaptiveAveragePool2d { output: [pooled; 2] });
        model.then(Flatten);
        model.add("classifier", |name| self.classifier(name, builder));
        model
    }

    fn choices() -> &'static [Choice<Self>] {
        &[
            Choice { names: &["vgg11"], make: |input, n| for_data(11, false, input, n) },
            Choice { names: &["vgg11-bn"], make: |input, n| for_data(11, true, input, n) },
            Choice { names: &["vgg13"], make: |input, n| for_data(13, false, input, n) },
            Choice { names: &["vgg13-bn"], make: |input, n| for_data(13, true, input, n) },
            Choice { names: &["vgg16"], make: |input, n| for_data(16, false, input, n) },
            Choice { names: &["vgg16-bn"], make: |input, n| for_data(16, true, input, n) },
            Choice { names: &["vgg19"], make: |input, n| for_data(19, false, input, n) },
            Choice { names: &["vgg19-bn"], make: |input, n| for_data(19, true, input, n) },
        ]
    }
}

/// The form for small images; the published one is too large to train on data sets that fit into memory.
fn for_data(
    depth: usize,
    batch_norm: bool,
    input: &InputShape,
    n_outputs: usize,
) -> Result<Box<Vgg>, String> {
    match *input {
        InputShape::Image(image) => Ok(Box::new(Vgg::small(depth, batch_norm, image, n_outputs))),
        _ => Err("a VGG needs images of shape [channels, height, width]; use the network fcn".into()),
    }
}
