//! `simbias upsample select`: outputs and labels become a list of examples.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use simbias_data::{ClassLabels, Column, MatrixFile, RowSource};
use simbias_dynamics::document::{EpochOfSelection, SelectionAnswer};
use simbias_dynamics::history::history;
use simbias_dynamics::select::{
    BinaryLogits, Guard, Outputs, SelectOptions, Space, select, separating_epoch,
};
use simbias_report::Caveat;
use simbias_run::of_export;

use crate::commands::arguments::{OutArgs, example_names};
use crate::shell::{Failure, Finished, Shell, at_least_one};

/// Select the examples that a network learns slowly, to show them more often in a training from scratch (USEFUL).
///
/// Train for a few epochs, export the outputs (logits) of all training examples in evaluation mode and without
/// augmentation, and give them with the labels. Every class is put into two clusters of outputs; the one of higher loss
/// is slow. Examples whose labels look wrong are never shown more often.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias upsample select --outputs early.npy --labels labels.npy
  simbias upsample select --outputs early.safetensors::logits --labels train.csv::species --ids train.csv::id
  simbias upsample select --outputs all_epochs.npy --labels labels.npy --planned-epochs 200
  simbias upsample select --outputs early.parquet::logits --labels early.parquet::label --guard none --factor 3")]
pub(crate) struct SelectArgs {
    /// Logits [examples, classes], or [epochs, examples, classes]: FILE or FILE::ARRAY of .npy, .npz, .safetensors,
    /// Parquet (a column of lists, or a column for each class) or .csv
    #[arg(long, value_name = "FILE")]
    outputs: PathBuf,
    /// Class of every example, a number counted from 0 or a name: FILE, or FILE::COLUMN of a table
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Names of the classes in the order of the outputs, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Vec<String>,
    /// Names of the examples in the order of the outputs: FILE, or FILE::COLUMN of a table
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// Embeddings [examples, numbers] to cluster in place of the outputs
    #[arg(long, value_name = "FILE", conflicts_with = "space")]
    embeddings: Option<PathBuf>,
    /// What to cluster of the outputs
    #[arg(long, value_enum, default_value_t = SpaceWord::Logits)]
    space: SpaceWord,
    /// How often slow examples are shown in an epoch
    #[arg(long, value_name = "K", default_value_t = SelectOptions::default().factor, value_parser = clap::value_parser!(u32).range(1..=1000))]
    factor: u32,
    /// Which of several epochs to cluster, counted from 0; auto: where the training error stops falling fast
    #[arg(long, value_name = "auto|INDEX", default_value = "auto")]
    epoch: EpochWord,
    /// Epochs of the training that is planned, for the choice of the epoch and the cost; as many as there are outputs
    /// of, when not given
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    planned_epochs: Option<usize>,
    /// What labels are held against: confident (the outputs), none, or a file with 1 for every example whose label is
    /// suspect
    #[arg(long, value_name = "confident|none|FILE", default_value = "confident")]
    guard: GuardWord,
    /// Probabilities [examples, classes] of networks that have not seen the example; a better guard than the outputs
    #[arg(long, value_name = "FILE")]
    out_of_fold: Option<PathBuf>,
    /// Starts of the clustering of every class; 10, and more for small classes, when not given
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    restarts: Option<usize>,
    /// Leave classes with fewer examples alone
    #[arg(long, value_name = "N", default_value_t = SelectOptions::default().min_class)]
    min_class: usize,
    /// Leave examples with NaN or infinity among their outputs alone instead of stopping
    #[arg(long)]
    drop_nonfinite: bool,
    /// The outputs are one logit, that of the second of two classes
    #[arg(long)]
    binary: bool,
    /// Most memory for rows, in MiB
    #[arg(long, value_name = "MIB", default_value_t = SelectOptions::default().memory_bytes >> 20, value_parser = at_least_one)]
    memory: usize,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum SpaceWord {
    /// As they are
    Logits,
    /// Less the mean of each row
    Centered,
    /// Probabilities; another method, see the documentation
    Softmax,
}

#[derive(Clone, Copy, Debug)]
enum EpochWord {
    Auto,
    Index(usize),
}

impl FromStr for EpochWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text
                .parse()
                .map(Self::Index)
                .map_err(|_| "give auto or a whole number from 0 up".into()),
        }
    }
}

#[derive(Clone, Debug)]
enum GuardWord {
    Confident,
    Off,
    File(PathBuf),
}

impl FromStr for GuardWord {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "confident" => Self::Confident,
            "none" => Self::Off,
            file => Self::File(file.into()),
        })
    }
}

/// Share of the epochs of a training that the paper's early trainings take, for the cost when nothing is known.
const USUAL_EARLY_SHARE: f64 = 0.05;

impl SelectArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        shell.computes_on_cpu();
        let run = self.out.open(shell)?;
        // A Parquet file may hold labels and names beside the outputs.
        let aside: Vec<String> = [Some(&self.labels), self.ids.as_ref()]
            .into_iter()
            .flatten()
            .map(|p| column_of(p))
            .collect();
        let aside: Vec<&str> = aside.iter().map(String::as_str).collect();
        let all = MatrixFile::open(&self.outputs, &aside)?;
        if all.n_columns() == 1 && !self.binary {
            return Err(Failure::input(format!(
                "{:?} has one column, which cannot hold a logit for each of several classes",
                self.outputs
            ))
            .hint("--binary takes one logit, that of the second of two classes"));
        }
        let n_classes = if self.binary { 2 } else { all.n_columns() };
        let classes = self.read_labels(&all, n_classes)?;
        let progress = shell.progress("selecting");
        let (logits, epoch) = self.choose_epoch(&all, &classes.indices, &progress)?;
        let embeddings =
            self.embeddings.as_ref().map(|path| MatrixFile::open(path, &[])).transpose()?;
        let guard = self.open_guard(classes.indices.len())?;
        let binary = BinaryLogits::new(&logits).filter(|_| self.binary);
        if self.binary && binary.is_none() {
            return Err(Failure::input(format!(
                "--binary takes one logit for every example, but {:?} has {} columns",
                self.outputs,
                logits.n_columns()
            ))
            .hint("leave out --binary"));
        }
        let outputs = Outputs {
            logits: binary.as_ref().map_or(&logits as &dyn RowSource, |binary| binary),
            embeddings: embeddings.as_ref().map(|embeddings| embeddings as &dyn RowSource),
        };
        let options = SelectOptions {
            factor: self.factor,
            space: self.space(),
            restarts: self.restarts,
            min_class: self.min_class,
            keep_not_finite: self.drop_nonfinite,
            memory_bytes: self.memory << 20,
        };
        let mut selection =
            select(outputs, &classes.indices, guard.as_guard(), &options, shell.seed(), &progress)?;
        drop(progress);
        let ids = example_names(self.ids.as_deref(), selection.n_rows())?;
        if ids.is_none() {
            selection.caveats.push(Caveat::note(
                "order",
                "Nothing shows whether outputs, labels and training examples are in the same order: the list counts \
                 examples in the order of the outputs. A shuffled export spoils it unnoticed; names of the examples would \
                 tell.",
            ));
        }
        let early = epoch.as_ref().map(|epoch| epoch.index + 1);
        let early_share = match (early, self.planned_epochs) {
            (Some(early), Some(planned)) => early as f64 / planned as f64,
            _ => USUAL_EARLY_SHARE,
        };
        let answer =
            SelectionAnswer { selection, class_names: classes.names, ids, early_share, epoch };
        let files =
            [Some(&self.outputs), Some(&self.labels), self.ids.as_ref(), self.embeddings.as_ref()];
        let inputs: Result<Vec<_>, _> =
            files.into_iter().flatten().map(|file| of_export(file)).collect();
        shell.close_run(run, &answer, inputs?)?;
        Ok(Finished::Done)
    }

    fn space(&self) -> Space {
        match self.space {
            _ if self.embeddings.is_some() => Space::Embedding,
            SpaceWord::Logits => Space::Logits,
            SpaceWord::Centered => Space::Centered,
            SpaceWord::Softmax => Space::Softmax,
        }
    }

    fn read_labels(&self, all: &MatrixFile, n_classes: usize) -> Result<ClassLabels, Failure> {
        let labels = Column::open(&self.labels)?;
        if labels.len() != all.n_rows() {
            return Err(Failure::input(format!(
                "{:?} has outputs of {} examples, {:?} has {} labels: both must describe the same examples in the same \
                 order",
                self.outputs,
                all.n_rows(),
                self.labels,
                labels.len()
            ))
            .hint("export outputs and labels in one loop, without shuffling"));
        }
        let names = (!self.classes.is_empty()).then_some(self.classes.as_slice());
        Ok(labels.into_classes(n_classes, names)?)
    }

    /// The outputs to cluster, and how they were chosen if there are several.
    fn choose_epoch(
        &self,
        all: &MatrixFile,
        labels: &[u32],
        progress: &dyn simbias_report::Progress,
    ) -> Result<(MatrixFile, Option<EpochOfSelection>), Failure> {
        let Some(n_epochs) = all.n_stacked() else {
            return match self.epoch {
                EpochWord::Auto => Ok((all.clone(), None)),
                EpochWord::Index(index) => Err(Failure::input(format!(
                    "--epoch {index}: {:?} has outputs of one epoch; several have shape [epochs, examples, classes]",
                    self.outputs
                ))
                .hint("leave out --epoch")),
            };
        };
        let epochs: Vec<MatrixFile> = (0..n_epochs).map(|index| all.of_stack(index)).collect();
        let pairs: Vec<BinaryLogits<'_>> = match self.binary {
            true => epochs.iter().filter_map(|epoch| BinaryLogits::new(epoch)).collect(),
            false => Vec::new(),
        };
        let sources: Vec<&dyn RowSource> = match pairs.is_empty() {
            true => epochs.iter().map(|epoch| epoch as &dyn RowSource).collect(),
            false => pairs.iter().map(|pair| pair as &dyn RowSource).collect(),
        };
        let errors = history(&sources, labels, progress)?.errors;
        let (index, rule) = match self.epoch {
            EpochWord::Index(index) if index < n_epochs => (index, None),
            EpochWord::Index(index) => {
                return Err(Failure::input(format!(
                    "--epoch {index}: {:?} has outputs of {n_epochs} epochs, counted from 0",
                    self.outputs
                )));
            }
            EpochWord::Auto => {
                // Before the first epoch a network guesses.
                let mut falling = vec![1.0 - 1.0 / sources[0].n_columns() as f64];
                falling.extend(&errors);
                let planned = self.planned_epochs.unwrap_or(n_epochs);
                let rule = separating_epoch(&falling, planned)?;
                (rule.epoch.min(n_epochs) - 1, Some(rule))
            }
        };
        Ok((epochs[index].clone(), Some(EpochOfSelection { index, errors, rule })))
    }

    fn open_guard(&self, n_examples: usize) -> Result<OpenedGuard, Failure> {
        if let Some(path) = &self.out_of_fold {
            if !matches!(self.guard, GuardWord::Confident) {
                return Err(Failure::input(
                    "--out-of-fold and --guard both say what labels are held against",
                )
                .hint("give one of them"));
            }
            return Ok(OpenedGuard::Probabilities(MatrixFile::open(path, &[])?));
        }
        let path = match &self.guard {
            GuardWord::Confident => return Ok(OpenedGuard::Outputs),
            GuardWord::Off => return Ok(OpenedGuard::Off),
            GuardWord::File(path) => path,
        };
        let marks = Column::open(path)?.into_classes(2, None)?;
        if marks.indices.len() != n_examples {
            return Err(Failure::input(format!(
                "--guard {path:?} has {} marks for {n_examples} examples",
                marks.indices.len()
            )));
        }
        Ok(OpenedGuard::Mask(marks.indices.iter().map(|&mark| mark == 1).collect()))
    }
}

/// A guard with what it holds.
enum OpenedGuard {
    Off,
    Outputs,
    Probabilities(MatrixFile),
    Mask(Vec<bool>),
}

impl OpenedGuard {
    fn as_guard(&self) -> Guard<'_> {
        match self {
            Self::Off => Guard::Off,
            Self::Outputs => Guard::Outputs,
            Self::Probabilities(source) => Guard::Probabilities(source),
            Self::Mask(mask) => Guard::Mask(mask),
        }
    }
}

/// `COLUMN` of `FILE::COLUMN`; the usual name of labels otherwise.
fn column_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.rsplit_once("::").map_or_else(|| "label".into(), |(_, column)| column.to_string())
}
