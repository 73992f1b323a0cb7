//! The series of the examples that move most.

use rayon::prelude::*;
use simbias_data::RowSource;
use simbias_report::{Progress, StopOnly};

use super::changes::{Blocks, Changes, change};
use crate::DynamicsError;

/// Losses and changes of the candidates over time.
pub(super) struct Series {
    /// The candidates.
    pub(super) examples: Vec<u32>,
    /// Losses of each candidate at every recorded step.
    pub(super) losses: Vec<Vec<f64>>,
    /// Changes of each candidate, one fewer.
    pub(super) changes: Vec<Vec<f64>>,
}

impl Series {
    /// Reads the losses again and keeps those of `examples`.
    pub(super) fn read(
        losses: &dyn RowSource,
        found: &Changes,
        examples: &[u32],
        progress: &dyn Progress,
    ) -> Result<Self, DynamicsError> {
        let n_examples = losses.n_columns();
        let n_steps = found.steps.len();
        let mut series: Vec<Vec<f64>> = vec![Vec::with_capacity(n_steps); examples.len()];
        let mut blocks = Blocks::new(losses);
        while let Some(block) = blocks.next()? {
            StopOnly(progress).keep_going()?;
            series.par_iter_mut().zip(examples).for_each(|(series, &example)| {
                let rows = block.losses.chunks_exact(n_examples);
                series.extend(rows.map(|row| row[example as usize]));
            });
        }
        let changes = series
            .par_iter()
            .map(|losses| losses.windows(2).map(|pair| change(pair[0], pair[1])).collect())
            .collect();
        Ok(Self { examples: examples.to_vec(), losses: series, changes })
    }

    /// Number of changes.
    pub(super) fn n_changes(&self) -> usize {
        self.changes[0].len()
    }
}

/// The series less its mean, in units of its standard deviation (of the population); zero if it is constant.
pub(super) fn standardised(series: &[f64]) -> Vec<f64> {
    let n = series.len() as f64;
    let mean = series.iter().sum::<f64>() / n;
    let variance = series.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    let is_constant = series.iter().all(|&value| value == series[0]);
    let factor = if is_constant || variance == 0.0 { 0.0 } else { 1.0 / variance.sqrt() };
    series.iter().map(|value| (value - mean) * factor).collect()
}

/// The series less its straight line of best fit.
pub(super) fn without_trend(series: &[f64]) -> Vec<f64> {
    let n = series.len() as f64;
    let middle = (n - 1.0) / 2.0;
    let place = |at: usize| at as f64 - middle;
    let squares: f64 = (0..series.len()).map(|at| place(at).powi(2)).sum();
    let along: f64 = series.iter().enumerate().map(|(at, value)| place(at) * value).sum();
    let slope = if squares > 0.0 { along / squares } else { 0.0 };
    series.iter().enumerate().map(|(at, value)| value - slope * place(at)).collect()
}
