//! Simplicity of blocks in the words of a report, and as a result.

use std::io::{self, Write};

use serde::Serialize;
use simbias_reliance::document::regime_section;
use simbias_reliance::outcome::Simplicity;
use simbias_report::{
    Answer, Caveat, Cell, Chart, Column, ForestChart, Report, Section, Table, write_json,
};

use crate::simplicity_of_data::DataSimplicity;

/// Name and version of the result of a measurement of simplicity.
pub const SIMPLICITY_SCHEMA: &str = "simbias.simplicity/1";

/// How easy each block is, as an answer.
#[derive(Clone, Debug)]
pub struct SimplicityAnswer {
    /// What was found.
    pub found: DataSimplicity,
    /// What was decided about the blocks.
    pub caveats: Vec<Caveat>,
}

#[derive(Serialize)]
struct WireSimplicity<'a> {
    schema: &'static str,
    metric: &'static str,
    blocks: Vec<WireBlock<'a>>,
}

#[derive(Serialize)]
struct WireBlock<'a> {
    name: &'a str,
    simplicity: &'a Simplicity,
}

impl Answer for SimplicityAnswer {
    fn schema(&self) -> &str {
        SIMPLICITY_SCHEMA
    }

    fn report(&self) -> Report {
        let report = report(&self.found);
        let caveats = self.caveats.iter().chain(&self.found.few_rows).cloned();
        caveats.fold(report, Report::caveat)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let DataSimplicity { metric, blocks, .. } = &self.found;
        let blocks =
            blocks.iter().map(|(name, simplicity)| WireBlock { name, simplicity }).collect();
        write_json(
            out,
            &WireSimplicity { schema: SIMPLICITY_SCHEMA, metric: metric.name(), blocks },
        )
    }
}

fn report(found: &DataSimplicity) -> Report {
    let metric = found.metric.title();
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
    for (block, simplicity) in &found.blocks {
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
    Report::new(format!("Simplicity of the blocks of {}", found.data_name))
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
