//! How far randomization moves the scores themselves: an AUC of 1 hides partial use, displacements do not.
//!
//! Source: Shah et al. 2020, Figure 3a (densities of logits); the numbers are this tool's own (spec 3.4).

use simbias_stats::ks_statistic_sorted;

use crate::metric::{Predictions, Truth};

/// Scores before randomization, with what every comparison needs.
pub(crate) struct ScoreReference {
    predictions: Predictions,
    predicted: Vec<u32>,
    /// Standard deviation of the scores.
    spread: f64,
    /// Ascending scores of the second class, and of all rows; for numbers both hold all predictions.
    positives: Vec<f64>,
    all: Vec<f64>,
}

/// Differences between randomized scores and the originals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Displacement {
    /// `mean |s' − s| / std(s)`.
    pub(crate) shift: f64,
    /// Share of changed predictions.
    pub(crate) flips: f64,
    /// KS distance between scores of positives before and after.
    pub(crate) ks_positives: f64,
    /// KS distance between scores of all rows before and of positives after.
    pub(crate) ks_all_positives: f64,
}

impl Displacement {
    /// Whether any score moved.
    pub(crate) fn moves(&self) -> bool {
        self.shift != 0.0
    }
}

impl ScoreReference {
    pub(crate) fn new(predictions: Predictions, truth: &Truth) -> Self {
        let n = truth.n_rows();
        let predicted = (0..n).map(|row| predictions.predicted(row)).collect();
        let spread = match &predictions {
            Predictions::Binary { scores, .. } | Predictions::Values(scores) => {
                let mean = scores.iter().sum::<f64>() / n as f64;
                (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / n as f64).sqrt()
            }
            Predictions::Classes(logits) => {
                let centred = centre_rows(logits);
                let mean = centred.mean_axis(ndarray::Axis(0)).unwrap_or_default();
                let total: f64 = centred
                    .rows()
                    .into_iter()
                    .map(|row| row.iter().zip(&mean).map(|(z, m)| (z - m).powi(2)).sum::<f64>())
                    .sum();
                (total / n as f64).sqrt()
            }
        };
        let mut positives = tracked(&predictions, truth, true);
        let mut all = tracked(&predictions, truth, false);
        positives.sort_unstable_by(f64::total_cmp);
        all.sort_unstable_by(f64::total_cmp);
        Self { predictions, predicted, spread, positives, all }
    }

    pub(crate) fn displacement(&self, randomized: &Predictions, truth: &Truth) -> Displacement {
        let n = truth.n_rows() as f64;
        let moved: f64 = match (&self.predictions, randomized) {
            (
                Predictions::Binary { scores: before, .. } | Predictions::Values(before),
                Predictions::Binary { scores: after, .. } | Predictions::Values(after),
            ) => before.iter().zip(after).map(|(a, b)| (a - b).abs()).sum(),
            (Predictions::Classes(before), Predictions::Classes(after)) => {
                centre_rows(&(after - before))
                    .rows()
                    .into_iter()
                    .map(|row| row.iter().map(|z| z * z).sum::<f64>().sqrt())
                    .sum()
            }
            _ => unreachable!("both passes have the form of one truth"),
        };
        let flips = self
            .predicted
            .iter()
            .enumerate()
            .filter(|&(row, &before)| randomized.predicted(row) != before)
            .count();
        let mut positives = tracked(randomized, truth, true);
        positives.sort_unstable_by(f64::total_cmp);
        Displacement {
            shift: if self.spread > 0.0 { moved / n / self.spread } else { 0.0 },
            flips: flips as f64 / n,
            ks_positives: ks_statistic_sorted(&self.positives, &positives),
            ks_all_positives: ks_statistic_sorted(&self.all, &positives),
        }
    }
}

/// The score whose distribution is followed: binary score, number, or margin of the true class.
fn tracked(predictions: &Predictions, truth: &Truth, positives_only: bool) -> Vec<f64> {
    match (predictions, truth) {
        (Predictions::Binary { scores, .. }, Truth::Binary(positive)) if positives_only => scores
            .iter()
            .zip(positive)
            .filter(|&(_, &positive)| positive)
            .map(|(&score, _)| score)
            .collect(),
        (Predictions::Binary { scores, .. } | Predictions::Values(scores), _) => scores.clone(),
        (Predictions::Classes(_), _) => margins(predictions, truth),
    }
}

/// Logit of the true class minus the largest other one; empty for other predictions.
pub(crate) fn margins(predictions: &Predictions, truth: &Truth) -> Vec<f64> {
    let Predictions::Classes(logits) = predictions else { return Vec::new() };
    logits
        .rows()
        .into_iter()
        .enumerate()
        .map(|(row, logits)| {
            let class = truth.class(row) as usize;
            let other = logits
                .iter()
                .enumerate()
                .filter(|&(index, _)| index != class)
                .map(|(_, &logit)| logit)
                .fold(f64::NEG_INFINITY, f64::max);
            logits[class] - other
        })
        .collect()
}

/// Logits with each row's mean removed, since adding a constant to all logits changes no prediction.
fn centre_rows(logits: &ndarray::Array2<f64>) -> ndarray::Array2<f64> {
    let mut centred = logits.clone();
    for mut row in centred.rows_mut() {
        let mean = row.sum() / row.len() as f64;
        row.mapv_inplace(|logit| logit - mean);
    }
    centred
}
