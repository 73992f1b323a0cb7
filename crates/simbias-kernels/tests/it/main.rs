//! The kernels against sums written out by the definition.

mod convolution;
mod normalisation;
mod pooling;
mod rectification;

use simbias_kernels::Real;

/// Numbers in `-1..1` that differ from place to place.
fn numbers<T: Real>(n: usize, salt: usize) -> Vec<T> {
    (0..n).map(|i| T::from_f64((((i + salt) * 7919) % 1009) as f64 / 500.0 - 1.0)).collect()
}
