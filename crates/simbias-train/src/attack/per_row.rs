//! Projected gradient ascent: the worst perturbation of each single row.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, s};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use simbias_data::{LossGradient, Objective, Scorer, ScorerError};
use simbias_report::{Progress, Steps};
use simbias_stats::Seed;

use super::ball::{Bounds, GRADIENT_FLOOR, Norm, clamp_to_box, scale, shift_row};
use super::error::{AttackError, check_count, check_positive, check_rows};
use super::score::{AttackScore, score_shifted};

/// Where an ascent begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// At the row itself.
    Zero,
    /// Near the row: for L2 at distance `radius` in a random direction (uniform in the cube, then
    /// normalised), for L∞ uniform in `±radius` in every column.
    Random {
        /// Size of the first perturbation.
        radius: f64,
    },
}

/// Projected gradient ascent on the cross-entropy of the true class (untargeted).
///
/// With `g` the gradient of a row's loss, `n_steps` times:
///
/// ```text
/// L2:  δ ← δ + step · g / (‖g‖ + gradient_floor),  then onto ‖δ‖₂ ≤ radius
/// L∞:  δ ← δ + step · sign(g),                     then onto |δ| ≤ radius
/// both: x + δ into the bounds
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pgd {
    /// Norm of ball and step.
    pub norm: Norm,
    /// Largest norm of a perturbation, in units of the data; 0 attacks nothing.
    pub radius: f64,
    /// Length of a step in the same norm.
    pub step: f64,
    /// Steps of one ascent.
    pub n_steps: usize,
    /// Where an ascent begins.
    pub start: Start,
    /// Ascents per row; the one with the largest loss counts. More than one needs a random start.
    pub restarts: usize,
    /// Box of the data; `None` where any value is allowed.
    pub bounds: Option<Bounds>,
    /// Added to the gradient's norm, [`GRADIENT_FLOOR`] by default. The official code divides the loss by
    /// the batch size first, which is the same as a floor larger by that factor.
    pub gradient_floor: f64,
}

impl Pgd {
    /// An ascent from the row itself, once, without a box.
    pub const fn new(norm: Norm, radius: f64, step: f64, n_steps: usize) -> Self {
        Self {
            norm,
            radius,
            step,
            n_steps,
            start: Start::Zero,
            restarts: 1,
            bounds: None,
            gradient_floor: GRADIENT_FLOOR,
        }
    }

    /// The settings of notebook 06 of the official code: L2, 20 steps of a twentieth of the data's width,
    /// radius half the width, from a random start of norm 0.001.
    pub fn notebook(bounds: Bounds) -> Self {
        Self {
            start: Start::Random { radius: 1e-3 },
            bounds: Some(bounds),
            ..Self::new(Norm::L2, 0.5 * bounds.width(), 0.05 * bounds.width(), 20)
        }
    }

    fn check(&self) -> Result<(), AttackError> {
        if self.radius != 0.0 {
            check_positive("radius", self.radius)?;
        }
        check_positive("step", self.step)?;
        check_count("restarts", self.restarts)?;
        if !(self.gradient_floor.is_finite() && self.gradient_floor >= 0.0) {
            let found = self.gradient_floor.to_string();
            let expected = "a finite number, at least 0";
            return Err(AttackError::Setting { field: "gradient_floor", found, expected });
        }
        match self.start {
            Start::Zero if self.restarts > 1 => Err(AttackError::Setting {
                field: "restarts",
                found: self.restarts.to_string(),
                expected: "1, or a random start, as all ascents from zero are the same",
            }),
            Start::Zero => Ok(()),
            Start::Random { radius } => check_positive("start radius", radius),
        }?;
        self.bounds.map_or(Ok(()), Bounds::check)
    }

    /// First perturbation of one row, inside ball and box.
    fn begin(&self, mut delta: ArrayViewMut1<'_, f32>, row: ArrayView1<'_, f32>, seed: Seed) {
        match self.start {
            Start::Zero => delta.fill(0.0),
            Start::Random { radius } => {
                let mut stream = seed.stream();
                delta.map_inplace(|value| *value = stream.random_range(-1.0_f32..=1.0));
                let norm = match self.norm {
                    Norm::L2 => self.norm.of(&delta).max(f64::MIN_POSITIVE),
                    Norm::Linf => 1.0,
                };
                scale(delta.view_mut(), radius / norm);
            }
        }
        self.norm.project(delta.view_mut(), self.radius);
        clamp_to_box(delta, row, self.bounds);
    }

    /// One ascent for every row of a batch; leaves the perturbations in `delta` and returns the losses.
    fn ascend(
        &self,
        model: &dyn LossGradient,
        batch: &Batch<'_>,
        delta: &mut Array2<f32>,
        seed: Seed,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<f32>, AttackError> {
        let pairs = delta.rows_mut().into_iter().zip(batch.rows.rows());
        for (index, (shift, row)) in pairs.enumerate() {
            self.begin(shift, row, seed.child("row", (batch.first_row + index) as u64));
        }
        for _ in 0..self.n_steps {
            steps.begin()?;
            let (_, gradient) = batch.loss_gradient(model, delta.view(), self.bounds)?;
            let pairs = delta.rows_mut().into_iter().zip(batch.rows.rows());
            for ((mut shift, row), slope) in pairs.zip(gradient.rows()) {
                self.norm.ascend(shift.view_mut(), slope, self.step, self.gradient_floor);
                self.norm.project(shift.view_mut(), self.radius);
                clamp_to_box(shift, row, self.bounds);
            }
        }
        steps.begin()?;
        let (losses, _) = batch.loss_gradient(model, delta.view(), self.bounds)?;
        Ok(losses)
    }
}

/// Consecutive rows that pass through the model together.
struct Batch<'a> {
    rows: ArrayView2<'a, f32>,
    labels: &'a [u32],
    first_row: usize,
}

impl Batch<'_> {
    /// Losses and gradients of the rows moved by `delta`.
    fn loss_gradient(
        &self,
        model: &dyn LossGradient,
        delta: ArrayView2<'_, f32>,
        bounds: Option<Bounds>,
    ) -> Result<(Vec<f32>, Array2<f32>), AttackError> {
        let there = shifted(self.rows, delta, bounds);
        let labels = Objective::CrossEntropy(self.labels);
        finite_loss_gradient(model, there.view(), labels, |index| self.first_row + index)
    }
}

/// The model's answer, if it is finite and has the right shape. `row_number` gives the number of a row of the batch.
pub(super) fn finite_loss_gradient(
    model: &dyn LossGradient,
    rows: ArrayView2<'_, f32>,
    objective: Objective<'_>,
    row_number: impl Fn(usize) -> usize,
) -> Result<(Vec<f32>, Array2<f32>), AttackError> {
    let (losses, gradient) = model.loss_gradient(rows, objective)?;
    if gradient.shape() != rows.shape() || losses.len() != rows.nrows() {
        let (found, expected) = (gradient.shape().to_vec(), rows.shape().to_vec());
        return Err(ScorerError::Shape { found, expected }.into());
    }
    if let Some(index) = losses.iter().position(|loss| !loss.is_finite()) {
        return Err(AttackError::OutputNotFinite { what: "loss", row: row_number(index) });
    }
    match gradient.indexed_iter().find(|(_, slope)| !slope.is_finite()) {
        Some(((index, _), _)) => {
            Err(AttackError::OutputNotFinite { what: "gradient", row: row_number(index) })
        }
        None => Ok((losses, gradient)),
    }
}

fn shifted(
    rows: ArrayView2<'_, f32>,
    delta: ArrayView2<'_, f32>,
    bounds: Option<Bounds>,
) -> Array2<f32> {
    let mut there = rows.as_standard_layout().into_owned();
    for (row, shift) in there.rows_mut().into_iter().zip(delta.rows()) {
        shift_row(row, shift, 1.0, bounds);
    }
    there
}

/// `rows + delta` inside the box, shape `[n_rows, n_features]`: what the model sees under an attack.
///
/// # Errors
///
/// [`AttackError::Shape`] if the shapes differ.
pub fn perturbed_rows(
    rows: ArrayView2<'_, f32>,
    delta: ArrayView2<'_, f32>,
    bounds: Option<Bounds>,
) -> Result<Array2<f32>, AttackError> {
    if rows.shape() != delta.shape() {
        let (found, expected) = (delta.shape().to_vec(), rows.shape().to_vec());
        return Err(AttackError::Shape { found, expected });
    }
    Ok(shifted(rows, delta, bounds))
}

/// The strongest perturbation found for every row.
#[derive(Clone, Debug, PartialEq)]
pub struct PgdOutcome {
    /// `[n_rows, n_features]`.
    pub delta: Array2<f32>,
    /// Cross-entropy of every perturbed row in nats, `[n_rows]`.
    pub loss: Vec<f32>,
}

/// Attacks every row of `rows`, shape `[n_rows, n_features]`, with one label each.
///
/// `batch_rows` rows pass through the model at a time; if the model treats rows independently, this changes only speed
/// and memory. Random starts depend on a row's position in `rows`. Costs `restarts · (n_steps + 1)` gradients per row;
/// `progress` counts gradients of batches.
///
/// # Errors
///
/// An invalid setting, rows without labels, values that are not finite, a model that fails, or an interrupt.
pub fn pgd(
    model: &dyn LossGradient,
    rows: ArrayView2<'_, f32>,
    labels: &[u32],
    config: &Pgd,
    seed: Seed,
    batch_rows: usize,
    progress: &dyn Progress,
) -> Result<PgdOutcome, AttackError> {
    config.check()?;
    check_count("batch_rows", batch_rows)?;
    check_rows(rows, labels)?;
    let mut delta = Array2::zeros(rows.raw_dim());
    let mut loss = Vec::with_capacity(labels.len());
    let n_batches = labels.len().div_ceil(batch_rows);
    let mut steps = Steps::new(progress, n_batches * config.restarts * (config.n_steps + 1));
    for (index, batch_labels) in labels.chunks(batch_rows).enumerate() {
        let first_row = index * batch_rows;
        let range = first_row..first_row + batch_labels.len();
        let batch =
            Batch { rows: rows.slice(s![range.clone(), ..]), labels: batch_labels, first_row };
        let strongest = strongest(model, &batch, config, seed, &mut steps)?;
        delta.slice_mut(s![range, ..]).assign(&strongest.delta);
        loss.extend(strongest.loss);
    }
    Ok(PgdOutcome { delta, loss })
}

/// The best of all restarts for each row of a batch; the earlier one of equals.
fn strongest(
    model: &dyn LossGradient,
    batch: &Batch<'_>,
    config: &Pgd,
    seed: Seed,
    steps: &mut Steps<'_>,
) -> Result<PgdOutcome, AttackError> {
    let mut ascent = |restart: usize, delta: &mut Array2<f32>| {
        config.ascend(model, batch, delta, seed.child("attack/pgd", restart as u64), steps)
    };
    let mut delta = Array2::zeros(batch.rows.raw_dim());
    let mut loss = ascent(0, &mut delta)?;
    let mut trial = Array2::zeros(delta.raw_dim());
    for restart in 1..config.restarts {
        let trial_loss = ascent(restart, &mut trial)?;
        for (row, (best, new)) in loss.iter_mut().zip(trial_loss).enumerate() {
            if new > *best {
                *best = new;
                delta.index_axis_mut(Axis(0), row).assign(&trial.index_axis(Axis(0), row));
            }
        }
    }
    Ok(PgdOutcome { delta, loss })
}

/// Accuracy and loss with and without an attack on every row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RobustAccuracy {
    /// On the rows as they are.
    pub clean: AttackScore,
    /// On the perturbed rows. The accuracy is an upper bound of the robust one: a stronger attack may find more.
    pub attacked: AttackScore,
}

/// Attacks every row by `config` and scores the result. `scorer` and `model` are two views of one model;
/// the other arguments are those of [`pgd`].
///
/// # Errors
///
/// As for [`pgd`], or a label that the model has no output for.
#[expect(clippy::too_many_arguments, reason = "the arguments of `pgd` and the model as a scorer")]
pub fn robust_accuracy(
    scorer: &dyn Scorer,
    model: &dyn LossGradient,
    rows: ArrayView2<'_, f32>,
    labels: &[u32],
    config: &Pgd,
    seed: Seed,
    batch_rows: usize,
    progress: &dyn Progress,
) -> Result<RobustAccuracy, AttackError> {
    let outcome = pgd(model, rows, labels, config, seed, batch_rows, progress)?;
    progress.keep_going()?;
    let attacked = score_shifted(scorer, rows, labels, |index, row| {
        shift_row(row, outcome.delta.row(index), 1.0, config.bounds);
    })?;
    Ok(RobustAccuracy { clean: AttackScore::of_rows(scorer, rows, labels)?, attacked })
}
