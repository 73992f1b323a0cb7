//! Initial weights, drawn on the host from one named stream per parameter.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use simbias_stats::Seed;

/// Distribution of initial weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scheme {
    /// Weights and biases uniform in `±1/√fan_in`, PyTorch's default for linear and convolution layers
    /// (recurrent layers: `±1/√n_hidden`).
    #[default]
    TorchDefault,
    /// Weights `N(0, 2/fan_in)`, biases as `TorchDefault` (He et al. 2015).
    KaimingNormal,
    /// Weights uniform in `±√(6/fan_in)`, biases as `TorchDefault`.
    KaimingUniform,
    /// Weights `N(0, 2/(fan_in + fan_out))`, biases as `TorchDefault` (Glorot & Bengio 2010).
    XavierNormal,
    /// Weights uniform in `±√(6/(fan_in + fan_out))`, biases as `TorchDefault`.
    XavierUniform,
}

/// How a network starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Init {
    /// Distribution of the weights.
    pub scheme: Scheme,
    /// Factor on every drawn weight and bias; constants (batch norm, PReLU slope) are left alone.
    pub scale: f64,
}

impl Default for Init {
    /// PyTorch's initialisation, so that recipes of papers carry over.
    fn default() -> Self {
        Self { scheme: Scheme::TorchDefault, scale: 1.0 }
    }
}

/// The role of a parameter in its layer, which determines its start value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// A weight matrix or filter.
    Weight {
        /// Inputs of one output.
        fan_in: usize,
        /// Outputs that one input goes to.
        fan_out: usize,
    },
    /// A bias.
    Bias {
        /// Fan-in of its layer's weight.
        fan_in: usize,
    },
    /// Any parameter of a recurrent layer: uniform in `±1/√n_hidden` whatever the scheme.
    Recurrent {
        /// Units of the hidden state.
        n_hidden: usize,
    },
    /// `N(0, deviation²)` whatever the scheme, for embeddings and for GPT-2.
    Normal {
        /// The standard deviation.
        deviation: f64,
    },
    /// The same value everywhere.
    Constant(f64),
}

impl Init {
    /// Start values of the parameter called `name`, in C order.
    pub(crate) fn draw(self, name: &str, start: Start, n: usize, seed: Seed) -> Vec<f64> {
        let mut stream = seed.child("init", 0).child(name, 0).stream();
        let mut uniform = |bound: f64| -> Vec<f64> {
            let bound = bound * self.scale;
            (0..n).map(|_| (stream.random::<f64>() * 2.0 - 1.0) * bound).collect()
        };
        let root_of_inverse = |fan: usize| 1.0 / (fan as f64).sqrt();
        match (start, self.scheme) {
            (Start::Constant(value), _) => vec![value; n],
            (Start::Bias { fan_in }, _) | (Start::Weight { fan_in, .. }, Scheme::TorchDefault) => {
                uniform(root_of_inverse(fan_in))
            }
            (Start::Normal { deviation }, _) => normals(n, self.scale * deviation, &mut stream),
            (Start::Recurrent { n_hidden }, _) => uniform(root_of_inverse(n_hidden)),
            (Start::Weight { fan_in, .. }, Scheme::KaimingUniform) => {
                uniform(6_f64.sqrt() * root_of_inverse(fan_in))
            }
            (Start::Weight { fan_in, fan_out }, Scheme::XavierUniform) => {
                uniform(6_f64.sqrt() * root_of_inverse(fan_in + fan_out))
            }
            (Start::Weight { fan_in, .. }, Scheme::KaimingNormal) => {
                normals(n, self.scale * 2_f64.sqrt() * root_of_inverse(fan_in), &mut stream)
            }
            (Start::Weight { fan_in, fan_out }, Scheme::XavierNormal) => {
                let deviation = 2_f64.sqrt() * root_of_inverse(fan_in + fan_out);
                normals(n, self.scale * deviation, &mut stream)
            }
        }
    }
}

/// Normal draws by Box and Muller, two uniform numbers for each pair.
fn normals(n: usize, deviation: f64, stream: &mut simbias_stats::Stream) -> Vec<f64> {
    let mut values = Vec::with_capacity(n + 1);
    while values.len() < n {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * (1.0 - stream.random::<f64>()).ln()).sqrt() * deviation;
        let angle = std::f64::consts::TAU * stream.random::<f64>();
        values.push(radius * angle.cos());
        values.push(radius * angle.sin());
    }
    values.truncate(n);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHT: Start = Start::Weight { fan_in: 400, fan_out: 100 };

    fn moments(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn variances_are_those_of_the_papers() {
        let expected = [
            (Scheme::TorchDefault, 1.0 / 400.0 / 3.0),
            (Scheme::KaimingNormal, 2.0 / 400.0),
            (Scheme::KaimingUniform, 2.0 / 400.0),
            (Scheme::XavierNormal, 2.0 / 500.0),
            (Scheme::XavierUniform, 2.0 / 500.0),
        ];
        for (scheme, variance) in expected {
            for scale in [1.0, 10.0] {
                let drawn = Init { scheme, scale }.draw("w", WEIGHT, 100_000, Seed::new(1));
                let (mean, found) = moments(&drawn);
                let variance = variance * scale * scale;
                assert!(mean.abs() < 5.0 * (variance / 1e5).sqrt(), "{scheme:?}: mean {mean}");
                assert!((found / variance - 1.0).abs() < 0.02, "{scheme:?}: variance {found}");
            }
        }
    }

    #[test]
    fn each_parameter_has_its_own_stream() {
        let draw = |name| Init::default().draw(name, WEIGHT, 4, Seed::new(1));
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
    }
}
