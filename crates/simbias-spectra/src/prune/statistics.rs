//! What calibration data say about the inputs of a layer.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par};

/// Sums over the inputs of one layer: squares for Wanda, and products of all pairs for SparseGPT.
#[derive(Clone, Debug)]
pub struct InputStatistics {
    n_inputs: usize,
    n_sequences: usize,
    squares: Vec<f64>,
    /// Lower triangle of `Σ x xᵀ`.
    products: Option<Mat<f64>>,
}

impl InputStatistics {
    /// Nothing seen yet; `with_products` keeps the `[n_inputs, n_inputs]` sums that SparseGPT needs.
    pub fn new(n_inputs: usize, with_products: bool) -> Self {
        Self {
            n_inputs,
            n_sequences: 0,
            squares: vec![0.0; n_inputs],
            products: with_products.then(|| Mat::zeros(n_inputs, n_inputs)),
        }
    }

    /// Sums computed elsewhere: `scales` as [`Self::scales`] returns them, `products` as the full matrix `Σ x xᵀ` in
    /// rows. `None` when the lengths do not fit.
    pub fn from_parts(scales: Vec<f64>, products: Option<&[f64]>) -> Option<Self> {
        let n_inputs = scales.len();
        if products.is_some_and(|products| products.len() != n_inputs * n_inputs) {
            return None;
        }
        let products = products
            .map(|products| Mat::from_fn(n_inputs, n_inputs, |i, j| products[i * n_inputs + j]));
        Some(Self { n_inputs, n_sequences: 1, squares: scales, products })
    }

    /// Adds the inputs of one sequence, `[n_tokens, n_inputs]` in rows.
    ///
    /// # Panics
    /// When the length is not a multiple of the number of inputs.
    pub fn add_sequence(&mut self, inputs: &[f32]) {
        assert!(
            inputs.len().is_multiple_of(self.n_inputs.max(1)),
            "rows of {} inputs",
            self.n_inputs
        );
        self.n_sequences += 1;
        for row in inputs.chunks_exact(self.n_inputs.max(1)) {
            for (square, &value) in self.squares.iter_mut().zip(row) {
                *square += f64::from(value) * f64::from(value);
            }
        }
        if let Some(products) = &mut self.products {
            let n_tokens = inputs.len() / self.n_inputs.max(1);
            let columns = Mat::from_fn(self.n_inputs, n_tokens, |input, token| {
                f64::from(inputs[token * self.n_inputs + input])
            });
            matmul(
                products.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Add,
                columns.as_ref(),
                BlockStructure::Rectangular,
                columns.transpose(),
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
        }
    }

    /// Number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// Number of sequences seen.
    pub fn n_sequences(&self) -> usize {
        self.n_sequences
    }

    /// Wanda's `s_j`: mean over sequences of `Σ_tokens x_j²`.
    pub fn scales(&self) -> Vec<f64> {
        let n = self.n_sequences.max(1) as f64;
        self.squares.iter().map(|sum| sum / n).collect()
    }

    /// Lower triangle of `Σ x xᵀ`, if it was kept.
    pub(super) fn products(&self) -> Option<MatRef<'_, f64>> {
        self.products.as_ref().map(Mat::as_ref)
    }
}
