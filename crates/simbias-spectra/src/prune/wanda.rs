//! Pruning by absolute value times the size of the input (Sun et al. 2024, *A Simple and Effective Pruning Approach
//! for Large Language Models*).

use super::{InputStatistics, Pattern, WeightMatrix, prune_groups};
use crate::SpectraError;

/// `√s_j` as the official code has it, in 32 bits.
fn roots(statistics: &InputStatistics) -> Vec<f32> {
    statistics.scales().iter().map(|&scale| (scale as f32).sqrt()).collect()
}

/// Sets, in every row, the weights with the smallest `|w_ij|·√s_j` to zero: `⌊inputs·share⌋` of them, the first ones
/// among equals. The other weights stay as they are.
///
/// # Errors
/// Statistics of another layer, a pattern that does not fit.
pub fn wanda(
    weights: &mut WeightMatrix,
    statistics: &InputStatistics,
    pattern: Pattern,
) -> Result<(), SpectraError> {
    pattern.check(&weights.layer, weights.n_cols)?;
    weights.check_length("statistics", statistics.n_inputs())?;
    let roots = roots(statistics);
    match pattern {
        Pattern::Share(share) => {
            let n_cols = weights.n_cols;
            let n_zeros = (n_cols as f64 * share) as usize;
            for row in weights.values.chunks_exact_mut(n_cols.max(1)) {
                let mut order: Vec<usize> = (0..n_cols).collect();
                let score = |col: usize| row[col].abs() * roots[col];
                order.sort_by(|&i, &j| score(i).total_cmp(&score(j)));
                for &col in &order[..n_zeros] {
                    row[col] = 0.0;
                }
            }
        }
        Pattern::Groups { zeros, of } => {
            prune_groups(weights, zeros, of, |col, weight| weight.abs() * roots[col]);
        }
    }
    Ok(())
}

/// Share of the weights of all `layers` of a block whose score is more than `times` the mean score of the block: what OWL
/// allocates by (Yin et al. 2024).
///
/// # Errors
/// Statistics of another layer.
pub fn outlier_share(
    layers: &[(&WeightMatrix, &InputStatistics)],
    times: f64,
) -> Result<f64, SpectraError> {
    let mut by_layer = Vec::new();
    for (weights, statistics) in layers {
        weights.check_length("statistics", statistics.n_inputs())?;
        by_layer.push((*weights, roots(statistics)));
    }
    let scores = || {
        by_layer.iter().flat_map(|(weights, roots)| {
            weights.values.chunks_exact(weights.n_cols.max(1)).flat_map(move |row| {
                row.iter().zip(roots).map(|(weight, root)| f64::from(weight.abs() * root))
            })
        })
    };
    let n = layers.iter().map(|(weights, _)| weights.values.len()).sum::<usize>().max(1) as f64;
    let mean = scores().sum::<f64>() / n;
    Ok(scores().filter(|&score| score > times * mean).count() as f64 / n)
}
