//! Layers, one file a kind, and how they are put together.
//!
//! A layer is made while an architecture is built: it adds its parameters to the [`Builder`](crate::Builder) and keeps
//! their positions in the parameter list. Every pass is given the values, so that gradients, two-pass steps and
//! optimisers need no second copy of the network.

mod activation;
mod attention;
mod conv;
mod dropout;
mod linear;
mod norm;
mod pool;
mod positions;
mod recurrent;
mod reshape;
mod residual;

use std::any::Any;
use std::fmt;

use burn::tensor::Tensor;

pub use self::activation::{Activate, Activation};
pub use self::attention::CausalAttention;
pub(crate) use self::attention::attend;
pub use self::conv::{Conv1d, Conv2d, Conv2dShape};
pub use self::dropout::Dropout;
pub use self::linear::Linear;
pub(crate) use self::norm::layer_norm;
pub use self::norm::{BatchNorm, LayerNorm};
pub use self::pool::{AdaptiveAveragePool2d, MaxPool2d};
pub(crate) use self::positions::EMBEDDING_DEVIATION;
pub use self::positions::{AddPositions, WantedPositions};
pub use self::recurrent::Gru;
pub use self::reshape::{Flatten, ToChannels};
pub use self::residual::Residual;
use crate::builder::Blueprint;
use crate::pass::Pass;
use crate::signal::Signal;

/// One step of the forward pass.
pub trait Layer: fmt::Debug + Any + Send + Sync {
    /// The layer's output for `signal` at the parameter values `at`.
    ///
    /// # Panics
    ///
    /// For a signal of a kind that the layer cannot take.
    fn forward(&self, signal: Signal, at: Values<'_>, pass: &mut Pass) -> Signal;

    /// Layers inside this one, whose names a pass can tap.
    fn inner(&self) -> Vec<&Stack> {
        Vec::new()
    }
}

/// Parameter values in list order, each flat, with the shapes to give them.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    pub(crate) values: &'a [Tensor<1>],
    pub(crate) blueprints: &'a [Blueprint],
}

impl Values<'_> {
    /// The parameter at `index`, flat.
    pub fn vector(self, index: usize) -> Tensor<1> {
        self.values[index].clone()
    }

    /// The parameter at `index` in its shape.
    ///
    /// # Panics
    ///
    /// If the shape has a different number of axes.
    pub fn shaped<const D: usize>(self, index: usize) -> Tensor<D> {
        let shape: [usize; D] = match self.blueprints[index].shape.as_slice().try_into() {
            Ok(shape) => shape,
            Err(_) => panic!("{D} axes for {:?}", self.blueprints[index]),
        };
        self.values[index].clone().reshape(shape)
    }
}

/// A layer and the name under which its output can be tapped.
#[derive(Debug)]
struct Node {
    name: Option<String>,
    layer: Box<dyn Layer>,
}

/// Layers that run one after the other: a whole network, or a module of one. Names are those of PyTorch's modules.
#[derive(Debug)]
pub struct Stack {
    path: String,
    nodes: Vec<Node>,
    n_numbered: usize,
}

impl Stack {
    /// Layers whose names have no prefix.
    pub fn root() -> Self {
        Self::under("")
    }

    /// Layers of the module called `path`.
    pub fn under(path: &str) -> Self {
        Self { path: path.into(), nodes: Vec::new(), n_numbered: 0 }
    }

    /// Adds the layer called `child` in this module; `make` gets its full name.
    pub fn add<L: Layer>(
        &mut self,
        child: impl fmt::Display,
        make: impl FnOnce(&str) -> L,
    ) -> &mut Self {
        let name =
            if self.path.is_empty() { child.to_string() } else { format!("{}.{child}", self.path) };
        let layer = Box::new(make(&name));
        self.nodes.push(Node { name: Some(name), layer });
        self
    }

    /// Adds a layer under the next number, as in a `torch.nn.Sequential`, in which layers without parameters count
    /// as well.
    pub fn add_next<L: Layer>(&mut self, make: impl FnOnce(&str) -> L) -> &mut Self {
        self.n_numbered += 1;
        self.add(self.n_numbered - 1, make)
    }

    /// Adds a layer without a name of its own.
    pub fn then(&mut self, layer: impl Layer) -> &mut Self {
        self.nodes.push(Node { name: None, layer: Box::new(layer) });
        self
    }

    /// Names of all layers here and inside them, in the order of the forward pass.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for Node { name, layer } in &self.nodes {
            names.extend(layer.inner().into_iter().flat_map(Self::names));
            names.extend(name.as_deref());
        }
        names
    }

    /// The layers in the order of the forward pass.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &(dyn Layer + 'static)> {
        self.nodes.iter().map(|node| node.layer.as_ref())
    }
}

impl Layer for Stack {
    fn forward(&self, mut signal: Signal, at: Values<'_>, pass: &mut Pass) -> Signal {
        for Node { name, layer } in &self.nodes {
            signal = layer.forward(signal, at, pass);
            if let Some(name) = name {
                pass.tap(name, &signal);
            }
        }
        signal
    }

    fn inner(&self) -> Vec<&Stack> {
        vec![self]
    }
}
