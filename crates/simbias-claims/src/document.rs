//! A run of claims as a report.

use simbias_report::{
    BarsChart, Caveat, Cell, Chart, Column, Estimate, ForestChart, KeyFigure, NextStep, Report,
    Section, Table, Verdict,
};

use crate::{CriterionVerdict, MIN_SEEDS, Outcome};

/// The outcomes of one command as a report: the verdicts first, then every criterion of every claim with
/// its per-seed values, controls and doubts.
pub fn document(outcomes: &[Outcome]) -> Report {
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let mut report = Report::new("Claims, measured again").subtitle(
        "Each criterion was written before the run and is judged by the 95% interval of its mean \
            over seeds.",
    );
    for verdict in Verdict::ALL {
        report = report.key_figure(KeyFigure::new(verdict.word(), count(verdict)));
    }
    report = report.headline(format!(
        "Of {} claims {} hold, {} are inconclusive, {} do not hold and {} were not run.",
        outcomes.len(),
        count(Verdict::Holds),
        count(Verdict::Inconclusive),
        count(Verdict::DoesNotHold),
        count(Verdict::NotRun),
    ));
    if outcomes.iter().any(|outcome| outcome.quick) {
        report = report.caveat(Caveat::warning(
            "quick-run",
            "Sizes were reduced to see that the code runs, so there is no verdict. Run again \
                without the quick setting.",
        ));
    }
    report = next_steps(outcomes).into_iter().fold(report, Report::next_step);
    report = report.picture(verdicts_chart(outcomes)).section(overview(outcomes));
    for outcome in outcomes.iter().filter(|outcome| !outcome.criteria.is_empty()) {
        report = report.section(section(outcome));
    }
    report
}

/// How many claims have each verdict, one colour per paper.
fn verdicts_chart(outcomes: &[Outcome]) -> Chart {
    let paper = |outcome: &Outcome| {
        let id: &'static str = outcome.claim.id;
        id.split('-').next().unwrap_or(id)
    };
    let mut papers: Vec<&str> = outcomes.iter().map(paper).collect();
    papers.dedup();
    papers.sort_unstable();
    papers.dedup();
    let bars = papers.iter().fold(
        BarsChart::new(Verdict::ALL.map(|verdict| verdict.word())),
        |bars, name| {
            let counts = Verdict::ALL.map(|verdict| {
                let found = outcomes.iter().filter(|o| paper(o) == *name && o.verdict == verdict);
                found.count() as f64
            });
            bars.values(if papers.len() == 1 { "claims" } else { *name }, counts)
        },
    );
    Chart::new("verdicts", "Claims by verdict", bars).y("claims")
}

/// What the verdicts ask for.
fn next_steps(outcomes: &[Outcome]) -> Vec<NextStep> {
    let ids = |verdict: Verdict| -> Vec<&str> {
        let found = outcomes.iter().filter(|outcome| outcome.verdict == verdict);
        found.map(|outcome| outcome.claim.id).collect()
    };
    let mut steps = Vec::new();
    let open = ids(Verdict::Inconclusive);
    if !open.is_empty() {
        steps.push(
            NextStep::new("More seeds make the intervals of the inconclusive claims narrower.")
                .code(format!("simbias claims run {} --seeds {}", open.join(","), 3 * MIN_SEEDS)),
        );
    }
    let failed = ids(Verdict::DoesNotHold);
    if !failed.is_empty() {
        steps.push(NextStep::new(format!(
            "Read the criteria and controls of {}: each says what was expected, what was found, and at which scale.",
            failed.join(", ")
        )));
    }
    let not_run = ids(Verdict::NotRun);
    if !not_run.is_empty() {
        steps.push(NextStep::new(format!(
            "{} of the claims were not run; the table says what each of them needs.",
            not_run.len()
        )));
    }
    if steps.is_empty() {
        steps.push(NextStep::new(
            "Nothing is open at this scale. A larger one asks for an accelerator and the papers' data.",
        ));
    }
    steps
}

fn overview(outcomes: &[Outcome]) -> Section {
    let mut table = Table::new("claims", "Verdicts").columns([
        "claim",
        "title",
        "scale",
        "verdict",
        "the paper's figure",
        "source",
        "remark",
    ]);
    for outcome in outcomes {
        let claim = outcome.claim;
        table.push([
            Cell::text(claim.id),
            Cell::text(claim.title),
            Cell::text(outcome.scale.word()),
            Cell::from(outcome.verdict),
            Cell::text(claim.paper_figure),
            Cell::text(claim.reference),
            Cell::text(outcome.reason.as_str()),
        ]);
    }
    Section::new("overview", "Overview").table(table)
}

fn section(outcome: &Outcome) -> Section {
    let claim = outcome.claim;
    let id = claim.id.to_ascii_lowercase();
    let mut section = Section::new(id.as_str(), format!("{}: {}", claim.id, claim.title))
        .prose(format!("{}. {}.", claim.statement, capital(outcome.verdict.word())))
        .prose(format!("The paper: {} ({}).", claim.paper_figure, claim.reference))
        .table(criteria_table(&id, outcome))
        .table(seed_table(&id, outcome));
    if let Some(chart) = pure_numbers_chart(&id, &outcome.criteria) {
        section = section.chart(chart);
    }
    if outcome.criteria.iter().any(|criterion| criterion.per_seed.len() < MIN_SEEDS) {
        section = section.caveat(Caveat::caution(
            "few-seeds",
            format!("A verdict takes at least {MIN_SEEDS} seeds; run again with more."),
        ));
    }
    for caveat in &outcome.caveats {
        section = section.caveat(caveat.clone());
    }
    section
}

fn criteria_table(id: &str, outcome: &Outcome) -> Table {
    let mut table = Table::new(format!("{id}-criteria"), "Criteria").columns([
        Column::new("criterion"),
        Column::new("expected").help("written before the run"),
        Column::new("found").help("mean over seeds with its 95% interval"),
        Column::new("unit"),
        Column::new("verdict"),
        Column::new("remark"),
    ]);
    for found in &outcome.criteria {
        let remark = [found.reason.as_str(), found.criterion.note];
        let remark: Vec<&str> = remark.into_iter().filter(|text| !text.is_empty()).collect();
        table.push([
            Cell::text(found.criterion.name),
            Cell::text(found.criterion.expectation.to_string()),
            found.estimate.clone().map_or(Cell::Empty, Cell::from),
            Cell::text(found.criterion.unit),
            Cell::from(found.verdict),
            Cell::text(remark.join("; ")),
        ]);
    }
    table
}

fn seed_table(id: &str, outcome: &Outcome) -> Table {
    let mut table = Table::new(format!("{id}-seeds"), "Every seed")
        .caption("Controls are shown beside the judged numbers and do not affect the verdict.")
        .columns(["quantity", "role", "seed", "value"]);
    for found in &outcome.criteria {
        for &(seed, value) in &found.per_seed {
            table.push(seed_row(found.criterion.name, "judged", seed, value));
        }
    }
    for control in &outcome.controls {
        table.push(seed_row(&control.name, "control", control.seed, control.value));
    }
    table
}

fn seed_row(name: &str, role: &str, seed: u64, value: f64) -> [Cell; 4] {
    [Cell::text(name), Cell::text(role), Cell::text(seed.to_string()), Cell::number(value, 4)]
}

/// Criteria without a unit share one axis.
fn pure_numbers_chart(id: &str, criteria: &[CriterionVerdict]) -> Option<Chart> {
    let with_interval = |estimate: &&Estimate| estimate.has_interval();
    let mut forest = ForestChart::new();
    for found in criteria.iter().filter(|found| found.criterion.unit.is_empty()) {
        if let Some(estimate) = found.estimate.as_ref().filter(with_interval) {
            let label = format!("{} ({})", found.criterion.name, found.criterion.expectation);
            forest = forest.item(label, estimate.clone());
        }
    }
    let title = "Means over seeds with 95% intervals";
    (!forest.items.is_empty()).then(|| Chart::new(format!("{id}-forest"), title, forest).x("value"))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
