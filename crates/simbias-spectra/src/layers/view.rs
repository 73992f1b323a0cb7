//! How the matrices of a layer lie in its tensors.

use faer::linalg::solvers::Qr;
use simbias_checkpoint::{Checkpoint, CheckpointError, Numbers};

use super::Layer;
use crate::matrix::Matrix;

/// Where a layer's matrices are; indices are those of the checkpoint's tensors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum View {
    /// A whole two-dimensional tensor.
    Whole { tensor: usize, transposed: bool },
    /// Some rows (outputs) of a two-dimensional tensor.
    Rows { tensor: usize, transposed: bool, first: usize },
    /// One matrix of a stack.
    Expert { tensor: usize, expert: usize },
    /// All positions of a kernel `[out, in, position…]`.
    Kernel { tensor: usize },
    /// `scale · B · A`.
    Lora { a: usize, b: usize, scale: f64 },
}

impl View {
    pub(crate) fn tensor(&self) -> usize {
        match *self {
            Self::Whole { tensor, .. }
            | Self::Rows { tensor, .. }
            | Self::Expert { tensor, .. }
            | Self::Kernel { tensor } => tensor,
            Self::Lora { b, .. } => b,
        }
    }

    /// All tensors behind the view.
    pub(crate) fn all_tensors(&self) -> Vec<usize> {
        match *self {
            Self::Lora { a, b, .. } => vec![a, b],
            _ => vec![self.tensor()],
        }
    }
}

/// The numbers of a layer in memory.
pub(crate) struct LayerNumbers {
    numbers: Numbers,
    /// Set for LoRA pairs, whose numbers are then a small square matrix with the same singular values.
    core_side: Option<usize>,
}

impl LayerNumbers {
    /// The layer's numbers, or `other - checkpoint` where there is another checkpoint with the same tensors.
    pub(crate) fn read(
        checkpoint: &Checkpoint,
        other: Option<&Checkpoint>,
        layer: &Layer,
    ) -> Result<Self, CheckpointError> {
        let own = Self::read_one(checkpoint, layer, layer.view.all_tensors().as_slice())?;
        let Some(other) = other else { return Ok(own) };
        let partners: Vec<usize> = layer
            .tensors
            .iter()
            .filter_map(|name| other.find(name).map(|(index, _)| index))
            .collect();
        let theirs = Self::read_one(other, layer, &partners)?;
        Ok(Self { numbers: difference(&theirs.numbers, own.numbers), core_side: own.core_side })
    }

    fn read_one(
        checkpoint: &Checkpoint,
        layer: &Layer,
        tensors: &[usize],
    ) -> Result<Self, CheckpointError> {
        match layer.view {
            View::Lora { scale, .. } => {
                let (a, b) = (tensors[0], tensors[1]);
                let (a_info, b_info) = (&checkpoint.tensors()[a], &checkpoint.tensors()[b]);
                let (a_numbers, b_numbers) = (checkpoint.read(a)?, checkpoint.read(b)?);
                let rank = a_info.shape[0];
                let a_matrix = Matrix::new(&a_numbers, rank, a_info.shape[1]);
                let b_matrix = Matrix::new(&b_numbers, b_info.shape[0], rank);
                Ok(lora_core(&a_matrix, &b_matrix, scale))
            }
            _ => Ok(Self { numbers: checkpoint.read(tensors[0])?, core_side: None }),
        }
    }

    /// How many stored numbers are not finite, and the first of them.
    pub(crate) fn not_finite(&self) -> Option<(usize, usize)> {
        self.numbers.not_finite()
    }

    /// The matrices, one per kernel position.
    pub(crate) fn matrices(&self, layer: &Layer) -> Vec<Matrix<'_>> {
        if let Some(side) = self.core_side {
            return vec![Matrix::new(&self.numbers, side, side)];
        }
        let (rows, cols) = layer.shape;
        match layer.view {
            View::Whole { transposed: false, .. } => vec![Matrix::new(&self.numbers, rows, cols)],
            View::Whole { transposed: true, .. } => {
                vec![Matrix::new(&self.numbers, cols, rows).transposed()]
            }
            View::Rows { transposed: false, first, .. } => {
                vec![Matrix::strided(&self.numbers, first * cols, (rows, cols), (cols, 1))]
            }
            View::Rows { transposed: true, first, .. } => {
                let stored_cols = self.numbers.len() / cols.max(1);
                vec![Matrix::strided(&self.numbers, first, (rows, cols), (1, stored_cols))]
            }
            View::Expert { expert, .. } => {
                let offset = expert * rows * cols;
                vec![Matrix::strided(&self.numbers, offset, (rows, cols), (cols, 1))]
            }
            View::Kernel { .. } => {
                let n = layer.n_matrices;
                (0..n)
                    .map(|at| Matrix::strided(&self.numbers, at, (rows, cols), (cols * n, n)))
                    .collect()
            }
            View::Lora { .. } => Vec::new(),
        }
    }
}

/// `after - before`, in 64 bits when either is.
fn difference(after: &Numbers, before: Numbers) -> Numbers {
    match (after, before) {
        (Numbers::F32(after), Numbers::F32(mut before)) => {
            for (before, after) in before.iter_mut().zip(after) {
                *before = after - *before;
            }
            Numbers::F32(before)
        }
        (after, before) => {
            Numbers::F64((0..before.len()).map(|i| after.get(i) - before.get(i)).collect())
        }
    }
}

/// `scale · R_B R_Aᵀ` with `B = Q_B R_B` and `Aᵀ = Q_A R_A`: `rank × rank`, with the nonzero singular values of
/// `scale · B A`.
fn lora_core(a: &Matrix<'_>, b: &Matrix<'_>, scale: f64) -> LayerNumbers {
    let r_b = Qr::new(b.to_mat::<f64>(1.0).as_ref()).thin_R().to_owned();
    let r_a = Qr::new(a.transposed().to_mat::<f64>(1.0).as_ref()).thin_R().to_owned();
    let core = &r_b * r_a.transpose() * faer::Scale(scale);
    let side = core.nrows().max(core.ncols());
    // A rank larger than a side of the matrix leaves a core that is not square; it is padded with zeros.
    let mut numbers = vec![0.0; side * side];
    for row in 0..core.nrows() {
        for col in 0..core.ncols() {
            numbers[row * side + col] = core[(row, col)];
        }
    }
    LayerNumbers { numbers: Numbers::F64(numbers), core_side: Some(side) }
}
