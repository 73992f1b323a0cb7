//! A training as an answer: as a report and as a result.

use std::io::{self, Write};

use serde::Serialize;
use simbias_data::Dataset;
use simbias_report::{
    Answer, AnswerFile, Axis, Caveat, Cell, Chart, KeyFigure, LineSeries, LinesChart, Report,
    Section, Table, write_json,
};

use crate::fit::{Evaluation, Outcome, Score, TrainState};
use crate::model::{LearnedFrom, Standardization, TrainedNetwork};
use crate::objective::Loss;
use crate::predict::NetScorer;

/// Name and version of the result of a training.
pub const TRAINING_SCHEMA: &str = "simbias.train/1";

/// What happened to the columns of a table.
const STANDARDISED: &str = "Columns were standardised by the mean and deviation of the training part. The saved network \
                            does so itself: it takes rows as they are read.";

/// Name of the traces beside a result.
const TRACES: &str = "traces.safetensors";

/// A finished training as an answer: what it made, how it went, how the network does on test rows.
#[derive(Clone, Debug)]
pub struct TrainingAnswer {
    network: TrainedNetwork,
    evaluations: Vec<Evaluation>,
    outcome: Outcome,
    loss: Loss,
    test: Score,
    traces: Option<Vec<u8>>,
    notes: Vec<Caveat>,
}

impl TrainingAnswer {
    /// The answer for a training that left `state` and ended with `outcome`. `standardization` is what rows go through
    /// before the network sees them, `test` its score on test rows.
    pub fn new(
        state: TrainState,
        standardization: Option<Standardization>,
        outcome: Outcome,
        loss: Loss,
        test: Score,
    ) -> Self {
        let TrainState { network, evaluations, .. } = state;
        let network = NetScorer::new(network);
        let network = TrainedNetwork { network, standardization, learned_from: None };
        Self { network, evaluations, outcome, loss, test, traces: None, notes: Vec::new() }
    }

    /// Adds what reading the data decided.
    #[must_use]
    pub fn notes(mut self, notes: Vec<Caveat>) -> Self {
        self.notes = notes;
        self
    }

    /// Says what the network was trained on, so that it finds columns and classes of other data by name.
    #[must_use]
    pub fn learned_from(mut self, data: &Dataset) -> Self {
        self.network.learned_from = Some(LearnedFrom::new(data));
        self
    }

    /// Adds the file of a [`TraceRecorder`](crate::TraceRecorder).
    #[must_use]
    pub fn traces(mut self, safetensors: Vec<u8>) -> Self {
        self.traces = Some(safetensors);
        self
    }

    fn n_parameters(&self) -> usize {
        self.network.network.network().n_parameters()
    }
}

#[derive(Serialize)]
struct WireTraining<'a> {
    schema: &'static str,
    steps: u64,
    kept_step: u64,
    ended: &'static str,
    n_parameters: usize,
    flops_per_row: u64,
    test: Score,
    evaluations: &'a [Evaluation],
}

impl Answer for TrainingAnswer {
    fn schema(&self) -> &str {
        TRAINING_SCHEMA
    }

    fn report(&self) -> Report {
        let Outcome { steps, kept_step, .. } = self.outcome;
        let mut report = Report::new("Training")
            .subtitle(format!("{} parameters, {steps} steps", self.n_parameters()))
            .summarise(format!(
                "Training ended after {steps} steps ({}); the weights of step {kept_step} were kept, the best on the \
                 validation rows.",
                self.outcome.reason.words(),
            ));
        if let Some(accuracy) = self.test.accuracy {
            report = report.key_figure(KeyFigure::new("test accuracy", accuracy));
        }
        report = report.key_figure(KeyFigure::new("test loss", self.test.loss));
        for note in &self.notes {
            report = report.caveat(note.clone());
        }
        if self.network.standardization.is_some() {
            report = report.caveat(Caveat::note("standardised", STANDARDISED));
        }
        report.section(curves(&self.evaluations, self.loss))
    }

    fn write_result(&self, out: &mut dyn Write) -> io::Result<()> {
        let wire = WireTraining {
            schema: TRAINING_SCHEMA,
            steps: self.outcome.steps,
            kept_step: self.outcome.kept_step,
            ended: self.outcome.reason.words(),
            n_parameters: self.n_parameters(),
            flops_per_row: self.network.network.network().flops_per_row(),
            test: self.test,
            evaluations: &self.evaluations,
        };
        write_json(out, &wire)
    }

    /// The traces, and the network.
    fn files(&self) -> Vec<AnswerFile<'_>> {
        let traces = self.traces.as_ref();
        let traces = traces.map(|bytes| AnswerFile::new(TRACES, |out| out.write_all(bytes)));
        traces.into_iter().chain(self.network.files()).collect()
    }
}

fn curves(evaluations: &[Evaluation], loss: Loss) -> Section {
    let (mut x, mut losses, mut accuracies) = (Vec::new(), Vec::new(), Vec::new());
    let mut table = Table::new("evaluations", "Evaluations on validation rows")
        .columns(["step", "loss", "accuracy"]);
    for evaluation in evaluations {
        let Some(score) = evaluation.validation else { continue };
        x.push(evaluation.step as f64);
        losses.push(score.loss);
        accuracies.extend(score.accuracy);
        table = table.row([
            Cell::from(evaluation.step),
            Cell::number(score.loss, 4),
            score.accuracy.map_or(Cell::Empty, Cell::from),
        ]);
    }
    let name = if loss == Loss::SquaredError { "mean squared error" } else { "loss (nats)" };
    let curve = |id: &str, title: &str, x: Vec<f64>, y: Vec<f64>, axis: &str| {
        let lines = LinesChart::new().series(LineSeries::new("validation", x, y));
        Chart::new(id, title, lines).x(Axis::new("step")).y(Axis::new(axis))
    };
    let mut section = Section::new("curves", "Learning curves").chart(curve(
        "loss",
        "Validation loss",
        x.clone(),
        losses,
        name,
    ));
    if accuracies.len() == x.len() {
        let chart = curve("accuracy", "Validation accuracy", x, accuracies, "accuracy");
        section = section.chart(chart);
    }
    section.table(table)
}
