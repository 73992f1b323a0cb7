//! Optimisers with the semantics of `torch.optim`, over named parameters.

use serde::{Deserialize, Serialize};
use simbias_nn::{Kind, Network, Tensor};

use crate::TrainError;

/// An update rule. Weight decay reaches every trained parameter, biases included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// `g += wd·w; buf = μ·buf + g` (first step `buf = g`, no dampening); `w -= lr·buf`, with Nesterov
    /// `w -= lr·(g + μ·buf)`.
    Sgd {
        /// μ; 0 keeps no buffer.
        momentum: f64,
        /// Whether to look ahead.
        nesterov: bool,
        /// Factor of the weight added to the gradient.
        weight_decay: f64,
    },
    /// Kingma & Ba 2015, bias-corrected, ε outside the root; weight decay is added to the gradient.
    Adam {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
        /// Factor of the weight added to the gradient.
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay `w *= 1 - lr·wd` before the step (Loshchilov & Hutter 2019).
    AdamW {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
        /// Share of the weight removed per unit of learning rate.
        weight_decay: f64,
    },
    /// `v = α·v + (1-α)·g²; w -= lr·g/(√v + ε)`.
    RmsProp {
        /// α.
        smoothing: f64,
        /// Added to the root.
        epsilon: f64,
        /// Factor of the weight added to the gradient.
        weight_decay: f64,
    },
    /// Steps of one size, in the direction of `sign(β₁·m + (1-β₁)·g)`, with `m = β₂·m + (1-β₂)·g` afterwards and decoupled
    /// weight decay `w *= 1 - lr·wd` before (Chen et al. 2023, *Symbolic discovery of optimization algorithms*).
    Lion {
        /// β₁, the weight of the past in a step.
        beta1: f64,
        /// β₂, the weight of the past in what is remembered.
        beta2: f64,
        /// Share of the weight removed per unit of learning rate.
        weight_decay: f64,
    },
    /// Numbers of small momentum take a plain step, those of large momentum one of fixed size: `m = μ·m + (1-τ)·g`,
    /// `m̂ = m / (1-μᵗ)`; `w -= lr·m̂` where `|m̂| ≤ r`, else `w -= lr·large·sign(m̂)`. A reconstruction of the idea behind
    /// SplitSGD (Rosenfeld & Risteski 2024), whose algorithm is not public.
    Split {
        /// μ.
        momentum: f64,
        /// τ.
        dampening: f64,
        /// r, the largest momentum of a plain step.
        threshold: f64,
        /// Size of all other steps, in units of the learning rate.
        large: f64,
        /// Factor of the weight added to the gradient.
        weight_decay: f64,
    },
}

impl Optimizer {
    /// SGD without momentum.
    pub fn sgd(weight_decay: f64) -> Self {
        Self::Sgd { momentum: 0.0, nesterov: false, weight_decay }
    }

    /// SGD with momentum.
    pub fn momentum(momentum: f64, weight_decay: f64) -> Self {
        Self::Sgd { momentum, nesterov: false, weight_decay }
    }

    /// Adam with PyTorch's defaults.
    pub fn adam(weight_decay: f64) -> Self {
        Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }
    }

    /// AdamW with PyTorch's defaults but for the weight decay.
    pub fn adamw(weight_decay: f64) -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }
    }

    /// RMSProp with PyTorch's defaults.
    pub fn rmsprop(weight_decay: f64) -> Self {
        Self::RmsProp { smoothing: 0.99, epsilon: 1e-8, weight_decay }
    }

    /// LION with the defaults of its authors.
    pub fn lion(weight_decay: f64) -> Self {
        Self::Lion { beta1: 0.9, beta2: 0.99, weight_decay }
    }

    /// The same rule with another weight decay.
    pub fn with_weight_decay(self, factor: f64) -> Self {
        let mut changed = self;
        let (Self::Sgd { weight_decay, .. }
        | Self::Adam { weight_decay, .. }
        | Self::AdamW { weight_decay, .. }
        | Self::RmsProp { weight_decay, .. }
        | Self::Lion { weight_decay, .. }
        | Self::Split { weight_decay, .. }) = &mut changed;
        *weight_decay = factor;
        changed
    }

    /// Factor of the weight decay.
    pub fn weight_decay(&self) -> f64 {
        match *self {
            Self::Sgd { weight_decay, .. }
            | Self::Adam { weight_decay, .. }
            | Self::AdamW { weight_decay, .. }
            | Self::RmsProp { weight_decay, .. }
            | Self::Lion { weight_decay, .. }
            | Self::Split { weight_decay, .. } => weight_decay,
        }
    }

    /// Moves the trained parameters of `network` against `gradients` (one entry per parameter, in order),
    /// with `rates[i]` as the learning rate of parameter `i`.
    ///
    /// # Panics
    ///
    /// If the lists differ in length from the network's parameters.
    pub fn step(
        &self,
        state: &mut OptimizerState,
        network: &mut Network,
        gradients: Vec<Option<Tensor<1>>>,
        rates: &[f64],
    ) {
        let n = network.parameters().len();
        assert_eq!(
            (gradients.len(), rates.len(), state.slots.len()),
            (n, n, n),
            "one per parameter"
        );
        state.n_steps += 1;
        let mut values = network.take_values();
        for (index, gradient) in gradients.into_iter().enumerate() {
            let Some(gradient) = gradient else { continue };
            let weight = std::mem::replace(&mut values[index], gradient.clone());
            let slot = &mut state.slots[index];
            values[index] = self.update(slot, state.n_steps, weight, gradient, rates[index]);
        }
        network.set_values(values);
    }

    fn update(
        &self,
        slot: &mut Slot,
        n_steps: u64,
        weight: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
    ) -> Tensor<1> {
        let decayed = |weight: &Tensor<1>, gradient: Tensor<1>, weight_decay: f64| {
            if weight_decay == 0.0 {
                gradient
            } else {
                gradient + weight.clone().mul_scalar(weight_decay)
            }
        };
        match *self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                let gradient = decayed(&weight, gradient, weight_decay);
                if momentum == 0.0 {
                    return weight - gradient.mul_scalar(rate);
                }
                let buffer = match slot.first.take() {
                    Some(buffer) => buffer.mul_scalar(momentum) + gradient.clone(),
                    None => gradient.clone(),
                };
                slot.first = Some(buffer.clone());
                let direction =
                    if nesterov { gradient + buffer.mul_scalar(momentum) } else { buffer };
                weight - direction.mul_scalar(rate)
            }
            Self::Adam { beta1, beta2, epsilon, weight_decay } => {
                let gradient = decayed(&weight, gradient, weight_decay);
                let direction = slot.adam_direction(gradient, n_steps, beta1, beta2, epsilon);
                weight - direction.mul_scalar(rate)
            }
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                let direction = slot.adam_direction(gradient, n_steps, beta1, beta2, epsilon);
                weight.mul_scalar(1.0 - rate * weight_decay) - direction.mul_scalar(rate)
            }
            Self::RmsProp { smoothing, epsilon, weight_decay } => {
                let gradient = decayed(&weight, gradient, weight_decay);
                let squares = slot.blend_second(&gradient, smoothing);
                weight - (gradient / squares.sqrt().add_scalar(epsilon)).mul_scalar(rate)
            }
            Self::Lion { beta1, beta2, weight_decay } => {
                let past = slot.first.take().unwrap_or_else(|| gradient.zeros_like());
                let blend = |past: &Tensor<1>, decay: f64| {
                    past.clone().mul_scalar(decay) + gradient.clone().mul_scalar(1.0 - decay)
                };
                let direction = blend(&past, beta1).sign();
                slot.first = Some(blend(&past, beta2));
                weight.mul_scalar(1.0 - rate * weight_decay) - direction.mul_scalar(rate)
            }
            Self::Split { momentum, dampening, threshold, large, weight_decay } => {
                let fresh = decayed(&weight, gradient, weight_decay).mul_scalar(1.0 - dampening);
                let buffer = match slot.first.take() {
                    Some(buffer) => buffer.mul_scalar(momentum) + fresh,
                    None => fresh,
                };
                slot.first = Some(buffer.clone());
                let unbiased = buffer.div_scalar(1.0 - momentum.powf(n_steps as f64));
                let is_large = unbiased.clone().abs().greater_elem(threshold);
                let fixed = unbiased.clone().sign().mul_scalar(large);
                weight - unbiased.mask_where(is_large, fixed).mul_scalar(rate)
            }
        }
    }
}

/// Running averages of one parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// Momentum buffer or first moment.
    pub(crate) first: Option<Tensor<1>>,
    /// Second moment.
    pub(crate) second: Option<Tensor<1>>,
}

impl Slot {
    /// `v = decay·v + (1 - decay)·g²`, starting from 0.
    fn blend_second(&mut self, gradient: &Tensor<1>, decay: f64) -> Tensor<1> {
        let fresh = gradient.clone().square().mul_scalar(1.0 - decay);
        let second = match self.second.take() {
            Some(second) => second.mul_scalar(decay) + fresh,
            None => fresh,
        };
        self.second = Some(second.clone());
        second
    }

    fn adam_direction(
        &mut self,
        gradient: Tensor<1>,
        n_steps: u64,
        beta1: f64,
        beta2: f64,
        epsilon: f64,
    ) -> Tensor<1> {
        let second = self.blend_second(&gradient, beta2);
        let fresh = gradient.mul_scalar(1.0 - beta1);
        let first = match self.first.take() {
            Some(first) => first.mul_scalar(beta1) + fresh,
            None => fresh,
        };
        self.first = Some(first.clone());
        let correction1 = 1.0 - beta1.powf(n_steps as f64);
        let correction2 = 1.0 - beta2.powf(n_steps as f64);
        let root = second.sqrt().div_scalar(correction2.sqrt()).add_scalar(epsilon);
        (first / root).div_scalar(correction1)
    }
}

/// What an optimiser remembers between steps.
#[derive(Clone, Debug)]
pub struct OptimizerState {
    pub(crate) n_steps: u64,
    pub(crate) slots: Vec<Slot>,
}

impl OptimizerState {
    /// Empty memory for the parameters of `network`.
    pub fn new(network: &Network) -> Self {
        Self { n_steps: 0, slots: vec![Slot::default(); network.parameters().len()] }
    }

    /// Steps taken.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
}

/// A learning-rate multiplier for the parameters whose name matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateRule {
    /// Parameter name, in which `*` stands for any characters: `model.0.*`, `*.bias`.
    pub pattern: String,
    /// Multiplier of the scheduled rate; 0 freezes.
    pub multiplier: f64,
}

impl RateRule {
    /// One multiplier per parameter: that of the first matching rule, else 1. Running statistics get 0.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] for a rule that matches no trained parameter.
    pub fn multipliers(rules: &[Self], network: &Network) -> Result<Vec<f64>, TrainError> {
        let mut used = vec![false; rules.len()];
        let multipliers = network
            .parameters()
            .iter()
            .map(|parameter| {
                if parameter.kind == Kind::Statistic {
                    return 0.0;
                }
                let first = rules.iter().position(|rule| matches(&rule.pattern, &parameter.name));
                match first {
                    Some(rule_idx) => {
                        used[rule_idx] = true;
                        rules[rule_idx].multiplier
                    }
                    None => 1.0,
                }
            })
            .collect();
        match used.iter().position(|used| !used) {
            Some(rule_idx) => Err(TrainError::Setting {
                field: "rates",
                found: format!("{:?}", rules[rule_idx].pattern),
                expected: "a pattern that is the first to match at least one parameter",
            }),
            None => Ok(multipliers),
        }
    }
}

/// Whether `name` fits `pattern`, `*` standing for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(head) else { return false };
    (0..=name.len()).any(|skip| name.is_char_boundary(skip) && matches(rest, &name[skip..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("model.0.weight", "model.0.weight", true),
            ("model.0", "model.0.weight", false),
            ("model.0.*", "model.0.weight", true),
            ("*.bias", "model.0.weight", false),
            ("*bias*", "gru.bias_ih_l0", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern:?} on {name:?}");
        }
    }
}
