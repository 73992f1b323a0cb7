//! Scores of rows whose block comes from donor rows: the core of the method.
//!
//! One donor row serves all coordinates of a block (spec 3.3, rule i), and the complement is randomized by
//! the same map. Models whose first operation is affine are carried by partial products: with
//! `h = A_own + A_other`, a donor map only permutes the rows of one summand.

use ndarray::{Array2, ArrayView2, Axis, s};
use simbias_data::transform::Transform;
use simbias_data::{FirstAffine, OwnRows, Scorer, ScorerError};

use crate::dense::multiply_add;

/// Rows whose values are in a working set at a time.
const TILE_ROWS: usize = 256;

/// Which part of the row comes from the donor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The block itself: what is left without it (necessity).
    Block,
    /// Everything but the block: what the block can do alone (sufficiency).
    Complement,
}

/// A model, rows and a transform, ready to score randomized versions of the rows.
pub struct Randomizer<'a> {
    scorer: &'a dyn Scorer,
    /// Rows as the model sees them, `[n_rows, n_features]`.
    rows: ArrayView2<'a, f32>,
    transform: &'a dyn Transform,
    /// Transformed rows; absent for the identity.
    moved: Option<Array2<f32>>,
    /// First layer acting on transformed rows, `[n_hidden, n_coordinates]`.
    affine: Option<Array2<f32>>,
    batch_rows: usize,
}

/// What can be computed once for a block and used by every repeat.
pub struct PreparedBlock {
    kind: Prepared,
}

impl PreparedBlock {
    /// Whether scores take another arithmetic path than those of whole rows, so that unchanged rows score a little
    /// differently.
    pub(crate) fn has_own_path(&self) -> bool {
        matches!(self.kind, Prepared::Affine { .. })
    }
}

enum Prepared {
    /// Partial products of the first layer, `[n_rows, n_hidden]` each; the bias is in `other`.
    Affine { own: Array2<f32>, other: Array2<f32> },
    /// Features of the block and all others, for models with rows of their own.
    Own { block: Vec<u32>, others: Vec<u32> },
    /// Runs of coordinates of the block, as half-open ranges.
    Gather { runs: Vec<std::ops::Range<usize>> },
}

impl<'a> Randomizer<'a> {
    /// Transforms the rows once and, for an affine first layer under a linear transform, moves that layer
    /// into the transformed coordinates.
    ///
    /// `batch_rows` bounds the rows that a model without an affine first layer sees at a time.
    pub fn new(
        scorer: &'a dyn Scorer,
        rows: ArrayView2<'a, f32>,
        transform: &'a dyn Transform,
        batch_rows: usize,
    ) -> Self {
        let moved = (!transform.is_identity()).then(|| transform.forward(rows));
        let affine = scorer.first_affine().and_then(|first| {
            let weight = first.weight_out_in();
            if transform.is_identity() {
                return Some(weight.to_owned());
            }
            // x = z · M, so x · Wᵀ = z · (W · Mᵀ)ᵀ.
            let inverse = transform.inverse_matrix()?;
            Some(
                weight.mapv(f64::from).dot(&inverse.mapv(f64::from).t()).mapv(|value| value as f32),
            )
        });
        Self { scorer, rows, transform, moved, affine, batch_rows: batch_rows.max(1) }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.rows.nrows()
    }

    /// Scores of the unchanged rows, `[n_rows, n_outputs]`, straight through the model.
    pub fn standard(&self) -> Result<Array2<f32>, ScorerError> {
        if let Some(own) = self.scorer.own_rows() {
            let everyone_its_own: Vec<u32> = (0..self.n_rows() as u32).collect();
            return self.score_own(own, &everyone_its_own, &[]);
        }
        let mut scores = Array2::zeros((self.n_rows(), self.scorer.n_outputs()));
        for start in (0..self.n_rows()).step_by(self.batch_rows) {
            let end = (start + self.batch_rows).min(self.n_rows());
            let batch = self.scorer.score(self.rows.slice(s![start..end, ..]))?;
            assign_checked(&mut scores, start..end, batch)?;
        }
        Ok(scores)
    }

    /// Scores of a model with rows of its own.
    fn score_own(
        &self,
        own: &dyn OwnRows,
        donors: &[u32],
        exchanged: &[u32],
    ) -> Result<Array2<f32>, ScorerError> {
        let mut scores = Array2::zeros((self.n_rows(), self.scorer.n_outputs()));
        for start in (0..self.n_rows()).step_by(self.batch_rows) {
            let end = (start + self.batch_rows).min(self.n_rows());
            let batch = own.score_exchanged(start..end, donors, exchanged)?;
            assign_checked(&mut scores, start..end, batch)?;
        }
        Ok(scores)
    }

    /// Prepares the block of the given ascending coordinates.
    pub fn prepare(&self, columns: &[u32]) -> PreparedBlock {
        if self.scorer.own_rows().is_some() && self.transform.is_identity() {
            let all = 0..self.rows.ncols() as u32;
            let others = all.filter(|column| columns.binary_search(column).is_err()).collect();
            return PreparedBlock { kind: Prepared::Own { block: columns.to_vec(), others } };
        }
        let (Some(weight), Some(first)) = (&self.affine, self.scorer.first_affine()) else {
            return PreparedBlock { kind: Prepared::Gather { runs: runs(columns) } };
        };
        let coordinates = self.coordinates();
        let own_columns: Vec<usize> = columns.iter().map(|&column| column as usize).collect();
        let mut inside = vec![false; coordinates.ncols()];
        for &column in &own_columns {
            inside[column] = true;
        }
        let other_columns: Vec<usize> =
            (0..coordinates.ncols()).filter(|&column| !inside[column]).collect();
        let own = partial_product(coordinates, weight.view(), &own_columns, None);
        let other = partial_product(coordinates, weight.view(), &other_columns, Some(first));
        PreparedBlock { kind: Prepared::Affine { own, other } }
    }

    /// Scores with `side` of the prepared block taken from `donors` (one row index per row), on one thread.
    ///
    /// With every row its own donor this is the reference that displacements are measured against: it takes
    /// the same arithmetic path, so an ignored block gives bit-equal scores.
    pub fn score(
        &self,
        prepared: &PreparedBlock,
        donors: &[u32],
        side: Side,
    ) -> Result<Array2<f32>, ScorerError> {
        assert_eq!(donors.len(), self.n_rows(), "one donor per row");
        if let (Prepared::Own { block, others }, Some(own)) =
            (&prepared.kind, self.scorer.own_rows())
        {
            let exchanged = if side == Side::Block { block } else { others };
            return self.score_own(own, donors, exchanged);
        }
        let mut scores = Array2::zeros((self.n_rows(), self.scorer.n_outputs()));
        match (&prepared.kind, self.scorer.first_affine()) {
            (Prepared::Affine { own, other }, Some(first)) => {
                for start in (0..self.n_rows()).step_by(TILE_ROWS) {
                    let end = (start + TILE_ROWS).min(self.n_rows());
                    let mut hidden = gather_add(own, other, donors, side, start..end);
                    assign_checked(&mut scores, start..end, first.score_hidden(&mut hidden))?;
                }
            }
            (Prepared::Gather { runs }, _) => {
                for start in (0..self.n_rows()).step_by(self.batch_rows) {
                    let end = (start + self.batch_rows).min(self.n_rows());
                    let rows = exchange(self.coordinates(), runs, donors, side, start..end);
                    let batch = if self.moved.is_some() {
                        self.transform.inverse(rows.view())
                    } else {
                        rows
                    };
                    assign_checked(&mut scores, start..end, self.scorer.score(batch.view())?)?;
                }
            }
            (Prepared::Affine { .. }, None) | (Prepared::Own { .. }, _) => {
                unreachable!("prepared by the same scorer")
            }
        }
        Ok(scores)
    }

    /// The rows in the coordinates that blocks select from, `[n_rows, n_coordinates]`.
    pub fn coordinates(&self) -> ArrayView2<'_, f32> {
        self.moved.as_ref().map_or(self.rows, |moved| moved.view())
    }
}

/// The randomized rows themselves, `[n_rows, n_features]`, for models that are run elsewhere.
///
/// `rows` are as the model sees them; `columns` are coordinates after the transform.
pub fn randomized_rows(
    rows: ArrayView2<'_, f32>,
    transform: &dyn Transform,
    columns: &[u32],
    donors: &[u32],
    side: Side,
) -> Array2<f32> {
    let everything = 0..rows.nrows();
    if transform.is_identity() {
        return exchange(rows, &runs(columns), donors, side, everything);
    }
    let moved = transform.forward(rows);
    transform.inverse(exchange(moved.view(), &runs(columns), donors, side, everything).view())
}

/// Rows `span` of `source` with the coordinates of one side from their donors.
fn exchange(
    source: ArrayView2<'_, f32>,
    runs: &[std::ops::Range<usize>],
    donors: &[u32],
    side: Side,
    span: std::ops::Range<usize>,
) -> Array2<f32> {
    let mut batch = Array2::zeros((span.len(), source.ncols()));
    for (mut target, row) in batch.axis_iter_mut(Axis(0)).zip(span) {
        let donor = donors[row] as usize;
        let (outside, inside) = match side {
            Side::Block => (row, donor),
            Side::Complement => (donor, row),
        };
        target.assign(&source.row(outside));
        for run in runs {
            target.slice_mut(s![run.clone()]).assign(&source.slice(s![inside, run.clone()]));
        }
    }
    batch
}

fn assign_checked(
    scores: &mut Array2<f32>,
    span: std::ops::Range<usize>,
    batch: Array2<f32>,
) -> Result<(), ScorerError> {
    let expected = [span.len(), scores.ncols()];
    if batch.shape() != expected {
        return Err(ScorerError::Shape {
            found: batch.shape().to_vec(),
            expected: expected.to_vec(),
        });
    }
    scores.slice_mut(s![span, ..]).assign(&batch);
    Ok(())
}

/// `rows[:, columns] · weight[:, columns]ᵀ (+ bias)`, `[n_rows, n_hidden]`.
fn partial_product(
    rows: ArrayView2<'_, f32>,
    weight_out_in: ArrayView2<'_, f32>,
    columns: &[usize],
    bias: Option<&dyn FirstAffine>,
) -> Array2<f32> {
    let n_hidden = weight_out_in.nrows();
    let mut product = match bias {
        Some(first) => {
            let bias = first.bias();
            Array2::from_shape_fn((rows.nrows(), n_hidden), |(_, unit)| bias[unit])
        }
        None => Array2::zeros((rows.nrows(), n_hidden)),
    };
    if columns.is_empty() {
        return product;
    }
    let weight = weight_out_in.select(Axis(1), columns);
    use rayon::prelude::*;
    product
        .axis_chunks_iter_mut(Axis(0), TILE_ROWS)
        .into_par_iter()
        .zip(rows.axis_chunks_iter(Axis(0), TILE_ROWS).into_par_iter())
        .for_each(|(mut tile, rows)| {
            let rows = rows.select(Axis(1), columns);
            let mut out = tile.to_owned();
            multiply_add(&mut out, rows.view(), weight.view());
            tile.assign(&out);
        });
    product
}

/// First-layer pre-activations of rows `span`: one summand from the row itself, the other from its donor.
fn gather_add(
    own: &Array2<f32>,
    other: &Array2<f32>,
    donors: &[u32],
    side: Side,
    span: std::ops::Range<usize>,
) -> Array2<f32> {
    let n_hidden = own.ncols();
    let (Some(own), Some(other)) = (own.as_slice(), other.as_slice()) else {
        unreachable!("partial products are contiguous");
    };
    let mut hidden = Vec::with_capacity(span.len() * n_hidden);
    for row in span.clone() {
        let donor = donors[row] as usize;
        let (own_row, other_row) = match side {
            Side::Block => (donor, row),
            Side::Complement => (row, donor),
        };
        let own = &own[own_row * n_hidden..(own_row + 1) * n_hidden];
        let other = &other[other_row * n_hidden..(other_row + 1) * n_hidden];
        hidden.extend(own.iter().zip(other).map(|(own, other)| own + other));
    }
    match Array2::from_shape_vec((span.len(), n_hidden), hidden) {
        Ok(hidden) => hidden,
        Err(_) => unreachable!("one value per unit and row"),
    }
}

/// Maximal runs of consecutive coordinates.
fn runs(columns: &[u32]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for &column in columns {
        let column = column as usize;
        match runs.last_mut() {
            Some(run) if run.end == column => run.end += 1,
            _ => runs.push(column..column + 1),
        }
    }
    runs
}
