//! Pruning by absolute value.

use super::{Pattern, WeightMatrix, prune_groups};
use crate::SpectraError;

/// Sets the smallest weights of the whole matrix to zero.
///
/// With `k = ⌊n·share⌋` the `k + 1` smallest go, as in the official code, which removes the threshold itself. Where
/// that code also removes everything equal to the threshold, the earlier of equal weights go here, so that the
/// share of zeros stays within one weight of what was asked for.
///
/// # Errors
/// A pattern that does not fit the layer.
pub fn magnitude(weights: &mut WeightMatrix, pattern: Pattern) -> Result<(), SpectraError> {
    pattern.check(&weights.layer, weights.n_cols)?;
    match pattern {
        Pattern::Share(0.0) => {}
        Pattern::Share(share) => {
            let n = weights.values.len();
            let last = (n as f64 * share) as usize;
            if last < n {
                let mut order: Vec<u32> = (0..n as u32).collect();
                let values = &weights.values;
                let key = |&index: &u32| (values[index as usize].abs(), index);
                order.select_nth_unstable_by(last, |i, j| {
                    let ((left, i), (right, j)) = (key(i), key(j));
                    left.total_cmp(&right).then(i.cmp(&j))
                });
                for &index in &order[..=last] {
                    weights.values[index as usize] = 0.0;
                }
            }
        }
        Pattern::Groups { zeros, of } => prune_groups(weights, zeros, of, |_, weight| weight.abs()),
    }
    Ok(())
}
