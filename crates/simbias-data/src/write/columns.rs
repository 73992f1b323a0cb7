//! Parquet tables of typed columns.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as PhysicalType},
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};

/// Rows of a group, which readers hold in memory together.
const GROUP_ROWS: usize = 1 << 18;

/// A column of a Parquet table. Every row has a value.
#[derive(Clone, Debug, PartialEq)]
pub enum ParquetColumn {
    /// Whole numbers of 64 bits.
    Integers(Vec<i64>),
    /// Double precision.
    Numbers(Vec<f64>),
    /// Truth values.
    Flags(Vec<bool>),
    /// Texts.
    Texts(Vec<String>),
}

impl ParquetColumn {
    fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Flags(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    fn field(&self, name: &str) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match self {
            Self::Integers(_) => (PhysicalType::INT64, None),
            Self::Numbers(_) => (PhysicalType::DOUBLE, None),
            Self::Flags(_) => (PhysicalType::BOOLEAN, None),
            Self::Texts(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        };
        Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    }
}

/// Writes named columns of equal length as a Parquet table. Equal input gives equal bytes.
///
/// # Errors
/// Columns of unequal length, and errors of `out`.
pub fn parquet_to(out: &mut dyn Write, columns: &[(&str, ParquetColumn)]) -> io::Result<()> {
    let n_rows = columns.first().map_or(0, |(_, column)| column.len());
    if let Some((name, column)) = columns.iter().find(|(_, column)| column.len() != n_rows) {
        return Err(io::Error::other(format!(
            "column {name:?} has {} rows, the first column {n_rows}",
            column.len()
        )));
    }
    let encoded = encode(columns, n_rows).map_err(io::Error::other)?;
    out.write_all(&encoded)
}

fn encode(columns: &[(&str, ParquetColumn)], n_rows: usize) -> Result<Vec<u8>, ParquetError> {
    let fields: Result<Vec<TypePtr>, ParquetError> =
        columns.iter().map(|(name, column)| column.field(name)).collect();
    let schema = Type::group_type_builder("table").with_fields(fields?).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut encoded = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut encoded, Arc::new(schema), Arc::new(properties))?;
    for first in (0..n_rows).step_by(GROUP_ROWS) {
        let rows = first..n_rows.min(first + GROUP_ROWS);
        let mut group = writer.next_row_group()?;
        for (_, column) in columns {
            let Some(mut chunk) = group.next_column()? else { break };
            match column {
                ParquetColumn::Integers(values) => {
                    chunk.typed::<Int64Type>().write_batch(&values[rows.clone()], None, None)?
                }
                ParquetColumn::Numbers(values) => {
                    chunk.typed::<DoubleType>().write_batch(&values[rows.clone()], None, None)?
                }
                ParquetColumn::Flags(values) => {
                    chunk.typed::<BoolType>().write_batch(&values[rows.clone()], None, None)?
                }
                ParquetColumn::Texts(values) => {
                    let texts: Vec<ByteArray> =
                        values[rows.clone()].iter().map(|text| text.as_str().into()).collect();
                    chunk.typed::<ByteArrayType>().write_batch(&texts, None, None)?
                }
            };
            chunk.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(encoded)
}
