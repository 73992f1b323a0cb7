//! How methods use models: rows in, scores out. A model of any framework can implement this.

use ndarray::{Array2, ArrayView1, ArrayView2};

/// Why a model returned no scores.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScorerError {
    /// The model itself failed.
    #[error("the model failed on a batch of {n_rows} rows: {message}")]
    Model {
        /// Rows of the batch.
        n_rows: usize,
        /// What the model's runtime said.
        message: String,
    },
    /// The model returned another shape than it declared.
    #[error("the model returned scores of shape {found:?}, expected {expected:?}")]
    Shape {
        /// Shape that came back.
        found: Vec<usize>,
        /// Shape that was expected.
        expected: Vec<usize>,
    },
}

/// A trained model in evaluation mode: deterministic, rows independent of one another.
pub trait Scorer: Sync {
    /// Outputs per row: 1 for a single score or a regression value, otherwise one logit per class.
    fn n_outputs(&self) -> usize;

    /// Scores of `rows`, shape `[batch, n_features]` → `[batch, n_outputs]`. Logits, not probabilities.
    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError>;

    /// The model split after its first affine layer, when it has one; lets a caller reuse partial products.
    fn first_affine(&self) -> Option<&dyn FirstAffine> {
        None
    }

    /// The model's input gradients, when it has them; without them it can be measured but not attacked.
    fn gradients(&self) -> Option<&dyn LossGradient> {
        None
    }

    /// The model with the caller's own rows, when it scores these rather than numbers; [`score`](Self::score) then
    /// fails. Such a model can be measured, with blocks of whole columns.
    fn own_rows(&self) -> Option<&dyn OwnRows> {
        None
    }

    /// Whether rows may hold missing inputs (NaN), as trees take them.
    fn takes_missing(&self) -> bool {
        false
    }

    /// Whether several threads may score at once and gain from it. A model that uses threads itself says no.
    fn scores_in_parallel(&self) -> bool {
        true
    }
}

/// A model with rows of its own, such as a table with dates and categories, of which a data set knows only the numbers.
pub trait OwnRows: Sync {
    /// Scores of the rows `span` of the data set, `[batch, n_outputs]`; row `i` takes the `exchanged` features, which
    /// ascend, from row `donors[i]`. `donors` covers all rows of the data set.
    ///
    /// # Errors
    /// A failing model; features that are only a part of a column of the caller's.
    fn score_exchanged(
        &self,
        span: std::ops::Range<usize>,
        donors: &[u32],
        exchanged: &[u32],
    ) -> Result<Array2<f32>, ScorerError>;
}

/// A model whose first operation is `h = x · Wᵀ + b`; everything else is a function of `h`.
pub trait FirstAffine: Sync {
    /// `W`, shape `[n_hidden, n_features]`.
    fn weight_out_in(&self) -> ArrayView2<'_, f32>;

    /// `b`, shape `[n_hidden]`.
    fn bias(&self) -> ArrayView1<'_, f32>;

    /// Scores from the first layer's pre-activations, shape `[batch, n_hidden]` → `[batch, n_outputs]`.
    /// May overwrite `hidden`.
    fn score_hidden(&self, hidden: &mut Array2<f32>) -> Array2<f32>;
}

/// What an attack or a training step differentiates.
#[derive(Clone, Copy, Debug)]
pub enum Objective<'a> {
    /// Softmax cross-entropy against class indices, one per row.
    CrossEntropy(&'a [u32]),
    /// `Σ weights · logits` of every row, `[batch, n_outputs]`: the piece that a chain rule needs when a model
    /// is part of a larger one.
    WeightedLogits(ArrayView2<'a, f32>),
}

/// A model that can be differentiated with respect to its input.
pub trait LossGradient: Sync {
    /// Loss of every row, shape `[batch]`, and the gradient of the **sum** of losses with respect to the
    /// input, shape `[batch, n_features]` (so row `i` is the gradient of row `i`'s own loss).
    fn loss_gradient(
        &self,
        rows: ArrayView2<'_, f32>,
        objective: Objective<'_>,
    ) -> Result<(Vec<f32>, Array2<f32>), ScorerError>;
}
