//! Changes of shape.

use super::{Layer, Values};
use crate::pass::Pass;
use crate::signal::Signal;

/// Flattens every row.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

impl Layer for Flatten {
    fn forward(&self, signal: Signal, _: Values<'_>, _: &mut Pass) -> Signal {
        Signal::Rows(signal.flat())
    }
}

/// Turns a flat row into a signal of several channels.
#[derive(Clone, Copy, Debug)]
pub struct ToChannels {
    /// Channels, a divisor of the row's columns.
    pub channels: usize,
}

impl Layer for ToChannels {
    fn forward(&self, signal: Signal, _: Values<'_>, _: &mut Pass) -> Signal {
        let x = signal.flat();
        let [batch, n] = x.dims();
        Signal::Channels(x.reshape([batch, self.channels, n / self.channels]))
    }
}
