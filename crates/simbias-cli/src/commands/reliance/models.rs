//! One model or several: test rows of different training seeds are never pooled.

use serde_json::{Value, json};
use simbias_reliance::Measurement;
use simbias_reliance::document::{checkpoints_chart, reliance_report};
use simbias_report::{Caveat, Cell, Chart, Report, Section, Table};

use crate::shell::Failure;

/// Version of `result.json` for several models.
const SCHEMA: &str = "simbias.reliance-models/1";
/// Fewer models than this show no spread.
const FEW_MODELS: usize = 3;

/// The report and `result.json` of measurements with the names of their models.
pub(super) fn answer(found: &[(String, Measurement)]) -> Result<(Report, Value), Failure> {
    let [(_, first), rest @ ..] = found else {
        return Err(Failure::input("no model was measured").hint("give one with --model"));
    };
    if rest.is_empty() {
        return Ok((reliance_report(first), wire(first)?));
    }
    let mut report = reliance_report(first).section(spread(found));
    report.summary.insert(
        0,
        format!(
            "{} models were measured; what follows is about {:?}, and the section \"Every model\" shows \
             the others.",
            found.len(),
            found[0].0
        ),
    );
    let results = found
        .iter()
        .map(|(model, measurement)| Ok(json!({ "model": model, "result": wire(measurement)? })))
        .collect::<Result<Vec<_>, Failure>>()?;
    Ok((report, json!({ "version": SCHEMA, "models": results })))
}

fn wire(measurement: &Measurement) -> Result<Value, Failure> {
    serde_json::from_str(&measurement.outcome.to_json())
        .map_err(|error| Failure::input(format!("the result cannot be written as JSON: {error}")))
}

/// Necessity of every block in every model, with median and range.
fn spread(found: &[(String, Measurement)]) -> Section {
    let mut table = Table::new("models", "Necessity in every model")
        .columns(["block", "median", "lowest", "highest"])
        .columns(found.iter().map(|(model, _)| model.as_str()));
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
fn over_training(found: &[(String, Measurement)]) -> Option<Chart> {
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
