//! Models, rows and labels of the tests.

use ndarray::{Array1, Array2, ArrayView2};
use rand::RngExt;
use simbias_data::transform::{Identity, LinearTransform};
use simbias_data::{ClassLabels, Dataset, Layout, Scorer, ScorerError, Target};
use simbias_reliance::{
    Activation, Block, BlockSet, DenseLayer, DenseNetwork, RelianceError, RelianceOptions,
    RelianceOutcome, measure,
};
use simbias_report::Silent;
use simbias_stats::Seed;

/// Scores by a closure, hiding any structure.
pub(crate) struct Model<F>(pub(crate) F);

impl<F: Fn(&[f32]) -> f32 + Sync> Scorer for Model<F> {
    fn n_outputs(&self) -> usize {
        1
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let scores = rows.rows().into_iter().map(|row| (self.0)(&row.to_vec())).collect();
        Ok(Array1::from_vec(scores).insert_axis(ndarray::Axis(1)))
    }
}

/// Scores as another model does, hiding its first layer.
pub(crate) struct Opaque<'a>(pub(crate) &'a DenseNetwork);

impl Scorer for Opaque<'_> {
    fn n_outputs(&self) -> usize {
        self.0.n_outputs()
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        self.0.score(rows)
    }
}

/// A rotation in the plane of coordinates 0 and 3, then in that of 1 and 5, and the transform undoing it.
pub(crate) fn rotation_of_six() -> (Array2<f64>, LinearTransform) {
    let mut rotation = Array2::<f64>::eye(6);
    for (a, b, angle) in [(0, 3, 0.7_f64), (1, 5, -1.1)] {
        let mut plane = Array2::<f64>::eye(6);
        plane[[a, a]] = angle.cos();
        plane[[b, b]] = angle.cos();
        plane[[a, b]] = -angle.sin();
        plane[[b, a]] = angle.sin();
        rotation = rotation.dot(&plane);
    }
    let transform = LinearTransform::new(rotation.view()).unwrap();
    (rotation, transform)
}

pub(crate) fn uniform(seed: u64, n_rows: usize, n_columns: usize) -> Array2<f32> {
    let mut stream = Seed::new(seed).child("test/rows", 0).stream();
    Array2::from_shape_fn((n_rows, n_columns), |_| 2.0 * stream.random::<f32>() - 1.0)
}

pub(crate) fn classes(indices: Vec<u32>) -> Target {
    Target::Classes(ClassLabels { indices, names: vec!["no".into(), "yes".into()] })
}

pub(crate) fn dataset(rows: Array2<f32>, label: impl Fn(&[f32]) -> bool) -> Dataset {
    let indices = rows.rows().into_iter().map(|row| u32::from(label(&row.to_vec()))).collect();
    let names = (0..rows.ncols()).map(|column| format!("x{column}")).collect();
    Dataset::new("test", rows, Layout::table(names), classes(indices))
}

/// A small fixed network on `n_features` inputs.
pub(crate) fn network(n_features: usize, seed: u64) -> DenseNetwork {
    let mut stream = Seed::new(seed).child("test/network", 0).stream();
    let mut layer = |n_out: usize, n_in: usize| DenseLayer {
        weight_out_in: Array2::from_shape_fn((n_out, n_in), |_| stream.random::<f32>() - 0.5),
        bias: Array1::from_shape_fn(n_out, |_| 0.1),
    };
    let layers = vec![layer(16, n_features), layer(12, 16), layer(2, 12)];
    DenseNetwork::new(layers, Activation::Relu).unwrap()
}

pub(crate) fn split_blocks(n_features: usize) -> BlockSet {
    let half = n_features / 2;
    BlockSet::partition(
        vec![Block::new("first", 0..half), Block::new("second", half..n_features)],
        n_features,
    )
    .unwrap()
}

pub(crate) fn run(
    scorer: &dyn Scorer,
    data: &Dataset,
    blocks: &BlockSet,
    options: &RelianceOptions,
    seed: u64,
) -> Result<RelianceOutcome, RelianceError> {
    let identity = Identity::new(data.n_features());
    measure(scorer, data, blocks, &identity, options, Seed::new(seed), &Silent)
        .map(|measurement| measurement.outcome)
}

pub(crate) fn quick() -> RelianceOptions {
    RelianceOptions { repeats: 5, ..RelianceOptions::default() }
}

/// Labels with some noise, so that metrics stay off their ends.
pub(crate) fn noisy(seed: u64, n_rows: usize) -> Dataset {
    let rows = uniform(seed, n_rows, 4);
    let mut stream = Seed::new(seed).child("test/label-noise", 0).stream();
    let indices = rows
        .rows()
        .into_iter()
        .map(|row| u32::from(row[0] + row[2] + 2.0 * stream.random::<f32>() - 1.0 > 0.0))
        .collect();
    Dataset { target: classes(indices), ..dataset(rows, |_| true) }
}
