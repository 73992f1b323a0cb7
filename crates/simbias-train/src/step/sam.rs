//! Two passes: the second one uphill.

use simbias_nn::{Network, Tensor};
use simbias_stats::Seed;

use super::{Gradients, Plain, StepRule};
use crate::TrainError;
use crate::batch::DeviceBatch;
use crate::objective::Objective;

/// Added to norms, so that a gradient of zero moves nothing.
const EPSILON: f64 = 1e-12;
/// The same in the authors' code of [`Ascent::Weights`].
const SMALLER_EPSILON: f64 = 1e-16;

/// Where the second gradient is taken, from the first gradient `g` at the parameters `w`. Norms are over all parameters.
///
/// Radii of different kinds are not comparable.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ascent {
    /// `w + ρ g / ‖g‖` (Foret et al. 2021).
    Normalised {
        /// ρ, the length of the step.
        radius: f64,
    },
    /// `w + ρ g`, as theory about SAM often has it.
    Unnormalised {
        /// ρ, in units of the gradient.
        radius: f64,
    },
    /// Adaptive: `w + ρ T² g / ‖T g‖` with `T = |w|` for every number, as in the usual PyTorch implementation of SAM.
    Elementwise {
        /// ρ; 2 is usual.
        radius: f64,
    },
    /// Adaptive: the same with `T = |w| + η` in tensors called `weight` and `T = 1` in all others, as in the code of the
    /// authors of ASAM (Kwon et al. 2021).
    Weights {
        /// ρ; 0.5 is usual.
        radius: f64,
        /// η, which lets weights of zero move.
        eta: f64,
    },
}

impl Ascent {
    /// Settings as they stand in the name of a rule.
    fn name(self) -> String {
        match self {
            Self::Normalised { radius } => format!("sam {radius}"),
            Self::Unnormalised { radius } => format!("unnormalised sam {radius}"),
            Self::Elementwise { radius } => format!("elementwise asam {radius}"),
            Self::Weights { radius, eta } => format!("asam of weights {radius} with {eta}"),
        }
    }

    fn check(self) -> Result<(), TrainError> {
        let is_usable = |number: f64| number.is_finite() && number >= 0.0;
        let refuse = |field, found: f64, expected| {
            Err(TrainError::Setting { field, found: found.to_string(), expected })
        };
        match self {
            Self::Normalised { radius }
            | Self::Unnormalised { radius }
            | Self::Elementwise { radius }
            | Self::Weights { radius, .. }
                if !is_usable(radius) =>
            {
                refuse("radius of SAM", radius, "a finite radius from 0 up")
            }
            Self::Weights { eta, .. } if !is_usable(eta) => {
                refuse("eta of ASAM", eta, "a finite number from 0 up")
            }
            _ => Ok(()),
        }
    }

    /// The values uphill of `values`, along their gradients.
    fn uphill(
        self,
        network: &Network,
        values: &[Tensor<1>],
        gradients: &[Option<Tensor<1>>],
    ) -> Vec<Tensor<1>> {
        let scale = |index: usize| -> Option<Tensor<1>> {
            match self {
                Self::Normalised { .. } | Self::Unnormalised { .. } => None,
                Self::Elementwise { .. } => Some(values[index].clone().abs()),
                Self::Weights { eta, .. } => {
                    let name = &network.parameters()[index].name;
                    let is_weight = name.rsplit('.').next() == Some("weight");
                    is_weight.then(|| values[index].clone().abs().add_scalar(eta))
                }
            }
        };
        // T g, whose norm decides about the length, and T² g, which gives the direction.
        let scaled: Vec<Option<(Tensor<1>, Tensor<1>)>> = gradients
            .iter()
            .enumerate()
            .map(|(index, gradient)| {
                let gradient = gradient.clone()?;
                Some(match scale(index) {
                    None => (gradient.clone(), gradient),
                    Some(scale) => {
                        (gradient.clone() * scale.clone(), gradient * scale.clone() * scale)
                    }
                })
            })
            .collect();
        let length = match self {
            Self::Unnormalised { .. } => None,
            Self::Normalised { .. } | Self::Elementwise { .. } => Some(EPSILON),
            Self::Weights { .. } => Some(SMALLER_EPSILON),
        };
        let length = length.map(|epsilon| {
            inner(scaled.iter().flatten().map(|(one, _)| (one.clone(), one.clone())))
                .sqrt()
                .add_scalar(epsilon)
        });
        let (Self::Normalised { radius }
        | Self::Unnormalised { radius }
        | Self::Elementwise { radius }
        | Self::Weights { radius, .. }) = self;
        values
            .iter()
            .zip(scaled)
            .map(|(value, scaled)| match (scaled, &length) {
                (None, _) => value.clone(),
                (Some((_, direction)), None) => value.clone() + direction.mul_scalar(radius),
                (Some((_, direction)), Some(length)) => {
                    value.clone() + direction.mul_scalar(radius) / length.clone()
                }
            })
            .collect()
    }
}

/// Sum of the products of all pairs of numbers, `[1]`.
fn inner(pairs: impl Iterator<Item = (Tensor<1>, Tensor<1>)>) -> Tensor<1> {
    Tensor::cat(pairs.map(|(one, other)| (one * other).sum()).collect(), 0).sum()
}

/// Sharpness-aware minimisation and its relatives: the step follows the gradient uphill of the parameters. Another rule
/// computes both gradients.
///
/// Running statistics are those of the first pass, dropout masks are the same in both. As the innermost rule of
/// [`MicroBatches`](super::MicroBatches) every part climbs by itself, which is called m-SAM; around them the whole batch
/// climbs together.
#[derive(Clone, Copy, Debug)]
pub struct Sam<R = Plain> {
    /// Where the second gradient is taken.
    pub ascent: Ascent,
    /// α of surrogate-gap SAM (Zhuang et al. 2022): what is left of the first gradient at right angles to the second one
    /// is taken off `α` times; 0 leaves the second gradient as it is.
    pub gap: f64,
    /// The rule that computes either gradient.
    pub rule: R,
}

impl Sam {
    /// SAM of radius `radius` with one pass per gradient.
    pub fn new(radius: f64) -> Self {
        Self::around(Ascent::Normalised { radius }, Plain)
    }
}

impl<R> Sam<R> {
    /// A variant of SAM whose gradients `rule` computes.
    pub fn around(ascent: Ascent, rule: R) -> Self {
        Self { ascent, gap: 0.0, rule }
    }

    /// Surrogate-gap SAM with that α.
    #[must_use]
    pub fn with_gap(self, gap: f64) -> Self {
        Self { gap, ..self }
    }
}

impl<R: StepRule> StepRule for Sam<R> {
    fn name(&self) -> String {
        let gap = if self.gap == 0.0 { String::new() } else { format!(" with gap {}", self.gap) };
        format!("{}{gap} of {}", self.ascent.name(), self.rule.name())
    }

    fn gradients(
        &mut self,
        network: &Network,
        values: &[Tensor<1>],
        objective: &dyn Objective,
        batch: &DeviceBatch,
        seed: Seed,
    ) -> Result<Gradients, TrainError> {
        self.ascent.check()?;
        if !(self.gap.is_finite() && self.gap >= 0.0) {
            return Err(TrainError::Setting {
                field: "gap of surrogate-gap SAM",
                found: self.gap.to_string(),
                expected: "a finite number from 0 up",
            });
        }
        let here = self.rule.gradients(network, values, objective, batch, seed)?;
        let uphill = self.ascent.uphill(network, values, &here.values);
        let there = self.rule.gradients(network, &uphill, objective, batch, seed)?;
        let gradients = if self.gap == 0.0 {
            there.values
        } else {
            without_gap(&here.values, there.values, self.gap)
        };
        // Losses and running statistics are those at the values that were asked for.
        Ok(Gradients {
            loss: here.loss,
            values: gradients,
            statistics: here.statistics,
            rows: here.rows,
        })
    }
}

/// `there - gap · v`, where `v` is the part of `here` at right angles to `there`.
fn without_gap(
    here: &[Option<Tensor<1>>],
    there: Vec<Option<Tensor<1>>>,
    gap: f64,
) -> Vec<Option<Tensor<1>>> {
    let pairs = || {
        let both = here.iter().zip(&there);
        both.filter_map(|(here, there)| Some((here.clone()?, there.clone()?)))
    };
    let squares = inner(pairs().map(|(_, there)| (there.clone(), there))).add_scalar(EPSILON);
    let along = inner(pairs()) / squares;
    here.iter()
        .zip(there)
        .map(|pair| match pair {
            (Some(here), Some(there)) => {
                let across = here.clone() - there.clone() * along.clone();
                Some(there - across.mul_scalar(gap))
            }
            (_, there) => there,
        })
        .collect()
}
