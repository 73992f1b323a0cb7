//! Reliance in the words of a report.

mod beside;
mod budget;
mod compared;
mod comparison;
mod decision_map;
mod examples;
mod first_screen;
mod headline;
mod heat_map;
mod method;
mod models;
mod reliance;
mod scores;
mod screen;
mod simplicity;
mod summary;

use simbias_report::Report;

use crate::beside::Beside;
use crate::measure::Measurement;

pub use beside::{BesideDocument, giveaways};
pub use budget::{budget_chart, budget_heatmap};
pub use compared::{COMPARISON_SCHEMA, ComparisonAnswer, SufficientBlocks};
pub use comparison::{checkpoints_chart, comparison_section};
pub use decision_map::decision_chart;
pub use examples::block_examples;
pub use first_screen::{change_chart, first_screen, lead_chart};
pub use headline::{RELIANCE_MEANS, comparison_headline, diversity_sentence, settled_arrow};
pub use method::{method_section, regime_section};
pub use models::{MODELS_SCHEMA, RelianceAnswer};
pub use reliance::{overview, reliance_section};
pub use scores::scores_section;
pub use summary::{key_figures, plain_summary};

/// A whole report about one measurement.
pub fn reliance_report(measurement: &Measurement, beside: &Beside) -> Report {
    let outcome = &measurement.outcome;
    let mut report =
        Report::new(format!("Reliance of a model on {}", outcome.data_name)).subtitle(format!(
            "{} rows, {} blocks, donors: {}, {} repeats",
            outcome.n_rows,
            outcome.blocks.len(),
            outcome.mode.name(),
            outcome.repeats
        ));
    let alarms = beside.alarms(outcome);
    let has_alarm = !alarms.is_empty();
    for sentence in alarms.into_iter().chain(plain_summary(outcome)).chain(beside.sentences()) {
        report = report.summarise(sentence);
    }
    for figure in key_figures(outcome) {
        report = report.key_figure(figure);
    }
    for caveat in &outcome.caveats {
        report = report.caveat(caveat.clone());
    }
    report = report.overview(overview(outcome));
    if let Some(picture) = beside.lead_picture() {
        report = report.picture(picture);
    }
    if let Some(section) = beside.map_section() {
        report = report.section(section);
    }
    report = report.section(reliance_section(outcome));
    for section in beside.sections(outcome) {
        report = report.section(section);
    }
    first_screen(report, outcome, has_alarm)
        .section(scores_section(&measurement.samples, outcome))
        .section(method_section(outcome).folded())
}
