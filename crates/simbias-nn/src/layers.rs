//! What an architecture is made of: a list of layers over numbered parameters, and how each runs.

use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, TensorData, activation, module};
use rand::RngExt;
use simbias_stats::Seed;

use crate::architecture::{
    Activation, Architecture, ConvSequence, Fcn, GatedRecurrent, ImageDims, ResNet18, SmallCnn,
};
use crate::convolution::conv2d;
use crate::decoder::DecoderLayer;
use crate::init::Start;
use crate::network::{Kind, Mode, Pass};

/// PyTorch's default of every batch normalisation.
const BATCH_NORM_EPSILON: f64 = 1e-5;
/// Weight of the newest batch in the running statistics, PyTorch's default.
const BATCH_NORM_MOMENTUM: f64 = 0.1;
/// PyTorch's default slope of `LeakyReLU`.
const LEAKY_SLOPE: f64 = 0.01;
/// PyTorch's first slope of `PReLU`.
const PRELU_START: f64 = 0.25;

/// Name, shape and start of one parameter.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    pub(crate) start: Start,
}

/// One step of the forward pass. `usize` fields called weight, bias, … are positions in the parameter list.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    Linear { weight: usize, bias: usize },
    Conv1d { weight: usize, bias: usize, padding: usize },
    Conv2d { weight: usize, bias: Option<usize>, stride: usize, padding: usize },
    BatchNorm(Norm),
    Activation { function: Activation, slope: Option<usize> },
    Dropout { rate: f64, site: u64 },
    MaxPool2d { size: usize },
    AveragePool2d { output: [usize; 2] },
    ToSignal { channels: usize },
    ToImage(ImageDims),
    Flatten,
    Gru { layers: Vec<GruLayer>, step_width: usize },
    Residual { body: Vec<Layer>, shortcut: Vec<Layer> },
    Decoder(Box<DecoderLayer>),
}

#[derive(Clone, Debug)]
pub(crate) struct Norm {
    weight: usize,
    bias: usize,
    mean: usize,
    variance: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct GruLayer {
    weight_input: usize,
    weight_hidden: usize,
    bias_input: usize,
    bias_hidden: usize,
}

/// Collects parameters while an architecture is turned into layers, and counts multiply-adds.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    pub(crate) blueprints: Vec<Blueprint>,
    pub(crate) multiply_adds: u64,
    n_dropouts: u64,
}

impl Builder {
    pub(crate) fn add(&mut self, name: String, shape: &[usize], kind: Kind, start: Start) -> usize {
        self.blueprints.push(Blueprint { name, shape: shape.to_vec(), kind, start });
        self.blueprints.len() - 1
    }

    /// Counts the multiply-adds of a product of `sizes`; beyond 64 bits it stays at the end.
    fn count(&mut self, sizes: &[usize]) {
        let product =
            sizes.iter().fold(1_u64, |product, &size| product.saturating_mul(size as u64));
        self.multiply_adds = self.multiply_adds.saturating_add(product);
    }

    fn linear(&mut self, prefix: &str, d_input: usize, d_output: usize) -> Layer {
        self.count(&[d_input, d_output]);
        let start = Start::Weight { fan_in: d_input, fan_out: d_output };
        let shape = [d_output, d_input];
        Layer::Linear {
            weight: self.add(format!("{prefix}.weight"), &shape, Kind::Trainable, start),
            bias: self.bias(prefix, d_output, d_input),
        }
    }

    pub(crate) fn bias(&mut self, prefix: &str, n: usize, fan_in: usize) -> usize {
        self.add(format!("{prefix}.bias"), &[n], Kind::Trainable, Start::Bias { fan_in })
    }

    fn filters(&mut self, prefix: &str, shape: &[usize], n_positions: usize) -> usize {
        let window: usize = shape[2..].iter().product();
        self.count(&[shape, &[n_positions]].concat());
        let start = Start::Weight { fan_in: shape[1] * window, fan_out: shape[0] * window };
        self.add(format!("{prefix}.weight"), shape, Kind::Trainable, start)
    }

    fn batch_norm(&mut self, prefix: &str, n: usize) -> Layer {
        let mut add = |name: &str, kind, value| {
            self.add(format!("{prefix}.{name}"), &[n], kind, Start::Constant(value))
        };
        Layer::BatchNorm(Norm {
            weight: add("weight", Kind::Trainable, 1.0),
            bias: add("bias", Kind::Trainable, 0.0),
            mean: add("running_mean", Kind::Statistic, 0.0),
            variance: add("running_var", Kind::Statistic, 1.0),
        })
    }

    fn activation(&mut self, prefix: &str, function: Activation) -> Layer {
        let slope = (function == Activation::PRelu).then(|| {
            let start = Start::Constant(PRELU_START);
            self.add(format!("{prefix}.weight"), &[1], Kind::Trainable, start)
        });
        Layer::Activation { function, slope }
    }

    fn dropout(&mut self, rate: f64) -> Layer {
        self.n_dropouts += 1;
        Layer::Dropout { rate, site: self.n_dropouts - 1 }
    }

    /// The layers of `architecture`, which has been checked.
    pub(crate) fn build(&mut self, architecture: &Architecture) -> Vec<Layer> {
        match architecture {
            Architecture::Fcn(fcn) => self.fcn(fcn),
            Architecture::SmallCnn(cnn) => self.small_cnn(cnn),
            Architecture::Conv1d(conv) => self.conv_sequence(conv),
            Architecture::Gru(gru) => self.gru(gru),
            Architecture::ResNet18(resnet) => self.resnet18(resnet),
            Architecture::Decoder(decoder) => {
                vec![Layer::Decoder(Box::new(DecoderLayer::build(decoder, self)))]
            }
        }
    }

    fn fcn(&mut self, fcn: &Fcn) -> Vec<Layer> {
        // Positions as in a torch.nn.Sequential, in which layers without parameters count as well.
        let mut layers = Vec::new();
        let mut d_input = fcn.d_input;
        for _ in 0..fcn.n_hidden {
            let at = |layers: &Vec<Layer>| format!("model.{}", layers.len());
            layers.push(self.linear(&at(&layers), d_input, fcn.width));
            layers.push(self.activation(&at(&layers), fcn.activation));
            if fcn.dropout > 0.0 {
                layers.push(self.dropout(fcn.dropout));
            }
            if fcn.batch_norm {
                layers.push(self.batch_norm(&at(&layers), fcn.width));
            }
            d_input = fcn.width;
        }
        layers.push(self.linear(&format!("model.{}", layers.len()), d_input, fcn.n_outputs));
        layers
    }

    fn small_cnn(&mut self, cnn: &SmallCnn) -> Vec<Layer> {
        let ImageDims { channels, height, width } = cnn.image;
        let relu = Layer::Activation { function: Activation::Relu, slope: None };
        let first = self.filters("model.0", &[16, channels, 5, 5], height * width);
        let first_bias = self.bias("model.0", 16, channels * 25);
        let second = self.filters("model.3", &[32, 16, 3, 3], (height / 2) * (width / 2));
        let second_bias = self.bias("model.3", 32, 16 * 9);
        let d_pooled = 32 * cnn.pool[0] * cnn.pool[1];
        vec![
            Layer::ToImage(cnn.image),
            Layer::Conv2d { weight: first, bias: Some(first_bias), stride: 1, padding: 2 },
            relu.clone(),
            Layer::MaxPool2d { size: 2 },
            Layer::Conv2d { weight: second, bias: Some(second_bias), stride: 1, padding: 1 },
            relu.clone(),
            Layer::AveragePool2d { output: cnn.pool },
            Layer::Flatten,
            self.linear("model.7", d_pooled, 64),
            relu,
            self.linear("model.9", 64, cnn.n_outputs),
        ]
    }

    fn conv_sequence(&mut self, conv: &ConvSequence) -> Vec<Layer> {
        let relu = Layer::Activation { function: Activation::Relu, slope: None };
        let padding = (conv.kernel - 1) / 2;
        let mut layers = vec![Layer::ToSignal { channels: 1 }];
        let mut channels = 1;
        let mut position = 0;
        for _ in 0..conv.n_conv {
            let prefix = format!("model.{position}");
            let shape = [conv.n_filters, channels, conv.kernel];
            let weight = self.filters(&prefix, &shape, conv.d_input);
            let bias = self.bias(&prefix, conv.n_filters, channels * conv.kernel);
            layers.extend([Layer::Conv1d { weight, bias, padding }, relu.clone()]);
            channels = conv.n_filters;
            position += 2;
        }
        let d_flat = conv.n_filters * conv.output_length();
        layers.push(Layer::Flatten);
        layers.push(self.linear(&format!("model.{}", position + 1), d_flat, conv.d_input));
        layers.push(relu);
        layers.push(self.linear(&format!("model.{}", position + 3), conv.d_input, conv.n_outputs));
        layers
    }

    fn gru(&mut self, gru: &GatedRecurrent) -> Vec<Layer> {
        let h = gru.d_hidden;
        let n_steps = gru.d_input / gru.step_width;
        let start = Start::Recurrent { n_hidden: h };
        let layers = (0..gru.n_layers)
            .map(|layer_idx| {
                let d_input = if layer_idx == 0 { gru.step_width } else { h };
                self.count(&[n_steps, 3 * h, d_input + h]);
                let mut add = |name: &str, shape: &[usize]| {
                    self.add(format!("gru.{name}_l{layer_idx}"), shape, Kind::Trainable, start)
                };
                GruLayer {
                    weight_input: add("weight_ih", &[3 * h, d_input]),
                    weight_hidden: add("weight_hh", &[3 * h, h]),
                    bias_input: add("bias_ih", &[3 * h]),
                    bias_hidden: add("bias_hh", &[3 * h]),
                }
            })
            .collect();
        let readout = self.linear("fc", h, gru.n_outputs);
        vec![Layer::Gru { layers, step_width: gru.step_width }, readout]
    }

    fn resnet18(&mut self, resnet: &ResNet18) -> Vec<Layer> {
        let ImageDims { channels, mut height, mut width } = resnet.image;
        let relu = Layer::Activation { function: Activation::Relu, slope: None };
        let conv = |weight, stride, padding| Layer::Conv2d { weight, bias: None, stride, padding };
        let stem = self.filters("conv1", &[resnet.width, channels, 3, 3], height * width);
        let mut layers = vec![Layer::ToImage(resnet.image), conv(stem, 1, 1)];
        layers.push(self.batch_norm("bn1", resnet.width));
        layers.push(relu.clone());
        let mut d_input = resnet.width;
        for stage in 0..4 {
            let d_output = resnet.width << stage;
            for block in 0..2 {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                (height, width) = (height.div_ceil(stride), width.div_ceil(stride));
                let prefix = format!("layer{}.{block}", stage + 1);
                let pixels = height * width;
                let first =
                    self.filters(&format!("{prefix}.conv1"), &[d_output, d_input, 3, 3], pixels);
                let first_norm = self.batch_norm(&format!("{prefix}.bn1"), d_output);
                let second =
                    self.filters(&format!("{prefix}.conv2"), &[d_output, d_output, 3, 3], pixels);
                let second_norm = self.batch_norm(&format!("{prefix}.bn2"), d_output);
                let body = vec![
                    conv(first, stride, 1),
                    first_norm,
                    relu.clone(),
                    conv(second, 1, 1),
                    second_norm,
                ];
                let mut shortcut = Vec::new();
                if stride != 1 || d_input != d_output {
                    let prefix = format!("{prefix}.downsample");
                    let shape = [d_output, d_input, 1, 1];
                    let weight = self.filters(&format!("{prefix}.0"), &shape, pixels);
                    shortcut.push(conv(weight, stride, 0));
                    shortcut.push(self.batch_norm(&format!("{prefix}.1"), d_output));
                }
                layers.push(Layer::Residual { body, shortcut });
                layers.push(relu.clone());
                d_input = d_output;
            }
        }
        layers.push(Layer::AveragePool2d { output: [1, 1] });
        layers.push(Layer::Flatten);
        layers.push(self.linear("fc", d_input, resnet.n_outputs));
        layers
    }
}

/// Activations between two layers.
pub(crate) enum Signal {
    /// `[batch, n]`
    Flat(Tensor<2>),
    /// `[batch, channels, length]`
    Sequence(Tensor<3>),
    /// `[batch, channels, height, width]`
    Image(Tensor<4>),
}

impl Signal {
    fn flat(self) -> Tensor<2> {
        match self {
            Self::Flat(x) => x,
            Self::Sequence(x) => x.flatten(1, 2),
            Self::Image(x) => x.flatten(1, 3),
        }
    }

    fn image(self) -> Tensor<4> {
        match self {
            Self::Image(x) => x,
            _ => unreachable!("the builder puts ToImage before image layers"),
        }
    }

    fn sequence(self) -> Tensor<3> {
        match self {
            Self::Sequence(x) => x,
            _ => unreachable!("the builder puts ToSignal before sequence layers"),
        }
    }

    /// The same function on whatever rank is there.
    fn map(
        self,
        flat: impl FnOnce(Tensor<2>) -> Tensor<2>,
        sequence: impl FnOnce(Tensor<3>) -> Tensor<3>,
        image: impl FnOnce(Tensor<4>) -> Tensor<4>,
    ) -> Self {
        match self {
            Self::Flat(x) => Self::Flat(flat(x)),
            Self::Sequence(x) => Self::Sequence(sequence(x)),
            Self::Image(x) => Self::Image(image(x)),
        }
    }
}

/// Parameter values in list order, each flat, with the shapes to give them.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) values: &'a [Tensor<1>],
    pub(crate) blueprints: &'a [Blueprint],
}

impl Values<'_> {
    pub(crate) fn vector(self, index: usize) -> Tensor<1> {
        self.values[index].clone()
    }

    pub(crate) fn shaped<const D: usize>(self, index: usize) -> Tensor<D> {
        let shape: [usize; D] = std::array::from_fn(|axis| self.blueprints[index].shape[axis]);
        self.values[index].clone().reshape(shape)
    }

    /// `x · Wᵀ + b` with `W` stored `[out, in]`.
    fn affine(self, x: Tensor<2>, weight: usize, bias: usize) -> Tensor<2> {
        x.matmul(self.shaped::<2>(weight).transpose()) + self.vector(bias).unsqueeze::<2>()
    }
}

/// Runs `layers` on `signal`.
pub(crate) fn run(layers: &[Layer], mut signal: Signal, at: Values<'_>, pass: &mut Pass) -> Signal {
    for layer in layers {
        signal = apply(layer, signal, at, pass);
    }
    signal
}

fn apply(layer: &Layer, signal: Signal, at: Values<'_>, pass: &mut Pass) -> Signal {
    match layer {
        Layer::Linear { weight, bias } => Signal::Flat(at.affine(signal.flat(), *weight, *bias)),
        Layer::Conv1d { weight, bias, padding } => {
            let options = ConvOptions::new([1], [*padding], [1], 1);
            let bias = Some(at.vector(*bias));
            Signal::Sequence(module::conv1d(signal.sequence(), at.shaped(*weight), bias, options))
        }
        Layer::Conv2d { weight, bias, stride, padding } => {
            let bias = bias.map(|bias| at.vector(bias));
            Signal::Image(conv2d(signal.image(), at.shaped(*weight), bias, *stride, *padding))
        }
        Layer::BatchNorm(norm) => match signal {
            Signal::Flat(x) => Signal::Flat(batch_norm(x, norm, at, pass)),
            Signal::Sequence(x) => Signal::Sequence(batch_norm(x, norm, at, pass)),
            Signal::Image(x) => Signal::Image(batch_norm(x, norm, at, pass)),
        },
        Layer::Activation { function, slope } => {
            let slope = slope.map(|slope| at.vector(slope));
            let slope = slope.as_ref();
            signal.map(
                |x| activate(x, *function, slope),
                |x| activate(x, *function, slope),
                |x| activate(x, *function, slope),
            )
        }
        Layer::Dropout { rate, site } => match pass.mode {
            Mode::Eval => signal,
            Mode::Train { seed } => {
                let seed = seed.child("dropout", *site);
                signal.map(
                    |x| drop_out(x, *rate, seed),
                    |x| drop_out(x, *rate, seed),
                    |x| drop_out(x, *rate, seed),
                )
            }
        },
        Layer::MaxPool2d { size } => {
            Signal::Image(module::max_pool2d(signal.image(), MaxPoolOptions::new([*size; 2])))
        }
        Layer::AveragePool2d { output } => {
            Signal::Image(module::adaptive_avg_pool2d(signal.image(), *output))
        }
        Layer::ToSignal { channels } => {
            let x = signal.flat();
            let [batch, n] = x.dims();
            Signal::Sequence(x.reshape([batch, *channels, n / channels]))
        }
        Layer::ToImage(ImageDims { channels, height, width }) => {
            let x = signal.flat();
            let [batch, _] = x.dims();
            Signal::Image(x.reshape([batch, *channels, *height, *width]))
        }
        Layer::Flatten => Signal::Flat(signal.flat()),
        Layer::Gru { layers, step_width } => {
            Signal::Flat(gated_recurrent(signal.flat(), layers, *step_width, at))
        }
        Layer::Decoder(decoder) => Signal::Flat(decoder.last_logits(signal.flat(), at)),
        Layer::Residual { body, shortcut } => {
            let x = signal.image();
            let branch = run(body, Signal::Image(x.clone()), at, pass).image();
            Signal::Image(branch + run(shortcut, Signal::Image(x), at, pass).image())
        }
    }
}

fn activate<const D: usize>(
    x: Tensor<D>,
    function: Activation,
    slope: Option<&Tensor<1>>,
) -> Tensor<D> {
    match (function, slope) {
        (Activation::Relu, _) => activation::relu(x),
        (Activation::LeakyRelu, _) => activation::leaky_relu(x, LEAKY_SLOPE),
        (Activation::Tanh, _) => activation::tanh(x),
        (Activation::PRelu, Some(slope)) => {
            // max(0, x) - a max(0, -x)
            let negative = activation::relu(x.clone().neg()) * slope.clone().unsqueeze::<D>();
            activation::relu(x) - negative
        }
        (Activation::PRelu, None) => unreachable!("the builder gives every PReLU its slope"),
    }
}

/// Batch statistics in training, running ones otherwise (Ioffe & Szegedy 2015). As in PyTorch the batch is
/// normalised by its biased variance, the running variance takes the unbiased one.
fn batch_norm<const D: usize>(
    x: Tensor<D>,
    norm: &Norm,
    at: Values<'_>,
    pass: &mut Pass,
) -> Tensor<D> {
    let (weight, bias) = (at.vector(norm.weight), at.vector(norm.bias));
    let (running_mean, running_variance) = (at.vector(norm.mean), at.vector(norm.variance));
    let along_channels = |v: Tensor<1>| -> Tensor<D> {
        let shape: [usize; D] = std::array::from_fn(|axis| if axis == 1 { v.dims()[0] } else { 1 });
        v.reshape(shape)
    };
    let (mean, variance) = match pass.mode {
        Mode::Eval => (along_channels(running_mean), along_channels(running_variance)),
        Mode::Train { .. } => {
            let dims = x.dims();
            let n_per_channel = dims.iter().product::<usize>() / dims[1];
            let others: Vec<usize> = (0..D).filter(|&axis| axis != 1).collect();
            let mean = x.clone().mean_dims(&others);
            let centred = x.clone() - mean.clone();
            let variance = (centred.clone() * centred).mean_dims(&others);
            let unbiased = n_per_channel as f64 / (n_per_channel.max(2) - 1) as f64;
            let mut blend = |index, running: Tensor<1>, batch: Tensor<D>, factor: f64| {
                let batch = batch.without_autodiff().reshape([dims[1]]);
                let running = running.without_autodiff();
                let kept = running.mul_scalar(1.0 - BATCH_NORM_MOMENTUM);
                pass.statistics
                    .push((index, kept + batch.mul_scalar(BATCH_NORM_MOMENTUM * factor)));
            };
            blend(norm.mean, running_mean, mean.clone(), 1.0);
            blend(norm.variance, running_variance, variance.clone(), unbiased);
            (mean, variance)
        }
    };
    (x - mean) / variance.add_scalar(BATCH_NORM_EPSILON).sqrt() * along_channels(weight)
        + along_channels(bias)
}

/// Zeroes a share `rate` of the entries and scales the others by `1/(1-rate)`; the mask is drawn on the
/// host, so it depends on the seed alone.
fn drop_out<const D: usize>(x: Tensor<D>, rate: f64, seed: Seed) -> Tensor<D> {
    let dims = x.dims();
    let mut stream = seed.stream();
    let kept = (1.0 / (1.0 - rate)) as f32;
    let threshold = (rate * f64::from(u32::MAX)) as u32;
    let mask: Vec<f32> = (0..dims.iter().product())
        .map(|_| if stream.random::<u32>() < threshold { 0.0 } else { kept })
        .collect();
    let options = (&x.device().without_autodiff(), x.dtype());
    x * Tensor::from_data(TensorData::new(mask, dims), options)
}

/// `torch.nn.GRU` over steps, starting from zero; gate order reset, update, new.
///
/// ```text
/// r = σ(W_ir x + b_ir + W_hr h + b_hr)      z = σ(W_iz x + b_iz + W_hz h + b_hz)
/// n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))      h' = (1 - z) ∘ n + z ∘ h
/// ```
fn gated_recurrent(
    rows: Tensor<2>,
    layers: &[GruLayer],
    step_width: usize,
    at: Values<'_>,
) -> Tensor<2> {
    let [batch, n_features] = rows.dims();
    let n_steps = n_features / step_width;
    let mut inputs: Vec<Tensor<2>> =
        (0..n_steps).map(|step| rows.clone().narrow(1, step * step_width, step_width)).collect();
    for layer in layers {
        let d_hidden = at.blueprints[layer.weight_hidden].shape[1];
        let options = (&rows.device().without_autodiff(), rows.dtype());
        let mut hidden: Tensor<2> = Tensor::zeros([batch, d_hidden], options);
        for x in &mut inputs {
            let from_input = at.affine(x.clone(), layer.weight_input, layer.bias_input);
            let from_hidden = at.affine(hidden.clone(), layer.weight_hidden, layer.bias_hidden);
            let gate =
                |of: &Tensor<2>, gate: usize| of.clone().narrow(1, gate * d_hidden, d_hidden);
            let reset = activation::sigmoid(gate(&from_input, 0) + gate(&from_hidden, 0));
            let update = activation::sigmoid(gate(&from_input, 1) + gate(&from_hidden, 1));
            let new = activation::tanh(gate(&from_input, 2) + reset * gate(&from_hidden, 2));
            hidden = new.clone() + update * (hidden - new);
            *x = hidden.clone();
        }
    }
    match inputs.pop() {
        Some(last) => last,
        None => unreachable!("an architecture has at least one column, so at least one step"),
    }
}
