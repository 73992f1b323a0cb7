//! Least number of pieces of a threshold rule on one coordinate: the paper's notion of simplicity.
//!
//! Source: Shah et al. 2020, section 3.1: a linear coordinate needs one threshold, a k-slab k − 1.

use simbias_stats::Seed;

/// Errors of the best threshold rules on one coordinate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdErrors {
    /// Least number of training errors with at most `t` thresholds, index `t` = 0, 1, ….
    pub least_errors: Vec<usize>,
    /// Least `t` without any error; `None` if rows of one value and different classes make it impossible
    /// or more thresholds than asked for are needed.
    pub zero_error_thresholds: Option<usize>,
}

/// The simplest threshold rule that is as good as the best one, judged on rows that it was not fitted on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pieces {
    /// Thresholds of that rule; a rule of `t` thresholds has `t + 1` pieces.
    pub n_thresholds: usize,
    /// Its error rate on the validation rows.
    pub error: f64,
    /// Error rate on the validation rows of the best rule of at most the maximal number of thresholds.
    pub best_error: f64,
    /// Number of validation rows.
    pub n_validation: usize,
}

/// A rule: class `classes[i]` between `thresholds[i - 1]` and `thresholds[i]`.
#[derive(Clone, Debug, PartialEq)]
struct ThresholdRule {
    thresholds: Vec<f64>,
    classes: Vec<usize>,
}

impl ThresholdRule {
    fn predict(&self, value: f64) -> usize {
        self.classes[self.thresholds.partition_point(|&threshold| threshold < value)]
    }
}

/// Classes of the rows at one distinct value.
struct Level {
    value: f64,
    counts: Vec<usize>,
    n_rows: usize,
}

fn levels(values: &[f64], classes: &[u32], n_classes: usize) -> Vec<Level> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut levels: Vec<Level> = Vec::new();
    for row in order {
        if levels.last().is_none_or(|level| level.value != values[row]) {
            levels.push(Level { value: values[row], counts: vec![0; n_classes], n_rows: 0 });
        }
        if let Some(level) = levels.last_mut() {
            level.counts[classes[row] as usize] += 1;
            level.n_rows += 1;
        }
    }
    levels
}

/// Exact dynamic programme over the sorted distinct values; `O(n · t_max · n_classes)`.
struct Programme {
    /// `cost[t][class]` after the last level, exactly `t` changes of class.
    cost: Vec<Vec<usize>>,
    /// `from[level][t][class]`: class before this level.
    from: Vec<Vec<Vec<usize>>>,
}

impl Programme {
    const IMPOSSIBLE: usize = usize::MAX / 2;

    fn solve(levels: &[Level], n_classes: usize, max_thresholds: usize, keep_path: bool) -> Self {
        let mut cost = vec![vec![Self::IMPOSSIBLE; n_classes]; max_thresholds + 1];
        let mut from = Vec::new();
        for (index, level) in levels.iter().enumerate() {
            let mut next = vec![vec![Self::IMPOSSIBLE; n_classes]; max_thresholds + 1];
            let mut previous = vec![vec![0; n_classes]; max_thresholds + 1];
            for t in 0..=max_thresholds {
                for class in 0..n_classes {
                    let errors = level.n_rows - level.counts[class];
                    if index == 0 {
                        if t == 0 {
                            next[t][class] = errors;
                            previous[t][class] = class;
                        }
                        continue;
                    }
                    let mut best = (cost[t][class], class);
                    if t > 0 {
                        for (other, &reached) in cost[t - 1].iter().enumerate() {
                            if other != class && reached < best.0 {
                                best = (reached, other);
                            }
                        }
                    }
                    if best.0 < Self::IMPOSSIBLE {
                        next[t][class] = best.0 + errors;
                        previous[t][class] = best.1;
                    }
                }
            }
            cost = next;
            if keep_path {
                from.push(previous);
            }
        }
        Self { cost, from }
    }

    /// Cheapest end class for exactly `t` thresholds.
    fn best_end(&self, t: usize) -> (usize, usize) {
        let mut best = (Self::IMPOSSIBLE, 0);
        for (class, &cost) in self.cost[t].iter().enumerate() {
            if cost < best.0 {
                best = (cost, class);
            }
        }
        best
    }

    fn rule(&self, levels: &[Level], exactly: usize) -> Option<ThresholdRule> {
        let (cost, mut class) = self.best_end(exactly);
        if cost >= Self::IMPOSSIBLE {
            return None;
        }
        let mut t = exactly;
        let mut thresholds = Vec::new();
        let mut classes = vec![class];
        for index in (1..levels.len()).rev() {
            let before = self.from[index][t][class];
            if before != class {
                thresholds.push((levels[index - 1].value + levels[index].value) / 2.0);
                classes.push(before);
                t -= 1;
                class = before;
            }
        }
        thresholds.reverse();
        classes.reverse();
        Some(ThresholdRule { thresholds, classes })
    }
}

/// Least errors of threshold rules with at most 0, 1, …, `max_thresholds` thresholds.
///
/// `values` and `classes` have one entry per row; rows of one value cannot be told apart. NaN is not allowed.
///
/// # Panics
/// If there is no row, or the lengths differ.
pub fn threshold_errors(values: &[f64], classes: &[u32], max_thresholds: usize) -> ThresholdErrors {
    assert_eq!(values.len(), classes.len(), "one class per value");
    assert!(!values.is_empty(), "at least one row");
    let n_classes = classes.iter().max().map_or(1, |&class| class as usize + 1);
    let levels = levels(values, classes, n_classes);
    let programme = Programme::solve(&levels, n_classes, max_thresholds, false);
    let mut least = usize::MAX;
    let least_errors: Vec<usize> = (0..=max_thresholds)
        .map(|t| {
            least = least.min(programme.best_end(t).0);
            least
        })
        .collect();
    let zero_error_thresholds = least_errors.iter().position(|&errors| errors == 0);
    ThresholdErrors { least_errors, zero_error_thresholds }
}

/// Thresholds that one coordinate needs: rules are fitted on half of the rows, and the simplest whose error
/// on the other half is within one standard error of the best is taken.
///
/// Returns `None` for fewer than 20 rows. At most 20 000 rows are used.
pub fn pieces(
    values: &[f64],
    classes: &[u32],
    max_thresholds: usize,
    seed: Seed,
) -> Option<Pieces> {
    const MOST_ROWS: usize = 20_000;
    if values.len() < 20 {
        return None;
    }
    let mut order = seed.child("reliance/pieces", 0).permutation(values.len());
    order.truncate(MOST_ROWS);
    let (fit_rows, validation_rows) = order.split_at(order.len() / 2);
    let pick = |rows: &[u32]| -> (Vec<f64>, Vec<u32>) {
        rows.iter().map(|&row| (values[row as usize], classes[row as usize])).unzip()
    };
    let (fit_values, fit_classes) = pick(fit_rows);
    let (validation_values, validation_classes) = pick(validation_rows);
    let n_classes = classes.iter().max().map_or(1, |&class| class as usize + 1);
    let levels = levels(&fit_values, &fit_classes, n_classes);
    let programme = Programme::solve(&levels, n_classes, max_thresholds, true);
    let errors: Vec<f64> = (0..=max_thresholds)
        .map_while(|t| programme.rule(&levels, t))
        .map(|rule| {
            let wrong = validation_values
                .iter()
                .zip(&validation_classes)
                .filter(|&(&value, &class)| rule.predict(value) != class as usize)
                .count();
            wrong as f64 / validation_values.len() as f64
        })
        .collect();
    let best_error = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let n_validation = validation_values.len();
    let standard_error = (best_error * (1.0 - best_error) / n_validation as f64).sqrt();
    let n_thresholds = errors.iter().position(|&error| error <= best_error + standard_error)?;
    Some(Pieces { n_thresholds, error: errors[n_thresholds], best_error, n_validation })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rules with exactly the given cuts, by enumeration.
    fn brute_force(values: &[f64], classes: &[u32], max_thresholds: usize) -> Vec<usize> {
        let mut distinct = values.to_vec();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let n_gaps = distinct.len() - 1;
        let mut least = vec![usize::MAX; max_thresholds + 1];
        for mask in 0..1_u32 << n_gaps {
            let n_cuts = mask.count_ones() as usize;
            if n_cuts > max_thresholds {
                continue;
            }
            for first in 0..2_u32 {
                let errors = values
                    .iter()
                    .zip(classes)
                    .filter(|&(value, &class)| {
                        let level = distinct.iter().position(|other| other == value).unwrap();
                        let cuts_below = (mask & ((1 << level) - 1)).count_ones();
                        (first + cuts_below) % 2 != class
                    })
                    .count();
                least[n_cuts] = least[n_cuts].min(errors);
            }
        }
        for t in 1..least.len() {
            least[t] = least[t].min(least[t - 1]);
        }
        least
    }

    proptest! {
        #[test]
        fn the_programme_finds_what_enumeration_finds(
            rows in prop::collection::vec((0_i8..11, 0_u32..2), 2..30),
        ) {
            let values: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let classes: Vec<u32> = rows.iter().map(|row| row.1).collect();
            let found = threshold_errors(&values, &classes, 4);
            prop_assert_eq!(found.least_errors, brute_force(&values, &classes, 4));
        }
    }

    #[test]
    fn a_noisy_threshold_needs_one() {
        let values: Vec<f64> = (0..2000).map(f64::from).collect();
        let classes: Vec<u32> =
            (0..2000).map(|row| u32::from(row >= 1000) ^ u32::from(row % 17 == 0)).collect();
        let found = pieces(&values, &classes, 8, Seed::new(0)).unwrap();
        assert_eq!(found.n_thresholds, 1);
        assert!((found.error - 1.0 / 17.0).abs() < 0.02, "{found:?}");
    }
}
