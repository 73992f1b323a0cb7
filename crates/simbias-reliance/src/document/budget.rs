//! Where perturbations land.

use simbias_data::Dataset;
use simbias_report::{Axis, BarsChart, Chart, Heatmap, Ticks};

use crate::budget::BudgetShare;

/// Perturbation budget per block, one group of bars per perturbation.
pub fn budget_chart(shares: &[(String, Vec<BudgetShare>)]) -> Option<Chart> {
    let first = &shares.first()?.1;
    let mut bars = BarsChart::new(first.iter().map(|share| share.block.clone()));
    for (name, shares) in shares {
        bars = bars.values(name.clone(), shares.iter().map(|share| share.energy_share));
    }
    Some(
        Chart::new("budget", "Where adversarial perturbations go", bars)
            .caption(
                "Share of the squared norm on each block; the shares of one perturbation sum to 1.",
            )
            .x(Axis::new("block"))
            .y(Axis::new("energy share").range(0.0, 1.0)),
    )
}

/// Perturbation as a picture of its size per pixel, summed over channels.
pub fn budget_heatmap(delta: &[f32], data: &Dataset, title: &str) -> Option<Chart> {
    let shape = data.layout.image_shape()?;
    let value = |row: usize, column: usize| -> f64 {
        (0..shape.channels)
            .map(|channel| f64::from(delta[shape.column(channel, row, column)]).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let values = (0..shape.height)
        .rev()
        .map(|row| (0..shape.width).map(|column| value(row, column)).collect())
        .collect();
    let axis = |n: usize| Ticks::Values((0..n).map(|i| i as f64).collect());
    Some(
        Chart::new(
            "budget-map",
            title,
            Heatmap::new(axis(shape.width), axis(shape.height), values).quantity("|δ|"),
        )
        .caption("Size of the perturbation at each pixel; the first image row is on top."),
    )
}
