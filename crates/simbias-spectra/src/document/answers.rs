//! Spectra as answers: reports, results and the files that go with them.

use std::io::{self, Write};

use serde::Serialize;
use simbias_report::{Answer, AnswerFile, Report, write_json};

use super::reports::{comparison_report, rates_report, series_report, sparsities_report};
use super::spectrum_report;
use crate::compare::SpectraComparison;
use crate::learning_rates::LearningRates;
use crate::sparsities::Sparsities;
use crate::table::LayerTable;
use crate::track::SpectraSeries;

/// Name and version of the result of a comparison.
pub const COMPARISON_SCHEMA: &str = "simbias.spectrum-comparison/1";

impl Answer for LayerTable {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn report(&self) -> Report {
        spectrum_report(self)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, self)
    }
}

impl Answer for LearningRates {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn report(&self) -> Report {
        rates_report(self)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, self)
    }

    /// `rates.json`, the result under the name that training scripts read.
    fn files(&self) -> Vec<AnswerFile<'_>> {
        vec![AnswerFile::json("rates.json", self)]
    }
}

impl Answer for Sparsities {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn report(&self) -> Report {
        sparsities_report(self)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, self)
    }

    /// `sparsities.json`, the result under the name that pruning reads, and the ratios as `sparsities.csv`.
    fn files(&self) -> Vec<AnswerFile<'_>> {
        let csv = |out: &mut dyn Write| {
            out.write_all(b"layer,ratio\n")?;
            self.layers
                .iter()
                .try_for_each(|layer| writeln!(out, "{},{}", layer.layer, layer.ratio))
        };
        vec![AnswerFile::json("sparsities.json", self), AnswerFile::new("sparsities.csv", csv)]
    }
}

impl Answer for SpectraSeries {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn report(&self) -> Report {
        series_report(self)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, self)
    }
}

#[derive(Serialize)]
struct WireComparison<'a> {
    schema: &'static str,
    comparison: &'a SpectraComparison,
}

impl Answer for SpectraComparison {
    fn schema(&self) -> &str {
        COMPARISON_SCHEMA
    }

    fn report(&self) -> Report {
        comparison_report(self)
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, &WireComparison { schema: COMPARISON_SCHEMA, comparison: self })
    }
}
