//! Dropout.

use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use simbias_stats::Seed;

use super::{Layer, Values};
use crate::builder::Builder;
use crate::pass::{Mode, Pass};
use crate::signal::{AnyRank, Signal};

/// In training, sets a share of the entries to zero and scales the others up to keep the mean (Srivastava et al. 2014).
#[derive(Debug)]
pub struct Dropout {
    rate: f64,
    site: u64,
}

impl Dropout {
    /// A layer that sets the share `rate` in `[0, 1)` to zero; every layer of a network draws its own masks.
    pub fn new(rate: f64, builder: &mut Builder) -> Self {
        Self { rate, site: builder.dropout_site() }
    }
}

impl Layer for Dropout {
    fn forward(&self, signal: Signal, _: Values<'_>, pass: &mut Pass) -> Signal {
        match pass.mode {
            Mode::Eval => signal,
            Mode::Train { seed } => {
                signal.map(Mask { rate: self.rate, seed: seed.child("dropout", self.site) })
            }
        }
    }
}

struct Mask {
    rate: f64,
    seed: Seed,
}

impl AnyRank for Mask {
    /// Scales kept entries by `1/(1-rate)`; the mask is drawn on the host, so it depends on the seed alone.
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        let dims = x.dims();
        let mut stream = self.seed.stream();
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        let threshold = (self.rate * f64::from(u32::MAX)) as u32;
        let mask: Vec<f32> = (0..dims.iter().product())
            .map(|_| if stream.random::<u32>() < threshold { 0.0 } else { kept })
            .collect();
        let options = (&x.device().without_autodiff(), x.dtype());
        x * Tensor::from_data(TensorData::new(mask, dims), options)
    }
}
