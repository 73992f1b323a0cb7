//! Opposing groups as an answer.

use std::io::{self, Write};

use serde::Serialize;
use simbias_data::{ParquetColumn, parquet_to};
use simbias_report::{
    Answer, AnswerFile, Axis, Caveat, Cell, Chart, Column, HistogramChart, HistogramSeries,
    KeyFigure, LineSeries, LinesChart, Report, Section, Table, Tone, format, write_json,
};

use crate::outliers::{Driver, OutlierOptions, OutlierOutcome, Pair, Regime, purity};

/// Name and version of the result of a search for opposing groups.
pub const OUTLIERS_SCHEMA: &str = "simbias.outliers/1";
const BINS: usize = 40;
/// Examples of a group that the report names.
const LISTED: usize = 25;
/// Most points of a curve in a chart.
const MOST_POINTS: usize = 2000;

/// Opposing groups with the names of examples and classes.
#[derive(Clone, Debug)]
pub struct OutliersAnswer {
    /// What was found.
    pub outcome: OutlierOutcome,
    /// Class of every example, if known.
    pub labels: Option<Vec<u32>>,
    /// Names of the classes; empty if they are not known.
    pub class_names: Vec<String>,
    /// Names of the examples, if they have any.
    pub ids: Option<Vec<String>>,
}

#[derive(Serialize)]
struct WireGroup<'a> {
    examples: &'a [u32],
    ids: Vec<String>,
    commonest_label: Option<&'a str>,
    label_share: Option<f64>,
    mean_loss: f64,
}

#[derive(Serialize)]
struct WirePair<'a> {
    is_accepted: bool,
    coherence: f64,
    opposition: f64,
    p_value: Option<f64>,
    strength: f64,
    outlierness: f64,
    groups: [WireGroup<'a>; 2],
}

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    n_steps: usize,
    n_examples: usize,
    options: OutlierOptions,
    regime: Regime,
    driver: Option<Driver>,
    top_motion: f64,
    n_top: usize,
    gini: f64,
    rising_steps: f64,
    top_lag_one: f64,
    peak_step: usize,
    rising: &'a [u32],
    falling: &'a [u32],
    pairs: Vec<WirePair<'a>>,
    caveats: &'a [Caveat],
}

impl OutliersAnswer {
    fn id(&self, example: u32) -> String {
        let name = |ids: &Vec<String>| ids[example as usize].clone();
        self.ids.as_ref().map_or_else(|| example.to_string(), name)
    }

    fn class_of(&self, group: &[u32]) -> Option<(&str, f64)> {
        let labels = self.labels.as_ref()?;
        let (label, share) = purity(group, labels);
        Some((self.class_names.get(label as usize)?, share))
    }

    fn group<'a>(&'a self, examples: &'a [u32]) -> WireGroup<'a> {
        let class = self.class_of(examples);
        let losses = examples.iter().map(|&row| self.outcome.motions[row as usize].mean_loss);
        WireGroup {
            examples,
            ids: examples.iter().map(|&row| self.id(row)).collect(),
            commonest_label: class.map(|(name, _)| name),
            label_share: class.map(|(_, share)| share),
            mean_loss: losses.sum::<f64>() / examples.len().max(1) as f64,
        }
    }

    fn wire(&self) -> Wire<'_> {
        let outcome = &self.outcome;
        let pairs = outcome.pairs.iter().map(|pair| WirePair {
            is_accepted: pair.is_accepted,
            coherence: pair.coherence,
            opposition: pair.opposition,
            p_value: pair.p_value,
            strength: pair.strength,
            outlierness: pair.outlierness(outcome.n_examples()),
            groups: [self.group(&pair.first), self.group(&pair.second)],
        });
        Wire {
            schema: OUTLIERS_SCHEMA,
            n_steps: outcome.n_steps,
            n_examples: outcome.n_examples(),
            options: outcome.options,
            regime: outcome.regime,
            driver: outcome.driver,
            top_motion: outcome.top_motion,
            n_top: outcome.n_top(),
            gini: outcome.gini,
            rising_steps: outcome.rising_steps,
            top_lag_one: outcome.top_lag_one,
            peak_step: outcome.peak_step,
            rising: &outcome.rising,
            falling: &outcome.falling,
            pairs: pairs.collect(),
            caveats: &outcome.caveats,
        }
    }
}

impl Answer for OutliersAnswer {
    fn schema(&self) -> &str {
        OUTLIERS_SCHEMA
    }

    fn report(&self) -> Report {
        let outcome = &self.outcome;
        let mut report = Report::new("Groups of examples that pull in opposite directions")
            .subtitle(format!(
                "{} examples over {} recorded steps",
                format::count(outcome.n_examples() as u64),
                format::count(outcome.n_steps as u64)
            ))
            .summarise(self.sentence())
            .summarise(regime_sentence(outcome.regime))
            .key_figure(
                KeyFigure::new("motion of the top examples", Cell::Percent(outcome.top_motion))
                    .note(format!(
                        "the {} that move most; equal shares would be {}",
                        format::count(outcome.n_top() as u64),
                        format::percent(outcome.n_top() as f64 / outcome.n_examples() as f64)
                    )),
            )
            .key_figure(KeyFigure::new(
                "steps in which the mean loss rises",
                Cell::Percent(outcome.rising_steps),
            ))
            .key_figure(
                KeyFigure::new(
                    "lag-1 correlation of the top",
                    Cell::number(outcome.top_lag_one, 2),
                )
                .note("-1: every change is undone by the next; 1: changes go on"),
            );
        let advice = self.advice();
        if let Some(advice) = advice {
            report = report.summarise(advice);
        }
        report = report
            .section(self.pairs_section())
            .section(self.losses_section())
            .section(self.motion_section());
        outcome.caveats.iter().fold(report, |report, caveat| report.caveat(caveat.clone()))
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, &self.wire())
    }

    fn files(&self) -> Vec<AnswerFile<'_>> {
        vec![
            AnswerFile::new("groups.json", |out| write_json(out, &self.wire())),
            AnswerFile::new("examples.parquet", |out| self.write_table(out)),
        ]
    }
}

fn regime_sentence(regime: Regime) -> &'static str {
    match regime {
        Regime::Quiet => {
            "The stretch is quiet: the loss falls steadily, and nothing can be said about opposing groups."
        }
        Regime::EdgeOfStability => {
            "The largest changes turn round at every step and in common: the learning rate is at the edge of what is \
             stable."
        }
        Regime::Spike => "The mean loss jumps up by more than half at some step.",
        Regime::Noisy => "The losses go up and down without a common swing from step to step.",
    }
}

impl OutliersAnswer {
    fn accepted(&self) -> Option<&Pair> {
        self.outcome.pairs.iter().find(|pair| pair.is_accepted)
    }

    fn sentence(&self) -> String {
        let Some(pair) = self.accepted() else {
            return "No two groups of examples were found whose losses oppose each other beyond chance.".into();
        };
        let words = |group: &[u32]| match self.class_of(group) {
            Some((name, share)) => format!(
                "{} examples ({} of them {name:?})",
                format::count(group.len() as u64),
                format::percent(share)
            ),
            None => format!("{} examples", format::count(group.len() as u64)),
        };
        format!(
            "Two groups, of {} and {}, pull in opposite directions: when the loss of one rises, that of the other falls \
             (correlation {}). They carry {} of all motion of the loss, {:.0} times their share.",
            words(&pair.first),
            words(&pair.second),
            format::number(pair.opposition, 2),
            format::percent(pair.strength),
            pair.outlierness(self.outcome.n_examples())
        )
    }

    /// What may follow from an accepted pair.
    fn advice(&self) -> Option<&'static str> {
        let pair = self.accepted()?;
        Some(match self.outcome.driver? {
            Driver::Classes => {
                "The motion is spread over whole classes: the learning rate is at its edge, and no special examples are \
                 behind it. A lower rate or gradient clipping calms it."
            }
            Driver::Outliers | Driver::Mixed => {
                match (self.class_of(&pair.first), self.class_of(&pair.second)) {
                    (Some((one, _)), Some((other, _))) if one == other => {
                        "Both groups mostly have the same label. Look whether one of them is labelled wrongly, or shows \
                         something that the label does not cover."
                    }
                    _ => {
                        "Look at what the two groups share: a large common feature with different labels is a shortcut \
                         that more varied examples, or augmentation of that feature, can break; wrong labels in one \
                         group look the same."
                    }
                }
            }
        })
    }

    fn pairs_section(&self) -> Section {
        let outcome = &self.outcome;
        let mut table = Table::new("pairs", "Pairs of groups")
            .caption(
                "A pair counts if its groups oppose each other, have three examples or more, and move together more than \
                 series that were shifted in time do.",
            )
            .columns(["pair", "verdict", "examples", "labels"])
            .columns([
                Column::new("opposition").help("correlation of the mean changes of the two groups"),
                Column::new("coherence")
                    .help("share of the candidates' standardised motion along this direction"),
                Column::new("p").help("share of shifted copies of the series that are as coherent"),
                Column::new("motion").help("share of all motion that the two groups carry"),
            ]);
        for (index, pair) in outcome.pairs.iter().enumerate() {
            let label = |group: &[u32]| match self.class_of(group) {
                Some((name, share)) => format!("{name} ({})", format::percent(share)),
                None => String::new(),
            };
            table.push([
                Cell::from(index + 1),
                if pair.is_accepted {
                    Cell::tag("opposing", Tone::Accent)
                } else {
                    Cell::tag("not shown", Tone::Neutral)
                },
                Cell::text(format!("{} and {}", pair.first.len(), pair.second.len())),
                Cell::text(
                    [label(&pair.first), label(&pair.second)].join(" / ").trim_matches([' ', '/']),
                ),
                Cell::number(pair.opposition, 3),
                Cell::Percent(pair.coherence),
                pair.p_value.map_or(Cell::Empty, |p| Cell::number(p, 3)),
                Cell::Percent(pair.strength),
            ]);
        }
        let mut section = Section::new("groups", "Which examples oppose each other").table(table);
        for (index, pair) in outcome.pairs.iter().enumerate().filter(|(_, pair)| pair.is_accepted) {
            section = section.table(self.members(index + 1, pair));
        }
        section
    }

    /// The examples of both groups, those that move most first.
    fn members(&self, number: usize, pair: &Pair) -> Table {
        let mut table = Table::new(format!("pair-{number}"), format!("Examples of pair {number}"))
            .caption(format!("At most {LISTED} of each group, those that move most first."))
            .columns(["group", "example", "label"])
            .columns([
                Column::new("motion").help("mean size of the change of its loss from step to step"),
                Column::new("mean loss"),
                Column::new("final loss"),
            ]);
        for (name, group) in [("first", &pair.first), ("second", &pair.second)] {
            let mut group = group.clone();
            let motion = |row: &u32| &self.outcome.motions[*row as usize];
            group.sort_by(|one, other| motion(other).score.total_cmp(&motion(one).score));
            for row in group.iter().take(LISTED) {
                let label = self.labels.as_ref().map(|labels| labels[*row as usize] as usize);
                let label = label.and_then(|label| self.class_names.get(label));
                table.push([
                    Cell::from(name),
                    Cell::text(self.id(*row)),
                    label.map_or(Cell::Empty, |label| Cell::text(label.as_str())),
                    Cell::number(motion(row).score, 4),
                    Cell::number(motion(row).mean_loss, 4),
                    Cell::number(motion(row).final_loss, 4),
                ]);
            }
        }
        table
    }

    fn losses_section(&self) -> Section {
        let outcome = &self.outcome;
        let curve = |name: &str, losses: &[f64]| {
            let every = losses.len().div_ceil(MOST_POINTS);
            // An odd stride, since every second step of a swing shows one side of it only.
            let every = every + usize::from(every.is_multiple_of(2));
            let points =
                losses.iter().enumerate().step_by(every).filter(|(_, loss)| !loss.is_nan());
            let (steps, losses) = points.map(|(step, &loss)| (step as f64, loss)).unzip();
            LineSeries::new(name, steps, losses)
        };
        let mut lines = LinesChart::new();
        if let Some(pair) = self.accepted().or_else(|| {
            outcome.pairs.first().filter(|pair| !pair.first.is_empty() && !pair.second.is_empty())
        }) {
            lines = lines
                .series(curve("first group", &pair.first_losses))
                .series(curve("second group", &pair.second_losses));
        }
        lines = lines
            .series(curve("all examples", &outcome.mean_losses))
            .x_reference(outcome.peak_step as f64, "largest changes");
        Section::new("losses", "How the losses of the two groups go").chart(
            Chart::new(
                "group-losses",
                "Mean loss of the groups of the first pair, and of all",
                lines,
            )
            .x("recorded step, counted from 0")
            .y("loss"),
        )
    }

    fn motion_section(&self) -> Section {
        let outcome = &self.outcome;
        let least = outcome.motions.iter().map(|motion| motion.score).filter(|&score| score > 0.0);
        let low = least.fold(f64::INFINITY, f64::min).log10().floor();
        let high = outcome.motions.iter().map(|motion| motion.score).fold(0.0, f64::max).log10();
        let high = high.ceil().max(low + 1.0);
        let n_top = outcome.n_top();
        let mut scores: Vec<f64> = outcome.motions.iter().map(|motion| motion.score).collect();
        scores.sort_by(|one, other| other.total_cmp(one));
        let logs = |scores: &[f64]| scores.iter().map(|score| score.log10()).collect::<Vec<f64>>();
        let of = |name: &str, scores: &[f64]| {
            HistogramSeries::counting(name, logs(scores), [low, high], BINS)
        };
        let histogram = HistogramChart::new()
            .series(of("all others", &scores[n_top..]))
            .series(of("top examples", &scores[..n_top]));
        Section::new("motion", "How the motion is spread over the examples")
            .prose(format!(
                "Gini coefficient {:.2}: 0 if all examples move alike, 1 if one moves alone.",
                outcome.gini
            ))
            .chart(
                Chart::new("motion", "Mean size of the changes of the loss", histogram)
                    .x(Axis::new("log10 of the mean change"))
                    .y("examples"),
            )
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let outcome = &self.outcome;
        let n = outcome.n_examples();
        let mut columns = vec![("index", ParquetColumn::Integers((0..n as i64).collect()))];
        if let Some(ids) = &self.ids {
            columns.push(("id", ParquetColumn::Texts(ids.clone())));
        }
        if let Some(labels) = &self.labels {
            let labels = labels.iter().map(|&label| label.into()).collect();
            columns.push(("label", ParquetColumn::Integers(labels)));
        }
        let mut side = vec![0_i64; n];
        if let Some(pair) = self.accepted() {
            for (group, mark) in [(&pair.first, 1), (&pair.second, -1)] {
                for &row in group {
                    side[row as usize] = mark;
                }
            }
        }
        let numbers = |number: fn(&crate::outliers::Motion) -> f64| {
            ParquetColumn::Numbers(outcome.motions.iter().map(number).collect())
        };
        columns.extend([
            ("score", numbers(|motion| motion.score)),
            ("lag_one", numbers(|motion| motion.lag_one)),
            ("mean_loss", numbers(|motion| motion.mean_loss)),
            ("final_loss", numbers(|motion| motion.final_loss)),
            ("side", ParquetColumn::Integers(side)),
        ]);
        parquet_to(out, &columns)
    }
}
