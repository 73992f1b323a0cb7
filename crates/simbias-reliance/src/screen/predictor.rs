//! Predictors of one number or one category, fitted and judged on different rows.

use serde::{Deserialize, Serialize};
use simbias_data::Target;
use simbias_stats::Seed;

use super::{Scores, Screen, n_outputs};
use crate::RelianceError;

/// Parts of the rows: each is predicted from the others.
const N_FOLDS: usize = 5;
/// Bins of equally many rows; numbers of fewer different values have a bin for each.
const N_BINS: usize = 16;
/// Depth of the tree.
const DEPTH: usize = 3;
/// Fewest training rows of a leaf.
const LEAST_OF_LEAF: usize = 3;
/// Weight of the mean of all rows in the mean of a bin, in rows.
const PRIOR_ROWS: f64 = 2.0;

/// How one column predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Predictor {
    /// The value itself, with the sign of its correlation with the target; for two classes and for numbers.
    Order,
    /// Means of the target in bins of equally many rows.
    Bins,
    /// A tree of up to eight leaves.
    Tree,
    /// Means of the target by category.
    Categories,
}

impl Predictor {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Order => "its order",
            Self::Bins => "bins",
            Self::Tree => "a small tree",
            Self::Categories => "categories",
        }
    }
}

/// One column.
pub(super) enum Feature {
    /// Values, one per row; NaN where it is missing.
    Number(Vec<f64>),
    /// Categories, one per row.
    Category(Vec<u32>),
}

impl Feature {
    /// The predictors that make sense for it.
    pub(super) fn predictors(&self, target: &Target) -> &'static [Predictor] {
        match (self, target) {
            (Self::Category(_), _) => &[Predictor::Categories],
            (Self::Number(_), Target::Classes(labels)) if labels.n_classes() > 2 => {
                &[Predictor::Bins, Predictor::Tree]
            }
            (Self::Number(_), _) => &[Predictor::Order, Predictor::Bins, Predictor::Tree],
        }
    }
}

/// Which part every row belongs to; classes are divided alike.
pub(super) struct Folds(Vec<u8>);

impl Folds {
    pub(super) fn new(target: &Target, n_rows: usize, seed: Seed) -> Result<Self, RelianceError> {
        if n_rows < Screen::LEAST_ROWS {
            return Err(RelianceError::Statistic(format!(
                "{n_rows} rows are too few to judge single columns; give at least {}",
                Screen::LEAST_ROWS
            )));
        }
        let mut order: Vec<u32> = seed.permutation(n_rows);
        if let Target::Classes(labels) = target {
            order.sort_by_key(|&row| labels.indices[row as usize]);
        }
        let mut folds = vec![0; n_rows];
        for (place, row) in order.into_iter().enumerate() {
            folds[row as usize] = (place % N_FOLDS) as u8;
        }
        Ok(Self(folds))
    }
}

/// What the rows of one group say about the target: sums that become a prediction.
#[derive(Clone)]
struct Tally {
    /// Rows of each class, or the sum of the values.
    sums: Vec<f64>,
    n: f64,
    /// Sum of squares of `sums` for classes; kept up to date row by row.
    squares: f64,
}

impl Tally {
    fn new(n_outputs: usize) -> Self {
        Self { sums: vec![0.0; n_outputs], n: 0.0, squares: 0.0 }
    }

    fn add(&mut self, target: &Target, row: usize, sign: f64) {
        let (place, amount) = match target {
            Target::Classes(labels) => (labels.indices[row] as usize, sign),
            Target::Values(values) => (0, sign * values[row]),
        };
        let before = self.sums[place];
        self.sums[place] += amount;
        self.squares += self.sums[place] * self.sums[place] - before * before;
        self.n += sign;
    }

    /// Twice the part of the impurity, Gini's or the variance, that this group explains.
    fn explained(&self) -> f64 {
        if self.n > 0.0 { self.squares / self.n } else { 0.0 }
    }

    /// Shares of the classes or the mean value, drawn towards those of all rows.
    fn prediction(&self, all: &Self) -> Vec<f64> {
        let prior = |index: usize| all.sums[index] / all.n;
        (0..self.sums.len())
            .map(|index| (self.sums[index] + PRIOR_ROWS * prior(index)) / (self.n + PRIOR_ROWS))
            .collect()
    }
}

/// Scores of every row from the rows of the other parts: the share of the second class for two classes, logarithms of the
/// shares for more, means for numbers.
pub(super) fn predict(
    feature: &Feature,
    predictor: Predictor,
    target: &Target,
    Folds(folds): &Folds,
) -> Scores {
    let n_rows = folds.len();
    let n_outputs = n_outputs(target);
    let width = if n_outputs == 2 { 1 } else { n_outputs };
    let mut scores = Scores::zeros((n_rows, width));
    let order = match feature {
        Feature::Number(values) => {
            let mut order: Vec<u32> = (0..n_rows as u32).collect();
            order.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
            order
        }
        Feature::Category(_) => Vec::new(),
    };
    for fold in 0..N_FOLDS as u8 {
        let mut all = Tally::new(n_outputs);
        let fitted: Vec<usize> = (0..n_rows).filter(|&row| folds[row] != fold).collect();
        fitted.iter().for_each(|&row| all.add(target, row, 1.0));
        let left_out = (0..n_rows).filter(|&row| folds[row] == fold);
        match (feature, predictor) {
            (Feature::Number(values), Predictor::Order) => {
                let line = Line::fit(values, target, &fitted);
                for row in left_out {
                    let value = if values[row].is_nan() { line.mean } else { values[row] };
                    scores[[row, 0]] = match target {
                        // The order of all rows counts, so that all folds need one scale: lines of their own would make
                        // rows of equal values differ by fold, and against their labels, of which a fold with more in
                        // the test has fewer to fit.
                        Target::Classes(_) if line.slope < 0.0 => -value,
                        Target::Classes(_) => value,
                        Target::Values(_) => line.start + line.slope * value,
                    };
                }
            }
            (Feature::Number(values), _) => {
                let sorted: Vec<usize> = order
                    .iter()
                    .map(|&row| row as usize)
                    .filter(|&row| folds[row] != fold && !values[row].is_nan())
                    .collect();
                let mut missing = Tally::new(n_outputs);
                let without_value = fitted.iter().filter(|&&row| values[row].is_nan());
                without_value.for_each(|&row| missing.add(target, row, 1.0));
                let ends = match predictor {
                    Predictor::Tree => tree(values, target, &sorted, n_outputs),
                    _ => bins(values, &sorted),
                };
                let bins = Bins::new(values, target, &sorted, &ends, n_outputs);
                for row in left_out {
                    let value = values[row];
                    let tally = if value.is_nan() { &missing } else { bins.of(value) };
                    write(&mut scores, row, &tally.prediction(&all));
                }
            }
            (Feature::Category(categories), _) => {
                let n_categories = categories.iter().max().map_or(0, |&most| most as usize + 1);
                let mut tallies = vec![Tally::new(n_outputs); n_categories];
                for &row in &fitted {
                    tallies[categories[row] as usize].add(target, row, 1.0);
                }
                for row in left_out {
                    write(&mut scores, row, &tallies[categories[row] as usize].prediction(&all));
                }
            }
        }
    }
    scores
}

fn write(scores: &mut Scores, row: usize, prediction: &[f64]) {
    match prediction {
        [value] => scores[[row, 0]] = *value,
        [_, second] => scores[[row, 0]] = *second,
        shares => {
            for (class, share) in shares.iter().enumerate() {
                scores[[row, class]] = share.max(f64::MIN_POSITIVE).ln();
            }
        }
    }
}

/// Least-squares line of the target (the second class as 1) over the values.
struct Line {
    slope: f64,
    /// Height at zero.
    start: f64,
    /// Mean value; there the line has the mean of the target.
    mean: f64,
}

impl Line {
    /// Rows without a value do not count.
    fn fit(values: &[f64], target: &Target, rows: &[usize]) -> Self {
        let rows: Vec<usize> = rows.iter().copied().filter(|&row| !values[row].is_nan()).collect();
        let y = |row: usize| match target {
            Target::Classes(labels) => f64::from(u8::from(labels.indices[row] == 1)),
            Target::Values(values) => values[row],
        };
        let n = rows.len().max(1) as f64;
        let mean = rows.iter().map(|&row| values[row]).sum::<f64>() / n;
        let mean_y = rows.iter().map(|&row| y(row)).sum::<f64>() / n;
        let (mut product, mut spread) = (0.0, 0.0);
        for &row in &rows {
            product += (values[row] - mean) * (y(row) - mean_y);
            spread += (values[row] - mean) * (values[row] - mean);
        }
        let slope = if spread > 0.0 { product / spread } else { 0.0 };
        Self { slope, start: mean_y - slope * mean, mean }
    }
}

/// Ends of bins of about equally many rows; equal values share a bin.
fn bins(values: &[f64], sorted: &[usize]) -> Vec<usize> {
    let mut changes = (1..sorted.len())
        .filter(|&place| values[sorted[place]] != values[sorted[place - 1]])
        .collect::<Vec<usize>>();
    if changes.len() >= N_BINS {
        let size = sorted.len().div_ceil(N_BINS);
        let mut last = 0;
        changes.retain(|&place| {
            let is_full = place - last >= size;
            if is_full {
                last = place;
            }
            is_full
        });
    }
    changes.push(sorted.len());
    changes
}

/// Ends of the leaves of a tree that splits where most impurity is explained.
fn tree(values: &[f64], target: &Target, sorted: &[usize], n_outputs: usize) -> Vec<usize> {
    let mut ends = vec![sorted.len()];
    for _ in 0..DEPTH {
        let mut start = 0;
        let mut finer = Vec::new();
        for &end in &ends {
            finer.extend(split(values, target, sorted, start..end, n_outputs));
            finer.push(end);
            start = end;
        }
        ends = finer;
    }
    ends
}

fn split(
    values: &[f64],
    target: &Target,
    sorted: &[usize],
    range: std::ops::Range<usize>,
    n_outputs: usize,
) -> Option<usize> {
    let (mut below, mut above) = (Tally::new(n_outputs), Tally::new(n_outputs));
    range.clone().for_each(|place| above.add(target, sorted[place], 1.0));
    let whole = above.explained();
    let mut best: Option<(f64, usize)> = None;
    for place in range.start + 1..range.end {
        below.add(target, sorted[place - 1], 1.0);
        above.add(target, sorted[place - 1], -1.0);
        let is_change = values[sorted[place]] != values[sorted[place - 1]];
        let is_large = place - range.start >= LEAST_OF_LEAF && range.end - place >= LEAST_OF_LEAF;
        let explained = below.explained() + above.explained();
        if is_change && is_large && best.is_none_or(|(most, _)| explained > most) {
            best = Some((explained, place));
        }
    }
    best.filter(|&(explained, _)| explained > whole * (1.0 + 1e-12)).map(|(_, place)| place)
}

/// What the rows between some values say about the target.
struct Bins {
    /// Upper ends, ascending; the last bin is open.
    ends: Vec<f64>,
    tallies: Vec<Tally>,
}

impl Bins {
    /// `ends` are places in `sorted`, the rows by ascending value.
    fn new(
        values: &[f64],
        target: &Target,
        sorted: &[usize],
        ends: &[usize],
        n_outputs: usize,
    ) -> Self {
        let mut start = 0;
        let mut tallies = Vec::with_capacity(ends.len());
        let mut edges = Vec::with_capacity(ends.len());
        for &end in ends {
            let mut tally = Tally::new(n_outputs);
            sorted[start..end].iter().for_each(|&row| tally.add(target, row, 1.0));
            tallies.push(tally);
            if end < sorted.len() {
                edges.push(values[sorted[end - 1]].midpoint(values[sorted[end]]));
            }
            start = end;
        }
        Self { ends: edges, tallies }
    }

    fn of(&self, value: f64) -> &Tally {
        &self.tallies[self.ends.partition_point(|&end| end <= value)]
    }
}
