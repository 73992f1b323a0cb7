//! Residual connections.

use super::{Layer, Stack, Values};
use crate::pass::Pass;
use crate::signal::Signal;

/// `body(x) + shortcut(x)` (He et al. 2016).
#[derive(Debug)]
pub struct Residual {
    body: Stack,
    shortcut: Stack,
}

impl Residual {
    /// `body(x) + x`.
    pub fn around(body: Stack) -> Self {
        Self { body, shortcut: Stack::root() }
    }

    /// `body(x) + shortcut(x)`.
    pub fn with_shortcut(body: Stack, shortcut: Stack) -> Self {
        Self { body, shortcut }
    }
}

impl Layer for Residual {
    fn forward(&self, signal: Signal, at: Values<'_>, pass: &mut Pass) -> Signal {
        let branch = self.body.forward(signal.clone(), at, pass);
        branch.plus(self.shortcut.forward(signal, at, pass))
    }

    fn inner(&self) -> Vec<&Stack> {
        vec![&self.body, &self.shortcut]
    }
}
