//! Architectures as plain data.

use serde::{Deserialize, Serialize};

use crate::NnError;
use crate::decoder::Decoder;

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

    /// Refuses sizes that no network can have.
    pub(crate) fn check(&self) -> Result<(), NnError> {
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
