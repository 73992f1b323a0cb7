//! CPU kernels of image networks: convolution, pooling, batch normalisation and ReLU, each with its gradients, in 32 or 64
//! bits.
//!
//! Everything here works on slices of numbers in PyTorch's order, `[batch, channels, rows, columns]`, the last axis
//! running fastest; nothing knows a tensor or a network. Work is spread over rayon's threads. What is computed, and in
//! which order, depends on the sizes and on the width of the machine's registers, so that results on one machine are equal
//! bit for bit whatever the number of threads.

mod convolution;
mod normalisation;
mod pooling;
mod real;
mod rectification;

pub use self::convolution::Convolution;
pub use self::normalisation::{BatchNormalisation, Moments, NormalisationGradients};
pub use self::pooling::{Largest, Means, Window, max_pool, max_pool_gradient};
pub use self::real::Real;
#[doc(hidden)]
pub use self::real::{RegisterLimit, limit_registers};
pub use self::rectification::{rectify, rectify_gradient};
