//! Text tables: comma, semicolon, tab, bar or blanks between the cells.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use csv::{ReaderBuilder, StringRecord, Trim};

use simbias_checkpoint::{ArrayValues, NamedArray, file_stem};
use simbias_report::Caveat;

use super::{
    ReadOptions,
    table::{self, Cell, TableSource, Visit},
    text::{decode, malformed},
};
use crate::{DataError, Dataset};

/// What separates the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Byte(u8),
    /// Runs of blanks and tabs.
    Blanks,
}

/// Lines that must agree on the delimiter.
const LINES_LOOKED_AT: usize = 30;

/// Takes line number (from 0) and cells; returns whether to continue.
type EachLine<'e> = dyn FnMut(usize, &[&str]) -> Result<bool, DataError> + 'e;

/// A table in text, parsed again on every visit.
pub(super) struct TextTable<'a> {
    file: PathBuf,
    text: Cow<'a, str>,
    delimiter: Delimiter,
    has_header: bool,
    columns: Vec<String>,
    /// Columns without a name in the header.
    unnamed: Vec<bool>,
    notes: Vec<Caveat>,
}

/// Reads a table from memory, with a header line unless the options say otherwise. `file` is for messages and the name.
///
/// # Errors
/// Every table error of [`DataError`].
pub fn parse_csv(file: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Dataset, DataError> {
    let table = TextTable::new(file, bytes, options.has_header)?;
    let mut parts = table::read(&[vec![&table]], &[file_stem(file)], options)?;
    Ok(parts.remove(0))
}

/// Reads a table of numbers from memory, with or without header line: shape `[rows, columns]`, or `[rows]` when there
/// is one column; texts of one column are kept as texts. `file` is for messages and the name.
///
/// # Errors
/// Cells that are not numbers, lines of different lengths.
pub fn parse_matrix(file: &Path, bytes: &[u8]) -> Result<NamedArray, DataError> {
    let mut table = TextTable::new(file, bytes, true)?;
    table.has_header = table.columns.iter().any(|cell| cell.parse::<f64>().is_err());
    let n_columns = table.columns.len();
    let mut numbers: Vec<f64> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    let is_wide = n_columns > 1;
    let n_rows = table.visit(&vec![true; n_columns], &mut |row, column, cell| {
        let Cell::Raw(raw) = cell else { return Ok(()) };
        if !is_wide {
            texts.push(raw.into());
        }
        match raw.parse() {
            Ok(value) => numbers.push(value),
            Err(_) if !is_wide => {}
            Err(_) => {
                return Err(malformed(
                    file,
                    format!("{raw:?} in row {}, column {} is not a number", row + 1, column + 1),
                ));
            }
        }
        Ok(())
    })?;
    if n_rows == 0 {
        return Err(malformed(file, "it holds no row"));
    }
    let shape = if is_wide { vec![n_rows, n_columns] } else { vec![n_rows] };
    let values = if numbers.len() == n_rows * n_columns {
        ArrayValues::F64(numbers)
    } else {
        ArrayValues::Texts(texts)
    };
    Ok(NamedArray { name: file_stem(file), shape, values })
}

impl<'a> TextTable<'a> {
    /// A table whose delimiter its first lines tell; without a header the columns are called `column1`, `column2`, ….
    pub(super) fn new(file: &Path, bytes: &'a [u8], has_header: bool) -> Result<Self, DataError> {
        let decoded = decode(file, bytes)?;
        let (delimiter, skipped) = find_delimiter(&decoded.text);
        let text = match decoded.text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[skipped..]),
            Cow::Owned(text) => Cow::Owned(text[skipped..].to_string()),
        };
        let mut table = Self::of_text(file, text, delimiter, has_header)?;
        table.notes.extend(decoded.note);
        table.notes.extend(table.numbers_as_names());
        Ok(table)
    }

    /// A table with a known delimiter.
    pub(super) fn with_delimiter(
        file: &Path,
        bytes: &'a [u8],
        delimiter: Delimiter,
        has_header: bool,
    ) -> Result<Self, DataError> {
        let decoded = decode(file, bytes)?;
        let mut table = Self::of_text(file, decoded.text, delimiter, has_header)?;
        table.notes.extend(decoded.note);
        Ok(table)
    }

    fn of_text(
        file: &Path,
        text: Cow<'a, str>,
        delimiter: Delimiter,
        has_header: bool,
    ) -> Result<Self, DataError> {
        let mut table = Self {
            file: file.into(),
            text,
            delimiter,
            has_header,
            columns: Vec::new(),
            unnamed: Vec::new(),
            notes: Vec::new(),
        };
        let mut lines: Vec<Vec<String>> = Vec::new();
        table.for_each_record(&mut |_, cells| {
            lines.push(cells.iter().map(|cell| cell.to_string()).collect());
            Ok(lines.len() < 2)
        })?;
        let mut lines = lines.into_iter();
        let mut first = lines.next().ok_or_else(|| malformed(file, "it is empty"))?;
        // R writes the names of the rows without a name above them.
        if let Some(second) =
            lines.next().filter(|second| has_header && second.len() == first.len() + 1)
        {
            // With a delimiter at the end of every line, the last cell is the one without a name.
            let has_trailing = second.last().is_some_and(String::is_empty);
            let place = if has_trailing { first.len() } else { 0 };
            first.insert(place, String::new());
        }
        let name = |(index, cell): (usize, String)| match cell.is_empty() || !has_header {
            true => format!("column{}", index + 1),
            false => cell,
        };
        table.unnamed = first.iter().map(|cell| has_header && cell.is_empty()).collect();
        table.columns = first.into_iter().enumerate().map(name).collect();
        Ok(table)
    }

    /// A remark if the first line looks like data.
    fn numbers_as_names(&self) -> Option<Caveat> {
        if !self.has_header || self.columns.len() < 2 {
            return None;
        }
        let numbers: Vec<f64> = self.columns.iter().filter_map(|cell| cell.parse().ok()).collect();
        let counts = numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
        if counts || numbers.len() * 2 < self.columns.len() {
            return None;
        }
        let shown: Vec<&str> = self.columns.iter().take(4).map(String::as_str).collect();
        Some(Caveat::caution(
            "header",
            format!(
                "The first line of {:?} ({}, …) was read as the names of the columns, but it looks like data: say if \
                 there is no header.",
                self.file,
                shown.join(", ")
            ),
        ))
    }

    /// What separates the cells; a blank for runs of blanks.
    pub(super) fn delimiter_byte(&self) -> u8 {
        match self.delimiter {
            Delimiter::Byte(byte) => byte,
            Delimiter::Blanks => b' ',
        }
    }

    /// Gives a column another name, for tables without header.
    pub(super) fn rename(&mut self, column: usize, name: &str) {
        self.columns[column] = name.into();
        self.unnamed[column] = false;
    }

    /// Cells of the first line after the header; none if it is missing.
    pub(super) fn first_row(&self) -> Result<Vec<String>, DataError> {
        let skipped = usize::from(self.has_header);
        let mut row = Vec::new();
        self.for_each_line(&mut |line, cells| {
            if line == skipped {
                row = cells.iter().map(|cell| cell.to_string()).collect();
            }
            Ok(line < skipped)
        })?;
        Ok(row)
    }

    /// Calls `each` with line number (from 0) and cells until it returns `false`; all lines have one length.
    fn for_each_line(&self, each: &mut EachLine<'_>) -> Result<(), DataError> {
        let expected = self.columns.len();
        self.for_each_record(&mut |line, cells| {
            let is_short_header = line == 0 && self.has_header && cells.len() + 1 == expected;
            if cells.len() != expected && !is_short_header {
                return Err(malformed(
                    &self.file,
                    format!(
                        "line {} has {} fields, but the table has {expected} columns",
                        line + 1,
                        cells.len()
                    ),
                ));
            }
            each(line, cells)
        })
    }

    /// The same, whatever the lengths of the lines.
    fn for_each_record(&self, each: &mut EachLine<'_>) -> Result<(), DataError> {
        match self.delimiter {
            Delimiter::Byte(delimiter) => {
                let mut reader = ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .delimiter(delimiter)
                    .trim(Trim::All)
                    .from_reader(self.text.as_bytes());
                let mut record = StringRecord::new();
                let mut line = 0;
                while reader
                    .read_record(&mut record)
                    .map_err(|error| malformed(&self.file, error.to_string()))?
                {
                    let cells: Vec<&str> = record.iter().collect();
                    if !each(line, &cells)? {
                        break;
                    }
                    line += 1;
                }
            }
            Delimiter::Blanks => {
                let lines = self.text.lines().map(str::trim).filter(|line| !line.is_empty());
                for (number, line) in lines.enumerate() {
                    if !each(number, &cells_between_blanks(line))? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The cells of a line; blanks within quotes are part of a cell.
fn cells_between_blanks(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"').and_then(|inner| {
            let end = inner.find('"')?;
            let after = &inner[end + 1..];
            let is_whole = after.is_empty() || after.starts_with(char::is_whitespace);
            is_whole.then_some((&inner[..end], after))
        });
        let (cell, after) = match quoted {
            Some(found) => found,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        cells.push(cell);
        rest = after.trim_start();
    }
    cells
}

/// The delimiter of a text, and the bytes to skip: a first line `sep=;`, as spreadsheets write it, says it.
fn find_delimiter(text: &str) -> (Delimiter, usize) {
    let first_line = text.split('\n').next().unwrap_or_default();
    if let Some(&[delimiter]) =
        first_line.trim_end().strip_prefix("sep=").map(|rest| rest.as_bytes())
        && text.len() > first_line.len()
    {
        return (Delimiter::Byte(delimiter), first_line.len() + 1);
    }
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty()).take(LINES_LOOKED_AT).collect();
    (delimiter_of(&lines), 0)
}

/// The first of tab, semicolon, bar and comma that all lines hold equally often: a comma may also be a decimal mark,
/// hence last. Blanks where a line of numbers has nothing else. Else the most frequent one of the first line.
fn delimiter_of(lines: &[&str]) -> Delimiter {
    const BY_CERTAINTY: [u8; 4] = *b"\t;|,";
    let first = lines.first().copied().unwrap_or_default();
    let agrees = |counts: &[usize], least: usize| match counts {
        // The header may lack the name of the column with the names of the rows.
        [header, row, rest @ ..] => {
            *header >= least
                && (row == header || *row == header + 1)
                && rest.iter().all(|count| count == row)
        }
        [header] => *header >= least,
        [] => false,
    };
    let agreed = BY_CERTAINTY.into_iter().find(|&delimiter| {
        let counts: Vec<usize> =
            lines.iter().map(|line| count_outside_quotes(line, delimiter)).collect();
        agrees(&counts, 1)
    });
    if let (Some(delimiter), true) = (agreed, lines.len() > 1) {
        return Delimiter::Byte(delimiter);
    }
    let most_frequent = BY_CERTAINTY
        .into_iter()
        .max_by_key(|&delimiter| count_outside_quotes(first, delimiter))
        .filter(|&delimiter| count_outside_quotes(first, delimiter) > 0);
    if let Some(delimiter) = most_frequent {
        return Delimiter::Byte(delimiter);
    }
    let cells: Vec<Vec<&str>> = lines.iter().map(|line| cells_between_blanks(line)).collect();
    let counts: Vec<usize> = cells.iter().map(Vec::len).collect();
    let has_number =
        |line: &Vec<&str>| line.iter().any(|cell| cell.replace(',', ".").parse::<f64>().is_ok());
    if lines.len() > 1 && agrees(&counts, 2) && cells[1..].iter().all(has_number) {
        return Delimiter::Blanks;
    }
    Delimiter::Byte(b',')
}

fn count_outside_quotes(line: &str, delimiter: u8) -> usize {
    let mut is_quoted = false;
    let counts = |&&byte: &&u8| {
        is_quoted ^= byte == b'"';
        byte == delimiter && !is_quoted
    };
    line.as_bytes().iter().filter(counts).count()
}

impl TableSource for TextTable<'_> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn is_unnamed(&self, column: usize) -> bool {
        self.unnamed[column]
    }

    fn suggests_comma(&self) -> bool {
        self.delimiter == Delimiter::Byte(b';')
    }

    fn notes(&self) -> &[Caveat] {
        &self.notes
    }

    fn visit(&self, wanted: &[bool], visit: &mut Visit<'_>) -> Result<usize, DataError> {
        let skipped = usize::from(self.has_header);
        let mut n_rows = 0;
        self.for_each_line(&mut |line, cells| {
            let Some(row) = line.checked_sub(skipped) else { return Ok(true) };
            for (column, cell) in cells.iter().enumerate().filter(|(column, _)| wanted[*column]) {
                visit(row, column, Cell::Raw(cell))?;
            }
            n_rows = row + 1;
            Ok(true)
        })?;
        Ok(n_rows)
    }
}
