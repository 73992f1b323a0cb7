//! ROC-AUC of classifiers with one output per class.

use crate::accuracy::check_logits;
use crate::error::StatsError;
use crate::roc::RocScratch;

/// Mean over classes of the AUC of "this class against the rest", ranked by softmax probability.
/// `logits` are `[rows, n_classes]`, row by row; the softmax is computed in f64, since in f32 it
/// saturates at 1 and ties rows that differ.
///
/// Errors: as [`accuracy`](crate::accuracy()), and when a class has no rows or there is only one class.
pub fn one_vs_rest_auc<S>(logits: &[S], n_classes: usize, labels: &[u32]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64>,
{
    let probabilities = ranked_probabilities(logits, n_classes, labels)?;
    let mut scratch = RocScratch::default();
    let mut sum = 0.0;
    for (class, scores) in probabilities.iter().enumerate() {
        let positives: Vec<bool> = labels.iter().map(|&label| label as usize == class).collect();
        sum += scratch.roc_auc(scores, &positives)?;
    }
    Ok(sum / n_classes as f64)
}

/// Mean over ordered pairs of classes (a, b) of the AUC of a against b by the probability of a, among
/// the rows of both (Hand & Till 2001, unweighted). Shapes and errors as [`one_vs_rest_auc`].
pub fn one_vs_one_auc<S>(logits: &[S], n_classes: usize, labels: &[u32]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64>,
{
    let probabilities = ranked_probabilities(logits, n_classes, labels)?;
    let mut scratch = RocScratch::default();
    let mut sum = 0.0;
    for (class, scores) in probabilities.iter().enumerate() {
        for other in (0..n_classes).filter(|&other| other != class) {
            let (duel, positives): (Vec<f64>, Vec<bool>) = scores
                .iter()
                .zip(labels)
                .filter(|(_, label)| [class, other].contains(&(**label as usize)))
                .map(|(&score, &label)| (score, label as usize == class))
                .unzip();
            sum += scratch.roc_auc(&duel, &positives)?;
        }
    }
    Ok(sum / (n_classes * (n_classes - 1)) as f64)
}

/// Softmax probabilities as `[class][row]`, after checking that every class has rows.
fn ranked_probabilities<S>(
    logits: &[S],
    n_classes: usize,
    labels: &[u32],
) -> Result<Vec<Vec<f64>>, StatsError>
where
    S: Copy + Into<f64>,
{
    check_logits(logits, n_classes, labels)?;
    let mut counts = vec![0_usize; n_classes];
    for &label in labels {
        counts[label as usize] += 1;
    }
    if n_classes == 1 {
        return Err(StatsError::OneClass { n_positives: labels.len(), n_negatives: 0 });
    }
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        return Err(StatsError::MissingClass { class, n_classes });
    }
    let mut columns = vec![Vec::with_capacity(labels.len()); n_classes];
    let mut powers = vec![0.0; n_classes];
    for row in logits.chunks_exact(n_classes) {
        let largest = row.iter().map(|&logit| logit.into()).fold(f64::NEG_INFINITY, f64::max);
        for (power, &logit) in powers.iter_mut().zip(row) {
            *power = (logit.into() - largest).exp();
        }
        let total: f64 = powers.iter().sum();
        for (column, power) in columns.iter_mut().zip(&powers) {
            column.push(power / total);
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 12] = [2., 1., 0., 0., 3., 1., 1., 1., 0., 0., 0., 5.];

    #[test]
    fn a_perfect_ranking_scores_one_either_way() {
        assert_eq!(one_vs_rest_auc(&LOGITS, 3, &[0, 1, 0, 2]).unwrap(), 1.0);
        assert_eq!(one_vs_one_auc(&LOGITS, 3, &[0, 1, 0, 2]).unwrap(), 1.0);
    }

    #[test]
    fn two_classes_agree_with_the_difference_of_logits() {
        let logits = [0.3, 0.1, -1.0, 2.0, 0.5, 0.5, 1.0, -1.0, 0.0, 0.2_f64];
        let labels = [0, 1, 1, 0, 1];
        let differences: Vec<f64> = logits.chunks_exact(2).map(|row| row[1] - row[0]).collect();
        let positives = labels.map(|label| label == 1);
        let expected = crate::roc::roc_auc(&differences, &positives).unwrap();
        assert_eq!(one_vs_rest_auc(&logits, 2, &labels).unwrap(), expected);
        assert_eq!(one_vs_one_auc(&logits, 2, &labels).unwrap(), expected);
    }

    #[test]
    fn logits_that_saturate_in_f32_keep_their_order() {
        let logits = [0.0, 20.0, 0.0, 21.0, 0.0, 22.0, 30.0, 0.0_f32];
        assert_eq!(one_vs_rest_auc(&logits, 2, &[0, 1, 1, 0]).unwrap(), 1.0);
    }

    #[test]
    fn bad_input_is_named() {
        let missing = one_vs_rest_auc(&LOGITS, 3, &[0, 1, 0, 1]).unwrap_err();
        assert_eq!(missing, StatsError::MissingClass { class: 2, n_classes: 3 });
        assert!(one_vs_rest_auc(&[1.0, 2.0], 1, &[0, 0]).is_err());
    }
}
