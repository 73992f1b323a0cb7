//! A small network for small images.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::architecture::{Choice, Describe, image_sizes, positive, wrong};
use crate::builder::Builder;
use crate::layer::{
    Activate, AdaptiveAveragePool2d, Conv2d, Conv2dShape, Flatten, Linear, MaxPool2d, Stack,
};
use crate::signal::{ImageDims, InputShape, OutputShape};

/// Two convolutions and two linear layers: conv 5×5×16 (padding 2), ReLU, max-pool 2, conv 3×3×32
/// (padding 1), ReLU, adaptive average pool, Linear 64, ReLU, Linear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmallCnn {
    /// Input image.
    pub image: ImageDims,
    /// Rows and columns after the adaptive pool.
    pub pool: [usize; 2],
    /// Columns of the output.
    pub n_outputs: usize,
}

impl SmallCnn {
    /// The network of the domino checks; its pool keeps `height / 8` rows (at least one) and 2 columns.
    pub fn new(image: ImageDims, n_outputs: usize) -> Self {
        Self { image, pool: [(image.height / 8).max(1), 2], n_outputs }
    }
}

impl Describe for SmallCnn {
    fn title(&self) -> String {
        "a small convolutional network".into()
    }

    fn input(&self) -> InputShape {
        InputShape::Image(self.image)
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: self.n_outputs }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = vec![("pool", self.pool[0].max(self.pool[1]))];
        sizes.extend(image_sizes(&self.image));
        sizes
    }

    fn check(&self) -> Result<(), NnError> {
        positive("pool", self.pool[0].min(self.pool[1]))?;
        let ImageDims { height, width, .. } = self.image;
        if height < 2 || width < 2 {
            return Err(wrong("image", format!("{height}×{width}"), "at least 2×2 pixels"));
        }
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let ImageDims { channels, height, width } = self.image;
        let (first, second) = (Conv2dShape::same(channels, 16, 5), Conv2dShape::same(16, 32, 3));
        let d_pooled = second.n_out * self.pool[0] * self.pool[1];
        let pool = MaxPool2d::halving();
        let pooled = pool.output_size([height, width]);
        let mut model = Stack::under("model");
        model.add_next(|name| Conv2d::new(name, first, [height, width], builder));
        model.add_next(|_| Activate::relu());
        model.add_next(|_| pool);
        model.add_next(|name| Conv2d::new(name, second, pooled, builder));
        model.add_next(|_| Activate::relu());
        model.add_next(|_| AdaptiveAveragePool2d { output: self.pool });
        model.add_next(|_| Flatten);
        model.add_next(|name| Linear::new(name, d_pooled, 64, builder));
        model.add_next(|_| Activate::relu());
        model.add_next(|name| Linear::new(name, 64, self.n_outputs, builder));
        model
    }

    fn choices() -> &'static [Choice<Self>] {
        &[Choice {
            names: &["cnn", "small-cnn"],
            // The network halves its input once and pools to height/8.
            make: |input, n_outputs| match *input {
                InputShape::Image(image) if image.height >= 8 && image.width >= 4 => {
                    Ok(Box::new(Self::new(image, n_outputs)))
                }
                _ => Err("an image network needs images of shape [channels, height ≥ 8, width ≥ 4]; \
                          use the network fcn"
                    .into()),
            },
        }]
    }
}
