//! Doubts about a measurement, said beside its numbers.

use simbias_report::{Caveat, Estimate};
use simbias_stats::Seed;

use super::summary::Context;
use crate::RelianceError;
use crate::block::BlockSet;
use crate::manifold::{mean_abs_correlation, off_manifold_auc};
use crate::metric::Truth;
use crate::outcome::RelianceOutcome;
use crate::randomize::Randomizer;

/// Fewest rows of the rarer class below which intervals are marked as rough.
const FEW_ROWS: usize = 30;

/// Domain-classifier AUC from which randomized rows are called off-manifold.
const OFF_MANIFOLD: f64 = 0.9;

impl Context<'_> {
    pub(super) fn caveats(
        &self,
        blocks: &BlockSet,
        has_signal: bool,
        standard: &Estimate,
        chance: f64,
    ) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        if !has_signal {
            caveats.push(Caveat::warning(
                "no-signal",
                format!(
                    "The interval of the {} on unchanged rows reaches down to chance ({:.3} ≤ {chance:.3}), \
                     so there is no skill to attribute: verdicts, necessity and sufficiency are withheld.",
                    self.metric.title(),
                    standard.low
                ),
            ));
        }
        let rarest = crate::figures::effective_rows(self.truth);
        if rarest < FEW_ROWS {
            caveats.push(Caveat::caution(
                "few-rows",
                format!(
                    "The rarer class has {rarest} rows; intervals are rough below {FEW_ROWS}. \
                     Where the metric reaches its end, Wilson's interval is used."
                ),
            ));
        }
        if blocks.rest_added() {
            caveats.push(Caveat::note(
                "rest",
                "Coordinates that no block names were collected in the block \"rest\".",
            ));
        }
        if let Some(positive) = match self.truth {
            Truth::Binary(positive) => Some(positive),
            _ => None,
        } {
            let n_positive = positive.iter().filter(|&&positive| positive).count();
            let share = n_positive as f64 / positive.len() as f64;
            if !(0.2..=0.8).contains(&share) {
                caveats.push(Caveat::note(
                    "imbalance",
                    format!(
                        "{:.1} % of the rows are of the second class: a perfect model of one block keeps an \
                         accuracy of {:.3} when that block is permuted. Judge by the AUC.",
                        100.0 * share,
                        share * share + (1.0 - share) * (1.0 - share)
                    ),
                ));
            }
        }
        caveats
    }
}

/// Scores some rows twice; evaluation mode must give the same scores.
pub(super) fn repeatability(
    randomizer: &Randomizer<'_>,
    first: &ndarray::Array2<f32>,
) -> Result<Option<Caveat>, RelianceError> {
    let second = randomizer.standard()?;
    let worst = first.iter().zip(&second).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
    Ok((worst > 0.0).then(|| {
        Caveat::warning(
            "stochastic-model",
            format!(
                "Two passes over the same rows differ by up to {worst:.3e}: the model is not \
                 deterministic. Switch dropout off and put batch normalisation into evaluation mode."
            ),
        )
    }))
}

pub(super) fn describe_manifold(
    outcome: &mut RelianceOutcome,
    blocks: &BlockSet,
    randomizer: &Randomizer<'_>,
    donors: &[u32],
    seed: Seed,
) {
    let mut off = Vec::new();
    let coordinates = randomizer.coordinates();
    for (found, block) in outcome.blocks.iter_mut().zip(blocks.blocks()) {
        let rest = blocks.complement(block);
        found.mean_abs_correlation = mean_abs_correlation(coordinates, &block.columns, &rest);
        found.off_manifold_auc = off_manifold_auc(coordinates, &block.columns, &rest, donors, seed);
        if found.off_manifold_auc.is_some_and(|auc| auc >= OFF_MANIFOLD) {
            found.flags.push("off-manifold".into());
            off.push(format!("{:?}", found.name));
        }
    }
    if !off.is_empty() {
        outcome.caveats.insert(
            0,
            Caveat::warning(
                "off-manifold",
                format!(
                    "A simple classifier tells rows with randomized {} from real ones (AUC ≥ {OFF_MANIFOLD}). \
                     Read those figures as behaviour of the model, not as importance in the data, or draw \
                     donors within class or within stratum.",
                    off.join(", ")
                ),
            ),
        );
    }
}

/// Flags blocks whose values never vary: randomizing them changes nothing by construction.
pub(super) fn mark_constant(
    outcome: &mut RelianceOutcome,
    blocks: &BlockSet,
    randomizer: &Randomizer<'_>,
) {
    let coordinates = randomizer.coordinates();
    let mut constant = Vec::new();
    for (found, block) in outcome.blocks.iter_mut().zip(blocks.blocks()) {
        let varies = block.columns.iter().any(|&column| {
            let values = coordinates.column(column as usize);
            values.iter().any(|&value| value != values[0])
        });
        if !varies {
            found.flags.push("constant".into());
            constant.push(format!("{:?}", found.name));
        }
    }
    if !constant.is_empty() {
        outcome.caveats.push(Caveat::note(
            "constant",
            format!(
                "Constant on these rows, so nothing can rely on them: {}.",
                constant.join(", ")
            ),
        ));
    }
}
