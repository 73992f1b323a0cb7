//! A matrix in a Parquet file: one column of lists, or a column of numbers for each of its columns.

use std::path::Path;

use bytes::Bytes;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    file::reader::{FileReader, SerializedFileReader},
    schema::types::ColumnDescriptor,
};

use simbias_checkpoint::{ArrayValues, NamedArray, file_stem};

use super::content::Content;
use super::foreign::guarded;
use super::parquet::{FORMAT, ParquetTable, check_chunks, malformed};
use super::table::{Cell, TableSource};
use crate::DataError;

/// Rows decoded at a time.
const BATCH: usize = 1024;

/// The column `name`, or the only column of lists, or all columns of numbers but those `without`: `[rows, columns]`.
pub(super) fn read(
    file: &Path,
    content: Content,
    name: Option<&str>,
    without: &[&str],
) -> Result<NamedArray, DataError> {
    let n_bytes = content.len() as u64;
    let bytes = Bytes::from_owner(content);
    let reader = guarded(file, FORMAT, || {
        SerializedFileReader::new(bytes.clone()).map_err(|error| malformed(file, &error))
    })?;
    check_chunks(file, reader.metadata(), n_bytes)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let is_wanted = |column: &ColumnDescriptor| {
        let own = column.path().parts().first().map_or("", String::as_str);
        name.map_or(!without.contains(&own), |name| name == own)
    };
    let lists: Vec<usize> = (0..schema.num_columns())
        .filter(|&index| schema.column(index).max_rep_level() == 1)
        .filter(|&index| is_wanted(&schema.column(index)))
        .collect();
    match *lists.as_slice() {
        [index] => read_lists(file, &reader, index),
        [] => {
            let table = ParquetTable::new(file, Content::Owned(bytes.to_vec()))?;
            read_columns(&table, name, without)
        }
        _ => Err(DataError::option(
            file,
            format!(
                "it holds {} columns of lists; add ::COLUMN to the path to choose one",
                lists.len()
            ),
        )),
    }
}

fn read_lists(
    file: &Path,
    reader: &SerializedFileReader<Bytes>,
    index: usize,
) -> Result<NamedArray, DataError> {
    let column = reader.metadata().file_metadata().schema_descr().column(index);
    let mut lists =
        Lists { file, most: column.max_def_level(), values: Vec::new(), n_rows: 0, length: None };
    for group in 0..reader.num_row_groups() {
        let chunk = guarded(file, FORMAT, || {
            let group = reader.get_row_group(group);
            let chunk = group.and_then(|group| group.get_column_reader(index));
            chunk.map_err(|error| malformed(file, &error))
        })?;
        match chunk {
            ColumnReader::FloatColumnReader(chunk) => lists.pump(chunk, f64::from)?,
            ColumnReader::DoubleColumnReader(chunk) => lists.pump(chunk, |value| value)?,
            ColumnReader::Int32ColumnReader(chunk) => lists.pump(chunk, f64::from)?,
            ColumnReader::Int64ColumnReader(chunk) => lists.pump(chunk, |value| value as f64)?,
            _ => {
                return Err(DataError::option(
                    file,
                    format!("the lists of column {:?} do not hold numbers", column.path().string()),
                ));
            }
        }
    }
    let length = lists.length.unwrap_or(0);
    Ok(NamedArray {
        name: file_stem(file),
        shape: vec![lists.n_rows, length],
        values: ArrayValues::F64(lists.values),
    })
}

/// Lists of equal length, one after another.
struct Lists<'a> {
    file: &'a Path,
    /// Definition level of a number that is there.
    most: i16,
    values: Vec<f64>,
    n_rows: usize,
    length: Option<usize>,
}

impl Lists<'_> {
    fn pump<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        convert: fn(T::T) -> f64,
    ) -> Result<(), DataError> {
        let (mut definition, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            definition.clear();
            repetition.clear();
            values.clear();
            let (n_rows, _, _) = guarded(self.file, FORMAT, || {
                reader
                    .read_records(BATCH, Some(&mut definition), Some(&mut repetition), &mut values)
                    .map_err(|error| malformed(self.file, &error))
            })?;
            if n_rows == 0 {
                return Ok(());
            }
            for lengths in row_lengths(&definition, &repetition, self.most) {
                let row = self.n_rows;
                let found = lengths.ok_or_else(|| {
                    DataError::option(
                        self.file,
                        format!("the list of row {row}, counted from 0, is missing or has a gap"),
                    )
                })?;
                let expected = *self.length.get_or_insert(found);
                if found != expected {
                    return Err(DataError::option(
                        self.file,
                        format!(
                            "the list of row {row}, counted from 0, has {found} numbers, those before it {expected}"
                        ),
                    ));
                }
                self.n_rows += 1;
            }
            self.values.extend(values.drain(..).map(convert));
        }
    }
}

/// Numbers in each list of a batch; `None` for a list that is missing, empty or has a gap.
fn row_lengths(definition: &[i16], repetition: &[i16], most: i16) -> Vec<Option<usize>> {
    let mut lengths: Vec<Option<usize>> = Vec::new();
    for (&definition, &repetition) in definition.iter().zip(repetition) {
        if repetition == 0 {
            lengths.push(Some(0));
        }
        if let Some(last) = lengths.last_mut() {
            *last = last.filter(|_| definition == most).map(|length| length + 1);
        }
    }
    lengths
}

fn read_columns(
    table: &ParquetTable,
    name: Option<&str>,
    without: &[&str],
) -> Result<NamedArray, DataError> {
    let file = table.file();
    let names = table.columns();
    if let Some(name) = name
        && !names.iter().any(|other| other == name)
    {
        return Err(DataError::no_such_name(file, "column", name, names));
    }
    let wanted: Vec<bool> = names
        .iter()
        .map(|other| name.map_or(!without.contains(&other.as_str()), |name| name == other))
        .collect();
    let place_of: Vec<usize> = wanted
        .iter()
        .scan(0, |place, &is_wanted| {
            *place += usize::from(is_wanted);
            Some(*place - usize::from(is_wanted))
        })
        .collect();
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); wanted.iter().filter(|&&one| one).count()];
    let n_rows = table.visit(&wanted, &mut |row, column, cell| match cell {
        Cell::Number(value) => {
            columns[place_of[column]].push(value);
            Ok(())
        }
        Cell::Missing => Err(DataError::option(
            file,
            format!("row {row}, counted from 0, of column {:?} is missing", names[column]),
        )),
        _ => Err(DataError::option(
            file,
            format!(
                "column {:?} does not hold numbers; name the columns of labels and ids, or export the matrix as one \
                 column of lists",
                names[column]
            ),
        )),
    })?;
    let n_columns = columns.len();
    let mut values = Vec::with_capacity(n_rows * n_columns);
    for row in 0..n_rows {
        values.extend(columns.iter().map(|column| column[row]));
    }
    Ok(NamedArray {
        name: file_stem(file),
        shape: vec![n_rows, n_columns],
        values: ArrayValues::F64(values),
    })
}
