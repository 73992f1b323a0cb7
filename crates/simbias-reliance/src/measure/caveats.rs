//! Doubts about a measurement, reported beside its numbers.

use simbias_report::{Caveat, Estimate};
use simbias_stats::Seed;

use super::class_order::CLASS_ORDER;
use super::summary::Context;
use crate::RelianceError;
use crate::block::BlockSet;
use crate::donors::DonorMode;
use crate::figures::{ClassRows, FEW_ROWS, JobFigures};
use crate::manifold::{mean_abs_correlation, off_manifold_auc};
use crate::metric::{LEAST_ROWS_OF_CLASS, Metric, Predictions, Truth};
use crate::outcome::RelianceOutcome;
use crate::randomize::Randomizer;

/// Caveat of a model whose classes are in another order than the labels.
pub(crate) const REVERSED: &str = "reversed";
/// Domain-classifier AUC from which randomized rows are called off-manifold.
const OFF_MANIFOLD: f64 = 0.9;

impl Context<'_> {
    pub(super) fn caveats(
        &self,
        blocks: &BlockSet,
        has_signal: bool,
        is_reversed: bool,
        standard: &Estimate,
        chance: f64,
        standard_figures: &JobFigures,
    ) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        if is_reversed {
            caveats.push(Caveat::warning(
                REVERSED,
                "The ROC-AUC on unchanged rows lies below chance as a whole: the model predicts the wrong way round. \
                 Usually its classes are in a different order than the labels, which are sorted by name unless an order is given (--classes). Verdicts, \
                 necessity and sufficiency are withheld.",
            ));
        } else if !has_signal {
            caveats.push(Caveat::warning(
                "no-signal",
                format!(
                    "The interval of the {} on unchanged rows reaches chance ({:.3} ≤ {chance:.3}), \
                     so there is no skill to attribute: verdicts, necessity and sufficiency are withheld.",
                    self.metric.title(),
                    standard.low
                ),
            ));
        }
        caveats.extend(self.few_rows());
        caveats.extend(self.classes_left_out());
        caveats.extend(self.strata_left_out(standard_figures));
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

    fn few_rows(&self) -> Option<Caveat> {
        let class_rows = ClassRows::of(self.truth);
        if !class_rows.are_few() {
            return None;
        }
        let rarest = class_rows.rarest();
        let noun = if rarest == 1 { "row" } else { "rows" };
        let class = self
            .facts
            .classes
            .iter()
            .find(|(_, count)| *count == rarest)
            .map_or_else(String::new, |(name, _)| format!(" {name:?}"));
        Some(Caveat::caution(
            "few-rows",
            format!(
                "The rarest class{class} has {rarest} {noun}. Below {FEW_ROWS} the variance that the rows themselves \
                 suggest is too small, so Wilson's interval with the rarer class as trials is used, and differences \
                 get at least the variance of its bound. Give more rows of that class for narrower intervals."
            ),
        ))
    }

    /// Strata in which the metric is not defined.
    fn strata_left_out(&self, standard_figures: &JobFigures) -> Option<Caveat> {
        let strata = self.unmeasured_strata(standard_figures);
        let told: Vec<String> = strata
            .iter()
            .map(|stratum| {
                let noun = if stratum.n_rows == 1 { "row" } else { "rows" };
                format!(
                    "{} = {:?} ({} {noun}, {})",
                    stratum.column, stratum.value, stratum.n_rows, stratum.reason
                )
            })
            .collect();
        let exchanged = match self.options.mode {
            DonorMode::WithinStratum => {
                " Rows of a stratum with one class get donors of the same class: what is exchanged there says nothing \
                 about that class."
            }
            _ => "",
        };
        (!told.is_empty()).then(|| {
            Caveat::note(
                "strata-left-out",
                format!(
                    "The {} is not defined inside these strata, which are listed without figures: {}.{exchanged}",
                    self.metric.title(),
                    told.join(", ")
                ),
            )
        })
    }

    /// Classes that one against the rest says nothing about.
    fn classes_left_out(&self) -> Option<Caveat> {
        let averages_classes = matches!(self.metric, Metric::Auc | Metric::Ap)
            && matches!(self.truth, Truth::Classes { .. });
        let named = |(name, count): &(String, usize)| format!("{name:?} ({count})");
        let left_out: Vec<String> = self
            .facts
            .classes
            .iter()
            .filter(|(_, count)| averages_classes && *count < LEAST_ROWS_OF_CLASS)
            .map(named)
            .collect();
        (!left_out.is_empty()).then(|| {
            Caveat::caution(
                "classes-left-out",
                format!(
                    "The {} is a mean over classes, each against the rest. Left out for having fewer than \
                     {LEAST_ROWS_OF_CLASS} rows (counts in brackets): {}.",
                    self.metric.title(),
                    left_out.join(", ")
                ),
            )
        })
    }
}

/// Scores of one output that look like probabilities although the threshold is that of log odds.
pub(crate) fn probabilities(predictions: &Predictions, n_outputs: usize) -> Option<Caveat> {
    let Predictions::Binary { scores, threshold } = predictions else { return None };
    let look_like_it = n_outputs == 1
        && *threshold == 0.0
        && scores.iter().all(|score| (0.0..=1.0).contains(score));
    look_like_it.then(|| {
        Caveat::warning(
            "probabilities",
            "All scores lie between 0 and 1 while the threshold is 0: if they are probabilities, every row counts as \
             predicted to be of the second class, and accuracy, flips and cross-entropy mean nothing. Set the \
             threshold to 0.5, or give log odds. The AUC is the same either way.",
        )
    })
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
        // What makes all figures meaningless comes first.
        let is_first = |caveat: &&Caveat| caveat.kind == CLASS_ORDER;
        let place = outcome.caveats.iter().take_while(is_first).count();
        outcome.caveats.insert(
            place,
            Caveat::warning(
                "off-manifold",
                format!(
                    "A simple classifier separates rows with randomized {} from real ones (AUC ≥ {OFF_MANIFOLD}). \
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
