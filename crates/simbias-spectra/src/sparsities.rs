//! Layer-wise shares of weights to prune.
//!
//! A block with a small exponent is read as well trained and loses less. Source: AlphaPruning (`ww_sparsity`), reused
//! by FARMS; OWL's mapping from outliers. Both clip ratios near one without making up for it, so that the target is
//! missed when the spread is large; here the rest is rescaled until it is met.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SpectraError;
use crate::prune::Pattern;
use crate::table::{ExponentKind, LayerTable};

/// Name and version of the serialised form.
pub const SPARSITIES_SCHEMA: &str = "simbias.sparsities/1";
/// How exactly the target is met, as a share of all weights.
const TARGET_TOLERANCE: f64 = 1e-12;

/// What gives layers their scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SparsityScore {
    /// Exponents.
    Exponent(ExponentKind),
    /// All equal.
    Uniform,
    /// Numbers by layer name from elsewhere: outlier shares, another tool's scores. A larger number means more
    /// pruning.
    Given(Vec<(String, f64)>),
}

/// Which layers share a score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mapping {
    /// All layers of a block get their mean.
    #[default]
    Block,
    /// Every layer its own.
    Layer,
}

/// How to allocate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparsityOptions {
    /// Share of zeros among the weights of all recommended layers, in `[0, 1)`.
    pub target: f64,
    /// Half width of the scores' range, in `[0, 1)`; 0 is uniform.
    pub epsilon: f64,
    /// What gives scores.
    pub score: SparsityScore,
    /// Which layers share a score.
    pub mapping: Mapping,
    /// Largest ratio of one layer.
    pub largest_ratio: f64,
}

impl SparsityOptions {
    /// Block means of FARMS exponents, `epsilon` 0.2.
    pub fn new(target: f64) -> Self {
        Self {
            target,
            epsilon: 0.2,
            score: SparsityScore::Exponent(ExponentKind::Windows),
            mapping: Mapping::Block,
            largest_ratio: 0.998,
        }
    }
}

/// The ratio of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSparsity {
    /// Name of the layer.
    pub layer: String,
    /// Stored tensors that it prunes.
    pub tensors: Vec<String>,
    /// Its block.
    pub block: Option<String>,
    /// Number of weights.
    pub n_weights: usize,
    /// Score after averaging over the block.
    pub score: f64,
    /// Share of zeros to make.
    pub ratio: f64,
    /// The ratio of the published mapping: clipped, not rescaled.
    pub published_ratio: f64,
}

/// Ratios of all recommended layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sparsities {
    /// [`SPARSITIES_SCHEMA`].
    pub schema: String,
    /// The checkpoint.
    pub checkpoint: String,
    /// How they were chosen.
    pub options: SparsityOptions,
    /// One entry per layer.
    pub layers: Vec<LayerSparsity>,
    /// Share of zeros that the ratios give; the target up to rounding.
    pub realised: f64,
    /// Share of zeros that the published mapping would give.
    pub published_realised: f64,
    /// Layers at the largest ratio.
    pub n_clipped: usize,
}

impl Sparsities {
    /// What each layer is to lose, for pruning.
    pub fn patterns(&self) -> BTreeMap<String, Pattern> {
        let layers = self.layers.iter();
        layers.map(|layer| (layer.layer.clone(), Pattern::Share(layer.ratio))).collect()
    }
}

/// Ratios before and after making up for clipping.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Ratios that meet the target.
    pub ratios: Vec<f64>,
    /// Published ratios: clipped, not rescaled.
    pub published: Vec<f64>,
    /// Weighted mean of the published ratios.
    pub published_realised: f64,
}

/// Ratios for layers of `n_weights` weights, larger for larger `scores`.
///
/// ```text
/// z = (score - min)/(max - min)·2ε + 1 - ε
/// r = z·S·Σn / Σ(n z)
/// ```
///
/// The published code then sets `r > 1` to 0.998, or to 0.99999 when `S = 0.7`. Instead, ratios above `largest` are
/// held there and the others multiplied by a common factor, until `Σ n r = S Σ n`.
///
/// # Errors
/// Targets or `epsilon` out of range, a target above `largest`, scores that are not finite.
pub fn allocate(
    scores: &[f64],
    n_weights: &[usize],
    target: f64,
    epsilon: f64,
    largest: f64,
) -> Result<Allocation, SpectraError> {
    let fail =
        |option, problem: &str| Err(SpectraError::Option { option, problem: problem.into() });
    if !(0.0..1.0).contains(&target) {
        return fail("target", "the share of zeros must be at least 0 and below 1");
    }
    if !(0.0..1.0).contains(&epsilon) {
        return fail("epsilon", "it must be at least 0 and below 1");
    }
    if !(largest > 0.0 && largest <= 1.0) {
        return fail("largest ratio", "it must be above 0 and at most 1");
    }
    if scores.len() != n_weights.len() || scores.iter().any(|score| !score.is_finite()) {
        return fail("scores", "there must be one finite score per layer");
    }
    if target > largest {
        return Err(SpectraError::Infeasible { target, largest });
    }
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = |score: f64| {
        if high > low { (score - low) / (high - low) * 2.0 * epsilon + 1.0 - epsilon } else { 1.0 }
    };
    let z: Vec<f64> = scores.iter().map(|&score| spread(score)).collect();
    let weights: Vec<f64> = n_weights.iter().map(|&n| n as f64).collect();
    let total: f64 = weights.iter().sum();
    let weighted: f64 = weights.iter().zip(&z).map(|(n, z)| n * z).sum();
    let raw: Vec<f64> = z
        .iter()
        .map(|z| if weighted > 0.0 { z * target * total / weighted } else { 0.0 })
        .collect();
    // The published exception compares with exactly 0.7.
    let published_cap = if target == 0.7 { 0.99999 } else { 0.998 };
    let published: Vec<f64> =
        raw.iter().map(|&ratio| if ratio > 1.0 { published_cap } else { ratio }).collect();
    let ratios = fill(&raw, &weights, target, largest);
    let published_realised = mean(&published, &weights);
    Ok(Allocation { ratios, published, published_realised })
}

fn mean(ratios: &[f64], weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    ratios.iter().zip(weights).map(|(ratio, n)| ratio * n).sum::<f64>() / total.max(1.0)
}

/// Water-filling: `min(c·raw, largest)` with the factor `c` that meets the target. Every round fixes at least one
/// more layer at the limit, so there are at most as many rounds as layers.
fn fill(raw: &[f64], weights: &[f64], target: f64, largest: f64) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut is_full = vec![false; raw.len()];
    let mut ratios = raw.to_vec();
    for _ in 0..=raw.len() {
        let (mut left, mut open) = (target * total, 0.0);
        for ((&ratio, &n), &full) in raw.iter().zip(weights).zip(&is_full) {
            if full { left -= n * largest } else { open += n * ratio }
        }
        let factor = if open > 0.0 { (left / open).max(0.0) } else { 0.0 };
        let mut changed = false;
        for ((ratio, &raw), full) in ratios.iter_mut().zip(raw).zip(&mut is_full) {
            let wanted = factor * raw;
            if !*full && wanted > largest {
                *full = true;
                changed = true;
            }
            *ratio = if *full { largest } else { wanted };
        }
        if !changed || (mean(&ratios, weights) - target).abs() < TARGET_TOLERANCE {
            break;
        }
    }
    ratios
}

/// OWL's ratios from the share of outliers of every block or layer: more outliers, fewer zeros.
///
/// `density = (D - min)/(max - min)·2λ`, shifted to a mean of `1 - target`. Source: OWL, as in the FARMS code; the
/// mean is unweighted there, so layers of different sizes miss the target. Returns scores for
/// [`SparsityScore::Given`]'s direction (larger means more pruning) and the published ratios.
pub fn owl_ratios(outlier_shares: &[f64], target: f64, lambda: f64) -> Vec<f64> {
    let low = outlier_shares.iter().copied().fold(f64::INFINITY, f64::min);
    let high = outlier_shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high <= low {
        return vec![target; outlier_shares.len()];
    }
    let density: Vec<f64> =
        outlier_shares.iter().map(|share| (share - low) / (high - low) * 2.0 * lambda).collect();
    let mean = density.iter().sum::<f64>() / density.len() as f64;
    density.iter().map(|density| (target + mean - density).clamp(0.0, 1.0)).collect()
}

impl LayerTable {
    /// Sparsities of the recommended layers.
    ///
    /// # Errors
    /// As [`allocate`], and scores for layers that the table does not have.
    pub fn sparsities(&self, options: &SparsityOptions) -> Result<Sparsities, SpectraError> {
        let rows: Vec<_> = self.recommended().filter(|layer| layer.analysis().is_some()).collect();
        if rows.is_empty() {
            return Err(SpectraError::Option {
                option: "sparsities",
                problem: "no layer can be recommended; select others".into(),
            });
        }
        let own: Vec<f64> = match &options.score {
            SparsityScore::Uniform => vec![0.0; rows.len()],
            SparsityScore::Exponent(kind) => {
                let found: Vec<Option<f64>> = rows.iter().map(|layer| layer.score(*kind)).collect();
                let known: Vec<f64> = found.iter().flatten().copied().collect();
                let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
                // A layer without an exponent is treated like the average one.
                found.into_iter().map(|score| score.unwrap_or(mean)).collect()
            }
            SparsityScore::Given(given) => {
                let unknown = given.iter().find(|(name, _)| self.layer(name).is_none());
                if let Some((name, _)) = unknown {
                    return Err(SpectraError::Mismatch {
                        layer: name.clone(),
                        problem: "a score is given, but the checkpoint has no such layer".into(),
                    });
                }
                rows.iter()
                    .map(|layer| {
                        let found = given.iter().find(|(name, _)| *name == layer.name);
                        found.map(|&(_, score)| score).ok_or_else(|| SpectraError::Mismatch {
                            layer: layer.name.clone(),
                            problem: "no score is given for it".into(),
                        })
                    })
                    .collect::<Result<_, _>>()?
            }
        };
        let scores: Vec<f64> = match options.mapping {
            Mapping::Layer => own,
            Mapping::Block => rows
                .iter()
                .zip(&own)
                .map(|(layer, &score)| match &layer.block {
                    None => score,
                    Some(block) => {
                        let members: Vec<f64> = rows
                            .iter()
                            .zip(&own)
                            .filter(|(other, _)| other.block.as_ref() == Some(block))
                            .map(|(_, &score)| score)
                            .collect();
                        members.iter().sum::<f64>() / members.len() as f64
                    }
                })
                .collect(),
        };
        let n_weights: Vec<usize> = rows.iter().map(|layer| layer.n_weights).collect();
        let Allocation { ratios, published, published_realised } =
            allocate(&scores, &n_weights, options.target, options.epsilon, options.largest_ratio)?;
        let weights: Vec<f64> = n_weights.iter().map(|&n| n as f64).collect();
        Ok(Sparsities {
            schema: SPARSITIES_SCHEMA.into(),
            checkpoint: self.checkpoint.clone(),
            realised: mean(&ratios, &weights),
            published_realised,
            n_clipped: ratios.iter().filter(|&&ratio| ratio >= options.largest_ratio).count(),
            layers: rows
                .iter()
                .enumerate()
                .map(|(index, layer)| LayerSparsity {
                    layer: layer.name.clone(),
                    tensors: layer.tensors.clone(),
                    block: layer.block.clone(),
                    n_weights: layer.n_weights,
                    score: scores[index],
                    ratio: ratios[index],
                    published_ratio: published[index],
                })
                .collect(),
            options: options.clone(),
        })
    }
}
