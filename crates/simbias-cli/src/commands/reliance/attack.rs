//! `simbias reliance attack`: where adversarial perturbations spend their budget.

use std::path::PathBuf;

use ndarray::Array2;
use serde_json::{Value, json};
use simbias_data::{Dataset, LossGradient, Scorer};
use simbias_reliance::document::{budget_chart, budget_heatmap};
use simbias_reliance::{
    BudgetShare, RelianceOptions, ResolvedBlocks, budget_shares, mean_budget_shares,
};
use simbias_report::{
    Cell, Chart, Estimate, Heatmap, Part, Progress, Report, Section, StopOnly, Table, Ticks,
};
use simbias_stats::{Seed, share_estimate};
use simbias_train::attack::{
    AttackScore, BatchOrder, Bounds, FiniteDifference, Norm, Pgd, Signing, TransferMatrix,
    Universal, UniversalPerturbation, pgd, robust_accuracy, universal,
};

use super::regime::regime_section;
use crate::commands::arguments::{BlocksArgs, DataArgs, notes};
use crate::commands::model::{Model, ModelArgs};
use crate::shell::{Answer, Failure, Finished, Shell, of_dataset};

/// Attack models per row or universally, and see on which blocks the budget lands.
///
/// Half of the rows fit a universal perturbation, the other half judge it; with several models, each is also judged
/// under the perturbations of the others. ONNX models have no gradients here, so
/// they are attacked by finite differences (tables of at most 1024 columns).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance attack --model runs/audit-1/ --data test.csv --labels y --eps 0.5
  simbias reliance attack --model a.onnx --model b.onnx --data test.csv --labels y --eps 1 --universal signed")]
pub(crate) struct AttackArgs {
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    /// Norm of the perturbation
    #[arg(long, value_enum, default_value_t = NormWord::L2)]
    norm: NormWord,
    /// Radius in units of the data
    #[arg(long, value_name = "RADIUS", allow_negative_numbers = true)]
    eps: f64,
    /// Steps of an ascent; each is 2.5 radii over the number of steps long
    #[arg(long, value_name = "N", default_value_t = 20)]
    steps: usize,
    /// One perturbation for all rows: signed follows the row's label, so the attacker must know it
    #[arg(long, value_enum)]
    universal: Option<SignWord>,
    /// New directory for report and result; runs/reliance-attack-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum NormWord {
    L2,
    Linf,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum SignWord {
    Signed,
    Unsigned,
}

/// Rows that a model sees at a time.
const BATCH: usize = 128;
/// Step of the finite differences, as a share of the data's width.
const DIFFERENCE: f64 = 1e-3;
/// Length of an ascent in radii: enough to cross the ball and come back to its rim.
const TRAVEL: f64 = 2.5;
/// A universal perturbation is fitted on half of the rows and judged on the other.
const FEWEST_ROWS: usize = 4;

impl AttackArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(self.out.as_deref())?;
        self.check()?;
        let data = self.data.read()?;
        let resolved = self.blocks.resolve(&data)?;
        let ground = Ground::new(&data, &resolved, shell.seed())?;
        let models = self.models.open(&data, shell)?;
        for model in &models {
            ground.check_outputs(model)?;
        }

        let progress = shell.progress("attacking");
        let mut found = Vec::new();
        for (index, model) in models.iter().enumerate() {
            let part = Part::of(&progress, index, models.len()).named(&model.name);
            found.push(self.attack(model, &ground, &part)?);
        }
        let transfer = transfer(&models, &found, &ground, &StopOnly(&progress))?;
        drop(progress);

        let mut inputs = vec![of_dataset(&self.data.data, &data)];
        inputs.extend(models.iter().map(|model| model.fingerprint.clone()));
        let report = self.report(&found, transfer.as_ref(), &ground)?;
        let result = json!({
            "version": "simbias.attack/2",
            "eps": self.eps,
            "models": found.iter().map(Attacked::wire).collect::<Vec<_>>(),
            "transfer": transfer.as_ref().map(|matrix| json!({
                "accuracy": lines(&matrix.accuracy),
                "cosine": lines(&matrix.cosine),
            })),
        });
        shell.close_run(run, Answer { report, result, inputs })?;
        Ok(Finished::Done)
    }

    fn check(&self) -> Result<(), Failure> {
        if !(self.eps.is_finite() && self.eps > 0.0) {
            return Err(Failure::input(format!(
                "--eps {} is not a finite number above 0",
                self.eps
            )));
        }
        if self.steps == 0 {
            return Err(
                Failure::input("an ascent of 0 steps moves nothing").hint("--steps 1 or more")
            );
        }
        Ok(())
    }

    fn norm(&self) -> Norm {
        match self.norm {
            NormWord::L2 => Norm::L2,
            NormWord::Linf => Norm::Linf,
        }
    }

    /// Length of one step, in units of the data.
    fn step(&self) -> f64 {
        TRAVEL * self.eps / self.steps as f64
    }

    /// Attacks one model by its own gradients, or by finite differences where it has none.
    fn attack(
        &self,
        model: &Model,
        ground: &Ground<'_>,
        progress: &dyn Progress,
    ) -> Result<Attacked, Failure> {
        let differences;
        let gradients: &dyn LossGradient = match model.gradients() {
            Some(gradients) => gradients,
            None => {
                let step = (DIFFERENCE * ground.width()) as f32;
                differences = FiniteDifference::new(model, ground.data.n_features(), step)?;
                &differences
            }
        };
        match self.universal {
            None => self.attack_rows(model, gradients, ground, progress),
            Some(sign) => self.attack_all_at_once(model, gradients, sign, ground, progress),
        }
    }

    /// Every row by itself.
    fn attack_rows(
        &self,
        model: &Model,
        gradients: &dyn LossGradient,
        ground: &Ground<'_>,
        progress: &dyn Progress,
    ) -> Result<Attacked, Failure> {
        let attack = Pgd {
            bounds: ground.bounds,
            ..Pgd::new(self.norm(), self.eps, self.step(), self.steps)
        };
        let (rows, classes) = (ground.data.rows.view(), classes(ground.data));
        let seed = ground.seed;
        let (scoring, placing) = (Part::of(progress, 0, 2), Part::of(progress, 1, 2));
        let found =
            robust_accuracy(model, gradients, rows, classes, &attack, seed, BATCH, &scoring)?;
        let deltas = pgd(gradients, rows, classes, &attack, seed, BATCH, &placing)?.delta;
        let (blocks, transform) = (&ground.resolved.blocks, ground.resolved.transform.as_ref());
        Ok(Attacked {
            model: model.name.clone(),
            clean: accuracy(found.clean.accuracy, classes.len())?,
            attacked: accuracy(found.attacked.accuracy, classes.len())?,
            shares: mean_budget_shares(deltas.view(), blocks, transform)?,
            universal: None,
        })
    }

    /// One perturbation, fitted on one half of the rows and judged on the other.
    fn attack_all_at_once(
        &self,
        model: &Model,
        gradients: &dyn LossGradient,
        sign: SignWord,
        ground: &Ground<'_>,
        progress: &dyn Progress,
    ) -> Result<Attacked, Failure> {
        let config = Universal {
            norm: self.norm(),
            radius: self.eps,
            step: self.step(),
            inner_steps: self.steps,
            epochs: 2,
            batch_rows: BATCH,
            order: BatchOrder::AsGiven,
            signing: match sign {
                SignWord::Signed => Signing::LabelSigned,
                SignWord::Unsigned => Signing::Unsigned,
            },
            bounds: ground.bounds,
        };
        let (fit, judge) = (&ground.fit, &ground.judge);
        let rows = fit.rows.view();
        let fitted = universal(gradients, rows, classes(fit), &config, ground.seed, progress)?;
        let clean = AttackScore::of_rows(model, judge.rows.view(), classes(judge))?;
        let attacked = fitted.score(model, judge.rows.view(), classes(judge))?;
        let (blocks, transform) = (&ground.resolved.blocks, ground.resolved.transform.as_ref());
        Ok(Attacked {
            model: model.name.clone(),
            clean: accuracy(clean.accuracy, judge.n_rows())?,
            attacked: accuracy(attacked.accuracy, judge.n_rows())?,
            shares: budget_shares(fitted.delta.view(), blocks, transform)?,
            universal: Some(fitted),
        })
    }

    fn report(
        &self,
        found: &[Attacked],
        transfer: Option<&TransferMatrix>,
        ground: &Ground<'_>,
    ) -> Result<Report, Failure> {
        let groups: Vec<(String, Vec<BudgetShare>)> =
            found.iter().map(|one| (one.model.clone(), one.shares.clone())).collect();
        let mut section = Section::new("attacks", "Where the budget goes")
            .prose(explanation(self.universal))
            .table(accuracy_table(found))
            .table(share_table(&groups));
        if let Some(chart) = budget_chart(&groups) {
            section = section.chart(chart);
        }
        let first = found.first().and_then(|one| one.universal.as_ref());
        let title = "Universal perturbation by pixel";
        let heatmap =
            first.and_then(|first| budget_heatmap(&first.delta.to_vec(), ground.data, title));
        if let Some(chart) = heatmap {
            section = section.chart(chart);
        }
        if let Some(matrix) = transfer {
            section = section
                .table(transfer_table(matrix, ground.judge.n_rows())?)
                .chart(square(
                    "transfer",
                    "Accuracy of the column's model under the row's perturbation",
                    "accuracy",
                    matrix,
                    &matrix.accuracy,
                ))
                .chart(square(
                    "cosine",
                    "Cosine of the perturbations",
                    "cosine",
                    matrix,
                    &matrix.cosine,
                ));
        }
        let mut report =
            Report::new(format!("Attacks on models of {}", ground.data.name))
                .section(section)
                .section(regime_section(
                    "Accuracy under attack is an upper bound: another attack may find more. Where the budget lands \
                     says what the model is sensitive to within this radius, not how much of its skill a block \
                     carries, and a universal perturbation is judged on rows it was not fitted on.",
                ));
        for caveat in notes(ground.resolved) {
            report = report.caveat(caveat);
        }
        Ok(report)
    }
}

/// What is attacked: all rows, and their halves for perturbations that are fitted.
struct Ground<'a> {
    data: &'a Dataset,
    resolved: &'a ResolvedBlocks,
    fit: Dataset,
    judge: Dataset,
    bounds: Option<Bounds>,
    seed: Seed,
}

impl<'a> Ground<'a> {
    fn new(data: &'a Dataset, resolved: &'a ResolvedBlocks, seed: Seed) -> Result<Self, Failure> {
        if data.class_labels().is_none() {
            return Err(Failure::input("attacks need classes, but the label is a number")
                .hint("--label-threshold T makes two classes of a number"));
        }
        let n = data.n_rows();
        if n < FEWEST_ROWS {
            return Err(Failure::input(format!(
                "{n} rows are too few to attack; {FEWEST_ROWS} or more are needed"
            )));
        }
        // Both halves have all classes, whatever the order of the source.
        let order = data.stratified_order(seed.child("attack/halves", 0));
        let (fit, judge) = order.split_at(n / 2);
        Ok(Self {
            data,
            resolved,
            fit: data.select(fit),
            judge: data.select(judge),
            bounds: Bounds::of(data.rows.view()),
            seed,
        })
    }

    /// From the smallest value to the largest.
    fn width(&self) -> f64 {
        self.bounds.map_or(1.0, Bounds::width).max(1e-6)
    }

    /// Refuses a model that knows other classes.
    fn check_outputs(&self, model: &Model) -> Result<(), Failure> {
        let n_classes = self.data.class_labels().map_or(0, |labels| labels.n_classes());
        let n_outputs = model.n_outputs();
        // One output is the logit of the second of two classes, but our own one-output networks predict numbers.
        let is_logit = n_outputs == 1 && n_classes == 2 && model.gradients().is_none();
        if n_outputs == n_classes || is_logit {
            return Ok(());
        }
        Err(Failure::input(format!(
            "{:?} has {n_outputs} outputs, but the labels have {n_classes} classes",
            model.name
        ))
        .hint("check that --model and --labels belong together"))
    }
}

/// What an attack did to one model.
struct Attacked {
    model: String,
    /// Accuracy without the attack, on the rows that judge.
    clean: Estimate,
    /// Accuracy under it.
    attacked: Estimate,
    shares: Vec<BudgetShare>,
    universal: Option<UniversalPerturbation>,
}

impl Attacked {
    fn wire(&self) -> Value {
        json!({
            "model": self.model,
            "n_rows": self.clean.n,
            "clean_accuracy": number(&self.clean),
            "attacked_accuracy": number(&self.attacked),
            "shares": self.shares.iter().map(|share| json!({
                "block": share.block,
                "norm_ratio": share.norm_ratio,
                "energy_share": share.energy_share,
            })).collect::<Vec<_>>(),
        })
    }
}

/// A share of `n_rows` rows with Wilson's interval.
fn accuracy(share: f64, n_rows: usize) -> Result<Estimate, Failure> {
    let n_hits = (share * n_rows as f64).round() as usize;
    let level = RelianceOptions::default().level;
    let found = share_estimate(n_hits, n_rows, level)
        .map_err(|error| Failure::input(format!("accuracy of the attacked rows: {error}")))?;
    Ok(Estimate::new(found.value, found.low, found.high)
        .level(level)
        .n(n_rows as u64)
        .varied("test rows"))
}

fn number(estimate: &Estimate) -> Value {
    json!({ "value": estimate.value, "lo": estimate.low, "hi": estimate.high })
}

/// Every model under the universal perturbation of every other; nothing for one model, or for attacks by row.
fn transfer(
    models: &[Model],
    found: &[Attacked],
    ground: &Ground<'_>,
    progress: &dyn Progress,
) -> Result<Option<TransferMatrix>, Failure> {
    let perturbations: Vec<UniversalPerturbation> =
        found.iter().filter_map(|one| one.universal.clone()).collect();
    if perturbations.len() < 2 {
        return Ok(None);
    }
    let scorers: Vec<(&str, &dyn Scorer)> =
        models.iter().map(|model| (model.name.as_str(), model as &dyn Scorer)).collect();
    let (rows, classes) = (ground.judge.rows.view(), classes(&ground.judge));
    Ok(Some(TransferMatrix::measure(&scorers, &perturbations, rows, classes, progress)?))
}

fn classes(data: &Dataset) -> &[u32] {
    data.class_labels().map_or(&[], |labels| &labels.indices)
}

fn lines(values: &Array2<f64>) -> Vec<Vec<f64>> {
    values.outer_iter().map(|row| row.to_vec()).collect()
}

fn explanation(universal: Option<SignWord>) -> &'static str {
    match universal {
        None => {
            "Each row is attacked by itself; accuracy under attack is an upper bound of the true robustness."
        }
        Some(SignWord::Signed) => {
            "One perturbation for all rows, fitted on one half of the rows and judged on the other. Its sign follows \
             the row's label: the attacker must know it, so this is not data-agnostic."
        }
        Some(SignWord::Unsigned) => {
            "One perturbation for all rows, fitted on one half of the rows and judged on the other. On a linear \
             feature it can push the accuracy to about one half only."
        }
    }
}

fn accuracy_table(found: &[Attacked]) -> Table {
    let table = Table::new("attacks", "Accuracy")
        .caption("95 % intervals (Wilson) over the rows that judge; the training seed is no part of them.")
        .columns(["model", "clean", "under attack"]);
    found.iter().fold(table, |table, one| {
        table.row([
            Cell::from(one.model.as_str()),
            Cell::from(one.clean.clone()),
            Cell::from(one.attacked.clone()),
        ])
    })
}

/// The accuracies of the transfer matrix with their intervals.
fn transfer_table(matrix: &TransferMatrix, n_rows: usize) -> Result<Table, Failure> {
    let mut table = Table::new("transfer-accuracy", "Accuracy under the perturbation of another model")
        .caption(
            "Rows: the model that the perturbation was fitted on; columns: the model that is judged. 95 % \
             intervals (Wilson) over the rows that judge.",
        )
        .columns(["fitted on"])
        .columns(matrix.names.iter().map(String::as_str));
    for (name, accuracies) in matrix.names.iter().zip(matrix.accuracy.outer_iter()) {
        let mut cells = vec![Cell::from(name.as_str())];
        for &share in accuracies {
            cells.push(Cell::from(accuracy(share, n_rows)?));
        }
        table.push(cells);
    }
    Ok(table)
}

/// A quantity of every pair of models.
fn square(
    id: &str,
    title: &str,
    quantity: &str,
    matrix: &TransferMatrix,
    values: &Array2<f64>,
) -> Chart {
    let names = || Ticks::labels(matrix.names.iter().cloned());
    Chart::new(id, title, Heatmap::new(names(), names(), lines(values)).quantity(quantity))
}

fn share_table(groups: &[(String, Vec<BudgetShare>)]) -> Table {
    let mut table = Table::new("shares", "Budget by block")
        .caption("The norm ratio is the paper's figure; it looks larger than the energy share, which sums to 1.")
        .columns(["model", "block", "norm ratio", "energy share"]);
    for (name, shares) in groups {
        for share in shares {
            table = table.row([
                Cell::from(name.as_str()),
                Cell::from(share.block.as_str()),
                Cell::from(share.norm_ratio),
                Cell::from(share.energy_share),
            ]);
        }
    }
    table
}
