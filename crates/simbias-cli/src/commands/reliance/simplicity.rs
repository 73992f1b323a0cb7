//! `simbias reliance simplicity`: how easy each block is to learn, without any model.

use std::path::PathBuf;

use serde_json::json;
use simbias_audit::{Parts, SimplicityOptions, check_split, probe_block};
use simbias_data::{Dataset, SplitOptions, read_splits};
use simbias_reliance::outcome::Simplicity;
use simbias_reliance::{FEW_ROWS, RelianceOptions, Truth};
use simbias_report::{Caveat, Cell, Chart, Column, ForestChart, Part, Report, Section, Table};

use super::regime::regime_section;
use crate::commands::arguments::{BlocksArgs, ReadingArgs, notes};
use crate::shell::{Answer, Failure, Finished, Shell, of_dataset};

/// Order blocks by simplicity: probes of growing size on each block alone, and pieces for single coordinates.
///
/// The learning time of an architecture on each block alone is part of `simbias audit`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias reliance simplicity --data table.csv --labels outcome
  simbias reliance simplicity --data lms5.safetensors --blocks lms5.blocks.toml --code-length")]
pub(crate) struct SimplicityArgs {
    /// Rows with labels, in any format that `reliance run` reads
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    blocks: BlocksArgs,
    /// Widths of the one-hidden-layer probes; 0 is the linear one; 2 × 128 ends the ladder
    #[arg(long, value_delimiter = ',', value_name = "WIDTHS", default_values_t = SimplicityOptions::default().ladder, value_parser = width)]
    ladder: Vec<usize>,
    /// Most thresholds looked at for blocks of one coordinate
    #[arg(long, value_name = "N", default_value_t = SimplicityOptions::default().most_thresholds, value_parser = n_thresholds)]
    pieces_max: usize,
    /// Training seeds of each probe
    #[arg(long, value_name = "N", default_value_t = SimplicityOptions::default().probe_seeds, value_parser = n_seeds)]
    probe_seeds: usize,
    /// Steps of each probe
    #[arg(long, value_name = "N", default_value_t = SimplicityOptions::default().probe_steps)]
    probe_steps: u64,
    /// Measure the prequential code length too
    #[arg(long)]
    code_length: bool,
    /// New directory for report and result; runs/reliance-simplicity-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Reads a whole number of `from..=to`.
fn between(from: usize, to: usize, text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (from..=to).contains(number))
        .ok_or_else(|| format!("give a whole number from {from} to {to}"))
}

/// Wider than this a probe is no simple one any more.
fn width(text: &str) -> Result<usize, String> {
    between(0, 8192, text)
}

fn n_thresholds(text: &str) -> Result<usize, String> {
    between(1, 1024, text)
}

fn n_seeds(text: &str) -> Result<usize, String> {
    between(1, 1000, text)
}

impl SimplicityArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = shell.open_run(self.out.as_deref())?;
        let reading = self.reading.all_parts("a measurement of simplicity")?;
        let split_options = SplitOptions { seed: shell.seed(), ..SplitOptions::default() };
        let split = read_splits(&self.data, &reading, &split_options)?;
        let resolved = self.blocks.resolve(&split.train.0)?;
        // A part with one class has no metric; better known before an hour of probes.
        check_split(&split)?;
        let metric = Truth::of(&split.test.0.target)?.default_metric();
        let options = SimplicityOptions {
            ladder: self.ladder.clone(),
            most_thresholds: self.pieces_max,
            probe_seeds: self.probe_seeds,
            probe_steps: self.probe_steps,
            code_length: self.code_length,
            ..SimplicityOptions::default()
        };
        let level = RelianceOptions::default().level;
        let parts =
            Parts { train: &split.train.0, validation: &split.validation.0, test: &split.test.0 };
        let progress = shell.progress("probing");
        let blocks = resolved.blocks.blocks();
        let mut found: Vec<(String, Simplicity)> = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            let part = Part::of(&progress, index, blocks.len()).named(&block.name);
            let simplicity = probe_block(
                block,
                resolved.transform.as_ref(),
                parts,
                metric,
                &options,
                shell.seed(),
                level,
                &part,
            )?;
            found.push((block.name.clone(), simplicity));
        }
        drop(progress);
        let mut report = report(&found, metric.title(), &split.test.0.name);
        for caveat in notes(&resolved).into_iter().chain(few_rows(&split.test.0)) {
            report = report.caveat(caveat);
        }
        let result = json!({
            "version": "simbias.simplicity/1",
            "metric": metric.name(),
            "blocks": found.iter().map(|(name, simplicity)| json!({
                "name": name,
                "simplicity": simplicity,
            })).collect::<Vec<_>>(),
        });
        let inputs = vec![of_dataset(&self.data, &split.test.0)];
        shell.close_run(run, Answer { report, result, inputs })?;
        Ok(Finished::Done)
    }
}

/// A doubt about a test part with few rows of a class, which intervals over seeds do not show.
fn few_rows(test: &Dataset) -> Option<Caveat> {
    let labels = test.class_labels()?;
    let counts = labels.counts();
    let rarest = (0..counts.len()).filter(|&class| counts[class] > 0);
    let rarest = rarest.min_by_key(|&class| counts[class])?;
    let (name, count) = (&labels.names[rarest], counts[rarest]);
    (count < FEW_ROWS).then(|| {
        Caveat::caution(
            "few-rows",
            format!(
                "The test part has {count} rows of class {name:?}. What blocks reach alone is rough below \
                 {FEW_ROWS}, and the intervals, which are over training seeds, do not show it."
            ),
        )
    })
}

fn report(found: &[(String, Simplicity)], metric: &str, name: &str) -> Report {
    let mut table = Table::new("simplicity", "Blocks")
        .column(Column::new("block"))
        .column(
            Column::new(format!("best {metric}"))
                .help("best probe on this block alone; the interval is over training seeds, not over test rows"),
        )
        .column(Column::new("lowest rung").help("simplest probe within .01 of the best"))
        .column(
            Column::new("thresholds")
                .help("blocks of one coordinate: simplest rule within 1 SE of the best"),
        )
        .column(Column::new("code length").unit("bits/label"));
    let mut ladder = Table::new("ladder", "Probe ladder").columns(["block", "rung", metric]);
    let mut forest = ForestChart::new();
    for (block, simplicity) in found {
        let best = simplicity.solo_metric.clone();
        table = table.row([
            Cell::from(block.as_str()),
            best.clone().map_or(Cell::Empty, Cell::from),
            simplicity.lowest_rung.as_deref().map_or(Cell::Empty, Cell::from),
            simplicity
                .pieces
                .as_ref()
                .map_or(Cell::Empty, |pieces| Cell::from(pieces.n_thresholds)),
            simplicity.code_length_bits.map_or(Cell::Empty, Cell::from),
        ]);
        for rung in &simplicity.probes {
            ladder = ladder.row([
                Cell::from(block.as_str()),
                Cell::from(rung.name.as_str()),
                Cell::from(rung.metric.clone()),
            ]);
            forest = forest.item_in(&rung.name, block, rung.metric.clone());
        }
    }
    Report::new(format!("Simplicity of the blocks of {name}"))
        .subtitle("each block alone, standardised, probes of growing size")
        .section(
            Section::new("simplicity", "How easy each block is")
                .prose(
                    "A network prefers what it learns first. No single measure of simplicity predicts that for \
                     every kind of block; the learning time of your architecture is part of `simbias audit`.",
                )
                .table(table)
                .chart(Chart::new("ladder-forest", "Probe ladder", forest).x(metric))
                .table(ladder),
        )
        .section(regime_section(
            "No model was measured: a block that is easy to learn need not be the one that a network uses. Probes \
             are small and trained for few steps, so a low score shows only that these did not learn the block.",
        ))
}
