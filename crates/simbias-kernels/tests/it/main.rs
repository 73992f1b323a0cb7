//! The kernels against sums written out by the definition.

mod convolution;
