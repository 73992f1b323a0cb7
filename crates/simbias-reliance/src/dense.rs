//! A fully connected network that only scores; it sets the speed of a reliance run on such a model.

use std::collections::BTreeMap;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use simbias_data::{FirstAffine, Scorer, ScorerError};

use crate::RelianceError;

/// Rows that are carried through all layers at a time, so that activations stay in the cache.
const TILE_ROWS: usize = 256;

/// What follows every layer but the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `max(0, x)`
    Relu,
    /// `x` where positive, else `slope · x`; also a PReLU with one shared slope.
    LeakyRelu {
        /// Slope left of zero.
        slope: f32,
    },
    /// `tanh x`
    Tanh,
}

impl Activation {
    fn apply(self, values: &mut [f32]) {
        match self {
            Self::Relu => values.iter_mut().for_each(|value| *value = value.max(0.0)),
            Self::LeakyRelu { slope } => values
                .iter_mut()
                .for_each(|value| *value = if *value > 0.0 { *value } else { slope * *value }),
            Self::Tanh => values.iter_mut().for_each(|value| *value = value.tanh()),
        }
    }
}

/// One affine layer: `weight_out_in` of shape `[n_out, n_in]` and `bias` of shape `[n_out]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer {
    /// `[n_out, n_in]`, C order, as PyTorch stores it.
    pub weight_out_in: Array2<f32>,
    /// `[n_out]`
    pub bias: Array1<f32>,
}

/// Affine layers with one activation between them, in evaluation mode.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseNetwork {
    layers: Vec<DenseLayer>,
    activation: Activation,
}

impl DenseNetwork {
    /// A network of the given layers.
    ///
    /// # Errors
    /// No layer, or layers whose sizes do not match.
    pub fn new(layers: Vec<DenseLayer>, activation: Activation) -> Result<Self, RelianceError> {
        let bad =
            |problem: String| RelianceError::Option { option: "dense network".into(), problem };
        if layers.is_empty() {
            return Err(bad("no layer".into()));
        }
        for (index, layer) in layers.iter().enumerate() {
            if layer.bias.len() != layer.weight_out_in.nrows() {
                return Err(bad(format!(
                    "layer {index} has {} biases for {} outputs",
                    layer.bias.len(),
                    layer.weight_out_in.nrows()
                )));
            }
            if index > 0 && layer.weight_out_in.ncols() != layers[index - 1].bias.len() {
                return Err(bad(format!(
                    "layer {index} takes {} inputs, layer {} gives {}",
                    layer.weight_out_in.ncols(),
                    index - 1,
                    layers[index - 1].bias.len()
                )));
            }
        }
        let layers = layers
            .into_iter()
            .map(|layer| DenseLayer {
                weight_out_in: layer.weight_out_in.as_standard_layout().into_owned(),
                bias: layer.bias,
            })
            .collect();
        Ok(Self { layers, activation })
    }

    /// A network from named matrices in PyTorch's `Sequential` style: `<prefix><index>.weight` of shape
    /// `[n_out, n_in]` and `<prefix><index>.bias`, ordered by index.
    ///
    /// # Errors
    /// A name without an index, a weight without its bias, sizes that do not match.
    pub fn from_named(
        weights: &BTreeMap<String, Array2<f32>>,
        biases: &BTreeMap<String, Array1<f32>>,
        activation: Activation,
    ) -> Result<Self, RelianceError> {
        let bad =
            |problem: String| RelianceError::Option { option: "dense network".into(), problem };
        let mut layers = BTreeMap::new();
        for (name, weight_out_in) in weights {
            let stem = name
                .strip_suffix(".weight")
                .ok_or_else(|| bad(format!("matrix {name:?} does not end in .weight")))?;
            let index: usize =
                stem.rsplit('.').next().and_then(|last| last.parse().ok()).ok_or_else(|| {
                    bad(format!("matrix {name:?} has no layer index before .weight"))
                })?;
            let bias = biases
                .get(&format!("{stem}.bias"))
                .ok_or_else(|| bad(format!("matrix {name:?} has no {stem}.bias beside it")))?;
            layers.insert(
                index,
                DenseLayer { weight_out_in: weight_out_in.clone(), bias: bias.clone() },
            );
        }
        Self::new(layers.into_values().collect(), activation)
    }

    /// Inputs of the first layer.
    pub fn n_features(&self) -> usize {
        self.layers[0].weight_out_in.ncols()
    }

    /// The layers in order.
    pub fn layers(&self) -> &[DenseLayer] {
        &self.layers
    }

    /// The same network on rows `z` where the original sees `x = z · inverse`, shape `[n_features, n_features]`.
    pub fn with_first_layer(&self, weight_out_in: Array2<f32>) -> Result<Self, RelianceError> {
        let mut layers = self.layers.clone();
        layers[0].weight_out_in = weight_out_in;
        Self::new(layers, self.activation)
    }

    /// Carries one tile of pre-activations of the first layer through the rest.
    fn finish_tile(&self, hidden: Array2<f32>) -> Array2<f32> {
        let mut hidden = hidden;
        for layer in &self.layers[1..] {
            if let Some(values) = hidden.as_slice_mut() {
                self.activation.apply(values);
            }
            hidden = affine(hidden.view(), layer);
        }
        hidden
    }
}

/// `rows · Wᵀ + b` on one thread; `[n, n_in]` → `[n, n_out]`.
fn affine(rows: ArrayView2<'_, f32>, layer: &DenseLayer) -> Array2<f32> {
    let n_rows = rows.nrows();
    let (n_out, n_in) = layer.weight_out_in.dim();
    let mut out = Array2::from_shape_fn((n_rows, n_out), |(_, unit)| layer.bias[unit]);
    multiply_add(&mut out, rows, layer.weight_out_in.view());
    debug_assert_eq!(rows.ncols(), n_in);
    out
}

/// `out += rows · weightᵀ` on one thread; shapes `[n, n_out]`, `[n, n_in]`, `[n_out, n_in]`.
pub(crate) fn multiply_add(
    out: &mut Array2<f32>,
    rows: ArrayView2<'_, f32>,
    weight_out_in: ArrayView2<'_, f32>,
) {
    let (n_rows, n_in) = rows.dim();
    let n_out = weight_out_in.nrows();
    let rows = rows.as_standard_layout();
    let weight = weight_out_in.as_standard_layout();
    let (Some(rows), Some(weight), Some(out)) =
        (rows.as_slice(), weight.as_slice(), out.as_slice_mut())
    else {
        unreachable!("standard layout is contiguous");
    };
    matmul(
        MatMut::from_row_major_slice_mut(out, n_rows, n_out),
        Accum::Add,
        MatRef::from_row_major_slice(rows, n_rows, n_in),
        MatRef::from_row_major_slice(weight, n_out, n_in).transpose(),
        1.0,
        Par::Seq,
    );
}

impl Scorer for DenseNetwork {
    fn n_outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].bias.len()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        if rows.ncols() != self.n_features() {
            return Err(ScorerError::Shape {
                found: rows.shape().to_vec(),
                expected: vec![rows.nrows(), self.n_features()],
            });
        }
        let mut scores = Array2::zeros((rows.nrows(), self.n_outputs()));
        scores
            .axis_chunks_iter_mut(Axis(0), TILE_ROWS)
            .into_par_iter()
            .zip(rows.axis_chunks_iter(Axis(0), TILE_ROWS).into_par_iter())
            .for_each(|(mut tile_scores, tile)| {
                tile_scores.assign(&self.finish_tile(affine(tile, &self.layers[0])));
            });
        Ok(scores)
    }

    fn first_affine(&self) -> Option<&dyn FirstAffine> {
        Some(self)
    }
}

impl FirstAffine for DenseNetwork {
    fn weight_out_in(&self) -> ArrayView2<'_, f32> {
        self.layers[0].weight_out_in.view()
    }

    fn bias(&self) -> ArrayView1<'_, f32> {
        self.layers[0].bias.view()
    }

    fn score_hidden(&self, hidden: &mut Array2<f32>) -> Array2<f32> {
        let taken = std::mem::replace(hidden, Array2::zeros((0, 0)));
        if taken.nrows() <= TILE_ROWS {
            return self.finish_tile(taken);
        }
        let mut scores = Array2::zeros((taken.nrows(), self.n_outputs()));
        for start in (0..taken.nrows()).step_by(TILE_ROWS) {
            let end = (start + TILE_ROWS).min(taken.nrows());
            let tile = taken.slice(s![start..end, ..]).to_owned();
            scores.slice_mut(s![start..end, ..]).assign(&self.finish_tile(tile));
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn two_layers_by_hand() {
        let network = DenseNetwork::new(
            vec![
                DenseLayer {
                    weight_out_in: array![[1.0, -1.0], [0.5, 2.0]],
                    bias: array![0.0, 1.0],
                },
                DenseLayer { weight_out_in: array![[2.0, -3.0]], bias: array![0.25] },
            ],
            Activation::Relu,
        )
        .unwrap();
        // Row (1, 2): hidden (-1, 5.5) → (0, 5.5) → -16.25; row (2, -1): (3, 0) → (3, 0) → 6.25.
        let scores = network.score(array![[1.0, 2.0], [2.0, -1.0]].view()).unwrap();
        assert_eq!(scores, array![[-16.25], [6.25]]);
    }

    #[test]
    fn layers_must_follow_one_another() {
        let layer = |n_out, n_in| DenseLayer {
            weight_out_in: Array2::zeros((n_out, n_in)),
            bias: Array1::zeros(n_out),
        };
        assert!(DenseNetwork::new(vec![layer(3, 2), layer(1, 4)], Activation::Tanh).is_err());
        assert!(DenseNetwork::new(vec![layer(3, 2), layer(1, 3)], Activation::Tanh).is_ok());
    }
}
