//! Where early training ends.

use serde::{Deserialize, Serialize};
use simbias_stats::quantile;

use crate::DynamicsError;

/// A fall of the error by less than this part of the largest fall so far is small.
const SMALL_FALL: f64 = 0.05;
/// Curves of this many epochs are smoothed.
const LONG_CURVE: usize = 20;
/// Shares of the planned epochs between which the choice must lie.
const ALLOWED: [f64; 2] = [0.02, 0.15];

/// The epoch whose outputs to cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochChoice {
    /// Number of epochs after which to cluster, at least 1.
    pub epoch: usize,
    /// Fall of the error in each epoch, smoothed for long curves.
    pub falls: Vec<f64>,
    /// The epoch before it was moved into the allowed range; `None` if the error never stopped falling fast.
    pub by_rule: Option<usize>,
    /// First and last allowed epoch.
    pub allowed: [usize; 2],
}

/// The first epoch in which the training error falls by no more than a twentieth of its largest fall so far, at least 2 %
/// and at most 15 % into the planned training. A rule of this tool; the paper says where the decrease of the training
/// error begins to shrink.
///
/// `errors` are the training errors after 0, 1, 2, … epochs.
///
/// # Errors
/// Fewer than two errors, errors that are not finite, fewer planned epochs than one.
pub fn separating_epoch(
    errors: &[f64],
    planned_epochs: usize,
) -> Result<EpochChoice, DynamicsError> {
    if errors.len() < 2 {
        return Err(DynamicsError::TooFew {
            what: "training errors",
            found: errors.len(),
            needed: 2,
            hint: "; give the error before the first epoch and after every one",
        });
    }
    if let Some(row) = errors.iter().position(|error| !error.is_finite()) {
        let n_rows = errors.iter().filter(|error| !error.is_finite()).count();
        return Err(DynamicsError::NotFinite { what: "the training errors", row, n_rows });
    }
    if planned_epochs == 0 {
        return Err(DynamicsError::Setting {
            name: "the number of planned epochs",
            found: "0".into(),
            expected: "1 or more",
        });
    }
    let raw: Vec<f64> = errors.windows(2).map(|pair| pair[0] - pair[1]).collect();
    let falls = if errors.len() > LONG_CURVE { median_of_three(&raw) } else { raw };
    let mut largest = f64::NEG_INFINITY;
    let by_rule = falls.iter().position(|&fall| {
        largest = largest.max(fall);
        fall <= SMALL_FALL * largest
    });
    // Fall number 0 is that of the first epoch.
    let by_rule = by_rule.map(|index| index + 1);
    let [low, high] = ALLOWED.map(|share| share * planned_epochs as f64);
    let first = (low.ceil() as usize).max(1);
    let allowed = [first, (high.floor() as usize).max(first)];
    let epoch = by_rule.unwrap_or(usize::MAX).clamp(allowed[0], allowed[1]);
    Ok(EpochChoice { epoch, falls, by_rule, allowed })
}

/// Every value replaced by the median of itself and its neighbours; the ends have one neighbour.
fn median_of_three(values: &[f64]) -> Vec<f64> {
    (0..values.len())
        .map(|at| {
            let near = &values[at.saturating_sub(1)..(at + 2).min(values.len())];
            quantile(near, 0.5).unwrap_or(values[at])
        })
        .collect()
}
