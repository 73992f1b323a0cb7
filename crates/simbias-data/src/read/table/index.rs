//! Columns that only count the rows. As inputs they would tell the order of the file.

use simbias_report::Caveat;

use super::{Roles, TableSource, survey::Survey};
use crate::read::ReadOptions;

/// Fewer rows than this count by chance.
const LEAST_ROWS: usize = 10;
/// Names of a row number, without blanks and punctuation.
const INDEX_NAMES: [&str; 22] = [
    "index",
    "idx",
    "row",
    "rows",
    "rowname",
    "rownames",
    "rowid",
    "rowindex",
    "rownumber",
    "rownum",
    "rownr",
    "id",
    "no",
    "nr",
    "obs",
    "observation",
    "sno",
    "slno",
    "serialno",
    "serialnumber",
    "recordid",
    "recordnumber",
];

/// What the cells of a column say about their order.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// Every cell is its row's number, counted from 0 or from 1, file by file or through all files.
    counts: bool,
    /// Whole numbers that rise from row to row.
    rises: bool,
    n: usize,
    /// The number of the current file's first row.
    first: f64,
    last: f64,
}

impl Default for Counter {
    fn default() -> Self {
        Self { counts: true, rises: true, n: 0, first: 0.0, last: 0.0 }
    }
}

impl Counter {
    /// Adds the cell of a row.
    pub(super) fn add(&mut self, row: usize, value: Option<f64>) {
        if !self.counts && !self.rises {
            return;
        }
        let Some(value) = value.filter(|value| value.fract() == 0.0) else {
            (self.counts, self.rises) = (false, false);
            return;
        };
        if row == 0 {
            let begins = value == 0.0 || value == 1.0;
            let continues = self.n > 0 && value == self.last + 1.0;
            self.counts &= begins || continues;
            self.first = value;
        } else {
            self.counts &= value == self.first + row as f64;
            self.rises &= value > self.last && self.n > 0;
        }
        self.last = value;
        self.n += 1;
    }

    fn counts(&self) -> bool {
        self.counts && self.n >= LEAST_ROWS
    }

    fn rises(&self) -> bool {
        self.rises && self.n >= LEAST_ROWS
    }
}

/// The input columns that are a row index, and a remark on them. Columns that the user names are left alone.
pub(super) fn row_index(
    source: &dyn TableSource,
    roles: &Roles,
    surveys: &[Survey],
    options: &ReadOptions,
) -> (Vec<usize>, Vec<Caveat>) {
    let columns = source.columns();
    if roles.are_named {
        return (Vec::new(), Vec::new());
    }
    let candidates =
        roles.features.iter().filter(|&&column| !options.keep.contains(&columns[column]));
    let found: Vec<(usize, &str)> = candidates
        .filter_map(|&column| {
            let counter = &surveys[column].counter;
            reason(source, column, counter).map(|reason| (column, reason))
        })
        .collect();
    if found.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let names = |found: &[(usize, &str)]| -> Vec<String> {
        found.iter().map(|(column, reason)| format!("{:?} {reason}", columns[*column])).collect()
    };
    if found.len() == roles.features.len() {
        let message = format!(
            "{}, but there is no other input; it tells the order of the rows.",
            names(&found).join("; ")
        );
        return (Vec::new(), vec![Caveat::caution("row-index", message)]);
    }
    let message = format!(
        "Left out, since it would tell the order of the rows: {}. Keep it by name if it is an input.",
        names(&found).join("; ")
    );
    let left_out = found.into_iter().map(|(column, _)| column).collect();
    (left_out, vec![Caveat::note("row-index", message)])
}

/// Why a column is a row index, if it is one.
fn reason(source: &dyn TableSource, column: usize, counter: &Counter) -> Option<&'static str> {
    let name = &source.columns()[column];
    let plain: String =
        name.to_lowercase().chars().filter(|character| character.is_alphanumeric()).collect();
    let of_pandas = name
        .strip_prefix("Unnamed: ")
        .is_some_and(|rest| rest.split('.').all(|part| part.parse::<usize>().is_ok()));
    if name.starts_with("__index_level_") {
        return Some("is the index that pandas stores");
    }
    if of_pandas && (column == 0 || name.starts_with("Unnamed: 0")) {
        return Some("is the index of a table that pandas saved and read again");
    }
    if column == 0 && source.is_unnamed(column) {
        return Some("has no name in the file: it holds the index or the names of the rows");
    }
    if counter.counts() {
        return Some("counts the rows");
    }
    if counter.rises() && (INDEX_NAMES.contains(&plain.as_str()) || name == "#") {
        return Some("is a row number that rises from row to row");
    }
    None
}
