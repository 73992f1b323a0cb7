//! Mean cross-entropy of scores.

use super::{Predictions, Truth};

/// Mean cross-entropy in nats; `None` for numbers.
///
/// A single binary output is read as the log odds of the second class, relative to its threshold.
pub fn cross_entropy(predictions: &Predictions, truth: &Truth) -> Option<f64> {
    let n = truth.n_rows() as f64;
    match (predictions, truth) {
        (Predictions::Binary { scores, threshold }, Truth::Binary(positive)) => {
            let total: f64 = scores
                .iter()
                .zip(positive)
                .map(|(score, &positive)| {
                    let margin = if positive { score - threshold } else { threshold - score };
                    // ln(1 + e^-m) without overflow.
                    (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
                })
                .sum();
            Some(total / n)
        }
        (Predictions::Classes(logits), Truth::Classes { indices, .. }) => {
            let total: f64 = logits
                .rows()
                .into_iter()
                .zip(indices)
                .map(|(row, &class)| {
                    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
                    largest + sum.ln() - row[class as usize]
                })
                .sum();
            Some(total / n)
        }
        _ => None,
    }
}
