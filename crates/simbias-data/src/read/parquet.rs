//! Parquet tables, also with images as Hugging Face stores them: a struct of encoded `bytes` and `path`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use half::f16;
use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{AsBytes, ByteArrayType, DataType, Int96},
    errors::ParquetError,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
    },
    schema::types::ColumnDescriptor,
};

use simbias_checkpoint::{FileError, file_stem};
use simbias_report::Caveat;

use super::{
    ReadOptions,
    content::Content,
    foreign::guarded,
    image_table,
    table::{self, Cell, Moment, TableSource, Visit},
};
use crate::{DataError, Dataset};

pub(super) const FORMAT: &str = "Parquet";
/// Rows decoded at a time.
const BATCH: usize = 1024;

/// An open Parquet file; every visit decodes the wanted columns, one after another.
pub(super) struct ParquetTable {
    file: PathBuf,
    reader: SerializedFileReader<Bytes>,
    names: Vec<String>,
    leaves: Vec<Leaf>,
    notes: Vec<Caveat>,
}

/// One column as it is stored.
struct Leaf {
    /// Its position in the file.
    index: usize,
    kind: LeafKind,
    class_names: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum LeafKind {
    /// Numbers, divided by this power of ten.
    Number {
        divisor: f64,
    },
    /// Unsigned integers that are stored as signed ones.
    Unsigned,
    Half,
    /// Integers of any length, divided by this power of ten.
    Decimal {
        divisor: f64,
    },
    /// Dates and times: so many units a day.
    Moment {
        per_day: f64,
        has_date: bool,
    },
    Text,
    /// Encoded images, or other bytes.
    Bytes,
    Unreadable(&'static str),
}

/// Reads a Parquet table from memory; with an image column the images are the input. `file` is for messages and the
/// name.
///
/// # Errors
/// Every table and image error of [`DataError`].
pub fn parse_parquet(
    file: &Path,
    bytes: Vec<u8>,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let table = ParquetTable::new(file, Content::Owned(bytes))?;
    let mut parts = read(vec![vec![table]], options)?;
    Ok(parts.remove(0))
}

/// Reads groups of files, one group a part.
pub(super) fn read(
    groups: Vec<Vec<ParquetTable>>,
    options: &ReadOptions,
) -> Result<Vec<Dataset>, DataError> {
    let name_of = |group: &Vec<ParquetTable>| file_stem(&group[0].file);
    let first = &groups[0][0];
    let Some(column) = first.image_column(options)? else {
        let names: Vec<String> = groups.iter().map(name_of).collect();
        let groups: Vec<Vec<&dyn TableSource>> = groups
            .iter()
            .map(|group| group.iter().map(|table| table as &dyn TableSource).collect())
            .collect();
        return table::read(&groups, &names, options);
    };
    groups
        .iter()
        .map(|group| match group.as_slice() {
            [table] => image_table::read_bytes(table, column, name_of(group), options),
            _ => image_table::read_bytes(&Shards(group), column, name_of(group), options),
        })
        .collect()
}

pub(super) fn malformed(file: &Path, error: &ParquetError) -> DataError {
    DataError::malformed(file, FORMAT, error.to_string(), "write or fetch it again")
}

/// Every column chunk must lie inside the file; the decoder does not check that.
pub(super) fn check_chunks(
    file: &Path,
    metadata: &ParquetMetaData,
    n_bytes: u64,
) -> Result<(), DataError> {
    for chunk in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let end = start.checked_add(chunk.compressed_size());
        let is_inside = start >= 0
            && chunk.data_page_offset() >= 0
            && chunk.compressed_size() >= 0
            && end.is_some_and(|end| end as u64 <= n_bytes);
        if !is_inside {
            return Err(FileError::Truncated {
                file: file.into(),
                format: FORMAT,
                announced: end.and_then(|end| u64::try_from(end).ok()),
                available: n_bytes,
            }
            .into());
        }
    }
    Ok(())
}

impl ParquetTable {
    pub(super) fn new(file: &Path, content: Content) -> Result<Self, DataError> {
        let n_bytes = content.len() as u64;
        let reader = guarded(file, FORMAT, || {
            SerializedFileReader::new(Bytes::from_owner(content))
                .map_err(|error| malformed(file, &error))
        })?;
        let metadata = reader.metadata();
        check_chunks(file, metadata, n_bytes)?;
        let schema = metadata.file_metadata().schema_descr();
        let mut names = Vec::new();
        let mut leaves = Vec::new();
        for (index, column) in schema.columns().iter().enumerate() {
            let parts = column.path().parts();
            let is_in_struct = |field: &str| {
                parts.len() == 2
                    && schema.columns().iter().any(|other| {
                        let other = other.path().parts();
                        other.len() == 2 && other[0] == parts[0] && other[1] == field
                    })
            };
            let is_image = parts.last().is_some_and(|last| last == "bytes") && is_in_struct("path");
            let is_its_path =
                parts.last().is_some_and(|last| last == "path") && is_in_struct("bytes");
            if is_its_path {
                continue;
            }
            let name = if is_image { parts[0].clone() } else { parts.join(".") };
            let class_names = class_names(metadata, &name);
            leaves.push(Leaf { index, kind: LeafKind::of(column), class_names });
            names.push(name);
        }
        let mut table = Self { file: file.into(), reader, names, leaves, notes: Vec::new() };
        table.look_at_bytes();
        Ok(table)
    }

    /// Tells columns of images from texts that were stored as bytes and from other bytes.
    fn look_at_bytes(&mut self) {
        for column in 0..self.leaves.len() {
            if self.leaves[column].kind != LeafKind::Bytes {
                continue;
            }
            let samples = self.first_bytes(self.leaves[column].index);
            let is_text = |bytes: &Vec<u8>| {
                let text = std::str::from_utf8(bytes);
                text.is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
            };
            if samples.is_empty() || samples.iter().any(|bytes| looks_like_image(bytes)) {
                continue;
            }
            if samples.iter().all(is_text) {
                self.leaves[column].kind = LeafKind::Text;
                self.notes.push(Caveat::note(
                    "bytes-as-text",
                    format!(
                        "Column {:?} of {:?} is stored as bytes and was read as texts.",
                        self.names[column], self.file
                    ),
                ));
            } else {
                self.leaves[column].kind =
                    LeafKind::Unreadable("holds bytes that are neither images nor texts");
            }
        }
    }

    /// Some of the first values of a column of bytes; none where they cannot be read, which shows later.
    fn first_bytes(&self, leaf: usize) -> Vec<Vec<u8>> {
        const ENOUGH: usize = 16;
        for group in 0..self.reader.num_row_groups() {
            let read = guarded(&self.file, FORMAT, || {
                let reader = self
                    .reader
                    .get_row_group(group)
                    .and_then(|group| group.get_column_reader(leaf))
                    .map_err(|error| malformed(&self.file, &error))?;
                let ColumnReader::ByteArrayColumnReader(reader) = reader else {
                    return Ok(Vec::new());
                };
                first_values(&self.file, reader, ENOUGH)
            });
            match read {
                Ok(values) if values.is_empty() => {}
                Ok(values) => return values,
                Err(_) => return Vec::new(),
            }
        }
        Vec::new()
    }

    /// The column of images: the one asked for, else the only one of bytes.
    fn image_column(&self, options: &ReadOptions) -> Result<Option<usize>, DataError> {
        let is_bytes = |column: &usize| self.leaves[*column].kind == LeafKind::Bytes;
        if let Some(name) = &options.image_column {
            let column = self.names.iter().position(|other| other == name);
            return match column {
                Some(column) if is_bytes(&column) => Ok(Some(column)),
                Some(_) => Err(DataError::option(
                    &self.file,
                    format!("column {name:?} holds no images; choose another image column"),
                )),
                None => Err(DataError::no_such_name(&self.file, "image column", name, &self.names)),
            };
        }
        let candidates: Vec<usize> = (0..self.leaves.len()).filter(is_bytes).collect();
        match candidates.as_slice() {
            [] => Ok(None),
            &[column] => Ok(Some(column)),
            several => Err(DataError::option(
                &self.file,
                format!(
                    "columns {} all hold bytes; name the one with the images",
                    several
                        .iter()
                        .map(|&column| self.names[column].as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            )),
        }
    }
}

/// The names of a Hugging Face `ClassLabel` feature.
fn class_names(metadata: &ParquetMetaData, column: &str) -> Option<Vec<String>> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    let text = entries.iter().find(|entry| entry.key == "huggingface")?.value.as_ref()?;
    let info: serde_json::Value = serde_json::from_str(text).ok()?;
    let names = info.get("info")?.get("features")?.get(column)?.get("names")?.as_array()?;
    names.iter().map(|name| name.as_str().map(Into::into)).collect()
}

impl LeafKind {
    fn of(column: &ColumnDescriptor) -> Self {
        if column.max_rep_level() > 0 {
            return Self::Unreadable("holds lists, which are not table columns");
        }
        let logical = column.logical_type_ref();
        let converted = column.converted_type();
        let is_decimal =
            matches!(logical, Some(LogicalType::Decimal(_))) || converted == ConvertedType::DECIMAL;
        let is_unsigned = matches!(logical, Some(LogicalType::Integer(kind)) if !kind.is_signed)
            || matches!(
                converted,
                ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64
            );
        let moment = Self::moment(logical, converted);
        match column.physical_type() {
            PhysicalType::INT96 => Self::Moment { per_day: MILLISECONDS_PER_DAY, has_date: true },
            PhysicalType::INT32 | PhysicalType::INT64 if moment.is_some() => {
                moment.unwrap_or(Self::Text)
            }
            PhysicalType::INT32 | PhysicalType::INT64 if is_unsigned => Self::Unsigned,
            PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY if is_decimal => {
                Self::Decimal { divisor: 10_f64.powi(column.type_scale()) }
            }
            PhysicalType::FIXED_LEN_BYTE_ARRAY => match logical {
                Some(LogicalType::Float16) => Self::Half,
                _ => Self::Unreadable("holds bytes of fixed length"),
            },
            PhysicalType::BYTE_ARRAY => {
                let is_text = matches!(
                    logical,
                    Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)
                ) || matches!(
                    converted,
                    ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
                );
                if is_text { Self::Text } else { Self::Bytes }
            }
            _ if is_decimal => Self::Number { divisor: 10_f64.powi(column.type_scale()) },
            _ => Self::Number { divisor: 1.0 },
        }
    }
}

impl LeafKind {
    /// The unit of integers that are dates or times.
    fn moment(logical: Option<&LogicalType>, converted: ConvertedType) -> Option<Self> {
        let per_second = |unit: &TimeUnit| match unit {
            TimeUnit::MILLIS => 1e3,
            TimeUnit::MICROS => 1e6,
            TimeUnit::NANOS => 1e9,
        };
        let (per_day, has_date) = match (logical, converted) {
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => (1.0, true),
            (Some(LogicalType::Timestamp(kind)), _) => (86_400.0 * per_second(&kind.unit), true),
            (Some(LogicalType::Time(kind)), _) => (86_400.0 * per_second(&kind.unit), false),
            (None, ConvertedType::TIMESTAMP_MILLIS) => (MILLISECONDS_PER_DAY, true),
            (None, ConvertedType::TIMESTAMP_MICROS) => (1e3 * MILLISECONDS_PER_DAY, true),
            (None, ConvertedType::TIME_MILLIS) => (MILLISECONDS_PER_DAY, false),
            (None, ConvertedType::TIME_MICROS) => (1e3 * MILLISECONDS_PER_DAY, false),
            _ => return None,
        };
        Some(Self::Moment { per_day, has_date })
    }
}

const MILLISECONDS_PER_DAY: f64 = 86_400_000.0;

/// Whether bytes begin as an image does.
fn looks_like_image(bytes: &[u8]) -> bool {
    image::guess_format(bytes).is_ok()
}

/// At most `enough` values that are not missing.
fn first_values(
    file: &Path,
    mut reader: ColumnReaderImpl<ByteArrayType>,
    enough: usize,
) -> Result<Vec<Vec<u8>>, DataError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    loop {
        let (n_rows, _, _) = reader
            .read_records(BATCH, Some(&mut levels), None, &mut values)
            .map_err(|error| malformed(file, &error))?;
        if n_rows == 0 || !values.is_empty() {
            return Ok(values.iter().take(enough).map(|value| value.data().to_vec()).collect());
        }
    }
}

/// A big-endian integer of any length, in two's complement.
fn integer(bytes: &[u8]) -> f64 {
    let Some(&first) = bytes.first() else { return 0.0 };
    let start = if first >= 0x80 { -1.0 } else { 0.0 };
    bytes.iter().fold(start, |value, &byte| value * 256.0 + f64::from(byte))
}

/// Takes a row and its value, `None` if it is missing.
type EachValue<'e, T> = dyn FnMut(usize, Option<&T>) -> Result<(), DataError> + 'e;

/// Calls `each` with every row's value, `None` if it is missing; returns the number of rows.
fn pump<T: DataType>(
    file: &Path,
    mut reader: ColumnReaderImpl<T>,
    column: &ColumnDescriptor,
    each: &mut EachValue<'_, T::T>,
) -> Result<usize, DataError> {
    let max_level = column.max_def_level();
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut row = 0;
    loop {
        levels.clear();
        values.clear();
        let (n_rows, _, _) = guarded(file, FORMAT, || {
            reader
                .read_records(BATCH, Some(&mut levels), None, &mut values)
                .map_err(|error| malformed(file, &error))
        })?;
        if n_rows == 0 {
            return Ok(row);
        }
        let mut present = values.iter();
        for batch_row in 0..n_rows {
            let is_present =
                max_level == 0 || levels.get(batch_row).is_some_and(|&level| level == max_level);
            each(row, if is_present { present.next() } else { None })?;
            row += 1;
        }
    }
}

impl ParquetTable {
    fn visit_chunk(
        &self,
        group: usize,
        leaf: &Leaf,
        first_row: usize,
        visit: &mut dyn FnMut(usize, Cell<'_>) -> Result<(), DataError>,
    ) -> Result<usize, DataError> {
        let file = &self.file;
        let chunk = guarded(file, FORMAT, || {
            self.reader
                .get_row_group(group)
                .and_then(|group| group.get_column_reader(leaf.index))
                .map_err(|error| malformed(file, &error))
        })?;
        let column = self.reader.metadata().file_metadata().schema_descr().column(leaf.index);
        let divisor = match leaf.kind {
            LeafKind::Number { divisor } | LeafKind::Decimal { divisor } => divisor,
            _ => 1.0,
        };
        let is_unsigned = leaf.kind == LeafKind::Unsigned;
        let kind = leaf.kind;
        let mut number = |row: usize, value: Option<f64>| {
            let cell = match (value, kind) {
                (None, _) => Cell::Missing,
                (Some(value), LeafKind::Moment { per_day, has_date }) => {
                    let days = value / per_day;
                    let whole = days.floor();
                    let hour = (days - whole) * 24.0;
                    Cell::Moment(Moment { days: if has_date { whole } else { 0.0 }, hour })
                }
                (Some(value), _) => Cell::Number(value / divisor),
            };
            visit(first_row + row, cell)
        };
        match chunk {
            ColumnReader::BoolColumnReader(reader) => {
                pump(file, reader, &column, &mut |row, value| {
                    number(row, value.map(|&value| f64::from(u8::from(value))))
                })
            }
            ColumnReader::Int32ColumnReader(reader) => {
                pump(file, reader, &column, &mut |row, value| {
                    let widen = |value: i32| {
                        if is_unsigned { f64::from(value as u32) } else { f64::from(value) }
                    };
                    number(row, value.map(|&value| widen(value)))
                })
            }
            ColumnReader::Int64ColumnReader(reader) => {
                pump(file, reader, &column, &mut |row, value| {
                    let widen =
                        |value: i64| if is_unsigned { value as u64 as f64 } else { value as f64 };
                    number(row, value.map(|&value| widen(value)))
                })
            }
            ColumnReader::FloatColumnReader(reader) => {
                pump(file, reader, &column, &mut |row, value| {
                    number(row, value.map(|&value| f64::from(value)))
                })
            }
            ColumnReader::DoubleColumnReader(reader) => {
                pump(file, reader, &column, &mut |row, value| number(row, value.copied()))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                let is_decimal = matches!(kind, LeafKind::Decimal { .. });
                pump(file, reader, &column, &mut |row, value| {
                    if is_decimal {
                        return number(row, value.map(|value| integer(value.as_bytes())));
                    }
                    let half = value.and_then(|value| <[u8; 2]>::try_from(value.as_bytes()).ok());
                    number(row, half.map(|bytes| f16::from_le_bytes(bytes).to_f64()))
                })
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                let is_text = leaf.kind == LeafKind::Text;
                if matches!(kind, LeafKind::Decimal { .. }) {
                    return pump(file, reader, &column, &mut |row, value| {
                        number(row, value.map(|value| integer(value.data())))
                    });
                }
                pump(file, reader, &column, &mut |row, value| match value {
                    None => visit(first_row + row, Cell::Missing),
                    Some(value) if !is_text => visit(first_row + row, Cell::Bytes(value.data())),
                    Some(value) => {
                        let text = value.as_utf8().map_err(|error| malformed(file, &error))?;
                        visit(first_row + row, Cell::Text(text))
                    }
                })
            }
            ColumnReader::Int96ColumnReader(reader) => {
                pump(file, reader, &column, &mut |row, value| {
                    number(row, value.map(|value: &Int96| value.to_millis() as f64))
                })
            }
        }
    }
}

impl TableSource for ParquetTable {
    fn file(&self) -> &Path {
        &self.file
    }

    fn columns(&self) -> &[String] {
        &self.names
    }

    fn unreadable(&self, column: usize) -> Option<&str> {
        match self.leaves[column].kind {
            LeafKind::Unreadable(problem) => Some(problem),
            _ => None,
        }
    }

    fn class_names(&self, column: usize) -> Option<&[String]> {
        self.leaves[column].class_names.as_deref()
    }

    fn notes(&self) -> &[Caveat] {
        &self.notes
    }

    fn visit(&self, wanted: &[bool], visit: &mut Visit<'_>) -> Result<usize, DataError> {
        let mut first_row = 0;
        for group in 0..self.reader.num_row_groups() {
            let announced = self.reader.metadata().row_group(group).num_rows();
            let mut n_rows = None;
            for (column, leaf) in
                self.leaves.iter().enumerate().filter(|(column, _)| wanted[*column])
            {
                if let LeafKind::Unreadable(problem) = leaf.kind {
                    return Err(DataError::option(
                        &self.file,
                        format!("column {:?} {problem}; choose another", self.names[column]),
                    ));
                }
                let found = self.visit_chunk(group, leaf, first_row, &mut |row, cell| {
                    visit(row, column, cell)
                })?;
                if i64::try_from(found) != Ok(announced)
                    || n_rows.is_some_and(|n_rows| n_rows != found)
                {
                    return Err(DataError::malformed(
                        &self.file,
                        FORMAT,
                        format!(
                            "column {:?} holds {found} rows in row group {group}, expected {announced}",
                            self.names[column]
                        ),
                        "write or fetch it again",
                    ));
                }
                n_rows = Some(found);
            }
            first_row += match n_rows {
                Some(n_rows) => n_rows,
                None => usize::try_from(announced).unwrap_or(0),
            };
        }
        Ok(first_row)
    }
}

/// Several files with the same columns, one after another.
struct Shards<'a>(&'a [ParquetTable]);

impl TableSource for Shards<'_> {
    fn file(&self) -> &Path {
        self.0[0].file()
    }

    fn columns(&self) -> &[String] {
        self.0[0].columns()
    }

    fn unreadable(&self, column: usize) -> Option<&str> {
        self.0[0].unreadable(column)
    }

    fn class_names(&self, column: usize) -> Option<&[String]> {
        self.0[0].class_names(column)
    }

    fn visit(&self, wanted: &[bool], visit: &mut Visit<'_>) -> Result<usize, DataError> {
        let mut first_row = 0;
        for shard in self.0 {
            if shard.columns() != self.columns() {
                return Err(DataError::option(
                    shard.file(),
                    format!("its columns differ from those of {:?}", self.file()),
                ));
            }
            first_row += shard
                .visit(wanted, &mut |row, column, cell| visit(first_row + row, column, cell))?;
        }
        Ok(first_row)
    }
}
