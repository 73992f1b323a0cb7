//! Pooling over images.

use simbias_kernels::Window;

use super::{Layer, Values};
use crate::image_ops::{adaptive_average_pool, max_pool};
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
        self.window().output_size(size)
    }

    fn window(&self) -> Window {
        let &Self { kernel, stride, padding, rounds_up } = self;
        Window { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], rounds_up }
    }
}

impl Layer for MaxPool2d {
    fn forward(&self, signal: Signal, _: Values<'_>, _: &mut Pass) -> Signal {
        Signal::Image(max_pool(signal.image(), self.window()))
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
        Signal::Image(adaptive_average_pool(signal.image(), self.output))
    }
}
