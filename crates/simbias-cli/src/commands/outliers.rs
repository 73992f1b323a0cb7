//! `simbias outliers`: which groups of examples pull in opposite directions.

use std::ops::Range;
use std::path::PathBuf;

use ndarray::Array2;
use simbias_data::{Column, DataError, MatrixFile, RowSource};
use simbias_dynamics::cross_entropies;
use simbias_dynamics::document::OutliersAnswer;
use simbias_dynamics::outliers::{OutlierOptions, find_outliers};
use simbias_run::of_export;

use crate::commands::arguments::{OutArgs, example_names};
use crate::shell::{Failure, Finished, Shell, at_least_one};

/// Find small groups of examples whose losses swing against each other, from losses recorded while a network trains.
///
/// Record the loss of every example at every step (full batches) or after every epoch, always for the same examples in
/// the same order and in evaluation mode. A pair of groups counts if it opposes, and moves together more than chance.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias outliers losses.npy
  simbias outliers losses.npy --labels labels.npy --ids names.csv::file
  simbias outliers trace.safetensors::losses --steps 300:500
  simbias outliers losses.parquet::losses --labels y.npy --surrogates 1000")]
pub(crate) struct OutliersArgs {
    /// Losses [steps, examples]: FILE or FILE::ARRAY of .npy, .npz, .safetensors, Parquet or .csv; NaN where an example
    /// was not evaluated
    #[arg(value_name = "LOSSES")]
    losses: PathBuf,
    /// Class of every example, a number or a name: FILE, or FILE::COLUMN of a table
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Names of the examples in the order of the columns: FILE, or FILE::COLUMN of a table
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// Recorded steps to look at, counted from 0, the last one not included; all when not given. Late steps show more
    #[arg(long, value_name = "FIRST:END", value_parser = steps)]
    steps: Option<Range<usize>>,
    /// Examples listed as rising and falling in the step of the largest changes
    #[arg(long, value_name = "N", default_value_t = OutlierOptions::default().n_listed, value_parser = at_least_one)]
    top: usize,
    /// Share of the examples that is called the top
    #[arg(long, value_name = "SHARE", default_value_t = OutlierOptions::default().top_share)]
    share: f64,
    /// Pairs of groups to look for
    #[arg(long, value_name = "N", default_value_t = OutlierOptions::default().n_pairs, value_parser = at_least_one)]
    pairs: usize,
    /// Shifted copies of the series that pairs are held against
    #[arg(long, value_name = "N", default_value_t = OutlierOptions::default().n_surrogates)]
    surrogates: usize,
    #[command(flatten)]
    out: OutArgs,
}

fn steps(text: &str) -> Result<Range<usize>, String> {
    let (first, end) = text.split_once(':').ok_or("give FIRST:END, such as 300:500")?;
    let number = |text: &str, empty: usize| match text {
        "" => Ok(empty),
        text => text.parse().map_err(|_| format!("{text:?} is not a whole number")),
    };
    let steps = number(first, 0)?..number(end, usize::MAX)?;
    if steps.is_empty() {
        return Err("the last step must come after the first one".into());
    }
    Ok(steps)
}

/// Some steps of a trace.
struct Stretch<'a> {
    losses: &'a dyn RowSource,
    steps: Range<usize>,
}

impl RowSource for Stretch<'_> {
    fn n_rows(&self) -> usize {
        self.steps.len()
    }

    fn n_columns(&self) -> usize {
        self.losses.n_columns()
    }

    fn read_rows(&self, first: usize, out: &mut [f32]) -> Result<(), DataError> {
        self.losses.read_rows(self.steps.start + first, out)
    }

    fn read_rows_f64(&self, first: usize, out: &mut [f64]) -> Result<(), DataError> {
        self.losses.read_rows_f64(self.steps.start + first, out)
    }
}

impl OutliersArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        shell.computes_on_cpu();
        let run = self.out.open(shell)?;
        let file = MatrixFile::open(&self.losses, &[])?;
        let labels = self.labels.as_ref().map(|path| Column::open(path)).transpose()?;
        let progress = shell.progress("looking for opposing groups");
        let computed = self.losses_of_logits(&file, labels.as_ref(), &progress)?;
        let computed = computed.as_ref().map(|losses| losses.view());
        let losses: &dyn RowSource = match &computed {
            Some(losses) => losses,
            None => &file,
        };
        let n_steps = losses.n_rows();
        let steps = self.steps.clone().unwrap_or(0..n_steps);
        if steps.start >= n_steps {
            return Err(Failure::input(format!(
                "--steps begins at {}, but {:?} has {n_steps} recorded steps, counted from 0",
                steps.start, self.losses
            )));
        }
        let stretch = Stretch { losses, steps: steps.start..steps.end.min(n_steps) };
        let classes = labels.map(Column::into_groups);
        let options = OutlierOptions {
            n_listed: self.top,
            top_share: self.share,
            n_pairs: self.pairs,
            n_surrogates: self.surrogates,
            ..OutlierOptions::default()
        };
        let indices = classes.as_ref().map(|classes| classes.indices.as_slice());
        let outcome = find_outliers(&stretch, indices, &options, shell.seed(), &progress)?;
        drop(progress);
        let ids = example_names(self.ids.as_deref(), outcome.n_examples())?;
        let (labels, class_names) = match classes {
            Some(classes) => (Some(classes.indices), classes.names),
            None => (None, Vec::new()),
        };
        let answer = OutliersAnswer { outcome, labels, class_names, ids };
        let files = [Some(&self.losses), self.labels.as_ref(), self.ids.as_ref()];
        let inputs: Result<Vec<_>, _> =
            files.into_iter().flatten().map(|file| of_export(file)).collect();
        shell.close_run(run, &answer, inputs?)?;
        Ok(Finished::Done)
    }

    /// Losses [steps, examples], if the file holds logits [steps, examples, classes] instead.
    fn losses_of_logits(
        &self,
        file: &MatrixFile,
        labels: Option<&Column>,
        progress: &dyn simbias_report::Progress,
    ) -> Result<Option<Array2<f64>>, Failure> {
        let Some(n_steps) = file.n_stacked() else { return Ok(None) };
        let Some(labels) = labels else {
            return Err(Failure::input(format!(
                "{:?} holds {n_steps} matrices of {} x {} numbers, where losses have shape [steps, examples]",
                self.losses,
                file.n_rows(),
                file.n_columns()
            ))
            .hint("if they are logits [steps, examples, classes], --labels lets their losses be computed"));
        };
        let classes = labels.clone().into_classes(file.n_columns(), None)?;
        let mut losses = Array2::zeros((n_steps, file.n_rows()));
        for (step, mut row) in losses.rows_mut().into_iter().enumerate() {
            let found = cross_entropies(&file.of_stack(step), &classes.indices, progress)?;
            for (place, loss) in row.iter_mut().zip(found) {
                *place = loss;
            }
        }
        Ok(Some(losses))
    }
}
