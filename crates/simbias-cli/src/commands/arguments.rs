//! Flags that several commands share: which data, which blocks, where the answer goes.

use std::path::PathBuf;

use simbias_data::read::{Features, LabelSource, Missing, Part, PartChoice, Task};
use simbias_data::{Dataset, ReadOptions, SplitOptions, read_dataset};
use simbias_reliance::ResolvedBlocks;
use simbias_report::Caveat;
use simbias_run::{RunDirectory, resolve_blocks};

use crate::shell::{Failure, Shell};

/// Which rows, which labels.
#[derive(clap::Args, Debug)]
pub(crate) struct DataArgs {
    /// .csv, .tsv, .parquet, .npy, .npz, .safetensors, IDX, CIFAR binary, or a folder of images (class = subfolder)
    #[arg(long, value_name = "PATH")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// How to read the data.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Reading data")]
pub(crate) struct ReadingArgs {
    /// Label column or array, or a separate file (FILE or FILE::ARRAY); usual names are found without this flag
    #[arg(long, value_name = "NAME|FILE")]
    labels: Option<String>,
    /// Make two classes of a numeric label: below T, and T or more
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    label_threshold: Option<f64>,
    /// Whether labels are classes or numbers to predict
    #[arg(long, value_enum, default_value_t = TaskWord::Auto)]
    task: TaskWord,
    /// The classes in the order of the model's outputs, separated by commas; a class may have no rows. Without this
    /// flag the order that a model's file tells, or the labels sorted by name or number
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Vec<String>,
    /// Columns (arrays) that are not model input; repeat, or separate by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    drop: Vec<String>,
    /// Columns (arrays) that group the rows, such as the hospital; reported by value, never model input
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    strata: Vec<String>,
    /// Resize all images to this height and width
    #[arg(long, value_name = "HxW", value_parser = image_size)]
    image_size: Option<(usize, usize)>,
    /// Column of a table that holds images, or paths to them
    #[arg(long, value_name = "NAME")]
    image_column: Option<String>,
    /// At most this many rows, evenly spaced over the source
    #[arg(long, value_name = "N")]
    max_rows: Option<usize>,
    /// What to do with missing cells of a table
    #[arg(long, value_enum, default_value_t = MissingWord::Error)]
    missing: MissingWord,
    /// Part to read of a source that comes in parts; the test part, if there is one, when not given
    #[arg(long, value_enum, value_name = "PART")]
    part: Option<PartWord>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum TaskWord {
    /// Texts and few distinct whole numbers are classes
    Auto,
    /// Every distinct label is a class
    Classes,
    /// Labels are numbers
    Values,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum MissingWord {
    /// Stop and name the first one
    Error,
    /// Fill with the column's mean
    Mean,
    /// Leave such rows out
    Drop,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum PartWord {
    Train,
    Validation,
    Test,
    All,
}

fn image_size(text: &str) -> Result<(usize, usize), String> {
    let size = text.split_once(['x', '×']).and_then(|(height, width)| {
        Some((height.trim().parse().ok()?, width.trim().parse().ok()?))
    });
    size.filter(|&(height, width)| height > 0 && width > 0)
        .ok_or_else(|| "write HEIGHTxWIDTH in pixels, such as 64x64".into())
}

impl ReadingArgs {
    /// The options of the readers for a command that takes all parts of a source; `command` as in "an audit".
    pub(crate) fn all_parts(&self, command: &str) -> Result<ReadOptions, Failure> {
        match self.part {
            None | Some(PartWord::All) => {
                Ok(ReadOptions { parts: PartChoice::All, ..self.options() })
            }
            Some(_) => Err(Failure::input(format!(
                "{command} takes all parts of a source: training, validation and test"
            ))
            .hint("leave out --part, or give that part as a file of its own")),
        }
    }

    /// Whether the user gave the classes in the model's order.
    pub(crate) fn has_classes(&self) -> bool {
        !self.classes.is_empty()
    }

    /// Whether the user wants the labels to be numbers.
    pub(crate) fn wants_values(&self) -> bool {
        matches!(self.task, TaskWord::Values)
    }

    /// The options of the readers.
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            labels: self.labels.as_deref().map(LabelSource::from_words),
            strata: self.strata.clone(),
            features: match self.drop.as_slice() {
                [] => Features::All,
                dropped => Features::AllBut(dropped.to_vec()),
            },
            image_column: self.image_column.clone(),
            image_size: self.image_size,
            max_rows: self.max_rows,
            task: match self.task {
                TaskWord::Auto => Task::Auto,
                TaskWord::Classes => Task::Classes,
                TaskWord::Values => Task::Values,
            },
            classes: self.has_classes().then(|| self.classes.clone()),
            label_threshold: self.label_threshold,
            missing: match self.missing {
                MissingWord::Error => Missing::Error,
                MissingWord::Mean => Missing::Mean,
                MissingWord::Drop => Missing::Drop,
            },
            parts: match self.part {
                None => PartChoice::Prefer(Part::Test),
                Some(PartWord::All) => PartChoice::All,
                Some(PartWord::Train) => PartChoice::Only(Part::Train),
                Some(PartWord::Validation) => PartChoice::Only(Part::Validation),
                Some(PartWord::Test) => PartChoice::Only(Part::Test),
            },
            ..ReadOptions::default()
        }
    }
}

impl DataArgs {
    /// Reads the rows.
    pub(crate) fn read(&self) -> Result<Dataset, Failure> {
        Ok(read_dataset(&self.data, &self.reading.options())?)
    }
}

/// Which blocks.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Blocks")]
pub(crate) struct BlocksArgs {
    /// Blocks: a TOML file, or grid:3x3, bands:4, correlation:0.7, columns, name=0,3..7;other=8..12;
    /// proposed from the data when not given
    #[arg(long, value_name = "FILE|FORM")]
    blocks: Option<String>,
    /// Let blocks share coordinates
    #[arg(long)]
    allow_overlap: bool,
}

impl BlocksArgs {
    /// The blocks of `data`.
    pub(crate) fn resolve(&self, data: &Dataset) -> Result<ResolvedBlocks, Failure> {
        Ok(resolve_blocks(self.blocks.as_deref(), data, self.allow_overlap)?)
    }
}

/// How rows that do not come in parts are divided.
#[derive(clap::Args, Debug)]
pub(crate) struct SplitArgs {
    /// Share of the rows for validation
    #[arg(long, value_name = "SHARE", default_value_t = SplitOptions::default().validation)]
    validation_share: f64,
    /// Share of the rows for the test
    #[arg(long, value_name = "SHARE", default_value_t = SplitOptions::default().test)]
    test_share: f64,
}

impl SplitArgs {
    /// The options of the readers; no stratum is kept together.
    pub(crate) fn options(&self, shell: &Shell) -> SplitOptions {
        SplitOptions {
            validation: self.validation_share,
            test: self.test_share,
            seed: shell.seed(),
            group: None,
        }
    }
}

/// Where the answer is kept.
#[derive(clap::Args, Debug)]
pub(crate) struct OutArgs {
    /// New directory for report and result; runs/COMMAND-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl OutArgs {
    /// Opens the run's directory, before any long work.
    pub(crate) fn open(&self, shell: &Shell) -> Result<RunDirectory, Failure> {
        shell.open_run(self.out.as_deref())
    }
}

/// What was decided about the blocks, for the report.
pub(crate) fn notes(resolved: &ResolvedBlocks) -> Vec<Caveat> {
    resolved.notes.iter().map(|note| Caveat::note("blocks", note.as_str())).collect()
}
