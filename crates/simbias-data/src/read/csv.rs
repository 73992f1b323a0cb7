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
    dialect::{CountingLine, Delimiter, Dialect, TextForm, cells_between_blanks},
    table::{self, Cell, TableSource, Visit},
    text::{decode, malformed},
};
use crate::{DataError, Dataset};

/// Takes line number (from 0) and cells; returns whether to continue.
type EachLine<'e> = dyn FnMut(usize, &[&str]) -> Result<bool, DataError> + 'e;

/// A table in text, parsed again on every visit.
pub(super) struct TextTable<'a> {
    file: PathBuf,
    text: Cow<'a, str>,
    dialect: Dialect,
    has_header: bool,
    /// A first line with counts and classes in place of names.
    counting: Option<CountingLine>,
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
    let table = TextTable::new(file, bytes, TextForm::of(options))?;
    let mut parts = table::read(&[vec![&table]], &[file_stem(file)], options)?;
    Ok(parts.remove(0))
}

/// Reads a table of numbers from memory, with or without header line: shape `[rows, columns]`, or `[rows]` when there
/// is one column; texts of one column are kept as texts. `file` is for messages and the name.
///
/// # Errors
/// Cells that are not numbers, lines of different lengths.
pub fn parse_matrix(file: &Path, bytes: &[u8]) -> Result<NamedArray, DataError> {
    let form = TextForm::default();
    let mut table = TextTable::new(file, bytes, form)?;
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
    /// A table whose first lines tell what the form does not say; without a header the columns are called `column1`,
    /// `column2`, ….
    pub(super) fn new(file: &Path, bytes: &'a [u8], form: TextForm) -> Result<Self, DataError> {
        let decoded = decode(file, bytes)?;
        let (dialect, skipped) = Dialect::of(&decoded.text, form.delimiter);
        let text = match decoded.text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[skipped..]),
            Cow::Owned(text) => Cow::Owned(text[skipped..].to_string()),
        };
        let mut table = Self::of_text(file, text, dialect, form.has_header)?;
        table.notes.extend(decoded.note);
        table.notes.extend(table.counts_as_names().or_else(|| table.numbers_as_names()));
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
        let mut table = Self::of_text(file, decoded.text, Dialect::usual(delimiter), has_header)?;
        table.notes.extend(decoded.note);
        Ok(table)
    }

    fn of_text(
        file: &Path,
        text: Cow<'a, str>,
        dialect: Dialect,
        has_header: bool,
    ) -> Result<Self, DataError> {
        let mut table = Self {
            file: file.into(),
            text,
            dialect,
            has_header,
            counting: None,
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
        let second = lines.next().filter(|_| has_header);
        if let Some(second) = &second {
            table.counting = CountingLine::of(&first, second.len(), &table.text);
        }
        if let Some(counting) = &table.counting {
            let inputs = (1..=counting.n_inputs).map(|number| format!("column{number}"));
            table.columns = inputs.chain(["target".to_string()]).collect();
            table.unnamed = vec![false; table.columns.len()];
            return Ok(table);
        }
        // R writes the names of the rows without a name above them.
        if let Some(second) = second.filter(|second| second.len() == first.len() + 1) {
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

    /// A remark if the first line counts the table.
    fn counts_as_names(&self) -> Option<Caveat> {
        let CountingLine { n_rows, n_inputs, classes } = self.counting.as_ref()?;
        let classes = match classes.as_slice() {
            [] => String::new(),
            names => format!(", of the classes {} (target)", names.join(", ")),
        };
        Some(Caveat::note(
            "counting-line",
            format!(
                "The first line of {:?} has no names but counts, as scikit-learn writes them: {n_rows} rows of {n_inputs} \
                 inputs (column1, column2, …){classes}.",
                self.file
            ),
        ))
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
        match self.dialect.delimiter {
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
            let is_other_header = line == 0
                && self.has_header
                && (cells.len() + 1 == expected || self.counting.is_some());
            if cells.len() != expected && !is_other_header {
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
        match self.dialect.delimiter {
            Delimiter::Byte(delimiter) => {
                let mut reader = ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .delimiter(delimiter)
                    .quote(self.dialect.quote)
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
                    if !each(number, &cells_between_blanks(line, self.dialect.quote))? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
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

    fn class_names(&self, column: usize) -> Option<&[String]> {
        let counting = self.counting.as_ref()?;
        (column == counting.n_inputs && !counting.classes.is_empty()).then_some(&counting.classes)
    }

    fn suggests_comma(&self) -> bool {
        self.dialect.delimiter == Delimiter::Byte(b';')
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
