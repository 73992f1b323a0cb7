//! What can be wrong with a user's files, and what to try next.

use std::path::{Path, PathBuf};

use simbias_checkpoint::FileError;

/// Why a file gave no data. Every message says where, what was found, what was expected and what to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file that could not be read or written, or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// A format that no reader knows.
    #[error(
        "{path:?} {problem}; readable are IDX (.gz), CIFAR binary, image folders, .npy, .npz, .safetensors, \
         .csv, .tsv and .parquet files"
    )]
    Unrecognised {
        /// The file or directory.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// A column or array that was asked for does not exist.
    #[error(
        "{file:?} has no {role} named {name:?}; it has {}{}",
        list(available), suggestion(nearest.as_deref())
    )]
    NoSuchName {
        /// The file.
        file: PathBuf,
        /// What the name was wanted for, for example "label column".
        role: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        available: Vec<String>,
        /// The existing name that is most similar.
        nearest: Option<String>,
    },
    /// Nothing says which column or array holds the labels.
    #[error(
        "{file:?}: which of {} holds the labels? none has a usual name (label, target, class, y); name one",
        list(available)
    )]
    NoLabels {
        /// The file.
        file: PathBuf,
        /// The names that exist.
        available: Vec<String>,
    },
    /// Two columns share a name.
    #[error("{file:?}: columns {first} and {second} are both named {name:?}; rename one of them")]
    DuplicateColumn {
        /// The file.
        file: PathBuf,
        /// The shared name.
        name: String,
        /// Number of the first column, from 1.
        first: usize,
        /// Number of the second column, from 1.
        second: usize,
    },
    /// An empty cell where a value is needed.
    #[error(
        "{file:?}: row {row}, column {column:?} is missing{}; drop such rows, fill them with the column's mean, \
         or leave the column out",
        missing_cells(columns)
    )]
    MissingValue {
        /// The file.
        file: PathBuf,
        /// Row, from 1, not counting a header.
        row: usize,
        /// Name of the column.
        column: String,
        /// Every column with missing cells, and in how many rows.
        columns: Vec<(String, usize)>,
    },
    /// Unusable columns, all at once.
    #[error("{file:?}: {}", unusable(columns))]
    Unusable {
        /// The file.
        file: PathBuf,
        /// The columns, in the order of the file.
        columns: Vec<UnusableColumn>,
    },
    /// A label of many whole numbers: they may be classes or counts.
    #[error(
        "{file:?}: the labels are {n_distinct} different whole numbers, {lowest} to {highest}: are they classes or \
         values to predict? say which"
    )]
    ClassesOrValues {
        /// The file.
        file: PathBuf,
        /// Number of different labels.
        n_distinct: usize,
        /// The smallest.
        lowest: f64,
        /// The largest.
        highest: f64,
    },
    /// NaN or infinity.
    #[error(
        "{file:?}: row {row}, {column:?} is {value}; every input must be a finite 32-bit number: repair or drop \
         that row, or leave the column out"
    )]
    NotFinite {
        /// The file.
        file: PathBuf,
        /// Row, from 1, not counting a header.
        row: usize,
        /// Name of the column.
        column: String,
        /// What was found.
        value: f64,
    },
    /// Too few rows to learn from.
    #[error(
        "{file:?} holds {found} usable row(s), but at least 2 are needed; check that the right file was given"
    )]
    TooFewRows {
        /// The file.
        file: PathBuf,
        /// Rows left after dropping.
        found: usize,
    },
    /// Labels and rows do not match.
    #[error("{file:?}: {labels} labels for {rows} rows; give the labels that belong to these rows")]
    LabelCount {
        /// The file with the rows.
        file: PathBuf,
        /// Rows.
        rows: usize,
        /// Labels.
        labels: usize,
    },
    /// A label that does not fit what was asked.
    #[error("{file:?}: label {value:?} of row {row} {problem}")]
    BadLabel {
        /// The file.
        file: PathBuf,
        /// Row, from 1.
        row: usize,
        /// The label.
        value: String,
        /// Why not, and what to try.
        problem: &'static str,
    },
    /// Images of different sizes.
    #[error(
        "{file:?} is {found_height}x{found_width} pixels (height x width) but {first:?} is \
         {height}x{width}; give an image size to resize all of them"
    )]
    ImageSize {
        /// The first image that differs.
        file: PathBuf,
        /// Its height.
        found_height: usize,
        /// Its width.
        found_width: usize,
        /// The image that set the size.
        first: PathBuf,
        /// Height of that image.
        height: usize,
        /// Width of that image.
        width: usize,
    },
    /// Data that are not of the kind that a model or the user expects.
    #[error("{name:?}: {problem}")]
    Unlike {
        /// Name of the data.
        name: String,
        /// What differs.
        problem: String,
    },
    /// An option that does not fit this source.
    #[error("{file:?}: {problem}")]
    Option {
        /// The file.
        file: PathBuf,
        /// Which option, why, and what to give instead.
        problem: String,
    },
    /// An invalid split.
    #[error("cannot split {name:?}: {problem}")]
    Split {
        /// Name of the data set.
        name: String,
        /// Why, and what to try.
        problem: String,
    },
}

/// A column that cannot be used as an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableColumn {
    /// Its name.
    pub name: String,
    /// Why, as the end of a sentence that begins with the column.
    pub problem: String,
    /// What kind of problem it is.
    pub kind: UnusableKind,
}

/// Why a column cannot be an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusableKind {
    /// Lists, bytes or another type than numbers, texts and dates.
    Type,
    /// No cell holds a value.
    Empty,
    /// Too many different texts, or another text in every row.
    Identifier,
    /// Numbers of which nothing tells whether their comma is a decimal comma.
    DecimalMark,
    /// Dates that may begin with the day or with the month.
    DateOrder,
    /// Numbers, but texts in some cells.
    Mixed,
    /// Infinite values, or values beyond 32 bits.
    NotFinite,
}

impl DataError {
    pub(crate) fn malformed(
        file: &Path,
        format: &'static str,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        FileError::malformed(file, format, problem, hint).into()
    }

    pub(crate) fn option(file: &Path, problem: impl Into<String>) -> Self {
        Self::Option { file: file.into(), problem: problem.into() }
    }

    pub(crate) fn no_such_name(
        file: &Path,
        role: &'static str,
        name: &str,
        available: &[String],
    ) -> Self {
        Self::NoSuchName {
            file: file.into(),
            role,
            name: name.into(),
            available: available.to_vec(),
            nearest: nearest_name(name, available),
        }
    }
}

/// The candidate with the smallest edit distance to `name` (letter case ignored), if it is near enough to be a typo.
pub fn nearest_name(name: &str, candidates: &[String]) -> Option<String> {
    let wanted = name.to_lowercase();
    // Two letters swapped count twice.
    let limit = wanted.chars().count().div_ceil(3);
    candidates
        .iter()
        .map(|candidate| (edit_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate.clone())
}

/// Levenshtein distance in characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut distances: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.chars().enumerate() {
        let mut diagonal = distances[0];
        distances[0] = i + 1;
        for (j, &other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = distances[j + 1];
            distances[j + 1] = replaced.min(diagonal + 1).min(distances[j] + 1);
        }
    }
    distances[right.len()]
}

/// The other columns with missing cells.
fn missing_cells(columns: &[(String, usize)]) -> String {
    if columns.len() < 2 {
        return String::new();
    }
    let words: Vec<String> =
        columns.iter().map(|(name, n_rows)| format!("{name:?} ({n_rows})")).collect();
    format!("; the columns with missing cells (rows) are {}", words.join(", "))
}

fn unusable(columns: &[UnusableColumn]) -> String {
    match columns {
        [one] => format!("column {:?} {}; leave it out", one.name, one.problem),
        several => {
            let words: Vec<String> = several
                .iter()
                .map(|column| format!("{:?} {}", column.name, column.problem))
                .collect();
            format!(
                "{} columns cannot be inputs: {}; leave them out",
                several.len(),
                words.join("; ")
            )
        }
    }
}

/// At most twelve quoted names.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "no names".into();
    }
    let quoted: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let rest = names.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    quoted.join(", ") + &more
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let names = ["label".to_string(), "age".into(), "Weight".into()];
        assert_eq!(nearest_name("labl", &names).as_deref(), Some("label"));
        assert_eq!(nearest_name("weigth", &names).as_deref(), Some("Weight"));
        assert_eq!(nearest_name("quux", &names), None);
    }

    #[test]
    fn edit_distance_counts_changes() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
