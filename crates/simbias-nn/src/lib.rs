//! Architectures on burn, with PyTorch-compatible parameter names; the one door for burn.
//!
//! An [`Architecture`] is plain data. A [`Network`] is an architecture with values for its named
//! parameters: rows `[batch, n_features]` in, logits `[batch, n_outputs]` out. Parameters are a flat list,
//! so that optimisers, checkpoints, two-pass steps and rates per layer work by name or by position.
//!
//! ```
//! use simbias_nn::{Architecture, Fcn, Init, Network, Precision, cpu};
//! use simbias_stats::Seed;
//!
//! let architecture = Architecture::Fcn(Fcn::new(50, 100, 2, 2));
//! let network =
//!     Network::new(architecture, Init::default(), Precision::F32, Seed::new(0), &cpu()).unwrap();
//! assert_eq!(network.parameters()[0].name, "model.0.weight");
//! assert_eq!(network.n_parameters(), 50 * 100 + 100 + 100 * 100 + 100 + 100 * 2 + 2);
//! ```

mod architecture;
mod convolution;
pub mod decoder;
mod device;
mod error;
mod init;
mod layers;
mod network;
mod weights;

pub use architecture::{
    Activation, Architecture, ConvSequence, Fcn, GatedRecurrent, ImageDims, ResNet18, SmallCnn,
};
pub use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation};
pub use decoder::Decoder;
pub use device::{cpu, device_from_str};
pub use error::NnError;
pub use init::{Init, Scheme};
pub use network::{DenseLayer, Kind, Mode, Network, Parameter, Pass, Precision};
pub use weights::host_numbers;
