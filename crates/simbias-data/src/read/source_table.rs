//! The user's own table beside the rows that were made of it: the cells as they stand, for what is given back to the user.

use std::path::Path;

use simbias_checkpoint::write_whole;

use super::dialect::TextForm;
use super::table::{self, Cell, TableSource};
use super::{Format, ReadOptions, content, csv, format_of, parquet};
use crate::{DataError, write_parquet};

/// The cells of a table as texts, of the rows that [`read_dataset`](super::read_dataset) takes with the same options.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceTable {
    /// Names of all columns, those that are no inputs included.
    pub columns: Vec<String>,
    /// Cells of the rows in use; missing ones are empty.
    pub rows: Vec<Vec<String>>,
    /// The rows in use, counted from 0 in the file.
    pub used_rows: Vec<usize>,
    /// Rows of the file.
    pub n_rows_in_file: usize,
    format: SourceFormat,
}

#[derive(Clone, Debug, PartialEq)]
enum SourceFormat {
    Text {
        delimiter: u8,
    },
    /// With the columns that hold texts.
    Parquet {
        words: Vec<String>,
    },
}

impl SourceTable {
    /// Ending of the files that [`write`](Self::write) writes.
    pub fn extension(&self) -> &'static str {
        match self.format {
            SourceFormat::Text { .. } => "csv",
            SourceFormat::Parquet { .. } => "parquet",
        }
    }

    /// What separates the cells of a text table; `None` for Parquet.
    pub fn delimiter(&self) -> Option<char> {
        match self.format {
            SourceFormat::Text { delimiter } => Some(delimiter.into()),
            SourceFormat::Parquet { .. } => None,
        }
    }

    /// Writes the table in the format that it was read from. Numbers of Parquet become doubles.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path) -> Result<(), DataError> {
        match &self.format {
            SourceFormat::Text { delimiter } => {
                Ok(write_whole(path, |writer| writer.write_all(&self.text(*delimiter)?))?)
            }
            SourceFormat::Parquet { words } => {
                let text =
                    self.text(b',').map_err(|error| DataError::option(path, error.to_string()))?;
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                write_parquet(path, &String::from_utf8_lossy(&text), &words)
            }
        }
    }

    fn text(&self, delimiter: u8) -> std::io::Result<Vec<u8>> {
        let mut writer = ::csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
    }
}

/// The cells of the table at `path`, of the rows that [`read_dataset`](super::read_dataset) takes; `None` for sources that
/// are not one file with a table.
///
/// # Errors
/// See [`DataError`].
pub fn read_source_table(
    path: &Path,
    options: &ReadOptions,
) -> Result<Option<SourceTable>, DataError> {
    if path.is_dir() {
        return Ok(None);
    }
    let bytes = content::open(path)?;
    match format_of(path, &bytes)? {
        Format::Text => {
            let table = csv::TextTable::new(path, &bytes, TextForm::of(options))?;
            let format = SourceFormat::Text { delimiter: table.delimiter_byte() };
            gather(&table, options, format).map(Some)
        }
        Format::Parquet => {
            let table = parquet::ParquetTable::new(path, bytes)?;
            gather(&table, options, SourceFormat::Parquet { words: Vec::new() }).map(Some)
        }
        _ => Ok(None),
    }
}

fn gather(
    source: &dyn TableSource,
    options: &ReadOptions,
    mut format: SourceFormat,
) -> Result<SourceTable, DataError> {
    let (used_rows, n_rows_in_file) = table::rows_in_use(source, options)?;
    let names = source.columns();
    let readable: Vec<bool> =
        (0..names.len()).map(|column| source.unreadable(column).is_none()).collect();
    let mut place_of = vec![None; n_rows_in_file];
    for (place, &row) in used_rows.iter().enumerate() {
        place_of[row] = Some(place);
    }
    let mut rows = vec![vec![String::new(); names.len()]; used_rows.len()];
    let mut holds_bytes = vec![false; names.len()];
    let mut holds_texts = vec![false; names.len()];
    source.visit(&readable, &mut |row, column, cell| {
        let Some(place) = place_of.get(row).copied().flatten() else { return Ok(()) };
        rows[place][column] = match cell {
            Cell::Missing => String::new(),
            Cell::Number(value) if value.is_nan() => String::new(),
            Cell::Number(value) => value.to_string(),
            Cell::Raw(text) => text.into(),
            Cell::Text(text) => {
                holds_texts[column] = true;
                text.into()
            }
            Cell::Moment(moment) => {
                holds_texts[column] = true;
                moment.iso()
            }
            Cell::Bytes(_) => {
                holds_bytes[column] = true;
                String::new()
            }
        };
        Ok(())
    })?;
    let kept: Vec<usize> =
        (0..names.len()).filter(|&column| readable[column] && !holds_bytes[column]).collect();
    if let SourceFormat::Parquet { words } = &mut format {
        let texts = kept.iter().filter(|&&column| holds_texts[column]);
        words.extend(texts.map(|&column| names[column].clone()));
    }
    let rows = rows
        .into_iter()
        .map(|mut row| kept.iter().map(|&column| std::mem::take(&mut row[column])).collect())
        .collect();
    Ok(SourceTable {
        columns: kept.iter().map(|&column| names[column].clone()).collect(),
        rows,
        used_rows,
        n_rows_in_file,
        format,
    })
}
