//! Robust accuracy and where adversarial perturbations go.

use ndarray::Axis;
use simbias_data::transform::Transform;
use simbias_data::{Dataset, Scorer};
use simbias_reliance::{BlockSet, BudgetShare, budget_shares, mean_budget_shares};
use simbias_report::{Estimate, Part, Progress};
use simbias_stats::{Seed, share_estimate};
use simbias_train::attack::{
    BatchOrder, Bounds, Norm, Pgd, Signing, Universal, pgd, robust_accuracy, universal,
};

use crate::AuditError;

/// How robustness is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RobustnessOptions {
    /// Test rows attacked.
    pub n_rows: usize,
    /// Steps of the per-row attack.
    pub n_steps: usize,
    /// Radii as shares of the data's margin, ascending; the middle one leads.
    pub shares: Vec<f64>,
}

impl Default for RobustnessOptions {
    fn default() -> Self {
        Self { n_rows: 256, n_steps: 10, shares: vec![0.1, 0.25, 0.5] }
    }
}

/// Robust accuracy at one radius.
#[derive(Clone, Debug, PartialEq)]
pub struct RobustAt {
    /// L2 radius in data units.
    pub radius: f64,
    /// Accuracy under attack; an upper bound, since a stronger attack may find more.
    pub accuracy: Estimate,
}

/// What attacks found.
#[derive(Clone, Debug, PartialEq)]
pub struct Robustness {
    /// Half the median distance to the nearest row of another class: no classifier is robust far beyond it.
    pub data_margin: f64,
    /// Accuracy under attack, ascending radii.
    pub at: Vec<RobustAt>,
    /// Mean share of each block in the per-row perturbations at the leading radius.
    pub shares: Vec<BudgetShare>,
    /// A universal perturbation fitted on validation rows and scored on test rows.
    pub universals: Vec<UniversalResult>,
}

impl Robustness {
    /// The radius in the middle.
    pub fn leading(&self) -> Option<&RobustAt> {
        self.at.get(self.at.len() / 2)
    }
}

/// One universal perturbation.
#[derive(Clone, Debug, PartialEq)]
pub struct UniversalResult {
    /// Whether its sign follows the row's label, so that the attacker must know the label.
    pub label_signed: bool,
    /// Its L2 norm.
    pub norm: f64,
    /// Accuracy of test rows under it.
    pub accuracy: Estimate,
    /// Share of each block.
    pub shares: Vec<BudgetShare>,
    /// The perturbation, `[n_features]`.
    pub delta: Vec<f32>,
}

/// Rows that the model sees at once.
const BATCH: usize = 128;
/// Maximum number of rows used for the margin of the data.
const MARGIN_ROWS: usize = 400;

/// Half the median L2 distance from a row to the nearest row of another class.
pub fn data_margin(data: &Dataset) -> Option<f64> {
    let labels = data.class_labels()?;
    let stride = data.n_rows().div_ceil(MARGIN_ROWS).max(1);
    let rows: Vec<usize> = (0..data.n_rows()).step_by(stride).collect();
    let values = data.rows.select(Axis(0), &rows);
    let squares: Vec<f32> = values.rows().into_iter().map(|row| row.dot(&row)).collect();
    let products = values.dot(&values.t());
    let mut nearest: Vec<f64> = (0..rows.len())
        .filter_map(|i| {
            (0..rows.len())
                .filter(|&j| labels.indices[rows[i]] != labels.indices[rows[j]])
                .map(|j| {
                    f64::from((squares[i] + squares[j] - 2.0 * products[[i, j]]).max(0.0)).sqrt()
                })
                .reduce(f64::min)
        })
        .collect();
    nearest.sort_unstable_by(f64::total_cmp);
    nearest.get(nearest.len() / 2).map(|distance| distance / 2.0)
}

/// Attacks a model; `None` for models without gradients and for regression.
///
/// # Errors
/// A model that fails, and an interrupt, checked at every step of an attack.
#[expect(clippy::too_many_arguments, reason = "the parts of one experiment, each used once")]
pub fn measure_robustness(
    model: &dyn Scorer,
    validation: &Dataset,
    test: &Dataset,
    blocks: &BlockSet,
    transform: &dyn Transform,
    options: &RobustnessOptions,
    seed: Seed,
    level: f64,
    progress: &dyn Progress,
) -> Result<Option<Robustness>, AuditError> {
    let (Some(gradients), Some(labels)) = (model.gradients(), test.class_labels()) else {
        return Ok(None);
    };
    let Some(margin) = data_margin(test).filter(|margin| *margin > 0.0) else { return Ok(None) };
    let few = |data: &Dataset, purpose: &str| {
        let mut order = data.stratified_order(seed.child(purpose, 0));
        order.truncate(options.n_rows);
        data.select(&order)
    };
    let attacked = few(test, "audit/attacked");
    let rows = attacked.rows.view();
    let n = attacked.n_rows();
    let classes = attacked.class_labels().map_or(&[][..], |labels| &labels.indices);
    let bounds = Bounds::of(test.rows.view());
    let signings: &[Signing] = if labels.n_classes() == 2 {
        &[Signing::LabelSigned, Signing::Unsigned]
    } else {
        &[Signing::Unsigned]
    };
    let n_attacks = options.shares.len() + 1 + signings.len();
    let part = |index: usize, name: String| Part::of(progress, index, n_attacks).named(name);
    let mut at = Vec::new();
    for (index, &share) in options.shares.iter().enumerate() {
        let radius = share * margin;
        // Two and a half radii of travel in total, as in the official notebook.
        let step = 2.5 * radius / options.n_steps.max(1) as f64;
        let attack = Pgd { bounds, ..Pgd::new(Norm::L2, radius, step, options.n_steps) };
        let part = part(index, format!("rows within {radius:.3}"));
        let found = robust_accuracy(model, gradients, rows, classes, &attack, seed, BATCH, &part)?;
        let hits = (found.attacked.accuracy * n as f64).round() as usize;
        at.push(RobustAt { radius, accuracy: counted(hits, n, level)? });
    }
    let leading = options.shares.get(options.shares.len() / 2).copied().unwrap_or(0.25) * margin;
    let step = 2.5 * leading / options.n_steps.max(1) as f64;
    let attack = Pgd { bounds, ..Pgd::new(Norm::L2, leading, step, options.n_steps) };
    let of_budget = part(options.shares.len(), "budget of the rows".into());
    let deltas = pgd(gradients, rows, classes, &attack, seed, BATCH, &of_budget)?.delta;
    let shares = mean_budget_shares(deltas.view(), blocks, transform)?;

    let mut universals = Vec::new();
    let fitting = few(validation, "audit/fitted");
    if let Some(fit_labels) = fitting.class_labels() {
        for (index, &signing) in signings.iter().enumerate() {
            let config = Universal {
                norm: Norm::L2,
                radius: 2.0 * margin,
                step: 0.2 * margin,
                inner_steps: options.n_steps,
                epochs: 2,
                batch_rows: BATCH,
                order: BatchOrder::AsGiven,
                signing,
                bounds,
            };
            let (rows_to_fit, labels) = (fitting.rows.view(), &fit_labels.indices);
            let part = part(options.shares.len() + 1 + index, "universal perturbation".into());
            let fitted = universal(gradients, rows_to_fit, labels, &config, seed, &part)?;
            let score = fitted.score(model, rows, classes)?;
            let hits = (score.accuracy * n as f64).round() as usize;
            universals.push(UniversalResult {
                label_signed: signing == Signing::LabelSigned,
                norm: fitted.delta.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt(),
                accuracy: counted(hits, n, level)?,
                shares: budget_shares(fitted.delta.view(), blocks, transform)?,
                delta: fitted.delta.to_vec(),
            });
        }
    }
    Ok(Some(Robustness { data_margin: margin, at, shares, universals }))
}

/// The share `hits / n` of rows with Wilson's interval.
pub(crate) fn counted(hits: usize, n: usize, level: f64) -> Result<Estimate, AuditError> {
    let found = share_estimate(hits, n, level)?;
    Ok(Estimate::new(found.value, found.low, found.high)
        .level(level)
        .n(n as u64)
        .varied("test rows"))
}
