//! A selection as an answer.

use std::io::{self, Write};

use serde::Serialize;
use simbias_checkpoint::{ArrayValues, NamedArray};
use simbias_data::{ParquetColumn, npy_to, parquet_to};
use simbias_report::{
    Answer, AnswerFile, BarsChart, Caveat, Cell, Chart, Column, HistogramChart, HistogramSeries,
    KeyFigure, LineSeries, LinesChart, Report, Section, Table, Tone, format, write_json,
};

use super::CHARTED_CLASSES;
use crate::select::{ClassSelection, EpochChoice, Selection, Space};

/// Name and version of the result of a selection.
pub const SELECTION_SCHEMA: &str = "simbias.selection/1";
/// Bins of a histogram of losses.
const BINS: usize = 40;
/// Examples named in the report.
const LISTED: usize = 20;

/// Which epoch of several was clustered, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochOfSelection {
    /// Its place among the outputs that were given, counted from 0.
    pub index: usize,
    /// Training error after every epoch.
    pub errors: Vec<f64>,
    /// What the rule said; `None` if the user chose.
    pub rule: Option<EpochChoice>,
}

/// A selection with the names of its examples and classes.
#[derive(Clone, Debug)]
pub struct SelectionAnswer {
    /// What was selected.
    pub selection: Selection,
    /// Names of the classes, in the order of the outputs.
    pub class_names: Vec<String>,
    /// Names of the examples, if they have any.
    pub ids: Option<Vec<String>>,
    /// Share of the epochs of a whole training that the early one takes.
    pub early_share: f64,
    /// The epoch, if outputs of several were given.
    pub epoch: Option<EpochOfSelection>,
}

#[derive(Serialize)]
struct WireClass<'a> {
    name: &'a str,
    n_slow: usize,
    n_suspect: usize,
    #[serde(flatten)]
    found: ClassSelection,
}

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    n_examples: usize,
    n_slow: usize,
    n_suspect: usize,
    slow_share: f64,
    factor: u32,
    epoch_length: usize,
    space: Space,
    accuracy: f64,
    effective_size: f64,
    speed_up_before_and_after: [f64; 2],
    early_share: f64,
    /// In trainings without the method.
    relative_cost: Cost,
    overlap_with_centered: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a EpochOfSelection>,
    classes: Vec<WireClass<'a>>,
    /// Tables and lists beside this file, by name.
    files: [&'static str; 3],
    caveats: &'a [Caveat],
}

#[derive(Serialize)]
struct Cost {
    useful: f64,
    sam: f64,
    sam_and_useful: f64,
}

const SELECTION: &str = "selection.parquet";
const WEIGHTS: &str = "weights.npy";
const INDICES: &str = "indices.npy";

impl SelectionAnswer {
    fn name(&self, class: usize) -> &str {
        self.class_names.get(class).map_or("", String::as_str)
    }

    fn id(&self, example: usize) -> String {
        self.ids.as_ref().map_or_else(|| example.to_string(), |ids| ids[example].clone())
    }

    /// Examples of every class for which `is_one` holds.
    fn count(&self, is_one: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut counts = vec![0; self.selection.n_classes];
        for (example, &label) in self.selection.labels.iter().enumerate() {
            counts[label as usize] += usize::from(is_one(example));
        }
        counts
    }

    fn cost(&self) -> Cost {
        let longer = self.selection.relative_cost(0.0);
        Cost {
            useful: self.selection.relative_cost(self.early_share),
            sam: 2.0,
            sam_and_useful: 2.0 * longer + self.early_share,
        }
    }

    fn wire(&self) -> Wire<'_> {
        let selection = &self.selection;
        let (n_slow, n_suspect) = (
            self.count(|example| selection.slow[example]),
            self.count(|example| selection.suspect[example]),
        );
        let classes = selection.classes.iter().map(|&found| WireClass {
            name: self.name(found.class),
            n_slow: n_slow[found.class],
            n_suspect: n_suspect[found.class],
            found,
        });
        Wire {
            schema: SELECTION_SCHEMA,
            n_examples: selection.n_rows(),
            n_slow: selection.n_slow(),
            n_suspect: n_suspect.iter().sum(),
            slow_share: selection.slow_share(),
            factor: selection.factor,
            epoch_length: selection.epoch_length(),
            space: selection.space,
            accuracy: selection.accuracy,
            effective_size: selection.effective_size(),
            speed_up_before_and_after: selection.speed_up(),
            early_share: self.early_share,
            relative_cost: self.cost(),
            overlap_with_centered: selection.overlap_with_centered,
            epoch: self.epoch.as_ref(),
            classes: classes.collect(),
            files: [SELECTION, WEIGHTS, INDICES],
            caveats: &selection.caveats,
        }
    }
}

impl Answer for SelectionAnswer {
    fn schema(&self) -> &str {
        SELECTION_SCHEMA
    }

    fn report(&self) -> Report {
        let selection = &self.selection;
        let n_suspect = selection.suspect.iter().filter(|&&suspect| suspect).count();
        let mut report = Report::new("Examples to show more often")
            .subtitle(format!(
                "{} examples, {} classes",
                format::count(selection.n_rows() as u64),
                selection.n_classes
            ))
            .summarise(self.sentence())
            .summarise(
                "Whether this helps can only be measured: train from scratch on the list, and beside it on as many random \
                 duplicates and without duplicates for as many steps.",
            )
            .key_figure(
                KeyFigure::new("slow examples", selection.n_slow())
                    .note(format!("{} of all", format::percent(selection.slow_share()))),
            )
            .key_figure(
                KeyFigure::new("examples in an epoch", selection.epoch_length())
                    .note(format!("slow ones {} times, all others once", selection.factor)),
            )
            .key_figure(
                KeyFigure::new("cost", Cell::number(self.cost().useful, 2))
                    .note(format!(
                        "trainings, if the early one takes {} of the epochs",
                        format::percent(self.early_share)
                    )),
            )
            .key_figure(
                KeyFigure::new("suspect labels", n_suspect).note("never shown more often"),
            )
            .section(self.classes_section())
            .section(self.losses_section());
        if let Some(epoch) = &self.epoch {
            report = report.section(epoch_section(epoch));
        }
        report = report.section(self.suspects_section()).section(self.cost_section());
        selection.caveats.iter().fold(report, |report, caveat| report.caveat(caveat.clone()))
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(out, &self.wire())
    }

    fn files(&self) -> Vec<AnswerFile<'_>> {
        vec![
            AnswerFile::new(SELECTION, |out| self.write_table(out)),
            AnswerFile::new(WEIGHTS, |out| {
                npy_to(out, &array("weights", ArrayValues::F64(self.selection.weights())))
            }),
            AnswerFile::new(INDICES, |out| {
                npy_to(out, &array("indices", ArrayValues::I64(self.selection.indices())))
            }),
            AnswerFile::new("manifest.json", |out| write_json(out, &self.wire())),
        ]
    }
}

fn array(name: &str, values: ArrayValues) -> NamedArray {
    NamedArray { name: name.into(), shape: vec![values.len()], values }
}

impl SelectionAnswer {
    fn sentence(&self) -> String {
        let selection = &self.selection;
        if selection.n_slow() == 0 {
            return "No example is learned slowly: there is nothing to show more often.".into();
        }
        let times = match selection.factor {
            1 => "once, as all others".into(),
            2 => "twice".to_string(),
            factor => format!("{factor} times"),
        };
        format!(
            "{} of {} examples ({}) are learned slowly: show them {times} in every epoch of a training from scratch. An \
             epoch then has {} examples.",
            format::count(selection.n_slow() as u64),
            format::count(selection.n_rows() as u64),
            format::percent(selection.slow_share()),
            format::count(selection.epoch_length() as u64)
        )
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let selection = &self.selection;
        let n = selection.n_rows();
        let mut columns = vec![("index", ParquetColumn::Integers((0..n as i64).collect()))];
        if let Some(ids) = &self.ids {
            columns.push(("id", ParquetColumn::Texts(ids.clone())));
        }
        let clusters = selection.in_slow_cluster.iter().map(|&slow| i64::from(slow)).collect();
        columns.extend([
            (
                "label",
                ParquetColumn::Integers(selection.labels.iter().map(|&l| l.into()).collect()),
            ),
            ("loss", ParquetColumn::Numbers(selection.losses.clone())),
            ("cluster", ParquetColumn::Integers(clusters)),
            ("slow", ParquetColumn::Flags(selection.slow.clone())),
            ("suspect", ParquetColumn::Flags(selection.suspect.clone())),
            ("weight", ParquetColumn::Numbers(selection.weights())),
        ]);
        parquet_to(out, &columns)
    }

    fn classes_section(&self) -> Section {
        let selection = &self.selection;
        let mut table = Table::new("classes", "Two clusters in every class")
            .caption(
                "The slow cluster is the one of higher mean loss. Suspect labels in it are not shown more often.",
            )
            .columns(["class", "examples", "slow", "share"])
            .columns([
                Column::new("suspect").help("labels that look wrong, in either cluster"),
                Column::new("loss of slow").unit("nats"),
                Column::new("loss of fast").unit("nats"),
                Column::new("silhouette")
                    .help("how well the clusters are separated: 1 is best, 0 is not at all"),
            ]);
        let (n_slow, n_suspect) = (
            self.count(|example| selection.slow[example]),
            self.count(|example| selection.suspect[example]),
        );
        for class in &selection.classes {
            let (slow, suspect) = (n_slow[class.class], n_suspect[class.class]);
            let number =
                |value: Option<f64>| value.map_or(Cell::Empty, |value| Cell::number(value, 3));
            let clusters = class.clusters.as_ref();
            table.push([
                Cell::text(self.name(class.class)),
                Cell::from(class.n_rows),
                Cell::from(slow),
                Cell::Percent(slow as f64 / class.n_rows.max(1) as f64),
                if suspect > 0 && suspect * 20 > class.n_rows {
                    Cell::tag(format::count(suspect as u64), Tone::Caution)
                } else {
                    Cell::from(suspect)
                },
                number(clusters.map(|clusters| clusters.mean_loss_slow)),
                number(clusters.map(|clusters| clusters.mean_loss_fast)),
                number(clusters.and_then(|clusters| clusters.silhouette)),
            ]);
        }
        let mut section = Section::new("classes", "Which classes have slow examples").table(table);
        if selection.n_classes <= CHARTED_CLASSES {
            let of_class = |extra: usize| {
                let classes = selection.classes.iter();
                classes.map(move |class| (class.class, class.n_rows, extra)).collect::<Vec<_>>()
            };
            let before = of_class(0).into_iter().map(|(_, n, _)| n as f64);
            let again = selection.factor as usize - 1;
            let after = of_class(again)
                .into_iter()
                .map(|(class, n, again)| (n + again * n_slow[class]) as f64);
            let bars = BarsChart::new(self.class_names.iter().take(selection.n_classes).cloned())
                .values("as it is", before)
                .values("in an epoch of the list", after);
            section = section.chart(
                Chart::new("class-counts", "How the classes change in size", bars)
                    .y("examples in an epoch"),
            );
        }
        section
    }

    fn losses_section(&self) -> Section {
        let selection = &self.selection;
        let finite = || selection.losses.iter().copied().filter(|loss| loss.is_finite());
        let most = finite().fold(0.0, f64::max).max(1e-3);
        let of = |name: &str, slow: bool| {
            let pairs = selection.losses.iter().zip(&selection.in_slow_cluster);
            let losses = pairs.filter(|&(_, &other)| other == slow).map(|(&loss, _)| loss);
            HistogramSeries::counting(name, losses, [0.0, most], BINS)
        };
        let histogram =
            HistogramChart::new().series(of("fast", false)).series(of("slow cluster", true));
        Section::new("losses", "How much harder the slow examples are")
            .prose(format!(
                "A step in mixed batches teaches a slow example {:.2} times as fast as before while all are still being \
                 learned, and {:.2} times as fast once the others are fitted. Repeats carry no new information: the list \
                 is worth {} of as many different examples.",
                selection.speed_up()[0],
                selection.speed_up()[1],
                format::percent(selection.effective_size())
            ))
            .chart(
                Chart::new("losses", "Losses by cluster", histogram)
                    .x(simbias_report::Axis::new("loss").unit("nats"))
                    .y("examples")
                    .caption("Suspect labels are in the cluster that they were put into."),
            )
    }

    fn suspects_section(&self) -> Section {
        let selection = &self.selection;
        let count = |slow: bool, suspect: bool| {
            let pairs = selection.in_slow_cluster.iter().zip(&selection.suspect);
            pairs.filter(|&(&one, &other)| one == slow && other == suspect).count()
        };
        let mut crossed = Table::new("hard-and-suspect", "Hard is not wrong").columns([
            "cluster",
            "label fits",
            "label looks wrong",
        ]);
        for (name, slow) in [("fast", false), ("slow", true)] {
            crossed.push([
                Cell::from(name),
                Cell::from(count(slow, false)),
                Cell::from(count(slow, true)),
            ]);
        }
        let mut worst: Vec<usize> =
            (0..selection.n_rows()).filter(|&example| selection.suspect[example]).collect();
        worst.sort_by(|&one, &other| selection.losses[other].total_cmp(&selection.losses[one]));
        let mut listed = Table::new("suspects", "Suspect labels of highest loss")
            .columns(["example", "label", "loss"]);
        for &example in worst.iter().take(LISTED) {
            listed.push([
                Cell::text(self.id(example)),
                Cell::text(self.name(selection.labels[example] as usize)),
                Cell::number(selection.losses[example], 3),
            ]);
        }
        let section = Section::new("suspects", "Labels that look wrong")
            .prose(
                "A label looks wrong if the network puts the example into another class with at least the confidence \
                 that is usual for that class. Such examples are never shown more often. Outputs of a network that has \
                 seen the labels hide some errors; probabilities out of fold find more.",
            )
            .table(crossed);
        if worst.is_empty() { section } else { section.table(listed) }
    }

    fn cost_section(&self) -> Section {
        let Cost { useful, sam, sam_and_useful } = self.cost();
        let bars = BarsChart::new([
            "as it is".to_string(),
            "this list".into(),
            "SAM".into(),
            "SAM and this list".into(),
        ])
        .values("forward and backward passes", [1.0, useful, sam, sam_and_useful]);
        Section::new("cost", "What it costs")
            .prose(format!(
                "In passes of one training as it is: {useful:.2} for this list (an early training of {} of the epochs, \
                 then epochs {:.2} times as long), {sam:.2} for SAM, {sam_and_useful:.2} for both.",
                format::percent(self.early_share),
                self.selection.relative_cost(0.0)
            ))
            .chart(
                Chart::new("cost", "Cost in trainings", bars)
                    .y("passes, in those of a training as it is"),
            )
    }
}

fn epoch_section(epoch: &EpochOfSelection) -> Section {
    let epochs: Vec<f64> = (0..epoch.errors.len()).map(|index| index as f64).collect();
    let lines = LinesChart::new()
        .series(LineSeries::new("training error", epochs, epoch.errors.clone()))
        .x_reference(epoch.index as f64, "clustered");
    let why = match &epoch.rule {
        None => "You chose the epoch.".to_string(),
        Some(rule) => format!(
            "The outputs after {} epochs were taken: the first epoch in which the error falls by less than a twentieth of \
             its largest fall, at least {} and at most {}. This is a rule of this tool; the paper says where the decrease \
             begins to shrink.",
            rule.epoch, rule.allowed[0], rule.allowed[1]
        ),
    };
    Section::new("epoch", "Which epoch was clustered").prose(why).chart(
        Chart::new("training-error", "Training error by epoch", lines)
            .x("epoch of the outputs, counted from 0")
            .y(simbias_report::Axis::new("error").percent()),
    )
}
