//! How sure an exponent is.

use rayon::prelude::*;

use super::rules::{TailRule, fit_tail};

/// Windows are left out in at most this many groups, so that a large pool stays affordable.
const MAX_GROUPS: usize = 16;

/// Values of the pools that are fitted at once; with their logarithms they take 48 MiB.
const VALUES_AT_ONCE: usize = 1 << 21;

/// Maximum number of pools of `n_values` values that are fitted at once, so that they are not all in memory.
pub(crate) fn pools_at_once(n_values: usize) -> usize {
    (VALUES_AT_ONCE / n_values.max(1)).max(1)
}

/// Standard error of a Hill exponent, `(exponent - 1)/√n`, with `n` independent values of the tail.
pub fn standard_error(exponent: f64, n_effective: f64) -> f64 {
    (exponent - 1.0) / n_effective.max(1.0).sqrt()
}

/// What leaving windows out says about a pooled exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jackknife {
    /// Standard error of the pooled exponent.
    pub standard_error: f64,
    /// Groups of windows that were left out in turn.
    pub n_groups: usize,
}

/// Standard error of the exponent of pooled `windows` by leaving groups of windows out.
///
/// Overlapping windows repeat each other, so the variance is that of `n_disjoint` windows: with `g` groups,
/// `(g - 1)/g · Σ (θ₋ᵢ - θ̄)²`, times windows per disjoint window when there are more of them. `None` with fewer
/// than two windows or when a reduced pool has no tail.
///
/// `windows` hold ascending eigenvalues.
pub fn jackknife(
    windows: &[impl AsRef<[f64]> + Sync],
    rule: TailRule,
    n_disjoint: usize,
) -> Option<Jackknife> {
    let n_groups = windows.len().min(MAX_GROUPS);
    if n_groups < 2 {
        return None;
    }
    let n_values = windows.iter().map(|window| window.as_ref().len()).sum();
    let without = |left_out: usize| {
        // Windows of one group lie apart, since neighbours share most of their weights.
        let mut pool = Vec::with_capacity(n_values);
        for (index, window) in windows.iter().enumerate() {
            if index % n_groups != left_out {
                pool.extend_from_slice(window.as_ref());
            }
        }
        pool.sort_unstable_by(f64::total_cmp);
        Some(fit_tail(&pool, rule).ok()?.exponent)
    };
    let one_after_the_other = n_groups.div_ceil(pools_at_once(n_values));
    let left_out = (0..n_groups).into_par_iter().with_min_len(one_after_the_other);
    let exponents: Vec<f64> = left_out.map(without).collect::<Option<_>>()?;
    let groups = n_groups as f64;
    let mean = exponents.iter().sum::<f64>() / groups;
    let spread: f64 = exponents.iter().map(|exponent| (exponent - mean).powi(2)).sum();
    let overlap = (windows.len() as f64 / n_disjoint.max(1) as f64).max(1.0);
    let standard_error = (overlap * spread * (groups - 1.0) / groups).sqrt();
    Some(Jackknife { standard_error, n_groups })
}
