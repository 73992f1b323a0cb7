//! Architectures on burn, with PyTorch-compatible parameter names; the one door for burn.
//!
//! An [`Architecture`] is plain data. A [`Network`] is an architecture with values for its named
//! parameters: rows, images, tokens or sequences in, logits out, for every row or at every position. Parameters are a
//! flat list, so that optimisers, checkpoints, two-pass steps and layer-wise rates work by name or by position. The
//! output of any named layer can be [tapped](Network::tapping).
//!
//! ```
//! use simbias_nn::{Fcn, Init, Mode, Network, Precision, cpu};
//! use simbias_stats::Seed;
//!
//! let fcn = Fcn::new(50, 100, 2, 2);
//! let network = Network::new(fcn, Init::default(), Precision::F32, Seed::new(0), &cpu()).unwrap();
//! assert_eq!(network.parameters()[0].name, "model.0.weight");
//! assert_eq!(network.n_parameters(), 50 * 100 + 100 + 100 * 100 + 100 + 100 * 2 + 2);
//!
//! let mut pass = network.tapping(Mode::Eval, ["model.1"]).unwrap();
//! let rows = network.upload(ndarray::Array2::ones((3, 50)).view());
//! network.forward_with(&network.values(), rows, &mut pass);
//! assert_eq!(pass.taps["model.1"].clone().flat().dims(), [3, 100]);
//! ```

mod architecture;
mod builder;
mod dense;
mod device;
mod error;
mod image_ops;
mod init;
pub mod layer;
mod network;
mod pass;
mod signal;
mod weights;
pub mod zoo;

pub use architecture::{Architecture, Choice, Describe};
pub use builder::Builder;
pub use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation};
pub use dense::DenseLayer;
pub use device::{cpu, device_from_str};
pub use error::NnError;
pub use init::{Init, Scheme, Start};
pub use layer::Activation;
pub use network::{Kind, Network, Parameter, Precision};
pub use pass::{Mode, Pass};
pub use signal::{AnyRank, ImageDims, Input, InputShape, Output, OutputShape, Signal};
pub use weights::host_numbers;
pub use zoo::decoder;
pub use zoo::types::*;
