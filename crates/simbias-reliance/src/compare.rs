//! Before and after: did a remedy make the model use more, or merely something else?

use simbias_report::Estimate;
use simbias_stats::{normal_cdf, wald_interval};

use crate::RelianceError;
use crate::outcome::{BlockOutcome, RelianceOutcome};

/// A figure before and after, with the difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Before.
    pub before: Estimate,
    /// After.
    pub after: Estimate,
    /// After minus before.
    pub difference: Estimate,
    /// Two-sided p-value of "no difference".
    pub p_value: f64,
}

/// One block before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockChange {
    /// Name of the block.
    pub block: String,
    /// The leading metric without the block.
    pub randomized: Change,
    /// Necessity, if both results have it.
    pub necessity: Option<Change>,
    /// Sufficiency, if both results have it.
    pub sufficiency: Option<Change>,
}

/// Two results over the same data and blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The leading metric on unchanged rows.
    pub standard: Change,
    /// Blocks in the order of the first result.
    pub blocks: Vec<BlockChange>,
    /// Whether both results used the same rows and donor maps, so that permutation noise cancels.
    pub paired: bool,
    /// Blocks with sufficiency of at least ½, before and after.
    pub n_sufficient: (usize, usize),
}

impl Comparison {
    /// Whether the model may be called more diverse: at least two blocks carry half of the skill alone, and
    /// more than before. A higher metric without one block is not enough: the model may have switched.
    pub fn is_more_diverse(&self) -> bool {
        self.n_sufficient.1 >= 2 && self.n_sufficient.1 > self.n_sufficient.0
    }
}

/// Compares two measurements of different models (or remedies) on the same data and blocks.
///
/// With equal data, seed and donor mode the donor maps are the same, so differences are taken repeat by
/// repeat; the variance over test rows is added as if independent, which overstates it for similar models.
///
/// # Errors
/// Different data, metric or blocks.
pub fn compare(
    before: &RelianceOutcome,
    after: &RelianceOutcome,
) -> Result<Comparison, RelianceError> {
    let differ = |problem: String| Err(RelianceError::NotComparable { problem });
    if before.data_fingerprint != after.data_fingerprint {
        return differ(format!(
            "they are about different rows or labels (fingerprints {} and {})",
            before.data_fingerprint, after.data_fingerprint
        ));
    }
    if before.metric != after.metric {
        return differ(format!(
            "one leads with {}, the other with {}",
            before.metric.title(),
            after.metric.title()
        ));
    }
    let names = |outcome: &RelianceOutcome| {
        outcome.blocks.iter().map(|block| (block.name.clone(), block.size)).collect::<Vec<_>>()
    };
    if names(before) != names(after) {
        return differ(format!("their blocks differ: {:?} and {:?}", names(before), names(after)));
    }
    let paired =
        before.seed == after.seed && before.mode == after.mode && before.repeats == after.repeats;
    let blocks = before
        .blocks
        .iter()
        .zip(&after.blocks)
        .map(|(before_block, after_block)| block_change(before_block, after_block, paired))
        .collect::<Result<_, _>>()?;
    Ok(Comparison {
        standard: change(
            &before.standard.metric,
            &after.standard.metric,
            half_width_variance(&before.standard.metric)
                + half_width_variance(&after.standard.metric),
        )?,
        blocks,
        paired,
        n_sufficient: (n_sufficient(before), n_sufficient(after)),
    })
}

fn n_sufficient(outcome: &RelianceOutcome) -> usize {
    outcome
        .blocks
        .iter()
        .filter(|block| block.sufficiency.as_ref().is_some_and(|share| share.value >= 0.5))
        .count()
}

fn block_change(
    before: &BlockOutcome,
    after: &BlockOutcome,
    paired: bool,
) -> Result<BlockChange, RelianceError> {
    let (a, b) = (&before.randomized, &after.randomized);
    let rows = a.standard_error_rows.powi(2) + b.standard_error_rows.powi(2);
    let permutations =
        if paired && a.per_repeat.len() == b.per_repeat.len() && a.per_repeat.len() > 1 {
            let differences: Vec<f64> =
                a.per_repeat.iter().zip(&b.per_repeat).map(|(a, b)| b - a).collect();
            simbias_stats::sample_variance(&differences)
                .map_err(|error| RelianceError::Statistic(error.to_string()))?
                / differences.len() as f64
        } else {
            a.standard_error_permutations.powi(2) + b.standard_error_permutations.powi(2)
        };
    let share = |before: &Option<Estimate>, after: &Option<Estimate>| match (before, after) {
        (Some(before), Some(after)) => {
            change(before, after, half_width_variance(before) + half_width_variance(after))
                .map(Some)
        }
        _ => Ok(None),
    };
    Ok(BlockChange {
        block: before.name.clone(),
        randomized: change(&a.metric, &b.metric, rows + permutations)?,
        necessity: share(&before.necessity, &after.necessity)?,
        sufficiency: share(&before.sufficiency, &after.sufficiency)?,
    })
}

/// Variance that the width of an interval implies.
fn half_width_variance(estimate: &Estimate) -> f64 {
    let z = simbias_stats::normal_quantile(0.5 + estimate.level / 2.0).unwrap_or(1.96);
    ((estimate.high - estimate.low) / 2.0 / z).powi(2)
}

fn change(before: &Estimate, after: &Estimate, variance: f64) -> Result<Change, RelianceError> {
    let difference = after.value - before.value;
    let variance = variance.max(f64::MIN_POSITIVE);
    let (low, high) = wald_interval(difference, variance, before.level)
        .map_err(|error| RelianceError::Statistic(error.to_string()))?;
    Ok(Change {
        before: before.clone(),
        after: after.clone(),
        difference: Estimate::new(difference, low, high)
            .level(before.level)
            .n(before.n)
            .varied("test rows and permutations"),
        p_value: 2.0 * (1.0 - normal_cdf(difference.abs() / variance.sqrt())),
    })
}
