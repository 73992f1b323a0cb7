//! Linear, slab and noise: the distribution and the network of Theorem 1 (Shah et al. 2020, §4.1,
//! Appendix F).
//!
//! A row is `x = (y, ½(y+1)ε, g)` with `y, ε = ±1` fair and `g ~ N(0, I)`: coordinate 0 is linear,
//! coordinate 1 a slab that separates the classes as well, the others are noise. The network is
//! `f(x) = Σⱼ vⱼ·relu(wⱼ·x)` with `vⱼ = ±1/√k` fixed, trained on the hinge loss
//! `max(0, 1 − y·f(x))` by SGD with a fresh batch in every step.
//!
//! The theorem says that after `t ≈ 4/η` steps the linear weights are `2/√k`, all others much
//! smaller. Its constants need an astronomically large dimension; at `d = 100 … 1000` one sees the
//! behaviour, which is not a proof. The closed forms ([`LsnNetwork::population_gradient`]) hold
//! while every row is active, so a check must run the actual SGD and look at
//! [`HingeStep::active_fraction`].

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use simbias_stats::Seed;

use super::SynthError;
use super::slab::{SlabSample, rotate_rows};
use crate::{ClassLabels, Dataset, Layout, Target};

/// Rows that are drawn or summed together. Fixed, so that sums do not depend on the thread count.
const BLOCK: usize = 1024;

/// Rows of the distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct LsnBatch {
    /// Values, shape `[n_rows, dim]`: linear, slab, then noise coordinates.
    pub rows: Array2<f64>,
    /// `+1` or `−1`, one per row.
    pub labels: Array1<f64>,
}

/// `k` ReLU units whose output weights stay fixed.
#[derive(Clone, Debug, PartialEq)]
pub struct LsnNetwork {
    weights: Array2<f64>,
    output: Array1<f64>,
}

/// Expected hinge gradient while all rows are active; one column or entry per unit.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationGradient {
    /// Of the linear coordinate's weights, shape `[n_hidden]`.
    pub linear: Array1<f64>,
    /// Of the slab coordinate's weights, shape `[n_hidden]`.
    pub slab: Array1<f64>,
    /// Of the noise coordinates' weights, shape `[dim − 2, n_hidden]`.
    pub noise: Array2<f64>,
}

/// Hinge loss of a batch and its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct HingeStep {
    /// Gradient of the mean loss with respect to the weights, shape `[dim, n_hidden]`.
    pub gradient: Array2<f64>,
    /// Mean hinge loss.
    pub loss: f64,
    /// Share of the rows with a positive loss.
    pub active_fraction: f64,
    /// Share of the rows on the wrong side of 0, or on it.
    pub error: f64,
}

/// Mean absolute weight of each kind of coordinate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightSizes {
    /// Mean of `|w₁|` over the units.
    pub linear: f64,
    /// Mean of `|w₂|` over the units.
    pub slab: f64,
    /// Mean length of the noise part over the units.
    pub noise_norm: f64,
}

/// How Theorem 1 is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LsnTraining {
    /// Number of coordinates `d`, at least 3.
    pub dim: usize,
    /// Number of hidden units `k`, even.
    pub n_hidden: usize,
    /// Learning rate `η`.
    pub learning_rate: f64,
    /// Fresh rows per step.
    pub batch_size: usize,
    /// Steps; the theorem takes `4/η`.
    pub n_steps: usize,
    /// Fresh rows that the trained network is tested on.
    pub n_test: usize,
    /// Root of all draws.
    pub seed: Seed,
}

impl Default for LsnTraining {
    /// The settings of claim P2-C17: `4/η = 8` steps.
    fn default() -> Self {
        Self {
            dim: 400,
            n_hidden: 50,
            learning_rate: 0.5,
            batch_size: 20_000,
            n_steps: 8,
            n_test: 20_000,
            seed: Seed::new(0),
        }
    }
}

/// What training gave.
#[derive(Clone, Debug, PartialEq)]
pub struct LsnOutcome {
    /// The trained network.
    pub network: LsnNetwork,
    /// Weights at the start.
    pub initial: WeightSizes,
    /// Weights at the end.
    pub trained: WeightSizes,
    /// Share of active rows at each step, before its update.
    pub active_fractions: Vec<f64>,
    /// Share of wrong test rows.
    pub test_error: f64,
}

impl LsnTraining {
    /// Trains from the theorem's random start.
    ///
    /// # Errors
    ///
    /// When a size is out of range; see [`LsnNetwork::init`] and [`LsnBatch::draw`].
    pub fn run(&self) -> Result<LsnOutcome, SynthError> {
        let mut network =
            LsnNetwork::init(self.dim, self.n_hidden, self.seed.child("synth/lsn/init", 0))?;
        let initial = network.weight_sizes();
        let mut active_fractions = Vec::with_capacity(self.n_steps);
        for step in 0..self.n_steps {
            let seed = self.seed.child("synth/lsn/batch", step as u64);
            let batch = LsnBatch::draw(self.dim, self.batch_size, seed)?;
            active_fractions.push(network.step(&batch, self.learning_rate)?.active_fraction);
        }
        let test = LsnBatch::draw(self.dim, self.n_test, self.seed.child("synth/lsn/test", 0))?;
        let test_error = network.hinge(&test)?.error;
        let trained = network.weight_sizes();
        Ok(LsnOutcome { network, initial, trained, active_fractions, test_error })
    }
}

impl LsnBatch {
    /// Draws `n_rows` rows of `dim` coordinates.
    ///
    /// # Errors
    ///
    /// When `dim` is below 3 (there must be noise) or there are no rows.
    pub fn draw(dim: usize, n_rows: usize, seed: Seed) -> Result<Self, SynthError> {
        if dim < 3 {
            return Err(SynthError::out_of_range("dimension", dim as f64, "at least 3"));
        }
        if n_rows == 0 {
            return Err(SynthError::out_of_range("rows", 0.0, "at least 1"));
        }
        let mut rows = Array2::<f64>::zeros((n_rows, dim));
        let mut labels = Array1::<f64>::zeros(n_rows);
        rows.axis_chunks_iter_mut(Axis(0), BLOCK)
            .into_par_iter()
            .zip(labels.axis_chunks_iter_mut(Axis(0), BLOCK))
            .enumerate()
            .for_each(|(block, (mut rows, mut labels))| {
                let mut stream = seed.child("synth/lsn/block", block as u64).stream();
                for (mut row, label) in rows.rows_mut().into_iter().zip(&mut labels) {
                    *label = if stream.random() { 1.0 } else { -1.0 };
                    let sign = if stream.random() { 1.0 } else { -1.0 };
                    row[0] = *label;
                    row[1] = 0.5 * (*label + 1.0) * sign;
                    for value in row.iter_mut().skip(2) {
                        *value = StandardNormal.sample(&mut stream);
                    }
                }
            });
        Ok(Self { rows, labels })
    }

    /// As a data set with classes `"0"` (`y = −1`) and `"1"`, rotated if a rotation is given.
    pub(super) fn into_sample(self, rotation: Option<Array2<f64>>) -> SlabSample {
        let dim = self.rows.ncols();
        let rows = match &rotation {
            Some(rotation) => rotate_rows(self.rows.view(), rotation),
            None => self.rows.mapv(|value| value as f32),
        };
        let layout = match rotation {
            Some(_) => Layout::array(vec![dim]),
            None => Layout::table(coordinate_names(dim)),
        };
        let indices: Vec<u32> = self.labels.iter().map(|&label| u32::from(label > 0.0)).collect();
        let clean_mask = vec![true; indices.len()];
        let names = vec!["0".to_string(), "1".to_string()];
        let target = Target::Classes(ClassLabels { indices, names });
        let dataset = Dataset::new("lsn", rows, layout, target);
        SlabSample { dataset, clean_mask, corrupted: Vec::new(), rotation }
    }
}

/// `linear_0`, `slab_1`, `noise_2`, ….
pub(super) fn coordinate_names(dim: usize) -> Vec<String> {
    let kind = |coordinate| match coordinate {
        0 => "linear",
        1 => "slab",
        _ => "noise",
    };
    (0..dim).map(|coordinate| format!("{}_{coordinate}", kind(coordinate))).collect()
}

impl LsnNetwork {
    /// The theorem's start: weights `N(0, 1/(dk·log⁴d))`, half of the output weights `+1/√k`, half
    /// `−1/√k`.
    ///
    /// (Lemma 1 prints `log²`; the theorem's `log⁴` is used.)
    ///
    /// # Errors
    ///
    /// When `dim` is below 3 or `n_hidden` is odd or 0.
    pub fn init(dim: usize, n_hidden: usize, seed: Seed) -> Result<Self, SynthError> {
        if dim < 3 {
            return Err(SynthError::out_of_range("dimension", dim as f64, "at least 3"));
        }
        if n_hidden == 0 || !n_hidden.is_multiple_of(2) {
            let allowed = "an even number from 2";
            return Err(SynthError::out_of_range("hidden units", n_hidden as f64, allowed));
        }
        let mut stream = seed.stream();
        let deviation = 1.0 / ((dim * n_hidden) as f64 * (dim as f64).ln().powi(4)).sqrt();
        let weights = Array2::from_shape_simple_fn((dim, n_hidden), || {
            let normal: f64 = StandardNormal.sample(&mut stream);
            deviation * normal
        });
        let size = 1.0 / (n_hidden as f64).sqrt();
        let output =
            Array1::from_shape_fn(n_hidden, |unit| if unit < n_hidden / 2 { size } else { -size });
        Ok(Self { weights, output })
    }

    /// A network of given weights, shape `[dim, n_hidden]`, and output weights, shape `[n_hidden]`.
    ///
    /// # Errors
    ///
    /// When the shapes disagree or `dim` is below 3.
    pub fn from_parts(weights: Array2<f64>, output: Array1<f64>) -> Result<Self, SynthError> {
        if weights.nrows() < 3 || weights.ncols() != output.len() {
            return Err(SynthError::Shape {
                what: "hidden weights [dim from 3, n_hidden]",
                found: weights.shape().to_vec(),
                expected: vec![weights.nrows().max(3), output.len()],
            });
        }
        Ok(Self { weights, output })
    }

    /// Hidden weights, shape `[dim, n_hidden]`.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// Output weights `v`, shape `[n_hidden]`.
    pub fn output(&self) -> ArrayView1<'_, f64> {
        self.output.view()
    }

    /// Mean sizes of the three kinds of weights.
    pub fn weight_sizes(&self) -> WeightSizes {
        let n_hidden = self.output.len() as f64;
        let mean_size = |coordinate| {
            self.weights.row(coordinate).iter().map(|weight| weight.abs()).sum::<f64>() / n_hidden
        };
        WeightSizes {
            linear: mean_size(0),
            slab: mean_size(1),
            noise_norm: self.noise_norms().iter().sum::<f64>() / n_hidden,
        }
    }

    /// Scores `f(x)`, one per row.
    pub fn score(&self, rows: ArrayView2<'_, f64>) -> Array1<f64> {
        rows.dot(&self.weights).mapv_into(|value| value.max(0.0)).dot(&self.output)
    }

    /// Loss and gradient on a batch.
    ///
    /// A unit at exactly 0 counts as inactive, and a row with a margin of exactly 1 as having no loss.
    ///
    /// # Errors
    ///
    /// When the batch does not fit the network.
    pub fn hinge(&self, batch: &LsnBatch) -> Result<HingeStep, SynthError> {
        let (n_rows, dim) = batch.rows.dim();
        if dim != self.weights.nrows() || n_rows != batch.labels.len() || n_rows == 0 {
            return Err(SynthError::Shape {
                what: "batch [n_rows from 1, dim]",
                found: vec![n_rows, dim],
                expected: vec![batch.labels.len().max(1), self.weights.nrows()],
            });
        }
        let blocks: Vec<HingeStep> = (0..n_rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let range = block * BLOCK..n_rows.min((block + 1) * BLOCK);
                let rows = batch.rows.slice(s![range.clone(), ..]);
                self.hinge_sums(rows, batch.labels.slice(s![range]))
            })
            .collect();
        let mut total = HingeStep {
            gradient: Array2::zeros(self.weights.raw_dim()),
            loss: 0.0,
            active_fraction: 0.0,
            error: 0.0,
        };
        for block in blocks {
            total.gradient += &block.gradient;
            total.loss += block.loss;
            total.active_fraction += block.active_fraction;
            total.error += block.error;
        }
        let n_rows = n_rows as f64;
        total.gradient /= n_rows;
        total.loss /= n_rows;
        total.active_fraction /= n_rows;
        total.error /= n_rows;
        Ok(total)
    }

    /// As [`Self::hinge`], but sums over the rows instead of means.
    fn hinge_sums(&self, rows: ArrayView2<'_, f64>, labels: ArrayView1<'_, f64>) -> HingeStep {
        let mut hidden = rows.dot(&self.weights);
        let scores = hidden.mapv(|value| value.max(0.0)).dot(&self.output);
        let (mut loss, mut n_active, mut n_wrong) = (0.0, 0_usize, 0_usize);
        // `hidden` becomes the loss's derivative with respect to the pre-activations.
        for ((mut units, &label), score) in hidden.rows_mut().into_iter().zip(labels).zip(&scores) {
            let margin = label * score;
            n_wrong += usize::from(margin <= 0.0);
            if margin < 1.0 {
                loss += 1.0 - margin;
                n_active += 1;
                units.zip_mut_with(&self.output, |unit, output| {
                    *unit = if *unit > 0.0 { -label * output } else { 0.0 };
                });
            } else {
                units.fill(0.0);
            }
        }
        HingeStep {
            gradient: rows.t().dot(&hidden),
            loss,
            active_fraction: n_active as f64,
            error: n_wrong as f64,
        }
    }

    /// One SGD step, `W ← W − η·∇`; returns loss and gradient from before it.
    ///
    /// # Errors
    ///
    /// When the batch does not fit the network.
    pub fn step(&mut self, batch: &LsnBatch, learning_rate: f64) -> Result<HingeStep, SynthError> {
        let step = self.hinge(batch)?;
        self.weights.scaled_add(-learning_rate, &step.gradient);
        Ok(step)
    }

    /// Expected gradient while all rows are active (Lemmas 4–6). With `n = ‖w₃‖`:
    ///
    /// `∂w₁ = −v/4·[2 + Φ((w₁+w₂)/n) + Φ((w₁−w₂)/n) − 2Φ(w₁/n)]`,
    /// `∂w₂ = −v/4·[Φ((w₁+w₂)/n) − Φ((w₁−w₂)/n)]`,
    /// `∂w₃ = −v/(4n)·[φ((w₁+w₂)/n) + φ((w₁−w₂)/n) − 2φ(w₁/n)]·w₃`.
    ///
    /// A unit whose noise part is exactly 0 has no such gradient; its entries are NaN.
    pub fn population_gradient(&self) -> PopulationGradient {
        let norms = self.noise_norms();
        let n_hidden = self.output.len();
        let mut linear = Array1::zeros(n_hidden);
        let mut slab = Array1::zeros(n_hidden);
        let mut noise = self.weights.slice(s![2.., ..]).to_owned();
        for (unit, &norm) in norms.iter().enumerate() {
            let (w1, w2) = (self.weights[[0, unit]], self.weights[[1, unit]]);
            let scale = -0.25 * self.output[unit];
            let [plus, minus, centre] = [(w1 + w2) / norm, (w1 - w2) / norm, w1 / norm];
            linear[unit] =
                scale * (2.0 + normal_cdf(plus) + normal_cdf(minus) - 2.0 * normal_cdf(centre));
            slab[unit] = scale * (normal_cdf(plus) - normal_cdf(minus));
            let density = normal_pdf(plus) + normal_pdf(minus) - 2.0 * normal_pdf(centre);
            noise.column_mut(unit).map_inplace(|weight| *weight *= scale / norm * density);
        }
        PopulationGradient { linear, slab, noise }
    }

    fn noise_norms(&self) -> Vec<f64> {
        self.weights
            .slice(s![2.., ..])
            .columns()
            .into_iter()
            .map(|noise| noise.dot(&noise).sqrt())
            .collect()
    }
}

fn normal_cdf(value: f64) -> f64 {
    0.5 * libm::erfc(-value * std::f64::consts::FRAC_1_SQRT_2)
}

fn normal_pdf(value: f64) -> f64 {
    (-0.5 * value * value).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property 14 of the specification: the sample gradient lies within 4 standard errors of the
    /// closed form.
    #[test]
    fn the_sample_gradient_agrees_with_the_closed_form() {
        const N_BATCHES: u64 = 40;
        let network = LsnNetwork::init(12, 4, Seed::new(3)).unwrap();
        let gradients: Vec<Array2<f64>> = (0..N_BATCHES)
            .map(|index| {
                let batch = LsnBatch::draw(12, 5000, Seed::new(9).child("test", index)).unwrap();
                let step = network.hinge(&batch).unwrap();
                assert_eq!(step.active_fraction, 1.0);
                step.gradient
            })
            .collect();
        let expected = network.population_gradient();
        let n = N_BATCHES as f64;
        for unit in 0..4 {
            for coordinate in 0..12 {
                let closed = match coordinate {
                    0 => expected.linear[unit],
                    1 => expected.slab[unit],
                    _ => expected.noise[[coordinate - 2, unit]],
                };
                let found: Vec<f64> = gradients.iter().map(|g| g[[coordinate, unit]]).collect();
                let mean = found.iter().sum::<f64>() / n;
                let variance = found.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (n - 1.0);
                let error = (variance / n).sqrt();
                assert!(
                    (mean - closed).abs() <= 4.0 * error + 1e-12,
                    "[{coordinate}, {unit}]: {mean} ± {error}, expected {closed}"
                );
            }
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        const STEP: f64 = 1e-7;
        let network = LsnNetwork::init(6, 4, Seed::new(1)).unwrap();
        let batch = LsnBatch::draw(6, 300, Seed::new(2)).unwrap();
        let gradient = network.hinge(&batch).unwrap().gradient;
        for index in [[0, 0], [1, 2], [3, 3], [5, 1]] {
            let moved = |by: f64| {
                let mut moved = network.clone();
                moved.weights[index] += by;
                moved.hinge(&batch).unwrap().loss
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!((slope - gradient[index]).abs() < 1e-6, "{slope} {}", gradient[index]);
        }
    }

    #[test]
    fn a_small_run_prefers_the_linear_coordinate() {
        let training =
            LsnTraining { dim: 100, batch_size: 5000, n_test: 2000, ..Default::default() };
        let outcome = training.run().unwrap();
        let expected = 2.0 / (training.n_hidden as f64).sqrt();
        assert!((outcome.trained.linear / expected - 1.0).abs() < 0.1, "{outcome:?}");
        assert!(outcome.trained.linear > 50.0 * outcome.trained.slab);
        assert_eq!(outcome.test_error, 0.0);
        assert_eq!(outcome.active_fractions.len(), 8);
        assert_eq!(outcome.network, training.run().unwrap().network);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let seed = Seed::new(0);
        assert!(LsnNetwork::init(2, 4, seed).is_err());
        assert!(LsnNetwork::init(5, 3, seed).is_err());
        assert!(LsnBatch::draw(2, 4, seed).is_err());
        assert!(LsnBatch::draw(5, 0, seed).is_err());
        let network = LsnNetwork::init(5, 4, seed).unwrap();
        assert!(network.hinge(&LsnBatch::draw(6, 4, seed).unwrap()).is_err());
    }
}
