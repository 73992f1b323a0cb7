//! Models under attack, row by row or by one perturbation for all rows, and where the budget of the attacks lands.

use ndarray::Array2;
use serde::Serialize;
use simbias_data::transform::Transform;
use simbias_data::{Dataset, LossGradient, Scorer};
use simbias_reliance::document::budget_heatmap;
use simbias_reliance::{BlockSet, BudgetShare, RelianceOptions, budget_shares, mean_budget_shares};
use simbias_report::{Chart, Estimate, Part, Progress, StopOnly};
use simbias_stats::Seed;
use simbias_train::attack::{
    AttackScore, BatchOrder, Bounds, FiniteDifference, Norm, Pgd, Signing, TransferMatrix,
    Universal, UniversalPerturbation, pgd, robust_accuracy, universal,
};

use crate::AuditError;
use crate::deviations::{Deviations, InDeviations};
use crate::robustness::counted;

/// Rows that a model sees at once.
const BATCH: usize = 128;
/// Step of the finite differences, as a share of the data's width.
const DIFFERENCE: f64 = 1e-3;
/// Length of an ascent in radii: enough to cross the ball and come back to its rim.
const TRAVEL: f64 = 2.5;
/// A universal perturbation is fitted on half of the rows and judged on the other.
const FEWEST_ROWS: usize = 4;

/// How to attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttackOptions {
    /// Norm of the perturbations.
    pub norm: Norm,
    /// Radius, in `units`.
    pub radius: f64,
    /// What the radius counts in.
    pub units: BudgetUnits,
    /// Steps of an ascent, each 2.5 radii over the number of steps long.
    pub n_steps: usize,
    /// One perturbation for all rows instead of one for each.
    pub universal: Option<Signing>,
}

/// What the radius of an attack counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetUnits {
    /// Units of the data, the same for all columns.
    Data,
    /// Standard deviations of each column over the attacked rows: a table's columns have units of their own, and the
    /// widest column would get the whole budget otherwise.
    Deviations,
}

impl BudgetUnits {
    /// Deviations for the columns of tables, units of the data for everything else and behind transforms.
    pub fn usual(data: &Dataset, transform: &dyn Transform) -> Self {
        match data.layout.column_names().is_some() && transform.is_identity() {
            true => Self::Deviations,
            false => Self::Data,
        }
    }

    /// In words, after a number.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Data => "in units of the data",
            Self::Deviations => "in standard deviations of each column over these rows",
        }
    }
}

impl AttackOptions {
    /// Length of one step, in the units of the radius.
    fn step(&self) -> f64 {
        TRAVEL * self.radius / self.n_steps as f64
    }
}

/// What is attacked: all rows, and their halves for perturbations that are fitted.
pub struct AttackGround<'a> {
    data: &'a Dataset,
    blocks: &'a BlockSet,
    transform: &'a dyn Transform,
    fit: Dataset,
    judge: Dataset,
    bounds: Option<Bounds>,
    seed: Seed,
}

/// What an attack did to one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked {
    /// Name of the model.
    pub model: String,
    /// Accuracy without the attack, on the rows that judge.
    pub clean: Estimate,
    /// Accuracy under it.
    pub attacked: Estimate,
    /// Share of the budget on every block.
    pub shares: Vec<BudgetShare>,
    /// The perturbation of all rows, where there is one.
    pub universal: Option<UniversalPerturbation>,
}

/// How the perturbations of the models carry over to one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Shares and cosines.
    pub matrix: TransferMatrix,
    /// `[i][j]`: the accuracy of model `j` under the perturbation fitted on model `i`, with its interval.
    pub accuracy: Vec<Vec<Estimate>>,
}

/// What attacks did to models of one data set.
#[derive(Clone, Debug)]
pub struct AttackOutcome {
    /// Name of the data.
    pub data_name: String,
    /// How the models were attacked.
    pub options: AttackOptions,
    /// One entry a model.
    pub models: Vec<Attacked>,
    /// Every model under the perturbation of every other; `None` for one model, or for attacks by row.
    pub transfer: Option<Transfer>,
    /// The first universal perturbation as a picture, for images.
    pub(crate) heatmap: Option<Chart>,
}

impl<'a> AttackGround<'a> {
    /// The rows of `data` and their two halves, each with all classes whatever the order of the source.
    ///
    /// # Errors
    /// [`AuditError::NoClasses`], [`AuditError::FewRows`].
    pub fn new(
        data: &'a Dataset,
        blocks: &'a BlockSet,
        transform: &'a dyn Transform,
        seed: Seed,
    ) -> Result<Self, AuditError> {
        if data.class_labels().is_none() {
            return Err(AuditError::NoClasses);
        }
        let n = data.n_rows();
        if n < FEWEST_ROWS {
            return Err(AuditError::FewRows { found: n, needed: FEWEST_ROWS });
        }
        let order = data.stratified_order(seed.child("attack/halves", 0));
        let (fit, judge) = order.split_at(n / 2);
        Ok(Self {
            data,
            blocks,
            transform,
            fit: data.select(fit),
            judge: data.select(judge),
            bounds: Bounds::of(data.rows.view()),
            seed,
        })
    }

    /// Attacks named models by their own gradients, or by finite differences where they have none (rows of at most
    /// 1024 columns).
    ///
    /// # Errors
    /// [`AuditError::OtherClasses`], [`AuditError::Attack`], [`AuditError::Interrupted`];
    /// [`AuditError::UnitsBehindTransform`] for deviations of columns where blocks lie behind a transform.
    pub fn attack(
        &self,
        models: &[(&str, &dyn Scorer)],
        options: &AttackOptions,
        progress: &dyn Progress,
    ) -> Result<AttackOutcome, AuditError> {
        if options.units == BudgetUnits::Data {
            return self.attack_as_given(models, options, progress);
        }
        if !self.transform.is_identity() {
            return Err(AuditError::UnitsBehindTransform);
        }
        let deviations = Deviations::of(self.data);
        let data = deviations.scaled(self.data);
        let ground = AttackGround {
            data: &data,
            blocks: self.blocks,
            transform: self.transform,
            fit: deviations.scaled(&self.fit),
            judge: deviations.scaled(&self.judge),
            bounds: Bounds::of(data.rows.view()),
            seed: self.seed,
        };
        let scaled: Vec<(&str, InDeviations<'_>)> = models
            .iter()
            .map(|&(name, model)| (name, InDeviations { model, deviations: &deviations }))
            .collect();
        let models: Vec<(&str, &dyn Scorer)> =
            scaled.iter().map(|(name, model)| (*name, model as &dyn Scorer)).collect();
        ground.attack_as_given(&models, options, progress)
    }

    /// Attacks in the units of the rows.
    fn attack_as_given(
        &self,
        models: &[(&str, &dyn Scorer)],
        options: &AttackOptions,
        progress: &dyn Progress,
    ) -> Result<AttackOutcome, AuditError> {
        for &(name, model) in models {
            self.check_outputs(name, model)?;
        }
        let mut found = Vec::with_capacity(models.len());
        for (index, &(name, model)) in models.iter().enumerate() {
            let part = Part::of(progress, index, models.len()).named(name);
            found.push(self.attack_model(name, model, options, &part)?);
        }
        let first = found.first().and_then(|one| one.universal.as_ref());
        let heatmap = first.and_then(|first| {
            let title = "Universal perturbation by pixel";
            budget_heatmap(&first.delta.to_vec(), self.data, title)
        });
        let transfer = self.transfer(models, &found, &StopOnly(progress))?;
        Ok(AttackOutcome {
            data_name: self.data.name.clone(),
            options: *options,
            models: found,
            transfer,
            heatmap,
        })
    }

    /// Refuses a model that knows other classes.
    fn check_outputs(&self, name: &str, model: &dyn Scorer) -> Result<(), AuditError> {
        let n_classes = self.data.class_labels().map_or(0, |labels| labels.n_classes());
        let n_outputs = model.n_outputs();
        // One output is the logit of the second of two classes, but our own one-output networks predict numbers.
        let is_logit = n_outputs == 1 && n_classes == 2 && model.gradients().is_none();
        if n_outputs == n_classes || is_logit {
            return Ok(());
        }
        Err(AuditError::OtherClasses { model: name.into(), n_outputs, n_classes })
    }

    /// From the smallest value to the largest.
    fn width(&self) -> f64 {
        self.bounds.map_or(1.0, Bounds::width).max(1e-6)
    }

    fn attack_model(
        &self,
        name: &str,
        model: &dyn Scorer,
        options: &AttackOptions,
        progress: &dyn Progress,
    ) -> Result<Attacked, AuditError> {
        let differences;
        let gradients: &dyn LossGradient = match model.gradients() {
            Some(gradients) => gradients,
            None => {
                let step = (DIFFERENCE * self.width()) as f32;
                differences = FiniteDifference::new(model, self.data.n_features(), step)?;
                &differences
            }
        };
        match options.universal {
            None => self.attack_rows(name, model, gradients, options, progress),
            Some(signing) => {
                self.attack_all_at_once(name, model, gradients, signing, options, progress)
            }
        }
    }

    /// Every row by itself.
    fn attack_rows(
        &self,
        name: &str,
        model: &dyn Scorer,
        gradients: &dyn LossGradient,
        options: &AttackOptions,
        progress: &dyn Progress,
    ) -> Result<Attacked, AuditError> {
        let attack = Pgd {
            bounds: self.bounds,
            ..Pgd::new(options.norm, options.radius, options.step(), options.n_steps)
        };
        let (rows, classes) = (self.data.rows.view(), classes(self.data));
        let seed = self.seed;
        let (scoring, placing) = (Part::of(progress, 0, 2), Part::of(progress, 1, 2));
        let found =
            robust_accuracy(model, gradients, rows, classes, &attack, seed, BATCH, &scoring)?;
        let deltas = pgd(gradients, rows, classes, &attack, seed, BATCH, &placing)?.delta;
        Ok(Attacked {
            model: name.into(),
            clean: accuracy(found.clean.accuracy, classes.len())?,
            attacked: accuracy(found.attacked.accuracy, classes.len())?,
            shares: mean_budget_shares(deltas.view(), self.blocks, self.transform)?,
            universal: None,
        })
    }

    /// One perturbation, fitted on one half of the rows and judged on the other.
    fn attack_all_at_once(
        &self,
        name: &str,
        model: &dyn Scorer,
        gradients: &dyn LossGradient,
        signing: Signing,
        options: &AttackOptions,
        progress: &dyn Progress,
    ) -> Result<Attacked, AuditError> {
        let config = Universal {
            norm: options.norm,
            radius: options.radius,
            step: options.step(),
            inner_steps: options.n_steps,
            epochs: 2,
            batch_rows: BATCH,
            order: BatchOrder::AsGiven,
            signing,
            bounds: self.bounds,
        };
        let (fit, judge) = (&self.fit, &self.judge);
        let rows = fit.rows.view();
        let fitted = universal(gradients, rows, classes(fit), &config, self.seed, progress)?;
        let clean = AttackScore::of_rows(model, judge.rows.view(), classes(judge))?;
        let attacked = fitted.score(model, judge.rows.view(), classes(judge))?;
        Ok(Attacked {
            model: name.into(),
            clean: accuracy(clean.accuracy, judge.n_rows())?,
            attacked: accuracy(attacked.accuracy, judge.n_rows())?,
            shares: budget_shares(fitted.delta.view(), self.blocks, self.transform)?,
            universal: Some(fitted),
        })
    }

    fn transfer(
        &self,
        models: &[(&str, &dyn Scorer)],
        found: &[Attacked],
        progress: &dyn Progress,
    ) -> Result<Option<Transfer>, AuditError> {
        let perturbations: Vec<UniversalPerturbation> =
            found.iter().filter_map(|one| one.universal.clone()).collect();
        if perturbations.len() < 2 {
            return Ok(None);
        }
        let scorers: Vec<(&str, &dyn Scorer)> =
            models.iter().map(|&(name, model)| (name, model as &dyn Scorer)).collect();
        let (rows, classes) = (self.judge.rows.view(), classes(&self.judge));
        let matrix = TransferMatrix::measure(&scorers, &perturbations, rows, classes, progress)?;
        let n_rows = self.judge.n_rows();
        let accuracy = lines(&matrix.accuracy)
            .into_iter()
            .map(|shares| shares.into_iter().map(|share| accuracy(share, n_rows)).collect())
            .collect::<Result<_, AuditError>>()?;
        Ok(Some(Transfer { matrix, accuracy }))
    }
}

/// A share of `n_rows` rows with Wilson's interval.
fn accuracy(share: f64, n_rows: usize) -> Result<Estimate, AuditError> {
    let n_hits = (share * n_rows as f64).round() as usize;
    counted(n_hits, n_rows, RelianceOptions::default().level)
}

fn classes(data: &Dataset) -> &[u32] {
    data.class_labels().map_or(&[], |labels| &labels.indices)
}

/// A matrix row by row.
pub(crate) fn lines(values: &Array2<f64>) -> Vec<Vec<f64>> {
    values.outer_iter().map(|row| row.to_vec()).collect()
}
