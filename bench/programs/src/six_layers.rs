//! Six 3×3 convolutions with batch normalisation and ReLU on 3×32×32 images, a max pool after every second: 32, 64 and
//! 128 channels; then the mean of every channel and a linear layer. 5 GFLOP forward for 64 images.

use simbias_nn::layer::{
    Activate, AdaptiveAveragePool2d, BatchNorm, Conv2d, Conv2dShape, Flatten, Linear, MaxPool2d,
    Stack,
};
use simbias_nn::{Builder, Describe, ImageDims, InputShape, NnError, OutputShape};

/// Channels after each convolution.
pub(crate) const CHANNELS: [usize; 6] = [32, 32, 64, 64, 128, 128];

/// The network.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct SixLayers;

impl Describe for SixLayers {
    fn title(&self) -> String {
        "six convolutions".into()
    }

    fn input(&self) -> InputShape {
        InputShape::Image(ImageDims { channels: 3, height: 32, width: 32 })
    }

    fn output(&self) -> OutputShape {
        OutputShape::Row { n_outputs: 10 }
    }

    fn sizes(&self) -> Vec<(&'static str, usize)> {
        Vec::new()
    }

    fn check(&self) -> Result<(), NnError> {
        Ok(())
    }

    fn build(&self, builder: &mut Builder) -> Stack {
        let mut model = Stack::under("model");
        let (mut n_in, mut size) = (3, [32, 32]);
        for (nth, n_out) in CHANNELS.into_iter().enumerate() {
            let shape = Conv2dShape { bias: false, ..Conv2dShape::same(n_in, n_out, 3) };
            model.add_next(|name| Conv2d::new(name, shape, size, builder));
            model.add_next(|name| BatchNorm::new(name, n_out, builder));
            model.add_next(|_| Activate::relu());
            if nth % 2 == 1 {
                model.add_next(|_| MaxPool2d::halving());
                size = size.map(|n| n / 2);
            }
            n_in = n_out;
        }
        model.add_next(|_| AdaptiveAveragePool2d { output: [1, 1] });
        model.add_next(|_| Flatten);
        model.add_next(|name| Linear::new(name, n_in, 10, builder));
        model
    }
}
