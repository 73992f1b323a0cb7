//! What a user may say about a source.

use std::path::{Path, PathBuf};

use super::Delimiter;

/// How to read a source. The default guesses what can be guessed; otherwise reading fails with a question.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Where the labels are; `None` looks for the usual names (label, target, class, y) or partner file.
    pub labels: Option<LabelSource>,
    /// Columns (arrays) that group the rows and are never model input.
    pub strata: Vec<String>,
    /// Which columns (arrays) are model input.
    pub features: Features,
    /// Column of a table that holds images, or paths to them relative to the table.
    pub image_column: Option<String>,
    /// Height and width to which all images are resized (triangle filter); `None` expects images of one size.
    pub image_size: Option<(usize, usize)>,
    /// At most this many rows, evenly spaced over the source, so that a source sorted by class keeps all classes.
    pub max_rows: Option<usize>,
    /// Classification or regression.
    pub task: Task,
    /// The classes in the order of a model's outputs; labels are found in it by name, and classes may have no rows.
    /// Otherwise the classes are those of the labels, sorted by name or number.
    pub classes: Option<Vec<String>>,
    /// Turns a numeric label into the two classes `<t` and `>=t`.
    pub label_threshold: Option<f64>,
    /// What to do with missing cells of a table.
    pub missing: Missing,
    /// Words that mean a missing cell in every column; without them, [`MISSING_WORDS`] do so in columns whose other
    /// cells are numbers or dates, and are texts like any other elsewhere.
    pub missing_values: Option<Vec<String>>,
    /// More distinct texts than this in one column are taken for an identifier and refused.
    pub max_categories: usize,
    /// Columns to read as texts, whatever they look like.
    pub as_text: Vec<String>,
    /// Columns to use as inputs although they look like a row index.
    pub keep: Vec<String>,
    /// Leave out unusable columns, with a note, instead of refusing the table.
    pub drop_unusable: bool,
    /// Column (array) that says how much every row counts in training; never model input.
    pub weights: Option<String>,
    /// Whether the first line of a text table names the columns.
    pub has_header: bool,
    /// What separates the cells of a text table; `None` looks at its first lines.
    pub delimiter: Option<Delimiter>,
    /// The decimal mark of text tables; `None` looks at the columns.
    pub decimal_mark: Option<DecimalMark>,
    /// The order of dates such as 3/4/2021; `None` looks at the columns.
    pub date_order: Option<DateOrder>,
    /// Which part of a source that comes in train and test files.
    pub parts: PartChoice,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            labels: None,
            strata: Vec::new(),
            features: Features::All,
            image_column: None,
            image_size: None,
            max_rows: None,
            task: Task::Auto,
            classes: None,
            label_threshold: None,
            missing: Missing::Error,
            // A one-hot block wider than this swamps the other columns.
            max_categories: 256,
            missing_values: None,
            as_text: Vec::new(),
            keep: Vec::new(),
            drop_unusable: false,
            weights: None,
            has_header: true,
            delimiter: None,
            decimal_mark: None,
            date_order: None,
            parts: PartChoice::All,
        }
    }
}

impl ReadOptions {
    /// The file that holds the labels, if they have their own.
    pub(crate) fn labels_file(&self) -> Option<&Path> {
        match &self.labels {
            Some(LabelSource::File(path)) => Some(path),
            _ => None,
        }
    }
}

/// Where the labels are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// A column of the table, or an array of the same file.
    Named(String),
    /// A separate file, `PATH` or `PATH::ARRAY`: IDX, `.npy`, `.npz`, `.safetensors` or one-column text.
    File(PathBuf),
}

impl LabelSource {
    /// Parses a user's words: an existing file (with or without `::ARRAY`) or a name.
    pub fn from_words(words: &str) -> Self {
        let path = words.split_once("::").map_or(words, |(path, _)| path);
        if Path::new(path).is_file() { Self::File(words.into()) } else { Self::Named(words.into()) }
    }
}

/// Which columns (arrays) are model input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Features {
    /// All except labels and strata.
    #[default]
    All,
    /// Exactly these, in this order.
    Only(Vec<String>),
    /// All except these, labels and strata.
    AllBut(Vec<String>),
}

/// Classification or regression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// Texts are classes, and so are at most ten distinct whole numbers. More whole numbers are classes if they count
    /// from 0 or 1 without gaps, each occurs ten times on average and none five times as often as the average; they
    /// are values if they occur less often than that, and otherwise reading asks
    /// ([`DataError::ClassesOrValues`](crate::DataError::ClassesOrValues)). Other numbers are values.
    #[default]
    Auto,
    /// Every distinct label is a class.
    Classes,
    /// Labels are numbers to be predicted.
    Values,
}

/// The mark before the decimals of a number; the other one separates thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// 1,234.5
    Point,
    /// 1.234,5
    Comma,
}

/// How a date of three numbers is written when the year is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// 31/12/2021
    DayFirst,
    /// 12/31/2021
    MonthFirst,
}

/// Words for a missing cell in columns whose other cells are numbers or dates. In a column of texts they are values,
/// unless [`ReadOptions::missing_values`] says otherwise. An empty cell is missing everywhere.
pub const MISSING_WORDS: [&str; 28] = [
    "NA", "N/A", "na", "n/a", "n.a.", "#N/A", "<NA>", "NaN", "nan", "NAN", "-nan", "null", "NULL",
    "Null", "nil", "None", "none", "NONE", "NaT", "?", "-", "--", ".", "\\N", "missing", "unknown",
    "k.A.", "#DIV/0!",
];

/// What to do with missing cells: empty ones, and those that hold a word for it ([`ReadOptions::missing_values`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Stop and name the first one.
    #[default]
    Error,
    /// Fill numbers with the column's mean; a missing text has none of the column's categories.
    /// A missing label is still an error.
    Mean,
    /// Leave out rows with a missing cell in any column in use.
    Drop,
    /// Missing numbers stay missing (NaN), for models that take them; a missing text has none of the column's
    /// categories. A missing label is still an error.
    Keep,
    /// As [`Missing::Mean`], with one more input for every column with missing cells: 1 where the cell is missing.
    Indicate,
}

/// Which part of a source that comes in several files to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartChoice {
    /// All parts.
    #[default]
    All,
    /// One of them.
    Only(Part),
    /// This part if the source has it, otherwise all.
    Prefer(Part),
}

/// What the files of a source are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose settings with.
    Validation,
    /// To judge with, once.
    Test,
}

impl Part {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The part that the first or last word of a file, folder or array name says, and the name without it.
    pub(crate) fn of_name(name: &str) -> Option<(Self, String)> {
        let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
        let part_of = |word: &str| match word.to_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" | "dev" => Some(Self::Validation),
            "test" | "testing" | "t10k" => Some(Self::Test),
            _ => None,
        };
        if let Some(part) = words.first().and_then(|word| part_of(word)) {
            return Some((part, words[1..].join("_")));
        }
        let (last, rest) = words.split_last()?;
        part_of(last).map(|part| (part, rest.join("_")))
    }
}

/// Whether `name` is a usual name for labels.
pub(crate) fn is_label_name(name: &str) -> bool {
    const USUAL: [&str; 9] =
        ["label", "labels", "target", "targets", "class", "classes", "y", "fine_label", "outcome"];
    USUAL.contains(&name.to_lowercase().as_str())
}

/// Whether source row `row` of `n_rows` is among `kept` evenly spaced ones.
pub(crate) fn keeps(row: usize, n_rows: usize, kept: usize) -> bool {
    // The product of two row counts may pass 64 bits only in a damaged header, hence 128.
    let before = row as u128 * kept as u128 / n_rows as u128;
    let after = (row as u128 + 1) * kept as u128 / n_rows as u128;
    after > before
}

/// The rows to read, evenly spaced.
pub(crate) fn kept_rows(n_rows: usize, max_rows: Option<usize>) -> Vec<usize> {
    match max_rows {
        Some(kept) if kept < n_rows => {
            (0..n_rows).filter(|&row| keeps(row, n_rows, kept)).collect()
        }
        _ => (0..n_rows).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_rows_are_as_many_as_asked_and_spread() {
        assert_eq!(kept_rows(10, Some(5)), [1, 3, 5, 7, 9]);
        assert_eq!(kept_rows(7, Some(3)).len(), 3);
        assert_eq!(kept_rows(3, Some(9)), [0, 1, 2]);
        assert_eq!(kept_rows(4, None), [0, 1, 2, 3]);
    }

    #[test]
    fn parts_are_read_from_either_end_of_a_name() {
        assert_eq!(Part::of_name("train_images"), Some((Part::Train, "images".into())));
        assert_eq!(Part::of_name("x_test"), Some((Part::Test, "x".into())));
        assert_eq!(
            Part::of_name("val-00000-of-00001"),
            Some((Part::Validation, "00000_of_00001".into()))
        );
        assert_eq!(Part::of_name("latest"), None);
    }
}
