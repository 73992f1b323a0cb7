//! One perturbation for all rows.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use simbias_data::{LossGradient, Objective, Scorer};
use simbias_report::{Progress, Steps};
use simbias_stats::Seed;

use super::ball::{Bounds, GRADIENT_FLOOR, Norm, reach, shift_row};
use super::error::{AttackError, check_count, check_positive, check_rows};
use super::per_row::finite_loss_gradient;
use super::score::{AttackScore, score_shifted};

/// What a universal perturbation knows about the row that it is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// `+δ` for class 1 and `-δ` for class 0, as in the official code. The attacker must know the **label** of each
    /// row, so the attack is not data-agnostic. Two classes only.
    LabelSigned,
    /// `+δ` for every row. On a linear feature it can push accuracy to about a half only.
    Unsigned,
}

impl Signing {
    /// The factor on δ for a row of class `label`.
    fn sign(self, label: u32) -> f32 {
        match self {
            Self::Unsigned => 1.0,
            Self::LabelSigned if label == 0 => -1.0,
            Self::LabelSigned => 1.0,
        }
    }

    pub(super) fn check(self, labels: &[u32]) -> Result<(), AttackError> {
        match labels.iter().position(|&label| label > 1) {
            Some(row) if self == Self::LabelSigned => {
                Err(AttackError::NoSign { row, label: labels[row] })
            }
            _ => Ok(()),
        }
    }
}

/// In which order rows form batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchOrder {
    /// In the order of the rows, the same in each epoch.
    AsGiven,
    /// A new permutation each epoch.
    Shuffled,
}

/// Stochastic gradient ascent on one perturbation, from zero.
///
/// For every batch `inner_steps` times, with σ of the [`Signing`] and `g` the gradient of the batch's mean
/// loss at `clamp(x + σδ)` with respect to δ, the clamp included:
///
/// ```text
/// L2:  δ ← δ + step · g / (‖g‖ + 1e-10),  then onto ‖δ‖₂ ≤ radius
/// L∞:  δ ← δ + step · sign(g),            then onto |δ| ≤ radius
/// ```
///
/// Source: Shafahi et al. 2018, algorithm 2 without its clipped loss, as in the official code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Universal {
    /// Norm of ball and step.
    pub norm: Norm,
    /// Largest norm of the perturbation, in units of the data.
    pub radius: f64,
    /// Length of a step in the same norm.
    pub step: f64,
    /// Steps on each batch before the next one.
    pub inner_steps: usize,
    /// Passes over the rows.
    pub epochs: usize,
    /// Rows of a batch. Unlike elsewhere it changes the result.
    pub batch_rows: usize,
    /// How rows form batches.
    pub order: BatchOrder,
    /// Whether the label gives the sign.
    pub signing: Signing,
    /// Box of the data; `None` where any value is allowed.
    pub bounds: Option<Bounds>,
}

impl Universal {
    fn check(&self) -> Result<(), AttackError> {
        check_positive("radius", self.radius)?;
        check_positive("step", self.step)?;
        check_count("inner_steps", self.inner_steps)?;
        check_count("epochs", self.epochs)?;
        check_count("batch_rows", self.batch_rows)?;
        self.bounds.map_or(Ok(()), Bounds::check)
    }

    fn order(&self, n_rows: usize, seed: Seed, epoch: usize) -> Vec<u32> {
        match self.order {
            BatchOrder::AsGiven => (0..n_rows as u32).collect(),
            BatchOrder::Shuffled => {
                seed.child("attack/universal", epoch as u64).permutation(n_rows)
            }
        }
    }
}

/// One perturbation with all that is needed to apply it.
#[derive(Clone, Debug, PartialEq)]
pub struct UniversalPerturbation {
    /// `[n_features]`.
    pub delta: Array1<f32>,
    /// Whether it needs the label of a row. Every report of its effect must say so.
    pub signing: Signing,
    /// Box that perturbed rows stay in.
    pub bounds: Option<Bounds>,
}

impl UniversalPerturbation {
    /// The rows `[n_rows, n_features]` under attack.
    ///
    /// # Errors
    ///
    /// A wrong number of columns or labels, or labels beyond 0 and 1 for a label-signed perturbation.
    pub fn apply(
        &self,
        rows: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<Array2<f32>, AttackError> {
        self.check(rows, labels)?;
        let mut there = rows.as_standard_layout().into_owned();
        for (row, &label) in there.rows_mut().into_iter().zip(labels) {
            shift_row(row, self.delta.view(), self.signing.sign(label), self.bounds);
        }
        Ok(there)
    }

    /// Accuracy and loss of a model on `rows` under attack. Only meaningful on rows that the perturbation was not
    /// fitted on.
    ///
    /// # Errors
    ///
    /// As for [`Self::apply`], a label that the model has no output for, or a model that fails.
    pub fn score(
        &self,
        scorer: &dyn Scorer,
        rows: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<AttackScore, AttackError> {
        self.check(rows, labels)?;
        score_shifted(scorer, rows, labels, |index, row| {
            shift_row(row, self.delta.view(), self.signing.sign(labels[index]), self.bounds);
        })
    }

    fn check(&self, rows: ArrayView2<'_, f32>, labels: &[u32]) -> Result<(), AttackError> {
        check_rows(rows, labels)?;
        self.signing.check(labels)?;
        if self.delta.len() == rows.ncols() {
            return Ok(());
        }
        Err(AttackError::Shape { found: vec![self.delta.len()], expected: vec![rows.ncols()] })
    }
}

/// Fits one perturbation to all `rows`, shape `[n_rows, n_features]`. Score it on others.
///
/// The seed only orders the batches. Costs `epochs · inner_steps` gradients per row; `progress`
/// counts gradients of batches.
///
/// # Errors
///
/// An invalid setting, rows without labels, values that are not finite, labels beyond 0 and 1 for a
/// label-signed perturbation, a model that fails, or an interrupt.
pub fn universal(
    model: &dyn LossGradient,
    rows: ArrayView2<'_, f32>,
    labels: &[u32],
    config: &Universal,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<UniversalPerturbation, AttackError> {
    config.check()?;
    check_rows(rows, labels)?;
    config.signing.check(labels)?;
    let mut delta = Array1::zeros(rows.ncols());
    let n_batches = labels.len().div_ceil(config.batch_rows);
    let mut steps = Steps::new(progress, config.epochs * n_batches * config.inner_steps);
    for epoch in 0..config.epochs {
        for chosen in config.order(labels.len(), seed, epoch).chunks(config.batch_rows) {
            let indices: Vec<usize> = chosen.iter().map(|&row| row as usize).collect();
            let batch = rows.select(Axis(0), &indices);
            let batch_labels: Vec<u32> = indices.iter().map(|&row| labels[row]).collect();
            for _ in 0..config.inner_steps {
                steps.begin()?;
                let gradient = batch_gradient(
                    model,
                    batch.view(),
                    &batch_labels,
                    delta.view(),
                    config,
                    &indices,
                )?;
                config.norm.ascend(delta.view_mut(), gradient.view(), config.step, GRADIENT_FLOOR);
                config.norm.project(delta.view_mut(), config.radius);
            }
        }
    }
    Ok(UniversalPerturbation { delta, signing: config.signing, bounds: config.bounds })
}

/// Gradient of the batch's mean loss with respect to δ.
fn batch_gradient(
    model: &dyn LossGradient,
    batch: ArrayView2<'_, f32>,
    labels: &[u32],
    delta: ArrayView1<'_, f32>,
    config: &Universal,
    row_numbers: &[usize],
) -> Result<Array1<f32>, AttackError> {
    let mut there = batch.to_owned();
    for (row, &label) in there.rows_mut().into_iter().zip(labels) {
        shift_row(row, delta, config.signing.sign(label), config.bounds);
    }
    let objective = Objective::CrossEntropy(labels);
    let (_, slopes) =
        finite_loss_gradient(model, there.view(), objective, |index| row_numbers[index])?;
    let mut sum = Array1::<f64>::zeros(delta.len());
    for ((start, slope), &label) in batch.rows().into_iter().zip(slopes.rows()).zip(labels) {
        let sign = config.signing.sign(label);
        for (column, total) in sum.iter_mut().enumerate() {
            // δ has no effect on a value that is clamped.
            let (low, high) = reach(config.bounds, start[column]);
            let free = (low..=high).contains(&(start[column] + sign * delta[column]));
            *total += if free { f64::from(sign * slope[column]) } else { 0.0 };
        }
    }
    let n_rows = labels.len() as f64;
    Ok(sum.mapv(|total| (total / n_rows) as f32))
}
