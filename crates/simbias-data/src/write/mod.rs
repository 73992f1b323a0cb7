//! Writes arrays and tables to files: first under a temporary name, renamed when complete.

mod columns;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use ::safetensors::{Dtype, serialize, tensor::TensorView};
use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as PhysicalType},
    data_type::{ByteArray, ByteArrayType, DoubleType},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};

use simbias_checkpoint::{ArrayValues, NamedArray, write_whole};

pub use columns::{ParquetColumn, parquet_to};

use crate::DataError;

/// Little-endian bytes, `.npy` type and safetensors type.
fn encode(path: &Path, array: &NamedArray) -> Result<(Vec<u8>, &'static str, Dtype), DataError> {
    let n_values: usize = array.shape.iter().product();
    if n_values != array.values.len() {
        return Err(DataError::option(
            path,
            format!(
                "array {:?} has {} values for shape {:?}",
                array.name,
                array.values.len(),
                array.shape
            ),
        ));
    }
    Ok(match &array.values {
        ArrayValues::F32(values) => {
            (values.iter().flat_map(|value| value.to_le_bytes()).collect(), "<f4", Dtype::F32)
        }
        ArrayValues::F64(values) => {
            (values.iter().flat_map(|value| value.to_le_bytes()).collect(), "<f8", Dtype::F64)
        }
        ArrayValues::I64(values) => {
            (values.iter().flat_map(|value| value.to_le_bytes()).collect(), "<i8", Dtype::I64)
        }
        ArrayValues::U8(values) => (values.clone(), "|u1", Dtype::U8),
        ArrayValues::Bool(values) => (values.clone(), "|b1", Dtype::BOOL),
        ArrayValues::Texts(_) => {
            return Err(DataError::option(
                path,
                format!("array {:?} holds texts, which are written to .csv only", array.name),
            ));
        }
    })
}

/// Writes named arrays as one `.safetensors` file, with optional text metadata.
///
/// Equal input gives equal bytes: metadata are sorted by key, and the last of equal keys counts.
///
/// # Errors
/// Texts, shapes that do not fit, and what the system says.
pub fn write_safetensors(
    path: &Path,
    arrays: &[NamedArray],
    metadata: &[(String, String)],
) -> Result<(), DataError> {
    let encoded =
        arrays.iter().map(|array| encode(path, array)).collect::<Result<Vec<_>, DataError>>()?;
    let malformed = |error: ::safetensors::SafeTensorError| {
        DataError::malformed(path, "safetensors", error.to_string(), "give arrays that fit it")
    };
    let mut views = Vec::with_capacity(arrays.len());
    for (array, (bytes, _, dtype)) in arrays.iter().zip(&encoded) {
        let view = TensorView::new(*dtype, array.shape.clone(), bytes).map_err(malformed)?;
        views.push((array.name.as_str(), view));
    }
    let bytes = serialize(views, None).map_err(malformed)?;
    let (header, values) = split_header(&bytes);
    let header = with_metadata(header, metadata);
    let written = write_whole(path, |writer| {
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(header.as_bytes())?;
        writer.write_all(values)
    });
    Ok(written?)
}

/// The header (a JSON object) and the values of a serialized file: eight bytes hold the header's length.
fn split_header(file: &[u8]) -> (&str, &[u8]) {
    let parts = file.split_first_chunk().and_then(|(length, rest)| {
        let (header, values) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        Some((std::str::from_utf8(header).ok()?, values))
    });
    parts.expect("the serializer writes a length, as many bytes of JSON and the values")
}

/// A header of tensors with sorted metadata in front, padded to a multiple of eight bytes. The serializer
/// itself takes metadata as a hash map, whose order differs from run to run.
fn with_metadata(header: &str, metadata: &[(String, String)]) -> String {
    if metadata.is_empty() {
        return header.into();
    }
    let sorted: BTreeMap<&str, &str> =
        metadata.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let metadata = serde_json::json!(sorted);
    let tensors = header.trim_end().trim_start_matches('{');
    let comma = if tensors == "}" { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{metadata}{comma}{tensors}");
    let padding = header.len().next_multiple_of(8) - header.len();
    header.extend(std::iter::repeat_n(' ', padding));
    header
}

/// Writes one array as `.npy`, C order.
///
/// # Errors
/// Texts, shapes that do not fit, and what the system says.
pub fn write_npy(path: &Path, array: &NamedArray) -> Result<(), DataError> {
    let encoded = encode(path, array)?;
    Ok(write_whole(path, |writer| npy(writer, array, encoded))?)
}

/// The same into any stream.
///
/// # Errors
/// As [`write_npy`].
pub fn npy_to(out: &mut dyn Write, array: &NamedArray) -> io::Result<()> {
    let encoded = encode(Path::new(&array.name), array).map_err(io::Error::other)?;
    npy(out, array, encoded)
}

fn npy(
    out: &mut dyn Write,
    array: &NamedArray,
    (bytes, descr, _): (Vec<u8>, &str, Dtype),
) -> io::Result<()> {
    let lengths: Vec<String> = array.shape.iter().map(|length| format!("{length},")).collect();
    let fields = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        lengths.join(" ")
    );
    // Magic, version and length take 10 bytes; the values begin at a multiple of 64.
    let padded = (10 + fields.len() + 1).next_multiple_of(64) - 10;
    let header = format!("{fields:<width$}\n", width = padded - 1);
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    out.write_all(&bytes)
}

/// Writes a table with a header line, quoting where needed.
///
/// # Errors
/// Rows of another length than the header, and what the system says.
pub fn write_csv(path: &Path, columns: &[String], rows: &[Vec<String>]) -> Result<(), DataError> {
    let written = write_whole(path, |writer| {
        let mut writer = csv::Writer::from_writer(writer);
        writer.write_record(columns).map_err(std::io::Error::other)?;
        for row in rows {
            writer.write_record(row).map_err(std::io::Error::other)?;
        }
        writer.flush()
    });
    Ok(written?)
}

/// Writes the CSV text of a table as Parquet: columns named in `words` as text, all others as numbers. Empty fields
/// are null, and so are fields of number columns that are not numbers.
///
/// # Errors
/// What the system says, and rows of unequal length.
pub fn write_parquet(path: &Path, csv: &str, words: &[&str]) -> Result<(), DataError> {
    let refused = |problem: String| DataError::option(path, problem);
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().map_err(|error| refused(error.to_string()))?.clone();
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); header.len()];
    for record in reader.records() {
        let record = record.map_err(|error| refused(error.to_string()))?;
        for (column, field) in columns.iter_mut().zip(&record) {
            column.push(field.to_string());
        }
    }
    let encoded =
        parquet_bytes(&header, &columns, words).map_err(|error| refused(error.to_string()))?;
    Ok(write_whole(path, |file| file.write_all(&encoded))?)
}

fn parquet_bytes(
    header: &::csv::StringRecord,
    columns: &[Vec<String>],
    words: &[&str],
) -> Result<Vec<u8>, ParquetError> {
    let holds_words: Vec<bool> = header.iter().map(|name| words.contains(&name)).collect();
    let fields: Result<Vec<TypePtr>, ParquetError> = header
        .iter()
        .zip(&holds_words)
        .map(|(name, &holds_words)| {
            let (physical, logical) = match holds_words {
                false => (PhysicalType::DOUBLE, None),
                true => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let field = Type::primitive_type_builder(name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical);
            field.build().map(Arc::new)
        })
        .collect();
    let schema = Type::group_type_builder("table").with_fields(fields?).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut encoded = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut encoded, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (fields, holds_words) in columns.iter().zip(holds_words) {
        let Some(mut column) = group.next_column()? else { break };
        let levels = |is_there: &dyn Fn(&String) -> bool| -> Vec<i16> {
            fields.iter().map(|field| i16::from(is_there(field))).collect()
        };
        if holds_words {
            let there = levels(&|field| !field.is_empty());
            let filled = fields.iter().filter(|field| !field.is_empty());
            let words: Vec<ByteArray> =
                filled.map(|field| ByteArray::from(field.as_str())).collect();
            column.typed::<ByteArrayType>().write_batch(&words, Some(&there), None)?;
        } else {
            let there = levels(&|field| field.parse::<f64>().is_ok());
            let numbers: Vec<f64> = fields.iter().filter_map(|field| field.parse().ok()).collect();
            column.typed::<DoubleType>().write_batch(&numbers, Some(&there), None)?;
        }
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(encoded)
}
