//! `simbias reliance attack`: where adversarial perturbations spend their budget.

use std::path::PathBuf;

use serde_json::json;
use simbias_audit::{AuditedModel, ForeignModel};
use simbias_data::{Dataset, LossGradient, Scorer};
use simbias_nn::device_from_str;
use simbias_onnx::OnnxScorer;
use simbias_reliance::document::{budget_chart, budget_heatmap};
use simbias_reliance::{BudgetShare, budget_shares, mean_budget_shares};
use simbias_report::{Cell, Chart, Heatmap, Report, Section, Table, Ticks};
use simbias_train::attack::{
    BatchOrder, Bounds, FiniteDifference, Norm, Pgd, Signing, TransferMatrix, Universal,
    UniversalPerturbation, pgd, robust_accuracy, universal,
};

use crate::commands::arguments::{BlocksArgs, DataArgs, notes};
use crate::commands::training::open_network;
use crate::shell::{Answer, Failure, Finished, Shell, of_dataset, of_file};

/// Attack models per row or universally, and see on which blocks the budget lands.
///
/// Half of the rows fit a universal perturbation, the other half judge it. ONNX models have no gradients here, so
/// they are attacked by finite differences (tables of at most 1024 columns).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance attack --model runs/audit-1/ --data test.csv --labels y --eps 0.5
  simbias reliance attack --model a.onnx --model b.onnx --data test.csv --labels y --eps 1 --universal signed")]
pub(crate) struct AttackArgs {
    /// ONNX file, or the folder of a run of `simbias train` or `simbias audit`; repeat for a transfer matrix
    #[arg(long = "model", value_name = "FILE|DIR", required = true)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    /// Norm of the perturbation
    #[arg(long, value_enum, default_value_t = NormWord::L2)]
    norm: NormWord,
    /// Radius in units of the data
    #[arg(long, value_name = "RADIUS")]
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

impl AttackArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(self.out.as_deref())?;
        if !(self.eps.is_finite() && self.eps > 0.0) {
            return Err(Failure::input(format!("--eps {} is not above 0", self.eps)));
        }
        let data = self.data.read()?;
        let Some(labels) = data.class_labels() else {
            return Err(Failure::input("attacks need classes, but the label is a number")
                .hint("--label-threshold T makes two classes of a number"));
        };
        if data.n_rows() < 4 {
            return Err(Failure::input(format!("{} rows are too few to attack", data.n_rows())));
        }
        let resolved = self.blocks.resolve(&data)?;
        let device = device_from_str(shell.device())?;
        let mut inputs = vec![of_dataset(&self.data.data, &data)];
        let mut models: Vec<(String, Box<dyn AuditedModel>)> = Vec::new();
        for path in &self.models {
            let model: Box<dyn AuditedModel> =
                if path.extension().is_some_and(|extension| extension == "onnx") {
                    inputs.push(of_file(path)?);
                    Box::new(ForeignModel(OnnxScorer::open(path, &data.layout, 256)?))
                } else {
                    Box::new(open_network(path, &data, &device)?)
                };
            models.push((path.display().to_string(), model));
        }
        let half = data.n_rows() / 2;
        let fit = data.select(&(0..half as u32).collect::<Vec<_>>());
        let judge = data.select(&(half as u32..data.n_rows() as u32).collect::<Vec<_>>());
        let bounds = Bounds::of(data.rows.view());
        let width = bounds.map_or(1.0, Bounds::width).max(1e-6);
        let norm = match self.norm {
            NormWord::L2 => Norm::L2,
            NormWord::Linf => Norm::Linf,
        };
        let step = 2.5 * self.eps / self.steps.max(1) as f64;

        let progress = shell.progress("attacking");
        let mut table =
            Table::new("attacks", "Accuracy").columns(["model", "clean", "under attack"]);
        let mut groups: Vec<(String, Vec<BudgetShare>)> = Vec::new();
        let mut perturbations: Vec<UniversalPerturbation> = Vec::new();
        let mut results = Vec::new();
        for (index, (name, model)) in models.iter().enumerate() {
            progress.set(index, models.len());
            let scorer: &dyn Scorer = model.as_ref();
            let differences;
            let gradients: &dyn LossGradient = match model.gradients() {
                Some(gradients) => gradients,
                None => {
                    differences = FiniteDifference::new(
                        scorer,
                        data.n_features(),
                        (DIFFERENCE * width) as f32,
                    )?;
                    &differences
                }
            };
            let (clean, attacked, shares) = match self.universal {
                None => {
                    let attack = Pgd { bounds, ..Pgd::new(norm, self.eps, step, self.steps) };
                    let (rows, classes) = (data.rows.view(), labels.indices.as_slice());
                    let seed = shell.seed();
                    let found =
                        robust_accuracy(scorer, gradients, rows, classes, &attack, seed, BATCH)?;
                    let deltas = pgd(gradients, rows, classes, &attack, seed, BATCH)?.delta;
                    let shares = mean_budget_shares(
                        deltas.view(),
                        &resolved.blocks,
                        resolved.transform.as_ref(),
                    )?;
                    (found.clean.accuracy, found.attacked.accuracy, shares)
                }
                Some(sign) => {
                    let config = Universal {
                        norm,
                        radius: self.eps,
                        step,
                        inner_steps: self.steps,
                        epochs: 2,
                        batch_rows: BATCH,
                        order: BatchOrder::AsGiven,
                        signing: match sign {
                            SignWord::Signed => Signing::LabelSigned,
                            SignWord::Unsigned => Signing::Unsigned,
                        },
                        bounds,
                    };
                    let fitted = universal(
                        gradients,
                        fit.rows.view(),
                        classes(&fit),
                        &config,
                        shell.seed(),
                    )?;
                    let zero = simbias_train::attack::AttackScore::of_rows(
                        scorer,
                        judge.rows.view(),
                        classes(&judge),
                    )?;
                    let score = fitted.score(scorer, judge.rows.view(), classes(&judge))?;
                    let shares = budget_shares(
                        fitted.delta.view(),
                        &resolved.blocks,
                        resolved.transform.as_ref(),
                    )?;
                    perturbations.push(fitted);
                    (zero.accuracy, score.accuracy, shares)
                }
            };
            table = table.row([Cell::from(name.as_str()), Cell::from(clean), Cell::from(attacked)]);
            results.push(json!({
                "model": name,
                "clean_accuracy": clean,
                "attacked_accuracy": attacked,
                "shares": shares.iter().map(|share| json!({
                    "block": share.block,
                    "norm_ratio": share.norm_ratio,
                    "energy_share": share.energy_share,
                })).collect::<Vec<_>>(),
            }));
            groups.push((name.clone(), shares));
        }
        drop(progress);

        let mut section = Section::new("attacks", "Where the budget goes")
            .prose(match self.universal {
                None => "Each row is attacked by itself; accuracy under attack is an upper bound of the true \
                         robustness.",
                Some(SignWord::Signed) => {
                    "One perturbation for all rows, fitted on the first half and judged on the second. Its sign \
                     follows the row's label: the attacker must know it, so this is not data-agnostic."
                }
                Some(SignWord::Unsigned) => {
                    "One perturbation for all rows, fitted on the first half and judged on the second. On a \
                     linear feature it can push the accuracy to about one half only."
                }
            })
            .table(table)
            .table(share_table(&groups));
        if let Some(chart) = budget_chart(&groups) {
            section = section.chart(chart);
        }
        if let Some(first) = perturbations.first()
            && let Some(chart) =
                budget_heatmap(&first.delta.to_vec(), &data, "Universal perturbation by pixel")
        {
            section = section.chart(chart);
        }
        let mut transfer = serde_json::Value::Null;
        if perturbations.len() > 1 {
            let scorers: Vec<(&str, &dyn Scorer)> = models
                .iter()
                .map(|(name, model)| (name.as_str(), model.as_ref() as &dyn Scorer))
                .collect();
            let matrix = TransferMatrix::measure(
                &scorers,
                &perturbations,
                judge.rows.view(),
                classes(&judge),
            )?;
            let names = || Ticks::labels(models.iter().map(|(name, _)| name.clone()));
            let rows = |values: &ndarray::Array2<f64>| -> Vec<Vec<f64>> {
                values.outer_iter().map(|row| row.to_vec()).collect()
            };
            section = section
                .chart(Chart::new(
                    "transfer",
                    "Accuracy under the perturbation of another model",
                    Heatmap::new(names(), names(), rows(&matrix.accuracy)).quantity("accuracy"),
                ))
                .chart(Chart::new(
                    "cosine",
                    "Cosine of the perturbations",
                    Heatmap::new(names(), names(), rows(&matrix.cosine)).quantity("cosine"),
                ));
            transfer =
                json!({ "accuracy": rows(&matrix.accuracy), "cosine": rows(&matrix.cosine) });
        }
        let mut report =
            Report::new(format!("Attacks on models of {}", data.name)).section(section);
        for caveat in notes(&resolved) {
            report = report.caveat(caveat);
        }
        let result = json!({
            "version": "simbias.attack/1",
            "eps": self.eps,
            "models": results,
            "transfer": transfer,
        });
        shell.close_run(run, Answer { report, result, inputs })?;
        Ok(Finished::Done)
    }
}

fn classes(data: &Dataset) -> &[u32] {
    data.class_labels().map_or(&[], |labels| &labels.indices)
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
