//! Mean cross-entropy of scores.

use super::{Predictions, Truth};

/// `Σ ln(1 + eˣ)` without overflow. One logarithm serves many terms: every factor `1 + e^-|x|` is at most 2.
fn softplus_sum(values: impl Iterator<Item = f64>) -> f64 {
    const FACTORS: usize = 512;
    let (mut linear, mut logarithms, mut product, mut n_factors) = (0.0, 0.0, 1.0_f64, 0);
    for x in values {
        linear += x.max(0.0);
        product *= 1.0 + (-x.abs()).exp();
        n_factors += 1;
        if n_factors == FACTORS {
            logarithms += product.ln();
            (product, n_factors) = (1.0, 0);
        }
    }
    linear + logarithms + product.ln()
}

/// Mean cross-entropy in nats; `None` for numbers.
///
/// A single binary output is read as the log odds of the second class, relative to its threshold.
pub fn cross_entropy(predictions: &Predictions, truth: &Truth) -> Option<f64> {
    let n = truth.n_rows() as f64;
    match (predictions, truth) {
        (Predictions::Binary { scores, threshold }, Truth::Binary(positive)) => {
            let margins = scores.iter().zip(positive).map(|(score, &positive)| {
                if positive { score - threshold } else { threshold - score }
            });
            Some(softplus_sum(margins.map(|margin| -margin)) / n)
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

#[cfg(test)]
mod tests {
    use super::softplus_sum;

    #[test]
    fn the_sum_is_the_sum_of_its_terms() {
        let values: Vec<f64> = (0..5000)
            .map(|i| f64::from((i * 7919) % 10_007 - 5000) / 60.0)
            .chain([800.0, -800.0])
            .collect();
        let one_by_one: f64 =
            values.iter().map(|x: &f64| x.max(0.0) + (-x.abs()).exp().ln_1p()).sum();
        let found = softplus_sum(values.into_iter());
        assert!((found - one_by_one).abs() < 1e-12 * one_by_one, "{found} {one_by_one}");
        // 512 factors of 2 each stay finite.
        assert!((softplus_sum([0.0; 2000].into_iter()) - 2000.0 * 2f64.ln()).abs() < 1e-9);
    }
}
