//! One forward pass: its mode, and what it leaves behind.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use simbias_stats::Seed;

use crate::signal::Signal;

/// How a forward pass behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Deterministic: no dropout, running statistics; rows do not influence one another.
    Eval,
    /// Dropout masks from `seed`, statistics of the batch.
    Train {
        /// Root of this pass's random draws; give every step its own.
        seed: Seed,
    },
}

/// The mode of one forward pass and what it leaves behind.
#[derive(Debug)]
pub struct Pass {
    /// Training or evaluation.
    pub mode: Mode,
    /// New values of running statistics, by position in [`Network::parameters`](crate::Network::parameters).
    pub statistics: Vec<(usize, Tensor<1>)>,
    /// Outputs of the layers that [`Network::tapping`](crate::Network::tapping) asked for, by name. Gradients flow
    /// through them.
    pub taps: BTreeMap<String, Signal>,
    tapped: BTreeSet<String>,
    last_only: bool,
}

impl Pass {
    /// A pass in the given mode that keeps no activations.
    pub fn new(mode: Mode) -> Self {
        Self::keeping(mode, BTreeSet::new())
    }

    /// A pass that keeps the outputs of the layers called `tapped`.
    pub(crate) fn keeping(mode: Mode, tapped: BTreeSet<String>) -> Self {
        let taps = BTreeMap::new();
        Self { mode, statistics: Vec::new(), taps, tapped, last_only: false }
    }

    /// Runs a pass that only needs the last position of a network with several outputs per row.
    pub(crate) fn for_last_position<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.last_only = true;
        let output = run(self);
        self.last_only = false;
        output
    }

    pub(crate) fn wants_last_only(&self) -> bool {
        self.last_only
    }

    /// Keeps `signal` if the layer `name` is tapped.
    pub(crate) fn tap(&mut self, name: &str, signal: &Signal) {
        if self.tapped.contains(name) {
            self.taps.insert(name.into(), signal.clone());
        }
    }
}
