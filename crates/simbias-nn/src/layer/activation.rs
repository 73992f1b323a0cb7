//! Elementwise non-linearities.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use super::{Layer, Values};
use crate::builder::Builder;
use crate::image_ops::rectify;
use crate::init::Start;
use crate::network::Kind;
use crate::pass::Pass;
use crate::signal::{AnyRank, Signal};

/// PyTorch's default slope of `LeakyReLU`.
const LEAKY_SLOPE: f64 = 0.01;
/// PyTorch's first slope of `PReLU`.
const PRELU_START: f64 = 0.25;

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
    /// `max(0, x) + a min(0, x)` with one learned slope per layer, 0.25 at the start.
    PRelu,
    /// `tanh x`.
    Tanh,
    /// `x Φ(x)` with the normal distribution function, exact (Hendrycks & Gimpel 2016).
    Gelu,
    /// `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`, GPT-2's approximation of [`Gelu`](Self::Gelu).
    GeluTanh,
    /// `x σ(x)` (Elfwing et al. 2018).
    Silu,
}

/// An activation as a layer.
#[derive(Debug)]
pub struct Activate {
    function: Activation,
    /// Position of the learned slope.
    slope: Option<usize>,
}

impl Activate {
    /// The layer; a learned slope is `PREFIX.weight`.
    pub fn new(prefix: &str, function: Activation, builder: &mut Builder) -> Self {
        let slope = (function == Activation::PRelu).then(|| {
            let start = Start::Constant(PRELU_START);
            builder.add(format!("{prefix}.weight"), &[1], Kind::Trainable, start)
        });
        Self { function, slope }
    }

    /// `max(0, x)`.
    pub fn relu() -> Self {
        Self { function: Activation::Relu, slope: None }
    }

    /// The function, if it has no learned values.
    pub(crate) fn fixed(&self) -> Option<Activation> {
        self.slope.is_none().then_some(self.function)
    }
}

impl Layer for Activate {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let slope = self.slope.map(|slope| at.vector(slope));
        signal.map(Function { function: self.function, slope })
    }
}

struct Function {
    function: Activation,
    slope: Option<Tensor<1>>,
}

impl AnyRank for Function {
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match (self.function, self.slope) {
            (Activation::Relu, _) => rectify(x),
            (Activation::LeakyRelu, _) => activation::leaky_relu(x, LEAKY_SLOPE),
            (Activation::Tanh, _) => activation::tanh(x),
            (Activation::Gelu, _) => activation::gelu(x),
            (Activation::GeluTanh, _) => activation::gelu_approximate(x),
            (Activation::Silu, _) => activation::silu(x),
            (Activation::PRelu, Some(slope)) => {
                // max(0, x) - a max(0, -x)
                let negative = activation::relu(x.clone().neg()) * slope.unsqueeze::<D>();
                activation::relu(x) - negative
            }
            (Activation::PRelu, None) => unreachable!("every PReLU is made with its slope"),
        }
    }
}
