//! Two results over the same rows and blocks, as an answer of its own.

use std::io::{self, Write};

use serde::Serialize;
use simbias_report::{Answer, Caveat, Interval, Report, write_json};

use super::headline::comparison_figures;
use super::{
    RELIANCE_MEANS, change_chart, comparison_headline, comparison_section, diversity_sentence,
    method_section,
};
use crate::RelianceError;
use crate::compare::{BlockChange, Change, Comparison, compare};
use crate::influence::Influences;
use crate::outcome::RelianceOutcome;

/// Name and version of the result of a comparison.
pub const COMPARISON_SCHEMA: &str = "simbias.reliance-comparison/1";

/// Before and after: did a remedy make the model use more, or merely something else?
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonAnswer {
    before: RelianceOutcome,
    after: RelianceOutcome,
    comparison: Comparison,
}

impl ComparisonAnswer {
    /// Compares two results, row by row with the influences of both; see [`compare`].
    ///
    /// # Errors
    /// As [`compare`].
    pub fn new(
        before: RelianceOutcome,
        after: RelianceOutcome,
        influences: Option<(&Influences, &Influences)>,
    ) -> Result<Self, RelianceError> {
        let comparison = compare(&before, &after, influences)?;
        Ok(Self { before, after, comparison })
    }

    /// The result before.
    pub fn before(&self) -> &RelianceOutcome {
        &self.before
    }

    /// The result after.
    pub fn after(&self) -> &RelianceOutcome {
        &self.after
    }

    /// What changed.
    pub fn comparison(&self) -> &Comparison {
        &self.comparison
    }
}

#[derive(Serialize)]
struct WireComparison<'a> {
    schema: &'static str,
    metric: &'static str,
    paired: bool,
    paired_over_rows: bool,
    more_diverse: Option<bool>,
    sufficient_blocks: Option<SufficientBlocks>,
    standard: WireChange,
    blocks: Vec<WireBlock<'a>>,
}

/// How many blocks carry half of the skill alone, before and after, as results write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SufficientBlocks {
    /// Before.
    pub before: usize,
    /// After.
    pub after: usize,
}

impl SufficientBlocks {
    /// Those of `comparison`, where they are known.
    pub fn of(comparison: &Comparison) -> Option<Self> {
        comparison.n_sufficient.map(|(before, after)| Self { before, after })
    }
}

#[derive(Serialize)]
struct WireBlock<'a> {
    name: &'a str,
    randomized: WireChange,
    necessity: Option<WireChange>,
    sufficiency: Option<WireChange>,
}

#[derive(Serialize)]
struct WireChange {
    before: Interval,
    after: Interval,
    difference: Interval,
    p_value: f64,
}

impl From<&Change> for WireChange {
    fn from(change: &Change) -> Self {
        Self {
            before: (&change.before).into(),
            after: (&change.after).into(),
            difference: (&change.difference).into(),
            p_value: change.p_value,
        }
    }
}

impl<'a> From<&'a BlockChange> for WireBlock<'a> {
    fn from(block: &'a BlockChange) -> Self {
        Self {
            name: &block.block,
            randomized: (&block.randomized).into(),
            necessity: block.necessity.as_ref().map(Into::into),
            sufficiency: block.sufficiency.as_ref().map(Into::into),
        }
    }
}

impl Answer for ComparisonAnswer {
    fn schema(&self) -> &str {
        COMPARISON_SCHEMA
    }

    fn report(&self) -> Report {
        let comparison = &self.comparison;
        let metric = self.before.metric.title();
        let mut report = Report::new(format!("Before and after on {}", self.before.data_name))
            .subtitle(RELIANCE_MEANS)
            .summarise(format!("{}.", comparison_headline(comparison, metric)))
            .summarise(diversity_sentence(comparison));
        for figure in comparison_figures(comparison, metric) {
            report = report.key_figure(figure);
        }
        if !comparison.paired {
            report = report.caveat(Caveat::caution(
                "not-paired",
                "The two results exchanged rows in different ways, so chance does not cancel in the differences. Measure both with \
                 the same seed, mode and number of repeats.",
            ));
        }
        if !comparison.paired_over_rows {
            report = report.caveat(Caveat::caution(
                "unpaired-over-rows",
                "The differences are not paired over rows, so their intervals are wider than necessary: at most one \
                 result has an influences.safetensors beside it. Keep it together with result.json; results of earlier \
                 versions have to be measured again.",
            ));
        }
        if let Some(chart) = change_chart(comparison) {
            report = report.picture(chart);
        }
        report
            .next_step(
                "Look at every block before calling it a remedy: a model that gives up one block may have switched to \
                 another single one.",
            )
            .next_step(format!(
                "Check that the {metric} on unchanged rows is still good enough for you."
            ))
            .section(comparison_section(comparison, "Before and after", metric))
            .section(method_section(&self.after).folded())
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let comparison = &self.comparison;
        let sufficient_blocks = SufficientBlocks::of(comparison);
        let wire = WireComparison {
            schema: COMPARISON_SCHEMA,
            metric: self.before.metric.title(),
            paired: comparison.paired,
            paired_over_rows: comparison.paired_over_rows,
            more_diverse: sufficient_blocks.map(|_| comparison.is_more_diverse()),
            sufficient_blocks,
            standard: (&comparison.standard).into(),
            blocks: comparison.blocks.iter().map(Into::into).collect(),
        };
        write_json(out, &wire)
    }
}
