//! Flags that several commands share: which data, which blocks, where the answer goes.

use std::path::{Path, PathBuf};

use simbias_data::read::{
    DateOrder, DecimalMark, Delimiter, Features, LabelSource, Missing, Part, PartChoice, Task,
};
use simbias_data::{Column, Dataset, ReadOptions, SplitOptions, read_dataset};
use simbias_reliance::ResolvedBlocks;
use simbias_report::{Caveat, format};
use simbias_run::{RunDirectory, resolve_blocks};

use crate::shell::{Failure, Shell};

/// Which rows, which labels.
#[derive(clap::Args, Debug)]
pub(crate) struct DataArgs {
    /// .csv, .tsv, .parquet, .npy, .npz, .safetensors, IDX, CIFAR binary, or a folder of images (class = subfolder); - for
    /// standard input
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
    /// Columns (arrays) that are not model input; repeat, or separate by commas; a name with a comma goes in "double
    /// quotes" of its own
    #[arg(long, value_name = "NAME", value_parser = Names::parse)]
    drop: Vec<Names>,
    /// Leave out every unusable column, with a note, instead of stopping
    #[arg(long)]
    drop_unusable: bool,
    /// Columns to use although they look like a row index
    #[arg(long, value_name = "NAME", value_parser = Names::parse)]
    keep: Vec<Names>,
    /// Columns to read as texts, whatever they look like (codes, post codes)
    #[arg(long, value_name = "NAME", value_parser = Names::parse)]
    as_text: Vec<Names>,
    /// Columns (arrays) that group the rows, such as the hospital; reported by value, never model input
    #[arg(long, value_name = "NAME", value_parser = Names::parse)]
    strata: Vec<Names>,
    /// Column (array) that says how much every row counts in training; never model input, and metrics ignore it
    #[arg(long, value_name = "NAME")]
    weights: Option<String>,
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
    /// Words that mean missing in every column, besides empty cells; when not given, NA, None, null, nan, ?, - and the
    /// like mean missing among numbers, and are values in columns of texts
    #[arg(long, value_name = "WORD", value_parser = Names::parse)]
    missing_values: Vec<Names>,
    /// Most different texts that a column may hold
    #[arg(long, value_name = "N", default_value_t = ReadOptions::default().max_categories, value_parser = crate::shell::at_least_one)]
    max_categories: usize,
    /// The first line of a text table is a row; its columns are called column1, column2, …
    #[arg(long)]
    no_header: bool,
    /// What separates the cells of a text table: one character, or comma, semicolon, tab, bar or blanks; found from its
    /// first lines when not given
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<Delimiter>,
    /// Mark before the decimals in a text table (the other one separates thousands); found from the columns when not
    /// given
    #[arg(long, value_enum, value_name = "MARK")]
    decimal_mark: Option<MarkWord>,
    /// Order of dates such as 3/4/2021; found from the columns when not given
    #[arg(long, value_enum, value_name = "ORDER")]
    date_order: Option<OrderWord>,
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
    /// Leave them missing, for models that take missing cells (NaN); networks trained here do not
    Keep,
    /// Fill with the mean, and add an input that is 1 where the cell is missing
    Indicate,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum MarkWord {
    /// 1,234.5
    Point,
    /// 1.234,5
    Comma,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum OrderWord {
    /// 31/12/2021
    DayFirst,
    /// 12/31/2021
    MonthFirst,
}

/// Names between commas.
#[derive(Clone, Debug)]
struct Names(Vec<String>);

impl Names {
    /// Splits at commas that are not within double quotes; a doubled quote within quotes is one.
    fn parse(text: &str) -> Result<Self, String> {
        let mut names = vec![String::new()];
        let mut letters = text.chars().peekable();
        let mut is_quoted = false;
        while let Some(letter) = letters.next() {
            let last = names.len() - 1;
            match letter {
                '"' if is_quoted && letters.next_if_eq(&'"').is_some() => names[last].push('"'),
                '"' if is_quoted || names[last].is_empty() => is_quoted = !is_quoted,
                ',' if !is_quoted => names.push(String::new()),
                letter => names[last].push(letter),
            }
        }
        if is_quoted { Err("a quotation mark is not closed".into()) } else { Ok(Self(names)) }
    }

    fn all(lists: &[Self]) -> Vec<String> {
        lists.iter().flat_map(|list| list.0.iter().cloned()).collect()
    }
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum PartWord {
    Train,
    Validation,
    Test,
    All,
}

fn delimiter(text: &str) -> Result<Delimiter, String> {
    Ok(match text {
        "comma" => Delimiter::Byte(b','),
        "semicolon" => Delimiter::Byte(b';'),
        "tab" | "\\t" => Delimiter::Byte(b'\t'),
        "bar" => Delimiter::Byte(b'|'),
        "blanks" | " " => Delimiter::Blanks,
        _ => match *text.as_bytes() {
            [byte] if byte.is_ascii_punctuation() || byte == b'\t' => Delimiter::Byte(byte),
            _ => return Err("write one character, or comma, semicolon, tab, bar or blanks".into()),
        },
    })
}

fn image_size(text: &str) -> Result<(usize, usize), String> {
    let size = text.split_once(['x', '×']).and_then(|(height, width)| {
        Some((height.trim().parse().ok()?, width.trim().parse().ok()?))
    });
    size.filter(|&(height, width)| height > 0 && width > 0)
        .ok_or_else(|| "write HEIGHTxWIDTH in pixels, such as 64x64".into())
}

impl ReadingArgs {
    /// The options of the readers for a command that trains networks on all parts of a source; `command` as in "an audit".
    pub(crate) fn all_parts(&self, command: &str) -> Result<ReadOptions, Failure> {
        if matches!(self.missing, MissingWord::Keep) {
            return Err(Failure::input(format!(
                "{command} trains networks, on single blocks too, and these do not take missing cells (--missing keep)"
            ))
            .hint(
                "--missing mean fills missing cells, --missing indicate also marks them; `simbias reliance run --model \
                 FILE --missing keep` measures a model that takes them",
            ));
        }
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
            strata: Names::all(&self.strata),
            features: match Names::all(&self.drop) {
                dropped if dropped.is_empty() => Features::All,
                dropped => Features::AllBut(dropped),
            },
            drop_unusable: self.drop_unusable,
            keep: Names::all(&self.keep),
            as_text: Names::all(&self.as_text),
            weights: self.weights.clone(),
            missing_values: match self.missing_values.as_slice() {
                [] => None,
                words => Some(Names::all(words)),
            },
            max_categories: self.max_categories,
            has_header: !self.no_header,
            delimiter: self.delimiter,
            decimal_mark: self.decimal_mark.map(|mark| match mark {
                MarkWord::Point => DecimalMark::Point,
                MarkWord::Comma => DecimalMark::Comma,
            }),
            date_order: self.date_order.map(|order| match order {
                OrderWord::DayFirst => DateOrder::DayFirst,
                OrderWord::MonthFirst => DateOrder::MonthFirst,
            }),
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
                MissingWord::Keep => Missing::Keep,
                MissingWord::Indicate => Missing::Indicate,
            },
            parts: match self.part {
                None => PartChoice::Prefer(Part::Test),
                Some(PartWord::All) => PartChoice::All,
                Some(PartWord::Train) => PartChoice::Only(Part::Train),
                Some(PartWord::Validation) => PartChoice::Only(Part::Validation),
                Some(PartWord::Test) => PartChoice::Only(Part::Test),
            },
        }
    }
}

impl DataArgs {
    /// Reads the rows, and says what was decided on the way.
    pub(crate) fn read(&self, shell: &Shell) -> Result<Dataset, Failure> {
        let data = read_dataset(shell.source(&self.data)?, &self.reading.options())?;
        shell.caveats(&data.notes);
        shell.detail(|| format!("{}: {}", self.data.display(), in_words(&data)));
        Ok(data)
    }
}

/// Rows, inputs and classes in a few words.
pub(crate) fn in_words(data: &Dataset) -> String {
    let labels = match data.class_labels() {
        Some(labels) => format!("{} classes", labels.n_classes()),
        None => "numbers to predict".into(),
    };
    let (n_rows, n_inputs) = (data.n_rows() as u64, data.n_features() as u64);
    format!("{} rows, {} inputs, {labels}", format::count(n_rows), format::count(n_inputs))
}

/// Blocks that `--verbose` names.
const MOST_NAMED: usize = 12;

/// Which blocks.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Blocks")]
pub(crate) struct BlocksArgs {
    /// Blocks: a TOML file, or grid:3x3, bands:4, correlation:0.7, columns, name=0,3..7;other=8..12;
    /// proposed from the data when not given. All ranges begin at 0 and leave out their end: 3..7 is 3, 4, 5, 6
    #[arg(long, value_name = "FILE|FORM")]
    blocks: Option<String>,
    /// A rectangle of an image as a block, such as logo=0..8,20..28 (rows, then columns, in pixels; 8.. and .. are open
    /// ends); repeat for several
    #[arg(long = "region", value_name = "NAME=ROWS,COLUMNS", conflicts_with = "blocks")]
    regions: Vec<String>,
    /// Let blocks share coordinates
    #[arg(long)]
    allow_overlap: bool,
}

impl BlocksArgs {
    /// The blocks of `data`.
    pub(crate) fn resolve(&self, data: &Dataset, shell: &Shell) -> Result<ResolvedBlocks, Failure> {
        let regions =
            (!self.regions.is_empty()).then(|| format!("region:{}", self.regions.join(";")));
        let words = regions.as_deref().or(self.blocks.as_deref());
        let resolved = resolve_blocks(words, data, self.allow_overlap)?;
        shell.detail(|| {
            let blocks = resolved.blocks.blocks();
            let named = blocks.iter().take(MOST_NAMED);
            let named = named.map(|block| format!("{} ({})", block.name, block.columns.len()));
            let more = if blocks.len() > MOST_NAMED { ", …" } else { "" };
            let named = named.collect::<Vec<_>>().join(", ");
            format!("{} blocks, with their inputs: {named}{more}", blocks.len())
        });
        Ok(resolved)
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
    /// Whether the user named the directory.
    pub(crate) fn is_named(&self) -> bool {
        self.out.is_some()
    }

    /// Opens the run's directory, before any long work.
    pub(crate) fn open(&self, shell: &Shell) -> Result<RunDirectory, Failure> {
        shell.open_run(self.out.as_deref())
    }
}

/// Names of examples from `FILE` or `FILE::COLUMN`, one for each of `n_examples`.
pub(crate) fn example_names(
    path: Option<&Path>,
    n_examples: usize,
) -> Result<Option<Vec<String>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let names = Column::open(path)?.into_texts();
    if names.len() != n_examples {
        return Err(Failure::input(format!(
            "--ids {path:?} has {} names for {n_examples} examples",
            names.len()
        )));
    }
    Ok(Some(names))
}

/// What was decided about the data and the blocks, for the report.
pub(crate) fn notes(data: &[Caveat], resolved: &ResolvedBlocks) -> Vec<Caveat> {
    let blocks = resolved.notes.iter().map(|note| Caveat::note("blocks", note.as_str()));
    data.iter().cloned().chain(blocks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_commas_within_quotes() {
        let parse = |text: &str| Names::parse(text).map(|names| names.0);
        assert_eq!(parse("a,b c"), Ok(vec!["a".into(), "b c".into()]));
        assert_eq!(parse("\"a, b\",c"), Ok(vec!["a, b".into(), "c".into()]));
        assert_eq!(parse("5\" tube"), Ok(vec!["5\" tube".into()]));
        assert_eq!(parse("\"a\"\"b\""), Ok(vec!["a\"b".into()]));
        assert!(parse("\"a").is_err());
    }
}
