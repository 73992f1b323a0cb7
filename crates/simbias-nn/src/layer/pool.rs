//! Pooling over images.

use burn::tensor::module;
use burn::tensor::ops::MaxPoolOptions;

use super::{Layer, Values};
use crate::pass::Pass;
use crate::signal::Signal;

/// `torch.nn.MaxPool2d` with square windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Side of a window in pixels.
    pub kernel: usize,
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Rows and columns of `-∞` on every side, at most half the kernel.
    pub padding: usize,
    /// Whether a window that hangs over the end counts.
    pub rounds_up: bool,
}

impl MaxPool2d {
    /// Windows of 2×2 side by side; an odd row or column at the end is left out.
    pub fn halving() -> Self {
        Self { kernel: 2, stride: 2, padding: 0, rounds_up: false }
    }

    /// Rows and columns of the output for an image of `size`.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|n| {
            let Some(beyond_first) = (n + 2 * self.padding).checked_sub(self.kernel) else {
                // Only a window that may hang over the end still covers a pixel.
                return usize::from(self.rounds_up && n > 0);
            };
            if !self.rounds_up {
                return beyond_first / self.stride + 1;
            }
            // A window must start within the image or the zeros before it.
            let last_start = (n + self.padding).saturating_sub(1) / self.stride;
            beyond_first.div_ceil(self.stride).min(last_start) + 1
        })
    }
}

impl Layer for MaxPool2d {
    fn forward(&self, signal: Signal, _: Values<'_>, _: &mut Pass) -> Signal {
        let options = MaxPoolOptions::new([self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_padding([self.padding; 2])
            .with_ceil_mode(self.rounds_up);
        Signal::Image(module::max_pool2d(signal.image(), options))
    }
}

/// `torch.nn.AdaptiveAvgPool2d`: means over as many windows as the output has pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAveragePool2d {
    /// Rows and columns of the output.
    pub output: [usize; 2],
}

impl Layer for AdaptiveAveragePool2d {
    fn forward(&self, signal: Signal, _: Values<'_>, _: &mut Pass) -> Signal {
        Signal::Image(module::adaptive_avg_pool2d(signal.image(), self.output))
    }
}
