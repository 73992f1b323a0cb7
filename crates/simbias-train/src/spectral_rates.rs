//! Learning rates of layers from their weight spectra, renewed every epoch (TempBalance, FARMS).

use simbias_checkpoint::Numbers;
use simbias_nn::{Kind, Network};
use simbias_spectra::{ExponentKind, RateMap, layer_exponent};

use crate::{LayerRates, RateRule, TrainError};

/// Rates that grow with a layer's exponent: layers that look under-trained learn faster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpectralRates {
    /// Exponents of whole layers or of windows of one shape.
    pub kind: ExponentKind,
    /// From exponents to multipliers of the scheduled rate.
    pub map: RateMap,
    /// Layers with fewer eigenvalues keep the scheduled rate.
    pub min_eigenvalues: usize,
}

impl SpectralRates {
    /// TempBalance with the settings of FARMS' authors for ResNet-18: whole layers, factors .6 to 1.4.
    pub const TEMP_BALANCE: Self = Self {
        kind: ExponentKind::Plain,
        map: RateMap::Linear { low: 0.6, high: 1.4 },
        min_eigenvalues: 50,
    };
    /// FARMS for ResNet-18: windows, factors .1 to 1.9.
    pub const FARMS: Self = Self {
        kind: ExponentKind::Windows,
        map: RateMap::Linear { low: 0.1, high: 1.9 },
        min_eigenvalues: 5,
    };

    /// Multipliers for the weights of `network` as they are now. A layer's bias and the batch normalisation after it
    /// follow its weights; everything else keeps the scheduled rate.
    ///
    /// # Errors
    /// A spectrum that cannot be computed, for example because weights are no longer finite.
    pub fn rules(&self, network: &Network) -> Result<Vec<RateRule>, TrainError> {
        let (mut names, mut exponents) = (Vec::new(), Vec::new());
        for parameter in network.parameters().iter().filter(|parameter| parameter.shape.len() > 1) {
            let n_positions: usize = parameter.shape[2..].iter().product();
            if parameter.shape[0].min(parameter.shape[1]) * n_positions < self.min_eigenvalues {
                continue;
            }
            let weights = Numbers::F32(parameter.value.to_data().iter::<f32>().collect());
            let found = layer_exponent(&weights, &parameter.shape, self.kind).map_err(|error| {
                TrainError::Setting {
                    field: "layer-wise rates",
                    found: format!("parameter {:?}: {error}", parameter.name),
                    expected: "weights with a spectrum",
                }
            })?;
            if let Some(exponent) = found {
                names.push(parameter.name.as_str());
                exponents.push(exponent);
            }
        }
        let multipliers = self.map.rates(&exponents, 1.0);
        let rules = names.iter().zip(multipliers).flat_map(|(name, multiplier)| {
            companions(name, network).map(move |pattern| RateRule { pattern, multiplier })
        });
        Ok(rules.collect())
    }
}

impl LayerRates for SpectralRates {
    fn name(&self) -> String {
        format!("{self:?}")
    }

    fn renew(&mut self, network: &Network, _epoch: u64) -> Result<Vec<RateRule>, TrainError> {
        self.rules(network)
    }
}

/// The trained parameters that share the rate of the weight `name`: itself, its bias, and the batch normalisation after
/// it (`bn1` after `conv1`, position 1 after position 0).
fn companions(name: &str, network: &Network) -> impl Iterator<Item = String> {
    let layer = name.strip_suffix("weight").unwrap_or(name);
    let normalisation = match layer.strip_suffix("downsample.0.") {
        Some(block) => format!("{block}downsample.1."),
        None => layer.replace("conv", "bn"),
    };
    let is_companion = |candidate: &str| {
        candidate.rsplit_once('.').is_some_and(|(parent, _)| {
            [layer, &normalisation].iter().any(|stem| stem.strip_suffix('.') == Some(parent))
        })
    };
    let names: Vec<String> = network
        .parameters()
        .iter()
        .filter(|parameter| parameter.kind == Kind::Trainable && is_companion(&parameter.name))
        .map(|parameter| parameter.name.clone())
        .collect();
    names.into_iter()
}
