//! Architectures as plain data.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::decoder::{Decoder, Positions};
use crate::layers::Builder;

/// Largest size of a layer, an image side or a vocabulary. Beyond it a description is damaged, and products of sizes
/// would leave 64 bits.
const MOST_SIZE: usize = 1 << 24;
/// Most columns of an input row.
const MOST_FEATURES: usize = 1 << 31;
/// Most layers of a kind.
const MOST_LAYERS: usize = 10_000;

/// Elementwise non-linearity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(0, x)`.
    #[default]
    Relu,
    /// `max(0, x) + 0.01 min(0, x)`, PyTorch's slope.
    LeakyRelu,
    /// `max(0, x) + a min(0, x)` with one learned slope a layer, 0.25 at the start.
    PRelu,
    /// `tanh x`.
    Tanh,
}

/// Fully connected network: `n_hidden` times Linear → activation → \[Dropout\] → \[BatchNorm\], then Linear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fcn {
    /// Columns of a row.
    pub d_input: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers; 0 is a linear model.
    pub n_hidden: usize,
    /// Columns of the output: logits, or 1 for a regression or a single score.
    pub n_outputs: usize,
    /// Non-linearity.
    pub activation: Activation,
    /// Share of hidden units set to 0 in training, in `[0, 1)`; 0 leaves the layer out.
    pub dropout: f64,
    /// Whether hidden layers end in batch normalisation.
    pub batch_norm: bool,
}

impl Fcn {
    /// The `(width, n_hidden)`-FCN of Shah et al. 2020: ReLU, no dropout, no batch normalisation.
    pub fn new(d_input: usize, width: usize, n_hidden: usize, n_outputs: usize) -> Self {
        Self {
            d_input,
            width,
            n_hidden,
            n_outputs,
            activation: Activation::Relu,
            dropout: 0.0,
            batch_norm: false,
        }
    }
}

/// Shape of an input image, channels first; a flat row is its C-order layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDims {
    /// Number of channels.
    pub channels: usize,
    /// Number of pixel rows.
    pub height: usize,
    /// Number of pixel columns.
    pub width: usize,
}

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
    /// The network of the domino checks, whose pool keeps `height / 8` rows (at least one) and 2 columns.
    pub fn new(image: ImageDims, n_outputs: usize) -> Self {
        Self { image, pool: [(image.height / 8).max(1), 2], n_outputs }
    }
}

/// The `(f, k, h)` 1-D convolution network of Shah et al. 2020 on a row read as one channel: `n_conv` times
/// Conv1d(kernel `k`, padding `(k-1)/2`) → ReLU, flatten, Linear to `d_input`, ReLU, Linear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvSequence {
    /// Columns of a row.
    pub d_input: usize,
    /// Filters of each convolution.
    pub n_filters: usize,
    /// Width of a filter.
    pub kernel: usize,
    /// Convolutions, at least 1.
    pub n_conv: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

/// The `(h, l, layers)` GRU of Shah et al. 2020: a row is cut into `d_input / step_width` steps, the last
/// output goes through Linear. Gates and names as `torch.nn.GRU`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatedRecurrent {
    /// Columns of a row, a multiple of `step_width`.
    pub d_input: usize,
    /// Columns of one step.
    pub step_width: usize,
    /// Units of the hidden state.
    pub d_hidden: usize,
    /// Stacked layers, at least 1.
    pub n_layers: usize,
    /// Columns of the output.
    pub n_outputs: usize,
}

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

/// Any network of this crate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Architecture {
    /// Fully connected.
    Fcn(Fcn),
    /// Small image network.
    SmallCnn(SmallCnn),
    /// 1-D convolutions.
    Conv1d(ConvSequence),
    /// Recurrent.
    Gru(GatedRecurrent),
    /// Residual image network.
    ResNet18(ResNet18),
    /// Decoder transformer on rows of token numbers.
    Decoder(Box<Decoder>),
}

impl Architecture {
    /// Columns of an input row.
    pub fn n_features(&self) -> usize {
        let of_image = |image: &ImageDims| image.channels * image.height * image.width;
        match self {
            Self::Fcn(fcn) => fcn.d_input,
            Self::SmallCnn(cnn) => of_image(&cnn.image),
            Self::Conv1d(conv) => conv.d_input,
            Self::Gru(gru) => gru.d_input,
            Self::ResNet18(resnet) => of_image(&resnet.image),
            Self::Decoder(decoder) => decoder.context,
        }
    }

    /// Columns of the output.
    pub fn n_outputs(&self) -> usize {
        match self {
            Self::Fcn(fcn) => fcn.n_outputs,
            Self::SmallCnn(cnn) => cnn.n_outputs,
            Self::Conv1d(conv) => conv.n_outputs,
            Self::Gru(gru) => gru.n_outputs,
            Self::ResNet18(resnet) => resnet.n_outputs,
            Self::Decoder(decoder) => decoder.vocabulary,
        }
    }

    /// Number of values of all parameters, running statistics included.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] for sizes that cannot be.
    pub fn n_values(&self) -> Result<u64, NnError> {
        self.check()?;
        let mut builder = Builder::default();
        builder.build(self);
        let of_shape = |shape: &[usize]| {
            shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64))
        };
        let mut shapes = builder.blueprints.iter().map(|blueprint| of_shape(&blueprint.shape));
        shapes.try_fold(0_u64, |sum, n| sum.checked_add(n?)).ok_or_else(|| {
            wrong("number of parameters", "beyond 64 bits", "a network that fits into memory")
        })
    }

    /// Refuses a description whose network has more values than a weight file of `n_bytes` can hold, before any
    /// memory is asked for: one of the two is damaged.
    ///
    /// # Errors
    ///
    /// [`NnError::Architecture`] for sizes that cannot be, [`NnError::TooFewWeights`].
    pub fn check_weights(&self, n_bytes: usize) -> Result<(), NnError> {
        let n_values = self.n_values()?;
        // A byte is the smallest number that weights are stored in.
        if n_values > n_bytes as u64 {
            return Err(NnError::TooFewWeights { n_values, n_bytes });
        }
        Ok(())
    }

    /// Every size of the description.
    fn sizes(&self) -> Vec<(&'static str, usize)> {
        let of_image = |image: &ImageDims| {
            [("channels", image.channels), ("height", image.height), ("width", image.width)]
        };
        let mut sizes = match self {
            Self::Fcn(fcn) => vec![("d_input", fcn.d_input), ("width", fcn.width)],
            Self::SmallCnn(cnn) => {
                let mut sizes = vec![("pool", cnn.pool[0].max(cnn.pool[1]))];
                sizes.extend(of_image(&cnn.image));
                sizes
            }
            Self::Conv1d(conv) => vec![
                ("d_input", conv.d_input),
                ("n_filters", conv.n_filters),
                ("kernel", conv.kernel),
            ],
            Self::Gru(gru) => vec![
                ("d_input", gru.d_input),
                ("step_width", gru.step_width),
                ("d_hidden", gru.d_hidden),
            ],
            Self::ResNet18(resnet) => {
                let mut sizes = vec![("width", resnet.width)];
                sizes.extend(of_image(&resnet.image));
                sizes
            }
            Self::Decoder(decoder) => {
                let n_positions = match decoder.positions {
                    Positions::Learned { n_positions } => n_positions,
                    Positions::Rotary { .. } => 0,
                };
                vec![
                    ("context", decoder.context),
                    ("width", decoder.width),
                    ("n_heads", decoder.n_heads),
                    ("n_key_heads", decoder.n_key_heads),
                    ("head_width", decoder.head_width),
                    ("inner", decoder.inner),
                    ("n_positions", n_positions),
                ]
            }
        };
        sizes.push(("n_outputs", self.n_outputs()));
        sizes
    }

    /// How often the description repeats a layer.
    fn n_layers(&self) -> (&'static str, usize) {
        match self {
            Self::Fcn(fcn) => ("n_hidden", fcn.n_hidden),
            Self::Conv1d(conv) => ("n_conv", conv.n_conv),
            Self::Gru(gru) => ("n_layers", gru.n_layers),
            Self::Decoder(decoder) => ("n_blocks", decoder.n_blocks),
            Self::SmallCnn(_) | Self::ResNet18(_) => ("layers", 1),
        }
    }

    /// Refuses sizes that no network can have.
    pub(crate) fn check(&self) -> Result<(), NnError> {
        if let Some((field, found)) = self.sizes().into_iter().find(|&(_, size)| size > MOST_SIZE) {
            return Err(wrong(field, found, "at most 2^24"));
        }
        let (field, n_layers) = self.n_layers();
        if n_layers > MOST_LAYERS {
            return Err(wrong(field, n_layers, "at most 10 000 layers"));
        }
        if let Self::SmallCnn(SmallCnn { image, .. }) | Self::ResNet18(ResNet18 { image, .. }) =
            self
        {
            let pixels = image.height * image.width;
            if pixels.checked_mul(image.channels).is_none_or(|n| n > MOST_FEATURES) {
                let found = format!("{}×{}×{}", image.channels, image.height, image.width);
                return Err(wrong("image", found, "at most 2^31 values"));
            }
        }
        if let Self::Decoder(decoder) = self {
            // No product of sizes over the whole decoder is larger than this one.
            let queries = decoder.n_heads.saturating_mul(decoder.head_width);
            let largest =
                [decoder.vocabulary, decoder.width, decoder.inner, queries, decoder.context];
            let largest = largest.into_iter().max().unwrap_or(0);
            let factors = [largest, largest, decoder.context, decoder.n_blocks, 16];
            if factors.into_iter().try_fold(1, usize::checked_mul).is_none() {
                return Err(wrong("width", largest, "sizes whose products stay within 64 bits"));
            }
        }
        let positive = |field, value: usize| match value {
            0 => Err(wrong(field, value, "at least 1")),
            _ => Ok(()),
        };
        positive("n_features", self.n_features())?;
        positive("n_outputs", self.n_outputs())?;
        match self {
            Self::Fcn(fcn) => {
                if fcn.n_hidden > 0 {
                    positive("width", fcn.width)?;
                }
                if !(0.0..1.0).contains(&fcn.dropout) {
                    return Err(wrong("dropout", fcn.dropout, "a share in [0, 1)"));
                }
            }
            Self::SmallCnn(cnn) => {
                positive("pool", cnn.pool[0].min(cnn.pool[1]))?;
                if cnn.image.height < 2 || cnn.image.width < 2 {
                    let found = format!("{}×{}", cnn.image.height, cnn.image.width);
                    return Err(wrong("image", found, "at least 2×2 pixels"));
                }
            }
            Self::Conv1d(conv) => {
                positive("n_filters", conv.n_filters)?;
                positive("kernel", conv.kernel)?;
                positive("n_conv", conv.n_conv)?;
                if conv.output_length() == 0 {
                    return Err(wrong("kernel", conv.kernel, "an odd or shorter kernel"));
                }
            }
            Self::Gru(gru) => {
                positive("step_width", gru.step_width)?;
                positive("d_hidden", gru.d_hidden)?;
                positive("n_layers", gru.n_layers)?;
                if !gru.d_input.is_multiple_of(gru.step_width) {
                    return Err(wrong("step_width", gru.step_width, "a divisor of d_input"));
                }
            }
            Self::ResNet18(resnet) => positive("width", resnet.width)?,
            Self::Decoder(decoder) => decoder.check()?,
        }
        Ok(())
    }
}

impl ConvSequence {
    /// Length of the signal after the last convolution; an even kernel loses one position a layer.
    pub(crate) fn output_length(&self) -> usize {
        let lost = if self.kernel.is_multiple_of(2) { self.n_conv } else { 0 };
        self.d_input.saturating_sub(lost)
    }
}

pub(crate) fn wrong(
    field: &'static str,
    found: impl std::fmt::Display,
    expected: &'static str,
) -> NnError {
    NnError::Architecture { field, found: found.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Init, Network, Precision};

    fn image(height: usize, width: usize) -> ImageDims {
        ImageDims { channels: 3, height, width }
    }

    fn fcn(d_input: usize, width: usize, n_hidden: usize) -> Architecture {
        Architecture::Fcn(Fcn::new(d_input, width, n_hidden, 2))
    }

    #[test]
    fn values_are_counted_as_they_are_made() {
        let conv = ConvSequence { d_input: 20, n_filters: 4, kernel: 7, n_conv: 2, n_outputs: 2 };
        let gru =
            GatedRecurrent { d_input: 20, step_width: 10, d_hidden: 5, n_layers: 2, n_outputs: 2 };
        for architecture in [
            Architecture::Fcn(Fcn { batch_norm: true, ..Fcn::new(6, 16, 2, 2) }),
            Architecture::SmallCnn(SmallCnn::new(image(16, 8), 2)),
            Architecture::Conv1d(conv),
            Architecture::Gru(gru),
            Architecture::ResNet18(ResNet18 { width: 4, ..ResNet18::new(image(8, 8), 3) }),
            Architecture::Decoder(Box::new(Decoder::small(11, 6, 8, 2, 2))),
        ] {
            let network = Network::new(
                architecture.clone(),
                Init::default(),
                Precision::F32,
                simbias_stats::Seed::new(0),
                &crate::cpu(),
            )
            .unwrap();
            let made: usize =
                network.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum();
            assert_eq!(architecture.n_values().unwrap(), made as u64);
            let n_bytes = network.to_safetensors().len();
            assert!(architecture.check_weights(n_bytes).is_ok());
            assert!(matches!(
                architecture.check_weights(made - 1),
                Err(NnError::TooFewWeights { .. })
            ));
        }
    }

    #[test]
    fn damaged_sizes_are_refused_before_memory_is_asked_for() {
        let conv = |n_conv, n_filters| {
            let kernel = 3;
            let conv = ConvSequence { d_input: 1 << 24, n_filters, kernel, n_conv, n_outputs: 2 };
            Architecture::Conv1d(conv)
        };
        let most = MOST_SIZE;
        let gru = GatedRecurrent {
            d_input: most,
            step_width: 1,
            d_hidden: most,
            n_layers: MOST_LAYERS,
            n_outputs: most,
        };
        let decoder = |width, n_blocks| {
            Architecture::Decoder(Box::new(Decoder::small(most, most, width, n_blocks, 1)))
        };
        for architecture in [
            fcn(6, usize::MAX, 1),
            fcn(6, 1_000_000_000_000, 1),
            fcn(usize::MAX, 4, 1),
            fcn(6, 4, 2_000_000_000),
            fcn(most, most, MOST_LAYERS),
            conv(2_000_000_000, 4),
            conv(MOST_LAYERS, most),
            Architecture::SmallCnn(SmallCnn::new(image(usize::MAX, usize::MAX), 2)),
            Architecture::ResNet18(ResNet18::new(image(most, most), 2)),
            Architecture::ResNet18(ResNet18 { width: most, ..ResNet18::new(image(8, 8), 2) }),
            Architecture::Gru(gru),
            decoder(usize::MAX / 4, 1),
            decoder(64, 2_000_000_000),
            decoder(1 << 20, MOST_LAYERS),
        ] {
            let error = architecture.check_weights(1 << 20).unwrap_err();
            assert!(
                matches!(error, NnError::Architecture { .. } | NnError::TooFewWeights { .. }),
                "{error}"
            );
        }
    }
}
