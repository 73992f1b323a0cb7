//! Directions of common motion, and the two groups at their ends.

use rayon::prelude::*;
use simbias_report::{Progress, StopOnly};
use simbias_stats::{LanczosOptions, Seed, dot, largest_eigenpairs};

use super::Pair;
use super::candidates::{Series, standardised};
use crate::DynamicsError;

/// Candidates of one task. Sums are formed task by task, so that they do not depend on the number of threads.
const TASK_SERIES: usize = 128;
/// Entries of an eigenvector beyond this part of their mean size belong to a group.
const MEMBERSHIP: f64 = 0.5;
const SEARCH: LanczosOptions =
    LanczosOptions { n_wanted: 0, most_products: 150, relative_residual: 1e-10 };

/// The `n_pairs` directions along which the changes of the candidates are most coherent. `total` is the sum of the scores
/// of all examples.
pub(super) fn find(
    series: &Series,
    n_pairs: usize,
    total: f64,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Vec<Pair>, DynamicsError> {
    let standardised: Vec<Vec<f64>> =
        series.changes.par_iter().map(|changes| standardised(changes)).collect();
    let n_candidates = standardised.len() as f64;
    let n_wanted = n_pairs.min(standardised.len()).min(series.n_changes());
    if n_wanted == 0 {
        return Ok(Vec::new());
    }
    // Eigenvectors over the steps: shorter than those over the candidates, or at least one pass over the series each.
    let found = largest_eigenpairs(
        series.n_changes(),
        LanczosOptions { n_wanted, ..SEARCH },
        seed.child("outliers/pairs", 0),
        |vector| {
            StopOnly(progress).keep_going()?;
            Ok::<_, DynamicsError>(product(&standardised, vector))
        },
    )?;
    let threshold = MEMBERSHIP / n_candidates.sqrt();
    Ok(found
        .values
        .iter()
        .zip(&found.vectors)
        .map(|(&value, over_time)| {
            let over_candidates = projections(&standardised, over_time, value);
            let members = |is_member: &dyn Fn(f64) -> bool| {
                (0..standardised.len())
                    .filter(|&index| is_member(over_candidates[index]))
                    .collect::<Vec<usize>>()
            };
            let first = members(&|entry| entry > threshold);
            let second = members(&|entry| entry < -threshold);
            let coherence = value / (series.n_changes() as f64 * n_candidates);
            pair(series, &first, &second, coherence, total)
        })
        .collect())
}

/// `Z Zᵀ v` for the matrix `Z` whose columns are the series.
fn product(series: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    let parts: Vec<Vec<f64>> = series
        .par_chunks(TASK_SERIES)
        .map(|series| {
            let mut sum = vec![0.0; vector.len()];
            for series in series {
                let along = dot(series, vector);
                for (sum, value) in sum.iter_mut().zip(series) {
                    *sum += along * value;
                }
            }
            sum
        })
        .collect();
    let mut all = vec![0.0; vector.len()];
    for part in parts {
        for (all, part) in all.iter_mut().zip(part) {
            *all += part;
        }
    }
    all
}

/// The eigenvector over the candidates that belongs to the one over time; its largest entry is positive.
fn projections(series: &[Vec<f64>], over_time: &[f64], value: f64) -> Vec<f64> {
    let length = if value > 0.0 { value.sqrt() } else { 1.0 };
    let entries: Vec<f64> =
        series.par_iter().map(|series| dot(series, over_time) / length).collect();
    let largest = entries.iter().fold(
        0.0_f64,
        |most, &entry| {
            if entry.abs() > most.abs() { entry } else { most }
        },
    );
    let sign = if largest < 0.0 { -1.0 } else { 1.0 };
    entries.iter().map(|entry| sign * entry).collect()
}

fn pair(series: &Series, first: &[usize], second: &[usize], coherence: f64, total: f64) -> Pair {
    let mean = |of: &[Vec<f64>], group: &[usize]| -> Vec<f64> {
        (0..of[0].len())
            .map(|at| {
                let sum: f64 = group.iter().map(|&index| of[index][at]).sum();
                sum / group.len().max(1) as f64
            })
            .collect()
    };
    let examples = |group: &[usize]| {
        let mut examples: Vec<u32> = group.iter().map(|&index| series.examples[index]).collect();
        examples.sort_unstable();
        examples
    };
    let opposition = if first.is_empty() || second.is_empty() {
        0.0
    } else {
        correlation(&mean(&series.changes, first), &mean(&series.changes, second))
    };
    let motion = |index: usize| {
        let changes = &series.changes[index];
        changes.iter().map(|change| change.abs()).sum::<f64>() / changes.len() as f64
    };
    Pair {
        first: examples(first),
        second: examples(second),
        coherence,
        opposition,
        p_value: None,
        strength: first.iter().chain(second).map(|&index| motion(index)).sum::<f64>() / total,
        first_losses: mean(&series.losses, first),
        second_losses: mean(&series.losses, second),
        is_accepted: false,
    }
}

/// Pearson's correlation; 0 if one of the series is constant.
fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let product = dot(&standardised(one), &standardised(other));
    (product / one.len() as f64).clamp(-1.0, 1.0)
}
