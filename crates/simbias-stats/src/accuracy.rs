//! Share of right predictions.

use crate::error::{StatsError, at_least, same_length};

/// Class of the largest of one row's `logits`; the first one where several are largest.
pub fn argmax<S: PartialOrd>(logits: &[S]) -> u32 {
    let mut best = 0;
    for class in 1..logits.len() {
        if logits[class] > logits[best] {
            best = class;
        }
    }
    best as u32
}

/// Share of rows whose largest of `n_classes` logits is at the label. `logits` are
/// `[rows, n_classes]`, row by row. A tie goes to the first class.
///
/// Errors: shapes disagree, a label has no column, a logit is not finite, or there are no rows.
pub fn accuracy<S>(logits: &[S], n_classes: usize, labels: &[u32]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64> + PartialOrd,
{
    check_logits(logits, n_classes, labels)?;
    let rows = logits.chunks_exact(n_classes).zip(labels);
    let n_hits = rows.filter(|(row, label)| argmax(row) == **label).count();
    Ok(n_hits as f64 / labels.len() as f64)
}

/// Share of rows whose score lies on the side of their class: above 0 is positive, 0 and below is negative, as
/// the first class wins a tie of two logits.
///
/// Errors: lengths differ, a score is not finite, or there are no rows.
pub fn binary_accuracy<S>(scores: &[S], positives: &[bool]) -> Result<f64, StatsError>
where
    S: Copy + Into<f64>,
{
    same_length(("scores", scores.len()), ("labels", positives.len()))?;
    at_least("rows", scores.len(), 1)?;
    let mut n_hits = 0_usize;
    for (index, (&score, &positive)) in scores.iter().zip(positives).enumerate() {
        let value: f64 = score.into();
        if !value.is_finite() {
            return Err(StatsError::NotFinite { what: "scores", index, value });
        }
        n_hits += usize::from((value > 0.0) == positive);
    }
    Ok(n_hits as f64 / scores.len() as f64)
}

/// Refuses logits (`[rows, n_classes]`) and labels that do not fit together.
pub(crate) fn check_logits<S: Copy + Into<f64>>(
    logits: &[S],
    n_classes: usize,
    labels: &[u32],
) -> Result<(), StatsError> {
    at_least("classes", n_classes, 1)?;
    at_least("rows", labels.len(), 1)?;
    same_length(("logits divided by classes", logits.len() / n_classes), ("labels", labels.len()))?;
    same_length(("logits", logits.len()), ("labels times classes", labels.len() * n_classes))?;
    for (index, &logit) in logits.iter().enumerate() {
        let value: f64 = logit.into();
        if !value.is_finite() {
            return Err(StatsError::NotFinite { what: "logits", index, value });
        }
    }
    match labels.iter().position(|&label| label as usize >= n_classes) {
        Some(row) => Err(StatsError::Label { row, label: labels[row], n_classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 12] = [2., 1., 0., 0., 3., 1., 1., 1., 0., 0., 0., 5.];

    #[test]
    fn accuracy_counts_the_first_of_tied_classes() {
        assert_eq!(accuracy(&LOGITS, 3, &[0, 1, 0, 2]).unwrap(), 1.0);
        assert_eq!(accuracy(&LOGITS, 3, &[0, 1, 1, 1]).unwrap(), 0.5);
    }

    #[test]
    fn a_score_of_zero_is_negative() {
        assert_eq!(
            binary_accuracy(&[0.0, -0.0, 1.0, -1.0], &[false, true, true, true]).unwrap(),
            0.5
        );
        assert!(binary_accuracy(&[f32::NAN], &[true]).is_err());
        assert!(binary_accuracy::<f64>(&[], &[]).is_err());
    }

    #[test]
    fn bad_input_is_named() {
        let label = accuracy(&LOGITS, 3, &[0, 1, 0, 3]).unwrap_err();
        assert_eq!(label, StatsError::Label { row: 3, label: 3, n_classes: 3 });
        let nan = accuracy(&[0.0, f64::NAN], 2, &[0]).unwrap_err();
        assert!(nan.to_string().contains("entry 1 is NaN"), "{nan}");
        assert!(accuracy(&LOGITS, 3, &[0, 1]).is_err() && accuracy(&LOGITS, 5, &[0, 1]).is_err());
    }
}
