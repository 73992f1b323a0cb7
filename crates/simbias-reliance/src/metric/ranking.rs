//! Metrics of the order of scores: ROC-AUC and average precision, also one class against the rest.

use ndarray::Array2;
use simbias_stats::{Placements, RocScratch, StatsError};

use super::MetricValue;
use crate::RelianceError;

/// Minimum number of rows of a class for one against the rest.
pub(crate) const LEAST_ROWS_OF_CLASS: usize = 2;

/// The area with DeLong's influences. A class of one row has no variance of its own: the influences are then zero,
/// and intervals fall back to Wilson's.
pub(super) fn auc(scores: &[f64], positive: &[bool]) -> Result<MetricValue, RelianceError> {
    let statistic = |error: StatsError| RelianceError::Statistic(error.to_string());
    let n_positive = positive.iter().filter(|&&positive| positive).count();
    if n_positive.min(positive.len() - n_positive) < 2 {
        let value = RocScratch::default().roc_auc(scores, positive).map_err(statistic)?;
        return Ok(MetricValue { value, influence: vec![0.0; scores.len()] });
    }
    let placements = Placements::new(scores, positive).map_err(statistic)?;
    Ok(MetricValue { value: placements.estimate().auc, influence: placements.influence() })
}

/// `Σ (Rₙ − Rₙ₋₁) Pₙ` over distinct scores; the influence is the derivative for a row's weight.
pub(super) fn average_precision(scores: &[f64], positive: &[bool]) -> MetricValue {
    let n = scores.len();
    let n_positive = positive.iter().filter(|&&positive| positive).count() as f64;
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let (mut n_above, mut positives_above, mut value) = (0.0, 0.0, 0.0);
    let mut precision = vec![0.0; n];
    // For rows of each distinct score: Σ over positives scored at most as high of 1/B and A/B².
    let mut groups: Vec<(std::ops::Range<usize>, f64, f64)> = Vec::new();
    let mut start = 0;
    while start < n {
        let score = scores[order[start] as usize];
        let mut end = start;
        let mut hits = 0.0;
        while end < n && scores[order[end] as usize] == score {
            hits += f64::from(u8::from(positive[order[end] as usize]));
            end += 1;
        }
        n_above += (end - start) as f64;
        positives_above += hits;
        let here = positives_above / n_above;
        for &row in &order[start..end] {
            precision[row as usize] = here;
        }
        value += hits * here;
        groups.push((start..end, hits / n_above, hits * positives_above / (n_above * n_above)));
        start = end;
    }
    value /= n_positive;
    let mut influence = vec![0.0; n];
    let (mut inverse_below, mut ratio_below) = (0.0, 0.0);
    for (rows, inverse, ratio) in groups.into_iter().rev() {
        inverse_below += inverse;
        ratio_below += ratio;
        for &row in &order[rows] {
            let row = row as usize;
            let is_positive = f64::from(u8::from(positive[row]));
            influence[row] =
                (is_positive * (precision[row] - value + inverse_below) - ratio_below) / n_positive;
        }
    }
    MetricValue { value, influence }
}

pub(super) fn one_against_the_rest(
    logits: &Array2<f64>,
    indices: &[u32],
    metric: impl Fn(&[f64], &[bool]) -> Result<MetricValue, RelianceError>,
) -> Result<MetricValue, RelianceError> {
    let probabilities = softmax(logits);
    let mut total = MetricValue { value: 0.0, influence: vec![0.0; indices.len()] };
    let mut n_used = 0.0;
    for class in 0..logits.ncols() {
        let positive: Vec<bool> = indices.iter().map(|&index| index as usize == class).collect();
        let n_positive = positive.iter().filter(|&&positive| positive).count();
        if n_positive.min(positive.len() - n_positive) < LEAST_ROWS_OF_CLASS {
            continue;
        }
        let one = metric(&probabilities.column(class).to_vec(), &positive)?;
        total.value += one.value;
        for (sum, part) in total.influence.iter_mut().zip(&one.influence) {
            *sum += part;
        }
        n_used += 1.0;
    }
    if n_used == 0.0 {
        return Err(RelianceError::Statistic(
            "no class has two rows inside and two outside, so no one-against-the-rest metric is defined"
                .into(),
        ));
    }
    total.value /= n_used;
    total.influence.iter_mut().for_each(|influence| *influence /= n_used);
    Ok(total)
}

/// Softmax over classes in double precision, `[n_rows, n_classes]`.
fn softmax(logits: &Array2<f64>) -> Array2<f64> {
    let mut probabilities = logits.clone();
    for mut row in probabilities.rows_mut() {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.mapv_inplace(|logit| (logit - largest).exp());
        let sum = row.sum();
        row.mapv_inplace(|value| value / sum);
    }
    probabilities
}
