//! One model or several: test rows of different training seeds are never pooled.

use std::io::{self, Write};

use serde::Serialize;
use simbias_report::{Answer, AnswerFile, Caveat, Cell, Chart, Report, Section, Table, write_json};

use super::reliance::BLOCKS_SECTION;
use super::{BesideDocument, checkpoints_chart, reliance_report};
use crate::beside::Beside;
use crate::influence::Influences;
use crate::measure::Measurement;
use crate::outcome::RelianceOutcome;
use crate::wire::RELIANCE_SCHEMA;

/// Name and version of the result of several models.
pub const MODELS_SCHEMA: &str = "simbias.reliance-models/1";
/// Fewer models than this show no spread.
const FEW_MODELS: usize = 3;

/// What a measurement found for one model, or for several on the same rows and blocks.
#[derive(Debug)]
pub struct RelianceAnswer {
    first: (String, Measurement),
    others: Vec<(String, Measurement)>,
    beside: Beside,
    examples: Option<Section>,
    pictures: Option<Section>,
}

impl RelianceAnswer {
    /// The answer about one model.
    pub fn new(name: impl Into<String>, measurement: Measurement) -> Self {
        Self {
            first: (name.into(), measurement),
            others: Vec::new(),
            beside: Beside::default(),
            examples: None,
            pictures: None,
        }
    }

    /// The answer about named models, measured on the same rows and blocks; `None` without any.
    pub fn of_models(models: impl IntoIterator<Item = (String, Measurement)>) -> Option<Self> {
        let mut models = models.into_iter();
        let first = models.next()?;
        Some(Self { others: models.collect(), ..Self::new(first.0, first.1) })
    }

    /// Adds what was found beside the user's blocks, about the first model.
    #[must_use]
    pub fn beside(mut self, beside: Beside) -> Self {
        self.beside = beside;
        self
    }

    /// Adds a section of examples, which stands behind that of the blocks.
    #[must_use]
    pub fn examples(mut self, section: Option<Section>) -> Self {
        self.examples = section;
        self
    }

    /// Adds a section of pictures to the end of the report.
    #[must_use]
    pub fn pictures(mut self, section: Option<Section>) -> Self {
        self.pictures = section;
        self
    }

    /// The models by name, with what was measured, in their order.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Measurement)> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .map(|(name, measurement)| (name.as_str(), measurement))
    }
}

#[derive(Serialize)]
struct WireModels<'a> {
    schema: &'static str,
    models: Vec<WireModel<'a>>,
    #[serde(flatten)]
    beside: BesideDocument<'a>,
}

#[derive(Serialize)]
struct WireOne<'a> {
    #[serde(flatten)]
    outcome: &'a RelianceOutcome,
    #[serde(flatten)]
    beside: BesideDocument<'a>,
}

#[derive(Serialize)]
struct WireModel<'a> {
    model: &'a str,
    result: &'a RelianceOutcome,
}

impl Answer for RelianceAnswer {
    fn schema(&self) -> &str {
        if self.others.is_empty() { RELIANCE_SCHEMA } else { MODELS_SCHEMA }
    }

    fn report(&self) -> Report {
        let mut report = reliance_report(&self.first.1, &self.beside);
        if !self.others.is_empty() {
            let found: Vec<_> = self.models().collect();
            report = report.section(spread(&found));
            report.summary.insert(
                0,
                format!(
                    "{} models were measured; what follows is about {:?}, and the section \"Every model\" shows \
                     the others.",
                    found.len(),
                    self.first.0
                ),
            );
        }
        if let Some(section) = &self.examples {
            let behind = report.sections.iter().position(|section| section.id == BLOCKS_SECTION);
            report.sections.insert(behind.map_or(0, |index| index + 1), section.clone());
        }
        match &self.pictures {
            Some(section) => report.section(section.clone()),
            None => report,
        }
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.others.is_empty() {
            let outcome = &self.first.1.outcome;
            return write_json(out, &WireOne { outcome, beside: self.beside.document(outcome) });
        }
        let models = self
            .models()
            .map(|(model, measurement)| WireModel { model, result: &measurement.outcome });
        let beside = self.beside.document(&self.first.1.outcome);
        write_json(out, &WireModels { schema: MODELS_SCHEMA, models: models.collect(), beside })
    }

    /// [`Influences::FILE`] for one model, used to compare its result row by row.
    fn files(&self) -> Vec<AnswerFile<'_>> {
        let influences = self.first.1.influences.as_ref().filter(|_| self.others.is_empty());
        influences.map(Influences::file).into_iter().collect()
    }
}

impl Influences {
    /// The file of these influences beside a result.
    pub fn file(&self) -> AnswerFile<'_> {
        AnswerFile::new(Self::FILE, |out| {
            out.write_all(&self.to_safetensors().map_err(io::Error::other)?)
        })
    }
}

/// Necessity of every block in every model, with median and range.
fn spread(found: &[(&str, &Measurement)]) -> Section {
    let mut table = Table::new("models", "Necessity in every model")
        .columns(["block", "median", "lowest", "highest"])
        .columns(found.iter().map(|(model, _)| *model));
    let blocks = &found[0].1.outcome.blocks;
    for (index, block) in blocks.iter().enumerate() {
        let estimates: Vec<_> = found
            .iter()
            .map(|(_, measurement)| measurement.outcome.blocks[index].necessity.clone())
            .collect();
        let mut values: Vec<f64> =
            estimates.iter().flatten().map(|estimate| estimate.value).collect();
        values.sort_by(f64::total_cmp);
        let number = |value: Option<f64>| value.map_or(Cell::Empty, |value| Cell::number(value, 3));
        let mut cells = vec![
            Cell::from(block.name.clone()),
            number(median(&values)),
            number(values.first().copied()),
            number(values.last().copied()),
        ];
        cells
            .extend(estimates.into_iter().map(|estimate| estimate.map_or(Cell::Empty, Cell::from)));
        table.push(cells);
    }
    let mut section = Section::new("models", "Every model").table(table);
    if let Some(chart) = over_training(found) {
        section = section.chart(chart);
    }
    if found.len() < FEW_MODELS {
        return section.caveat(Caveat::caution(
            "few-models",
            format!(
                "{} models say little about the spread over training seeds; give {FEW_MODELS}.",
                found.len()
            ),
        ));
    }
    section
}

/// The course of necessity, if the models' names end in growing numbers: checkpoints of one training.
fn over_training(found: &[(&str, &Measurement)]) -> Option<Chart> {
    let steps: Vec<f64> =
        found.iter().map(|(name, _)| last_number(name)).collect::<Option<Vec<_>>>()?;
    if !steps.is_sorted_by(|before, after| before < after) {
        return None;
    }
    let outcomes = found.iter().map(|(_, measurement)| &measurement.outcome);
    checkpoints_chart(&steps.into_iter().zip(outcomes).collect::<Vec<_>>())
}

/// The last whole number in a name.
fn last_number(name: &str) -> Option<f64> {
    let mut digits = name.split(|letter: char| !letter.is_ascii_digit());
    digits.rfind(|digits| !digits.is_empty())?.parse().ok()
}

/// Middle of sorted values.
fn median(sorted: &[f64]) -> Option<f64> {
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some(f64::midpoint(sorted[n / 2 - 1], sorted[n / 2])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_told_by_their_last_number() {
        assert_eq!(last_number("run2/step-500.onnx"), Some(500.0));
        assert_eq!(last_number("model.onnx"), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
    }
}
