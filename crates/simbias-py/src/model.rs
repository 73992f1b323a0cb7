//! Models of Python as scorers.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use numpy::{IntoPyArray, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use simbias_data::{Dataset, OwnRows, Scorer, ScorerError, SourceColumn};
use simbias_run::{GivenModel, GivenScorer};

use crate::task::Ears;

/// A model as the package gives it: how it is called in results, a function that opens it for a data set, and its classes
/// in the order of its outputs, if it knows them.
///
/// The function gets what a row is and the first rows. It returns what scores, the number of its outputs, and "table" if
/// it scores rows of the user's table, "array" if it also has a method `of_own` for rows of the user's array, or "".
#[derive(FromPyObject)]
pub(crate) struct PythonModel {
    #[pyo3(item)]
    name: String,
    #[pyo3(item)]
    open: Py<PyAny>,
    #[pyo3(item)]
    classes: Option<Vec<String>>,
}

/// Rows that are shown to a model when it is opened.
const FIRST_ROWS: usize = 2;

impl PythonModel {
    pub(crate) fn into_given(self, ears: Arc<Ears>) -> GivenModel {
        let Self { name, open, classes } = self;
        let open = move |data: &Dataset| {
            Python::attach(|py| {
                opened(py, &open, data, &ears).map_err(|error| {
                    let words = error.to_string();
                    ears.raised(error);
                    words
                })
            })
        };
        GivenModel { name, open: Arc::new(open), classes }
    }
}

fn opened(
    py: Python<'_>,
    open: &Py<PyAny>,
    data: &Dataset,
    ears: &Arc<Ears>,
) -> PyResult<GivenScorer> {
    let tensors: Vec<(String, Vec<usize>)> = data
        .layout
        .tensors()
        .iter()
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect();
    let columns = data.layout.source_columns();
    let layout = PyDict::new(py);
    layout.set_item("n_rows", data.n_rows())?;
    layout.set_item("tensors", tensors)?;
    let names = columns
        .as_ref()
        .map(|columns| columns.iter().map(|column| column.name.clone()).collect::<Vec<String>>());
    layout.set_item("columns", names)?;
    let n_shown = data.n_rows().min(FIRST_ROWS);
    let shown = data.rows.slice(ndarray::s![..n_shown, ..]).to_pyarray(py);
    let (function, n_outputs, own): (Py<PyAny>, usize, String) =
        open.bind(py).call1((layout, shown))?.extract()?;
    let own = match own.as_str() {
        "table" => Own::Table(columns.unwrap_or_default()),
        "array" => Own::Array,
        _ => Own::Nothing,
    };
    Ok(Box::new(PythonScorer { function, n_outputs, own, ears: ears.clone() }))
}

/// What a function takes beside rows of numbers.
enum Own {
    /// Nothing.
    Nothing,
    /// Rows of the user's table alone, by the names of its columns.
    Table(Vec<SourceColumn>),
    /// Rows of the user's array, by the places of its values.
    Array,
}

/// A function of Python that scores.
struct PythonScorer {
    function: Py<PyAny>,
    n_outputs: usize,
    /// How the function scores rows of the user's own.
    own: Own,
    ears: Arc<Ears>,
}

impl PythonScorer {
    fn failed(&self, n_rows: usize, error: PyErr) -> ScorerError {
        let message = error.to_string();
        self.ears.raised(error);
        ScorerError::Model { n_rows, message }
    }

    fn scores(&self, found: &Bound<'_, PyAny>) -> PyResult<Array2<f32>> {
        let scores: PyReadonlyArray2<'_, f32> = found.extract()?;
        Ok(scores.as_array().to_owned())
    }
}

impl Scorer for PythonScorer {
    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn score(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, ScorerError> {
        let n_rows = rows.nrows();
        if matches!(self.own, Own::Table(_)) {
            return Err(ScorerError::Model {
                n_rows,
                message: "it scores your own table, so only whole columns of this can be exchanged; give it rows of \
                          numbers for other questions"
                    .into(),
            });
        }
        Python::attach(|py| {
            let found = self.function.bind(py).call1((rows.to_pyarray(py),));
            found.and_then(|found| self.scores(&found)).map_err(|error| self.failed(n_rows, error))
        })
    }

    fn own_rows(&self) -> Option<&dyn OwnRows> {
        match self.own {
            Own::Nothing => None,
            Own::Table(_) | Own::Array => Some(self),
        }
    }

    fn takes_missing(&self) -> bool {
        true
    }

    // The interpreter runs one thread at a time, and libraries have threads of their own.
    fn scores_in_parallel(&self) -> bool {
        false
    }
}

impl OwnRows for PythonScorer {
    fn score_exchanged(
        &self,
        span: Range<usize>,
        donors: &[u32],
        exchanged: &[u32],
    ) -> Result<Array2<f32>, ScorerError> {
        let n_rows = span.len();
        let Own::Table(columns) = &self.own else {
            return Python::attach(|py| {
                let of_span: Vec<u32> = donors[span.clone()].to_vec();
                let places = exchanged.to_vec().into_pyarray(py);
                let arguments = (span.start, span.end, of_span.into_pyarray(py), places);
                let found = self.function.bind(py).call_method1("of_own", arguments);
                let scores = found.and_then(|found| self.scores(&found));
                scores.map_err(|error| self.failed(n_rows, error))
            });
        };
        let mut names = Vec::new();
        for column in columns {
            let is_exchanged =
                |&feature: &usize| exchanged.binary_search(&(feature as u32)).is_ok();
            match column.columns.clone().filter(is_exchanged).count() {
                0 => {}
                all if all == column.columns.len() => names.push(column.name.as_str()),
                _ => {
                    return Err(ScorerError::Model {
                        n_rows,
                        message: format!(
                            "it scores your own table, but a block holds only a part of column {:?}; give the block \
                             the whole column",
                            column.name
                        ),
                    });
                }
            }
        }
        Python::attach(|py| {
            let of_span: Vec<u32> = donors[span.clone()].to_vec();
            let arguments = (span.start, span.end, of_span.into_pyarray(py), names);
            let found = self.function.bind(py).call1(arguments);
            found.and_then(|found| self.scores(&found)).map_err(|error| self.failed(n_rows, error))
        })
    }
}
