//! Attacks in the words of a report, and as a result.

use std::io::{self, Write};

use ndarray::Array2;
use serde::Serialize;
use simbias_reliance::BudgetShare;
use simbias_reliance::document::{budget_chart, regime_section};
use simbias_report::{
    Answer, Caveat, Cell, Chart, Heatmap, Interval, KeyFigure, Report, Section, Table, Ticks,
    write_json,
};
use simbias_train::attack::{Norm, Signing, TransferMatrix};

use crate::attack::{AttackOptions, AttackOutcome, Attacked, BudgetUnits, Transfer, lines};

/// Name and version of the result of attacks.
pub const ATTACK_SCHEMA: &str = "simbias.attack/2";

/// Attacks on models as an answer.
#[derive(Clone, Debug)]
pub struct AttackAnswer {
    /// What was found.
    pub outcome: AttackOutcome,
    /// What was decided about the blocks.
    pub caveats: Vec<Caveat>,
}

#[derive(Serialize)]
struct WireAttacks<'a> {
    schema: &'static str,
    eps: f64,
    units: BudgetUnits,
    models: Vec<WireAttacked<'a>>,
    transfer: Option<WireTransfer>,
}

#[derive(Serialize)]
struct WireAttacked<'a> {
    model: &'a str,
    n_rows: u64,
    clean_accuracy: Interval,
    attacked_accuracy: Interval,
    shares: &'a [BudgetShare],
}

#[derive(Serialize)]
struct WireTransfer {
    accuracy: Vec<Vec<f64>>,
    cosine: Vec<Vec<f64>>,
}

impl Answer for AttackAnswer {
    fn schema(&self) -> &str {
        ATTACK_SCHEMA
    }

    fn report(&self) -> Report {
        let outcome = &self.outcome;
        let groups: Vec<(String, Vec<BudgetShare>)> =
            outcome.models.iter().map(|one| (one.model.clone(), one.shares.clone())).collect();
        let mut section = Section::new("attacks", "Where the budget goes")
            .prose(explanation(outcome.options.universal))
            .prose(budget(&outcome.options))
            .table(accuracy_table(&outcome.models))
            .table(share_table("shares", "model", &groups));
        if let Some(chart) = budget_chart(&groups) {
            section = section.chart(chart);
        }
        if let Some(chart) = &outcome.heatmap {
            section = section.chart(chart.clone());
        }
        if let Some(transfer) = &outcome.transfer {
            let matrix = &transfer.matrix;
            section = section
                .table(transfer_table(transfer))
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
            Report::new(format!("Attacks on models of {}", outcome.data_name))
                .section(section)
                .section(regime_section(
                    "Accuracy under attack is an upper bound: another attack may find more. Where the budget lands \
                     says what the model is sensitive to within this radius, not how much of its skill a block \
                     carries, and a universal perturbation is judged on rows it was not fitted on.",
                ));
        for one in &outcome.models {
            report = report.summarise(finding(one, &outcome.options, outcome.models.len()));
        }
        if let [one] = outcome.models.as_slice() {
            report = report
                .key_figure(KeyFigure::new("accuracy under attack", one.attacked.clone()))
                .key_figure(KeyFigure::new(
                    "accuracy on the same rows, unchanged",
                    one.clean.clone(),
                ));
        }
        for caveat in &self.caveats {
            report = report.caveat(caveat.clone());
        }
        report
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let AttackOutcome { options, models, transfer, .. } = &self.outcome;
        let wire = WireAttacks {
            schema: ATTACK_SCHEMA,
            eps: options.radius,
            units: options.units,
            models: models
                .iter()
                .map(|one| WireAttacked {
                    model: &one.model,
                    n_rows: one.clean.n,
                    clean_accuracy: (&one.clean).into(),
                    attacked_accuracy: (&one.attacked).into(),
                    shares: &one.shares,
                })
                .collect(),
            transfer: transfer.as_ref().map(|Transfer { matrix, .. }| WireTransfer {
                accuracy: lines(&matrix.accuracy),
                cosine: lines(&matrix.cosine),
            }),
        };
        write_json(out, &wire)
    }
}

/// What the attack did to one model, and where its budget went.
fn finding(one: &Attacked, options: &AttackOptions, n_models: usize) -> String {
    let who = match n_models {
        1 => "the model's".to_string(),
        _ => format!("{:?}'s", one.model),
    };
    let effect = if one.attacked.high < one.clean.low {
        format!(
            "lowers {who} accuracy from {:.3} to {:.3} on {} rows",
            one.clean.value, one.attacked.value, one.clean.n
        )
    } else {
        format!(
            "makes no clear difference to {who} accuracy ({:.3} before, {:.3} after, {} rows)",
            one.clean.value, one.attacked.value, one.clean.n
        )
    };
    let most = one.shares.iter().max_by(|a, b| a.energy_share.total_cmp(&b.energy_share));
    let place = most.map_or_else(String::new, |share| {
        format!(
            " The largest part of the change, {:.0} %, falls on {:?}: there the model is most sensitive.",
            100.0 * share.energy_share,
            share.block
        )
    });
    let kind = match options.universal {
        None => "Changing each row a little",
        Some(_) => "One small change, the same for all rows,",
    };
    format!("{kind} (size {} {}) {effect}.{place}", options.radius, options.units.words())
}

fn explanation(universal: Option<Signing>) -> &'static str {
    match universal {
        None => {
            "Each row is attacked by itself; accuracy under attack is an upper bound of the true robustness."
        }
        Some(Signing::LabelSigned) => {
            "One perturbation for all rows, fitted on one half of the rows and judged on the other. Its sign follows \
             the row's label: the attacker must know it, so this is not data-agnostic."
        }
        Some(Signing::Unsigned) => {
            "One perturbation for all rows, fitted on one half of the rows and judged on the other. On a linear \
             feature it can push the accuracy only to about one half."
        }
    }
}

/// How far the attacks may go.
fn budget(options: &AttackOptions) -> String {
    let norm = match options.norm {
        Norm::L2 => "Euclidean length",
        Norm::Linf => "largest change of a single value",
    };
    format!("The budget: a {norm} of at most {}, {}.", options.radius, options.units.words())
}

fn accuracy_table(found: &[Attacked]) -> Table {
    let table = Table::new("attacks", "Accuracy")
        .caption("95 % intervals (Wilson) over the rows that judge; the training seed is not part of them.")
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
fn transfer_table(transfer: &Transfer) -> Table {
    let names = &transfer.matrix.names;
    let mut table = Table::new("transfer-accuracy", "Accuracy under the perturbation of another model")
        .caption(
            "Rows: the model that the perturbation was fitted on; columns: the model that is judged. 95 % \
             intervals (Wilson) over the rows that judge.",
        )
        .columns(["fitted on"])
        .columns(names.iter().map(String::as_str));
    for (name, accuracies) in names.iter().zip(&transfer.accuracy) {
        let cells = accuracies.iter().map(|accuracy| Cell::from(accuracy.clone()));
        table.push(std::iter::once(Cell::from(name.as_str())).chain(cells));
    }
    table
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

/// How to read the two shares of a budget.
const NORM_RATIO: &str =
    "The norm ratio is the paper's figure; it looks larger than the energy share, which sums to 1.";

/// Named perturbations, block by block.
pub(super) fn share_table(
    id: &str,
    first_column: &str,
    groups: &[(String, Vec<BudgetShare>)],
) -> Table {
    let mut table = Table::new(id, "Budget by block").caption(NORM_RATIO).columns([
        first_column,
        "block",
        "norm ratio",
        "energy share",
    ]);
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
