//! Accuracy and loss of a model on attacked rows.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use simbias_data::{Scorer, ScorerError};
use simbias_stats::argmax;

use super::error::{AttackError, check_rows};

/// Rows that are moved and scored at a time, so that memory does not grow with the data.
const ROWS_AT_A_TIME: usize = 1024;

/// How well a model does on labelled rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttackScore {
    /// Share of rows whose predicted class is the label; ties go to the first class.
    pub accuracy: f64,
    /// Mean cross-entropy of the label in nats.
    pub loss: f64,
}

impl AttackScore {
    /// Scores `rows`, shape `[n_rows, n_features]`, as they are.
    ///
    /// # Errors
    ///
    /// Rows without labels, a label that the model has no output for, or a model that fails.
    pub fn of_rows(
        scorer: &dyn Scorer,
        rows: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<Self, AttackError> {
        score_shifted(scorer, rows, labels, |_, _| ())
    }
}

/// Scores `rows` after `shift(row_number, row)` has moved each of them.
pub(super) fn score_shifted(
    scorer: &dyn Scorer,
    rows: ArrayView2<'_, f32>,
    labels: &[u32],
    shift: impl Fn(usize, ArrayViewMut1<'_, f32>),
) -> Result<AttackScore, AttackError> {
    check_rows(rows, labels)?;
    let n_classes = scorer.n_outputs().max(2);
    if let Some(row) = labels.iter().position(|&label| label as usize >= n_classes) {
        return Err(AttackError::Label { row, label: labels[row], n_classes });
    }
    let (mut n_hits, mut loss_sum) = (0_usize, 0.0);
    let batches = rows.axis_chunks_iter(Axis(0), ROWS_AT_A_TIME).zip(labels.chunks(ROWS_AT_A_TIME));
    for (index, (batch, labels)) in batches.enumerate() {
        let first_row = index * ROWS_AT_A_TIME;
        let mut batch = batch.as_standard_layout().into_owned();
        for (offset, row) in batch.rows_mut().into_iter().enumerate() {
            shift(first_row + offset, row);
        }
        let scores = scorer.score(batch.view())?;
        check_scores(scores.view(), labels.len(), scorer.n_outputs())?;
        for (offset, (scores, &label)) in scores.rows().into_iter().zip(labels).enumerate() {
            let logits = logits(scores);
            if logits.iter().any(|logit| !logit.is_finite()) {
                return Err(AttackError::OutputNotFinite {
                    what: "score",
                    row: first_row + offset,
                });
            }
            n_hits += usize::from(argmax(&logits) == label);
            loss_sum += cross_entropy(&logits, label);
        }
    }
    let n_rows = labels.len() as f64;
    Ok(AttackScore { accuracy: n_hits as f64 / n_rows, loss: loss_sum / n_rows })
}

/// Refuses scores of another shape than `[n_rows, n_outputs]`.
pub(super) fn check_scores(
    scores: ArrayView2<'_, f32>,
    n_rows: usize,
    n_outputs: usize,
) -> Result<(), ScorerError> {
    let expected = [n_rows, n_outputs];
    if scores.shape() == expected {
        return Ok(());
    }
    Err(ScorerError::Shape { found: scores.shape().to_vec(), expected: expected.to_vec() })
}

/// One logit per class; a single score is the logit of class 1, with 0 for class 0.
pub(super) fn logits(scores: ArrayView1<'_, f32>) -> Vec<f64> {
    let values = scores.iter().map(|&score| f64::from(score));
    match scores.len() {
        1 => std::iter::once(0.0).chain(values).collect(),
        _ => values.collect(),
    }
}

/// `-log softmax(logits)[label]`.
pub(super) fn cross_entropy(logits: &[f64], label: u32) -> f64 {
    // Relative to the label, so that a tiny loss keeps its digits.
    let own = logits[label as usize];
    let others = logits.iter().enumerate().filter(|&(class, _)| class != label as usize);
    let largest = others.clone().map(|(_, &logit)| logit - own).fold(0.0, f64::max);
    let sum: f64 = others.map(|(_, &logit)| (logit - own - largest).exp()).sum();
    if largest == 0.0 { sum.ln_1p() } else { largest + (sum + (-largest).exp()).ln() }
}

/// `softmax(logits)`.
pub(super) fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_has_the_closed_form_at_both_ends() {
        assert!((cross_entropy(&[0.0, 0.0, 0.0], 1) - 3.0_f64.ln()).abs() < 1e-15);
        // log(1 + e^-40): far below the spacing of numbers near 1.
        assert!((cross_entropy(&[40.0, 0.0], 0) / (-40.0_f64).exp() - 1.0).abs() < 1e-12);
        assert!((cross_entropy(&[40.0, 0.0], 1) - 40.0).abs() < 1e-12);
        assert!((cross_entropy(&[1000.0, -1000.0], 1) - 2000.0).abs() < 1e-9);
    }

    #[test]
    fn cross_entropy_is_minus_log_softmax() {
        let logits = [0.3, -1.2, 2.5, 0.1];
        for (label, probability) in (0_u32..).zip(softmax(&logits)) {
            assert!((cross_entropy(&logits, label) + probability.ln()).abs() < 1e-14);
        }
    }
}
