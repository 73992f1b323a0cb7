//! Text tables: comma, semicolon, tab, or (for lists of images) blanks between the cells.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use simbias_checkpoint::{ArrayValues, NamedArray, file_stem};

use super::{
    ReadOptions,
    table::{self, Cell, TableSource, Visit},
};
use crate::{DataError, Dataset};

/// What separates the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    Byte(u8),
    /// Runs of blanks and tabs.
    Blanks,
}

/// Takes line number (from 0) and cells; returns whether to continue.
type EachLine<'e> = dyn FnMut(usize, &[&str]) -> Result<bool, DataError> + 'e;

/// A table in text, parsed again on every visit.
pub(super) struct TextTable<'a> {
    file: PathBuf,
    text: &'a [u8],
    delimiter: Delimiter,
    has_header: bool,
    columns: Vec<String>,
}

/// Reads a table with a header line from memory. `file` is for messages and the name.
///
/// # Errors
/// Every table error of [`DataError`].
pub fn parse_csv(file: &Path, bytes: &[u8], options: &ReadOptions) -> Result<Dataset, DataError> {
    let table = TextTable::with_header(file, bytes)?;
    let mut parts = table::read(&[vec![&table]], &[file_stem(file)], options)?;
    Ok(parts.remove(0))
}

/// Reads a table of numbers from memory, with or without header line: shape `[rows, columns]`, or `[rows]` when there
/// is one column; texts of one column are kept as texts. `file` is for messages and the name.
///
/// # Errors
/// Cells that are not numbers, lines of different lengths.
pub fn parse_matrix(file: &Path, bytes: &[u8]) -> Result<NamedArray, DataError> {
    let mut table = TextTable::with_header(file, bytes)?;
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

fn malformed(file: &Path, problem: impl Into<String>) -> DataError {
    DataError::malformed(
        file,
        "table",
        problem,
        "expected UTF-8 text with a header line and as many cells in every line",
    )
}

impl<'a> TextTable<'a> {
    /// A table whose first line names the columns; the delimiter is the most frequent of comma, semicolon and tab there.
    pub(super) fn with_header(file: &Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let text = checked_text(file, bytes)?;
        let first_line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| {
            let mut is_quoted = false;
            let counts = |&&byte: &&u8| {
                is_quoted ^= byte == b'"';
                byte == delimiter && !is_quoted
            };
            first_line.iter().filter(counts).count()
        };
        // The last maximum wins, hence the comma last.
        let delimiter = [b'\t', b';', b','].into_iter().max_by_key(|&byte| count(byte));
        let delimiter = Delimiter::Byte(delimiter.unwrap_or(b','));
        Self::with_delimiter(file, text, delimiter, true)
    }

    /// A table with a known delimiter; without a header the columns are called `column1`, `column2`, ….
    pub(super) fn with_delimiter(
        file: &Path,
        bytes: &'a [u8],
        delimiter: Delimiter,
        has_header: bool,
    ) -> Result<Self, DataError> {
        let text = checked_text(file, bytes)?;
        let mut table =
            Self { file: file.into(), text, delimiter, has_header: false, columns: Vec::new() };
        let mut first: Option<Vec<String>> = None;
        table.for_each_line(&mut |_, cells| {
            first = Some(cells.iter().map(|cell| cell.to_string()).collect());
            Ok(false)
        })?;
        let first = first.ok_or_else(|| malformed(file, "it is empty"))?;
        table.has_header = has_header;
        table.columns = if has_header {
            first
        } else {
            (1..=first.len()).map(|number| format!("column{number}")).collect()
        };
        Ok(table)
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
        match self.delimiter {
            Delimiter::Byte(delimiter) => {
                let mut reader = ReaderBuilder::new()
                    .has_headers(false)
                    .delimiter(delimiter)
                    .trim(Trim::All)
                    .from_reader(self.text);
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
                let text = std::str::from_utf8(self.text)
                    .map_err(|error| malformed(&self.file, error.to_string()))?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let mut n_cells = None;
                for (number, line) in lines.enumerate() {
                    let cells: Vec<&str> = line.split_whitespace().collect();
                    let expected = *n_cells.get_or_insert(cells.len());
                    if cells.len() != expected {
                        return Err(malformed(
                            &self.file,
                            format!(
                                "line {} has {} cells, the first line has {expected}",
                                number + 1,
                                cells.len()
                            ),
                        ));
                    }
                    if !each(number, &cells)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The text without its byte order mark; refuses bytes that are not text.
fn checked_text<'a>(file: &Path, bytes: &'a [u8]) -> Result<&'a [u8], DataError> {
    const LOOKED_AT: usize = 4096;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(malformed(file, "it is UTF-16 text"));
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed(file, "it is empty"));
    }
    let is_control = |&byte: &u8| byte < 0x20 && !byte.is_ascii_whitespace();
    match text.iter().take(LOOKED_AT).position(is_control) {
        Some(position) => Err(malformed(file, format!("byte {position} is not text"))),
        None => Ok(text),
    }
}

impl TableSource for TextTable<'_> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn columns(&self) -> &[String] {
        &self.columns
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
