//! Tables and arrays of Python as sources of rows.

use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use simbias_checkpoint::{ArrayInfo, ArrayValues, NamedArray};
use simbias_cli::GivenData;
use simbias_data::read::{ColumnValues, MemoryArrays, MemoryTable, Part};

/// Rows as the package gives them.
#[derive(FromPyObject)]
pub(crate) enum Rows {
    /// Tables: for each its part ("train", "validation", "test" or nothing) and its columns.
    Tables(Vec<(Option<String>, NamedColumns)>),
    /// Arrays by name; see [`array`].
    Arrays(Vec<NamedObject>),
}

type NamedColumns = Vec<(String, Column)>;

/// An array of numbers in C order, or a list of texts.
#[derive(FromPyObject)]
pub(crate) struct NamedObject {
    #[pyo3(item)]
    name: String,
    #[pyo3(item)]
    values: Py<PyAny>,
}

/// The cells of one column.
#[derive(FromPyObject)]
pub(crate) enum Column {
    /// `("numbers", float64 array)` or `("moments", float64 array of seconds since 1970)`.
    Values(String, Py<PyArrayDyn<f64>>),
    /// `(int64 array of codes, list of texts)`.
    Texts(Py<PyArrayDyn<i64>>, Vec<String>),
    /// `(number of rows, reason)`.
    Unreadable(usize, String),
}

impl Rows {
    /// The rows under a name for messages.
    pub(crate) fn into_given(self, py: Python<'_>, name: &str) -> PyResult<GivenData> {
        match self {
            Self::Tables(tables) => {
                let tables = tables.into_iter().map(|(part, columns)| {
                    let part = part.as_deref().map(part_named).transpose()?;
                    let columns = columns
                        .into_iter()
                        .map(|(column, values)| Ok((column, values.into_values(py)?)))
                        .collect::<PyResult<Vec<_>>>()?;
                    MemoryTable::new(name, part, columns)
                        .map_err(|error| PyValueError::new_err(error.to_string()))
                });
                Ok(GivenData::Tables(tables.collect::<PyResult<_>>()?))
            }
            Self::Arrays(arrays) => {
                let mut infos = Vec::with_capacity(arrays.len());
                for NamedObject { name, values } in &arrays {
                    infos.push(ArrayInfo { name: name.clone(), shape: shape(values.bind(py))? });
                }
                let names = infos.clone();
                Ok(GivenData::Arrays(MemoryArrays::new(name, infos, move |index| {
                    Python::attach(|py| array(&names[index].name, arrays[index].values.bind(py)))
                })))
            }
        }
    }
}

fn part_named(name: &str) -> PyResult<Part> {
    match name {
        "train" => Ok(Part::Train),
        "validation" => Ok(Part::Validation),
        "test" => Ok(Part::Test),
        _ => Err(PyValueError::new_err(format!("{name:?} is not a part"))),
    }
}

impl Column {
    fn into_values(self, py: Python<'_>) -> PyResult<ColumnValues> {
        Ok(match self {
            Self::Values(kind, values) => {
                let values = values.bind(py).to_vec()?;
                match kind.as_str() {
                    "moments" => ColumnValues::Moments(values),
                    _ => ColumnValues::Numbers(values),
                }
            }
            Self::Texts(codes, texts) => {
                ColumnValues::Texts { codes: codes.bind(py).to_vec()?, texts }
            }
            Self::Unreadable(n_rows, problem) => ColumnValues::Unreadable { n_rows, problem },
        })
    }
}

fn shape(values: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    if let Ok(array) = values.cast::<numpy::PyUntypedArray>() {
        return Ok(array.shape().to_vec());
    }
    values.len().map(|n| vec![n])
}

/// One array, copied. The package has made sure of its type and order.
fn array(name: &str, values: &Bound<'_, PyAny>) -> NamedArray {
    let of = |shape: &[usize], values: Option<ArrayValues>| NamedArray {
        name: name.into(),
        shape: shape.to_vec(),
        // Too few values are noticed by the reader.
        values: values.unwrap_or(ArrayValues::F32(Vec::new())),
    };
    if let Ok(found) = values.cast::<PyArrayDyn<f32>>() {
        return of(found.shape(), found.to_vec().ok().map(ArrayValues::F32));
    }
    if let Ok(found) = values.cast::<PyArrayDyn<f64>>() {
        return of(found.shape(), found.to_vec().ok().map(ArrayValues::F64));
    }
    if let Ok(found) = values.cast::<PyArrayDyn<i64>>() {
        return of(found.shape(), found.to_vec().ok().map(ArrayValues::I64));
    }
    if let Ok(found) = values.cast::<PyArrayDyn<u8>>() {
        return of(found.shape(), found.to_vec().ok().map(ArrayValues::U8));
    }
    if let Ok(found) = values.cast::<PyArrayDyn<bool>>() {
        let values = found.to_vec().ok();
        let values = values.map(|values| values.into_iter().map(u8::from).collect());
        return of(found.shape(), values.map(ArrayValues::Bool));
    }
    let texts: PyResult<Vec<String>> = values.extract();
    let n = texts.as_ref().map_or(0, Vec::len);
    of(&[n], texts.ok().map(ArrayValues::Texts))
}
