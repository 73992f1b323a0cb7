//! Before and after: did a remedy make the model use more, or merely something else?

use simbias_report::Estimate;
use simbias_stats::{normal_cdf, sample_variance, wald_interval};

use crate::RelianceError;
use crate::figures::{ClassRows, edge_variance, statistic};
use crate::influence::{BlockInfluences, Influences};
use crate::metric::Metric;
use crate::outcome::{BlockOutcome, Condition, RelianceOutcome};
use crate::verdict::is_shown_above;

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

impl Change {
    /// Whether the difference is off zero by more than chance explains, when `n_tests` differences are looked at.
    pub fn is_settled(&self, n_tests: usize) -> bool {
        let Estimate { value, low, high, level, .. } = self.difference;
        let mirrored = Estimate::new(-value, -high, -low).level(level);
        is_shown_above(&self.difference, 0.0, n_tests) || is_shown_above(&mirrored, 0.0, n_tests)
    }
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
    /// Whether every row's influence on the figures is known for both, so that the choice of rows cancels.
    pub paired_over_rows: bool,
    /// Blocks with sufficiency of at least ½, before and after; `None` where the donors reveal the class or stay within
    /// a stratum: sufficiency is then not what the block carries alone.
    pub n_sufficient: Option<(usize, usize)>,
}

impl Comparison {
    /// Whether the model may be called more diverse: at least two blocks carry half of the skill alone, and
    /// more than before. A higher metric without one block is not enough: the model may have switched.
    pub fn is_more_diverse(&self) -> bool {
        self.n_sufficient.is_some_and(|(before, after)| after >= 2 && after > before)
    }

    /// Whether nothing changed as far as the rows can tell: neither the metric nor what the model needs of any block or
    /// can do with it alone.
    pub fn changes_nothing(&self) -> bool {
        let n_tests = 2 * self.blocks.len();
        let of_blocks = self.blocks.iter().flat_map(|block| [&block.necessity, &block.sufficiency]);
        !self.standard.is_settled(1)
            && !self.is_more_diverse()
            && !of_blocks.flatten().any(|change| change.is_settled(n_tests))
    }
}

/// Compares two measurements of different models (or remedies) on the same data and blocks.
///
/// With equal data, seed and donor mode the donor maps are the same, and differences are taken repeat by repeat.
/// With the `influences` of both, before and after, they are also taken row by row:
/// `Var(Δ) = Σᵢ(ψᵢ − ψ'ᵢ)² + var_r(Δ_r) / R`. Without, the variances over test rows are added as if the two results
/// came from different rows, which overstates them for similar models.
///
/// Where the rarer class has few rows, or both metrics are at their limit, a difference between unequal results gets at
/// least the variance of Wilson's bound.
///
/// # Errors
/// Different data, metric or blocks; influences of other rows, blocks or results.
pub fn compare(
    before: &RelianceOutcome,
    after: &RelianceOutcome,
    influences: Option<(&Influences, &Influences)>,
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
    if let Some((of_before, of_after)) = influences {
        check_influences(before, of_before)?;
        check_influences(after, of_after)?;
    }
    let paired =
        before.seed == after.seed && before.mode == after.mode && before.repeats == after.repeats;
    let pairing =
        Pairing { donors: paired, rows: ClassRows::of_outcome(before), metric: before.metric };
    let (of_before, of_after) = influences.unzip();
    let blocks = (0..before.blocks.len())
        .map(|index| {
            pairing.block(&Side::of(before, of_before, index), &Side::of(after, of_after, index))
        })
        .collect::<Result<_, _>>()?;
    let shows_sufficiency =
        before.mode.shows_what_carries_alone() && after.mode.shows_what_carries_alone();
    Ok(Comparison {
        standard: pairing.standard(before, after, influences)?,
        blocks,
        paired,
        paired_over_rows: influences.is_some(),
        n_sufficient: shows_sufficiency.then(|| (n_sufficient(before), n_sufficient(after))),
    })
}

fn n_sufficient(outcome: &RelianceOutcome) -> usize {
    outcome
        .blocks
        .iter()
        .filter(|block| block.sufficiency.as_ref().is_some_and(|share| share.value >= 0.5))
        .count()
}

fn check_influences(
    outcome: &RelianceOutcome,
    influences: &Influences,
) -> Result<(), RelianceError> {
    let n_rows = outcome.n_rows;
    let of_all_rows = |values: &[f32]| values.len() == n_rows;
    let blocks_fit = outcome.blocks.len() == influences.blocks.len()
        && outcome.blocks.iter().zip(&influences.blocks).all(|(block, found)| {
            block.name == found.block
                && of_all_rows(&found.randomized)
                && found.complement.is_some() == block.complement.is_some()
                && found.complement.as_deref().is_none_or(of_all_rows)
        });
    let fits = influences.data_fingerprint == outcome.data_fingerprint
        && influences.standard_value == outcome.standard.metric.value
        && of_all_rows(&influences.standard)
        && blocks_fit;
    if fits {
        return Ok(());
    }
    Err(RelianceError::NotComparable {
        problem: format!(
            "the influences of rows with fingerprint {} and {} blocks belong to another result",
            influences.data_fingerprint,
            influences.blocks.len()
        ),
    })
}

/// One of the two results, for one block.
struct Side<'a> {
    block: &'a BlockOutcome,
    /// The skill that shares are taken of: the standard metric above chance.
    skill: f64,
    chance: f64,
    /// Influences on the standard metric and on those of the block.
    influences: Option<(&'a [f32], &'a BlockInfluences)>,
}

/// One condition of one result.
#[derive(Clone, Copy)]
struct Measured<'a> {
    condition: &'a Condition,
    influence: Option<&'a [f32]>,
}

impl<'a> Side<'a> {
    fn of(outcome: &'a RelianceOutcome, influences: Option<&'a Influences>, index: usize) -> Self {
        Self {
            block: &outcome.blocks[index],
            skill: outcome.standard.metric.value - outcome.chance,
            chance: outcome.chance,
            influences: influences.map(|found| (found.standard.as_slice(), &found.blocks[index])),
        }
    }

    fn randomized(&self) -> Measured<'a> {
        let influence = self.influences.map(|(_, found)| found.randomized.as_slice());
        Measured { condition: &self.block.randomized, influence }
    }

    fn complement(&self) -> Option<Measured<'a>> {
        let influence = self.influences.and_then(|(_, found)| found.complement.as_deref());
        Some(Measured { condition: self.block.complement.as_ref()?, influence })
    }

    /// `(m − c) / (m₀ − c)` of every repeat.
    fn kept(&self, condition: &Condition) -> Vec<f64> {
        condition.per_repeat.iter().map(|value| (value - self.chance) / self.skill).collect()
    }

    /// Influence of every row on that share by the delta method: `ψ_m / d − (m − c) / d² · ψ₀`, `d = m₀ − c`.
    fn influence_on_kept(&self, of: Measured<'_>) -> Option<Vec<f64>> {
        let kept = (of.condition.metric.value - self.chance) / self.skill;
        let (standard, _) = self.influences?;
        let of_rows = of.influence?.iter().zip(standard);
        Some(
            of_rows
                .map(|(&metric, &standard)| {
                    (f64::from(metric) - kept * f64::from(standard)) / self.skill
                })
                .collect(),
        )
    }
}

/// Which noise cancels in a difference of the two results, and the least variance it may have.
struct Pairing {
    /// Whether the donor maps are the same.
    donors: bool,
    rows: ClassRows,
    metric: Metric,
}

impl Pairing {
    fn standard(
        &self,
        before: &RelianceOutcome,
        after: &RelianceOutcome,
        influences: Option<(&Influences, &Influences)>,
    ) -> Result<Change, RelianceError> {
        let (a, b) = (&before.standard.metric, &after.standard.metric);
        let rows = match influences {
            Some((a, b)) => squared_differences(&a.standard, &b.standard),
            None => half_width_variance(a) + half_width_variance(b),
        };
        if influences.is_some() && before.standard == after.standard && rows == 0.0 {
            return change(a, b, 0.0);
        }
        change(a, b, rows.max(self.least_variance(a, b)?))
    }

    fn block(&self, before: &Side<'_>, after: &Side<'_>) -> Result<BlockChange, RelianceError> {
        let (a, b) = (before.randomized(), after.randomized());
        let necessities = before.block.necessity.as_ref().zip(after.block.necessity.as_ref());
        let sufficiencies = before.block.sufficiency.as_ref().zip(after.block.sufficiency.as_ref());
        let complements = before.complement().zip(after.complement());
        Ok(BlockChange {
            block: before.block.name.clone(),
            randomized: self.condition(a, b)?,
            necessity: necessities
                .map(|shares| self.share(shares, (before, a), (after, b)))
                .transpose()?,
            sufficiency: sufficiencies
                .zip(complements)
                .map(|(shares, (a, b))| self.share(shares, (before, a), (after, b)))
                .transpose()?,
        })
    }

    /// Change of the leading metric.
    fn condition(&self, a: Measured<'_>, b: Measured<'_>) -> Result<Change, RelianceError> {
        let (before, after) = (&a.condition.metric, &b.condition.metric);
        let rows = match (a.influence, b.influence) {
            (Some(_), Some(_)) if are_same(a, b) => return change(before, after, 0.0),
            (Some(a), Some(b)) => squared_differences(a, b),
            _ => a.condition.standard_error_rows.powi(2) + b.condition.standard_error_rows.powi(2),
        };
        let rows = rows.max(self.least_variance(before, after)?);
        let permutations = self.permutations(&a.condition.per_repeat, &b.condition.per_repeat)?;
        change(before, after, rows + permutations)
    }

    /// Change of a share of the skill: what is kept in `a` and `b`, or what is lost.
    fn share(
        &self,
        (before, after): (&Estimate, &Estimate),
        (side_a, a): (&Side<'_>, Measured<'_>),
        (side_b, b): (&Side<'_>, Measured<'_>),
    ) -> Result<Change, RelianceError> {
        let (Some(of_a), Some(of_b)) = (side_a.influence_on_kept(a), side_b.influence_on_kept(b))
        else {
            return change(before, after, half_width_variance(before) + half_width_variance(after));
        };
        let same_skill = side_a.skill == side_b.skill;
        let rows: f64 = of_a.iter().zip(&of_b).map(|(a, b)| (a - b).powi(2)).sum();
        if same_skill && are_same(a, b) && rows == 0.0 {
            return change(before, after, 0.0);
        }
        let least = self.least_variance(&a.condition.metric, &b.condition.metric)?;
        let rows = rows.max(least / side_a.skill.min(side_b.skill).powi(2));
        let permutations =
            self.permutations(&side_a.kept(a.condition), &side_b.kept(b.condition))?;
        change(before, after, rows + permutations)
    }

    /// Variance of the difference of two means over repeats, due to the finite number of donor maps.
    fn permutations(&self, a: &[f64], b: &[f64]) -> Result<f64, RelianceError> {
        let of_mean = |values: &[f64]| -> Result<f64, RelianceError> {
            match values.len() {
                0 | 1 => Ok(0.0),
                n => Ok(sample_variance(values).map_err(statistic)? / n as f64),
            }
        };
        if self.donors && a.len() == b.len() {
            let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
            of_mean(&differences)
        } else {
            Ok(of_mean(a)? + of_mean(b)?)
        }
    }

    /// Least variance over rows of a difference between unequal results: that of Wilson's bound where both metrics are
    /// at their limit or a class has few rows.
    fn least_variance(&self, a: &Estimate, b: &Estimate) -> Result<f64, RelianceError> {
        let at_its_end = |value: f64| value <= 0.0 || value >= 1.0;
        let both_at_their_end = at_its_end(a.value) && at_its_end(b.value);
        if self.metric == Metric::R2 || !(both_at_their_end || self.rows.are_few()) {
            return Ok(0.0);
        }
        edge_variance(self.rows.trials(self.metric), a.level)
    }
}

/// Whether two conditions agree in everything that was measured, so that their difference is an exact zero.
fn are_same(a: Measured<'_>, b: Measured<'_>) -> bool {
    a.condition == b.condition && a.influence == b.influence
}

fn squared_differences(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

/// Variance that the width of an interval implies.
fn half_width_variance(estimate: &Estimate) -> f64 {
    let z = simbias_stats::normal_quantile(0.5 + estimate.level / 2.0).unwrap_or(1.96);
    ((estimate.high - estimate.low) / 2.0 / z).powi(2)
}

fn change(before: &Estimate, after: &Estimate, variance: f64) -> Result<Change, RelianceError> {
    let difference = after.value - before.value;
    let (low, high) = if variance > 0.0 {
        wald_interval(difference, variance, before.level).map_err(statistic)?
    } else {
        (difference, difference)
    };
    let standard_errors = difference.abs() / variance.max(f64::MIN_POSITIVE).sqrt();
    Ok(Change {
        before: before.clone(),
        after: after.clone(),
        difference: Estimate::new(difference, low, high)
            .level(before.level)
            .n(before.n)
            .varied("test rows and permutations"),
        p_value: 2.0 * (1.0 - normal_cdf(standard_errors)),
    })
}
