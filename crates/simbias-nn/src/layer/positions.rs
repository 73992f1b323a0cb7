//! Positions of a sequence: learned vectors for them, and the choice of the last one.

use super::{Layer, Values};
use crate::builder::Builder;
use crate::init::Start;
use crate::network::Kind;
use crate::pass::Pass;
use crate::signal::{Signal, last_position};

/// Deviation of the normal draws that embeddings start from, as in GPT-2.
pub(crate) const EMBEDDING_DEVIATION: f64 = 0.02;

/// Adds a learned vector to each position.
#[derive(Debug)]
pub struct AddPositions {
    table: usize,
}

impl AddPositions {
    /// `PREFIX.weight`, `[n_positions, width]`.
    pub fn new(prefix: &str, n_positions: usize, width: usize, builder: &mut Builder) -> Self {
        let start = Start::Normal { deviation: EMBEDDING_DEVIATION };
        let name = format!("{prefix}.weight");
        Self { table: builder.add(name, &[n_positions, width], Kind::Trainable, start) }
    }
}

impl Layer for AddPositions {
    fn forward(&self, signal: Signal, at: Values<'_>, _: &mut Pass) -> Signal {
        let hidden = signal.positions();
        let length = hidden.dims()[1];
        let table = at.shaped::<2>(self.table).narrow(0, 0, length);
        Signal::Positions(hidden + table.unsqueeze::<3>())
    }
}

/// Keeps only the last position in a pass that needs one output per row. All layers after it work on each position by
/// itself.
#[derive(Clone, Copy, Debug)]
pub struct WantedPositions;

impl Layer for WantedPositions {
    fn forward(&self, signal: Signal, _: Values<'_>, pass: &mut Pass) -> Signal {
        if pass.wants_last_only() {
            Signal::Rows(last_position(signal.positions()))
        } else {
            signal
        }
    }
}
