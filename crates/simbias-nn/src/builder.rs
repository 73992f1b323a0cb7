//! Collects the parameters of a network while its layers are made.

use crate::init::Start;
use crate::network::Kind;

/// Name, shape and start of one parameter.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    pub(crate) start: Start,
}

/// Collects parameters while an architecture is turned into layers, and counts multiply-adds.
#[derive(Debug, Default)]
pub struct Builder {
    pub(crate) blueprints: Vec<Blueprint>,
    pub(crate) multiply_adds: u64,
    n_dropouts: u64,
}

impl Builder {
    /// Adds the parameter `name`; its position in the parameter list, under which a layer finds its values.
    pub fn add(&mut self, name: String, shape: &[usize], kind: Kind, start: Start) -> usize {
        self.blueprints.push(Blueprint { name, shape: shape.to_vec(), kind, start });
        self.blueprints.len() - 1
    }

    /// Adds `PREFIX.bias` of length `n`, which starts as the bias of a layer with that fan-in.
    pub fn bias(&mut self, prefix: &str, n: usize, fan_in: usize) -> usize {
        self.add(format!("{prefix}.bias"), &[n], Kind::Trainable, Start::Bias { fan_in })
    }

    /// Adds `PREFIX.weight` of a convolution, `[out, in / groups, …]`, applied at `n_positions` places of a row.
    pub(crate) fn filters(&mut self, prefix: &str, shape: &[usize], n_positions: usize) -> usize {
        let window: usize = shape[2..].iter().product();
        self.count(&[shape, &[n_positions]].concat());
        let start = Start::Weight { fan_in: shape[1] * window, fan_out: shape[0] * window };
        self.add(format!("{prefix}.weight"), shape, Kind::Trainable, start)
    }

    /// Counts the multiply-adds of a product of `sizes` for one row; the count saturates at 64 bits.
    pub fn count(&mut self, sizes: &[usize]) {
        let product =
            sizes.iter().fold(1_u64, |product, &size| product.saturating_mul(size as u64));
        self.multiply_adds = self.multiply_adds.saturating_add(product);
    }

    /// Number of the next dropout layer, from which its masks are drawn.
    pub(crate) fn dropout_site(&mut self) -> u64 {
        self.n_dropouts += 1;
        self.n_dropouts - 1
    }
}
