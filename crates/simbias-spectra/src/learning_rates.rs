//! Layer-wise learning rates from exponents.
//!
//! A layer with a large exponent is read as under-trained and gets a larger rate. Sources: TempBalance (linear,
//! square-root, logarithmic and step maps), ModelBalancing's `TB_Sigmoid` (sigmoid map).

use serde::{Deserialize, Serialize};

use crate::SpectraError;
use crate::table::{ExponentKind, LayerRow, LayerTable};

/// Name and version of the serialised form.
pub const RATES_SCHEMA: &str = "simbias.learning-rates/1";

/// How exponents become rates; `η` is the base rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "map")]
pub enum RateMap {
    /// The smallest exponent gets `low·η`, the largest `high·η`, in between linearly.
    Linear {
        /// Factor of the smallest exponent.
        low: f64,
        /// Factor of the largest exponent.
        high: f64,
    },
    /// By rank instead of value: rank `i` of `n` gets `η·(low + (high - low)·i/n)`.
    Step {
        /// Factor of the smallest exponent.
        low: f64,
        /// Factor that the largest exponent approaches.
        high: f64,
    },
    /// `η·n·√a / Σ√a`.
    Sqrt,
    /// `η·n·log2 a / Σ log2 a`.
    Log2,
    /// `η·10^(s·(sigmoid(τ·(a - mean)) - 0.5))` with `s = above` for exponents above the mean, else `below`.
    Sigmoid {
        /// Steepness `τ`.
        steepness: f64,
        /// `s` at or below the mean.
        below: f64,
        /// `s` above the mean.
        above: f64,
    },
}

impl RateMap {
    /// TempBalance's choice.
    pub const TEMP_BALANCE: Self = Self::Linear { low: 0.5, high: 1.5 };
    /// A configuration of ModelBalancing's.
    pub const SIGMOID: Self = Self::Sigmoid { steepness: 10.0, below: 1.0, above: 1.0 };

    /// Rates of layers with these exponents, all larger than 1. Equal exponents all get the base rate.
    pub fn rates(self, exponents: &[f64], base: f64) -> Vec<f64> {
        let n = exponents.len() as f64;
        let low_end = exponents.iter().copied().fold(f64::INFINITY, f64::min);
        let high_end = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if high_end <= low_end {
            return vec![base; exponents.len()];
        }
        let normalised = |transform: fn(f64) -> f64| {
            let total: f64 = exponents.iter().map(|&a| transform(a)).sum();
            exponents.iter().map(|&a| base * n * transform(a) / total).collect()
        };
        match self {
            Self::Linear { low, high } => exponents
                .iter()
                .map(|a| base * (low + (high - low) * (a - low_end) / (high_end - low_end)))
                .collect(),
            Self::Step { low, high } => {
                let mut order: Vec<usize> = (0..exponents.len()).collect();
                order.sort_by(|&i, &j| exponents[i].total_cmp(&exponents[j]));
                let mut rates = vec![base; exponents.len()];
                for (rank, &index) in order.iter().enumerate() {
                    rates[index] = base * (low + (high - low) * rank as f64 / n);
                }
                rates
            }
            Self::Sqrt => normalised(f64::sqrt),
            Self::Log2 => normalised(f64::log2),
            Self::Sigmoid { steepness, below, above } => {
                let mean = exponents.iter().sum::<f64>() / n;
                exponents
                    .iter()
                    .map(|a| {
                        let sigmoid = 1.0 / (1.0 + (-steepness * (a - mean)).exp());
                        let scale = if *a > mean { above } else { below };
                        base * 10.0_f64.powf(scale * (sigmoid - 0.5))
                    })
                    .collect()
            }
        }
    }
}

/// How to choose rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateOptions {
    /// Base rate `η`, the scheduler's current one.
    pub base: f64,
    /// From exponents to rates.
    pub map: RateMap,
    /// Whose exponents.
    pub score: ExponentKind,
    /// Layers with fewer eigenvalues keep the base rate: 5 in FARMS, 50 in TempBalance.
    pub min_eigenvalues: usize,
    /// Whether the first analysed layer keeps the base rate.
    pub skip_first: bool,
    /// Whether the last analysed layer keeps the base rate.
    pub skip_last: bool,
}

impl RateOptions {
    /// TempBalance's linear map around `base` on FARMS exponents, no layer left out.
    pub fn new(base: f64) -> Self {
        Self {
            base,
            map: RateMap::TEMP_BALANCE,
            score: ExponentKind::Windows,
            min_eigenvalues: 5,
            skip_first: false,
            skip_last: false,
        }
    }
}

/// The rate of one layer's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateGroup {
    /// Name of the layer.
    pub layer: String,
    /// Stored tensors that get the rate, those of a following normalisation included.
    pub parameters: Vec<String>,
    /// The rate.
    pub learning_rate: f64,
    /// Exponent behind it; absent when the layer keeps the base rate.
    pub exponent: Option<f64>,
    /// Why it keeps the base rate.
    pub keeps_base: Option<String>,
}

/// Rates of all layers. Parameters in no group keep the base rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearningRates {
    /// [`RATES_SCHEMA`].
    pub schema: String,
    /// The checkpoint.
    pub checkpoint: String,
    /// How they were chosen.
    pub options: RateOptions,
    /// One group per layer.
    pub groups: Vec<RateGroup>,
}

impl LayerTable {
    /// Learning rates of every layer. A batch normalisation follows the convolution of the same name (`bn1` after
    /// `conv1`) or of the position before it (`features.1` after `features.0`).
    ///
    /// # Errors
    /// A base rate or map out of range.
    pub fn learning_rates(&self, options: &RateOptions) -> Result<LearningRates, SpectraError> {
        let fail =
            |option, problem: &str| Err(SpectraError::Option { option, problem: problem.into() });
        if !(options.base.is_finite() && options.base > 0.0) {
            return fail("base rate", "it must be a positive number");
        }
        let bad_range = match options.map {
            RateMap::Linear { low, high } | RateMap::Step { low, high } => {
                !(low >= 0.0 && high >= low && high.is_finite())
            }
            RateMap::Sigmoid { steepness, below, above } => {
                !(steepness.is_finite() && below.is_finite() && above.is_finite())
            }
            RateMap::Sqrt | RateMap::Log2 => false,
        };
        if bad_range {
            return fail("rate map", "its factors must be finite, not negative, and in order");
        }
        let analysed: Vec<&LayerRow> =
            self.layers.iter().filter(|layer| layer.analysis().is_some()).collect();
        let (first, last) = (analysed.first().map(|l| l.depth), analysed.last().map(|l| l.depth));
        let reason = |layer: &LayerRow| -> Result<f64, String> {
            if let Some(reason) = &layer.not_recommended {
                return Err(reason.clone());
            }
            if options.skip_first && Some(layer.depth) == first {
                return Err("the first layer, left out as asked".into());
            }
            if options.skip_last && Some(layer.depth) == last {
                return Err("the last layer, left out as asked".into());
            }
            if layer.n_eigenvalues() < options.min_eigenvalues {
                return Err(format!("fewer than {} eigenvalues", options.min_eigenvalues));
            }
            layer.score(options.score).ok_or_else(|| "no exponent".into())
        };
        let scores: Vec<Result<f64, String>> = self.layers.iter().map(reason).collect();
        let exponents: Vec<f64> =
            scores.iter().filter_map(|score| score.as_ref().ok().copied()).collect();
        let mut rates = options.map.rates(&exponents, options.base).into_iter();
        let groups = self
            .layers
            .iter()
            .zip(scores)
            .map(|(layer, score)| {
                let (learning_rate, exponent, keeps_base) = match score {
                    Ok(exponent) => (rates.next().unwrap_or(options.base), Some(exponent), None),
                    Err(reason) => (options.base, None, Some(reason)),
                };
                RateGroup {
                    layer: layer.name.clone(),
                    parameters: self.parameters_of(layer),
                    learning_rate,
                    exponent,
                    keeps_base,
                }
            })
            .collect();
        Ok(LearningRates {
            schema: RATES_SCHEMA.into(),
            checkpoint: self.checkpoint.clone(),
            options: *options,
            groups,
        })
    }

    /// Tensors of a layer and of the batch normalisation that follows it.
    fn parameters_of(&self, layer: &LayerRow) -> Vec<String> {
        let mut parameters = layer.tensors.clone();
        let Some(stem) = layer.tensors.first().and_then(|name| name.strip_suffix(".weight")) else {
            return parameters;
        };
        let mut stems = Vec::new();
        if let Some((parent, own)) = stem.rsplit_once('.').or(Some(("", stem))) {
            let join = |child: &str| match parent {
                "" => child.to_string(),
                parent => format!("{parent}.{child}"),
            };
            if own.contains("conv") {
                stems.push(join(&own.replace("conv", "bn")));
            }
            if let Ok(position) = own.parse::<usize>() {
                stems.push(join(&(position + 1).to_string()));
            }
        }
        let is_vector = |name: &String| {
            self.skipped.iter().any(|skipped| skipped.name == *name && skipped.shape.len() == 1)
        };
        for stem in stems {
            let norm = [format!("{stem}.weight"), format!("{stem}.bias")];
            // A linear layer at the next position has a matrix as weight and stays on its own.
            if norm.iter().all(is_vector) {
                parameters.extend(norm);
            }
        }
        parameters
    }
}
