//! Distributions of scores before and after.

use simbias_report::{Axis, Chart, DensityChart, Section};
use simbias_stats::gaussian_density;

use crate::measure::{BlockSample, ScoreSamples};
use crate::metric::{Predictions, Truth};
use crate::outcome::RelianceOutcome;

/// Blocks whose score densities are drawn, the most needed first.
const DENSITY_BLOCKS: usize = 4;

/// Densities of scores before and after randomization, for the most needed blocks.
pub fn scores_section(samples: &ScoreSamples, outcome: &RelianceOutcome) -> Section {
    let mut section = Section::new("scores", "What happens to the scores").prose(
        "An AUC near 1 hides partial use of a block; the distribution of the scores does not. If a block is \
         not used, randomizing it leaves the curve of each class where it is.",
    );
    let mut order: Vec<(f64, &BlockSample)> = samples
        .blocks
        .iter()
        .map(|sample| {
            let drop = outcome.block(&sample.0).map_or(0.0, |block| block.drop.value);
            (drop, sample)
        })
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (index, (_, (name, without, alone))) in order.into_iter().take(DENSITY_BLOCKS).enumerate() {
        let mut curves = by_class(&samples.standard, &samples.truth, "unchanged");
        curves.extend(by_class(without, &samples.truth, "without the block"));
        if let Some(alone) = alone {
            curves.extend(by_class(alone, &samples.truth, "block alone"));
        }
        let at = positions(&curves);
        let mut chart = DensityChart::new();
        for (label, values) in curves {
            let density = gaussian_density(&values, &at);
            chart = chart.series(label, at.clone(), density);
        }
        section = section.chart(
            Chart::new(format!("scores-{}", index + 1), format!("Scores and {name}"), chart)
                .x(Axis::new(match samples.truth {
                    Truth::Binary(_) => "score (logit difference)",
                    Truth::Classes { .. } => "margin of the true class",
                    Truth::Values(_) => "prediction",
                }))
                .y(Axis::new("density")),
        );
    }
    section
}

fn by_class(predictions: &Predictions, truth: &Truth, what: &str) -> Vec<(String, Vec<f64>)> {
    match (predictions, truth) {
        (Predictions::Binary { scores, .. }, Truth::Binary(positive)) => {
            let of = |class: bool| {
                scores.iter().zip(positive).filter(|&(_, &p)| p == class).map(|(&s, _)| s).collect()
            };
            vec![
                (format!("{what}, positives"), of(true)),
                (format!("{what}, negatives"), of(false)),
            ]
        }
        (Predictions::Classes(_), _) => {
            vec![(what.to_string(), crate::displacement::margins(predictions, truth))]
        }
        (Predictions::Binary { scores, .. } | Predictions::Values(scores), _) => {
            vec![(what.to_string(), scores.clone())]
        }
    }
}

/// 160 positions over the central 99 % of all curves.
fn positions(curves: &[(String, Vec<f64>)]) -> Vec<f64> {
    let mut all: Vec<f64> = curves.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    all.sort_unstable_by(f64::total_cmp);
    if all.is_empty() {
        return Vec::new();
    }
    let at = |share: f64| all[((all.len() - 1) as f64 * share).round() as usize];
    let (low, high) = (at(0.005), at(0.995));
    let margin = 0.15 * (high - low) + 1e-9;
    (0..160).map(|i| low - margin + (high - low + 2.0 * margin) * f64::from(i) / 159.0).collect()
}
