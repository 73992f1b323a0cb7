//! Counted distributions.

use serde::{Deserialize, Serialize};

use super::axis::{ReferenceLine, reference_lines};
use crate::csv::CsvText;
use crate::{format, real};

/// One counted distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramSeries {
    /// Legend entry.
    pub name: String,
    /// Ends of the bins, ascending, one more than `counts`.
    #[serde(with = "real")]
    pub edges: Vec<f64>,
    /// How many values fell into each bin.
    pub counts: Vec<u64>,
}

impl HistogramSeries {
    /// Counts finite `values` in `bins` bins of equal width from `low` to `high`; values outside are left out.
    ///
    /// # Panics
    /// When there is no bin or `low < high` is false.
    pub fn counting(
        name: impl Into<String>,
        values: impl IntoIterator<Item = f64>,
        [low, high]: [f64; 2],
        bins: usize,
    ) -> Self {
        assert!(bins > 0 && low < high, "a histogram needs bins and a range");
        let width = (high - low) / bins as f64;
        let edges = (0..=bins).map(|edge| low + width * edge as f64).collect();
        let mut counts = vec![0; bins];
        for value in values.into_iter().filter(|value| (low..=high).contains(value)) {
            counts[(((value - low) / width) as usize).min(bins - 1)] += 1;
        }
        Self { name: name.into(), edges, counts }
    }
}

/// Histograms on top of each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramChart {
    /// The distributions.
    pub series: Vec<HistogramSeries>,
    /// Vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl HistogramChart {
    /// An empty plot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a distribution.
    #[must_use]
    pub fn series(mut self, series: HistogramSeries) -> Self {
        self.series.push(series);
        self
    }
}

reference_lines!(HistogramChart {
    /// Adds a vertical line.
    reference => references;
});

impl HistogramChart {
    pub(super) fn to_csv(&self) -> String {
        let mut csv = CsvText::with_header(["series", "from", "to", "count"]);
        for series in &self.series {
            for (edges, count) in series.edges.windows(2).zip(&series.counts) {
                let (from, to) = (format::shortest(edges[0]), format::shortest(edges[1]));
                csv.record([&series.name, &from, &to, &count.to_string()]);
            }
        }
        csv.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_bins_close_on_the_right_at_the_end_only() {
        let values = [0.0, 0.24, 0.25, 0.5, 1.0, 1.1, f64::NAN];
        let series = HistogramSeries::counting("x", values, [0.0, 1.0], 4);
        assert_eq!(series.edges, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(series.counts, [2, 1, 1, 1]);
    }
}
