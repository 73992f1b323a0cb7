//! What is read: a path, or tables and arrays that a caller holds in memory.

use std::path::{Path, PathBuf};

use simbias_checkpoint::{ArrayInfo, NamedArray};

use super::array::ArrayStore;
use super::table::{self, Cell, Moment, TableSource, Visit};
use super::{Part, ReadOptions};
use crate::DataError;

/// What is read.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A file or a folder.
    Path(&'a Path),
    /// Tables with the same columns: one, or one for each part.
    Tables(&'a [MemoryTable]),
    /// Named arrays.
    Arrays(&'a MemoryArrays),
}

impl Source<'_> {
    /// How messages call it.
    pub(super) fn name(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Tables(tables) => tables.first().map_or(Path::new(""), |table| &table.name),
            Self::Arrays(arrays) => &arrays.name,
        }
    }
}

impl<'a> From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Self {
        Self::Path(path)
    }
}

impl<'a> From<&'a PathBuf> for Source<'a> {
    fn from(path: &'a PathBuf) -> Self {
        Self::Path(path)
    }
}

/// A table in memory, such as a data frame.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryTable {
    name: PathBuf,
    part: Option<Part>,
    names: Vec<String>,
    columns: Vec<ColumnValues>,
    n_rows: usize,
}

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// Numbers; NaN is a missing cell.
    Numbers(Vec<f64>),
    /// Texts.
    Texts {
        /// For each row the index of its text; negative for a missing cell.
        codes: Vec<i64>,
        /// The different texts.
        texts: Vec<String>,
    },
    /// Seconds since 1970-01-01; NaN is a missing cell.
    Moments(Vec<f64>),
    /// Cells that cannot be inputs, with the reason, as in "holds lists".
    Unreadable {
        /// Number of cells.
        n_rows: usize,
        /// Why they cannot be inputs.
        problem: String,
    },
}

impl ColumnValues {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) | Self::Moments(values) => values.len(),
            Self::Texts { codes, .. } => codes.len(),
            Self::Unreadable { n_rows, .. } => *n_rows,
        }
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        const SECONDS_PER_DAY: f64 = 86_400.0;
        match self {
            Self::Numbers(values) => match values[row] {
                value if value.is_nan() => Cell::Missing,
                value => Cell::Number(value),
            },
            Self::Moments(values) => match values[row] / SECONDS_PER_DAY {
                days if days.is_nan() => Cell::Missing,
                days => {
                    Cell::Moment(Moment { days: days.floor(), hour: (days - days.floor()) * 24.0 })
                }
            },
            Self::Texts { codes, texts } => {
                let text = usize::try_from(codes[row]).ok().and_then(|code| texts.get(code));
                text.map_or(Cell::Missing, |text| Cell::Text(text))
            }
            Self::Unreadable { .. } => Cell::Missing,
        }
    }
}

impl MemoryTable {
    /// A table of named columns. `name` stands for a file name in messages; `part` says what the rows are for.
    ///
    /// # Errors
    /// Columns of different lengths.
    pub fn new(
        name: impl Into<PathBuf>,
        part: Option<Part>,
        columns: Vec<(String, ColumnValues)>,
    ) -> Result<Self, DataError> {
        let name = name.into();
        let (names, columns): (Vec<String>, Vec<ColumnValues>) = columns.into_iter().unzip();
        let n_rows = columns.first().map_or(0, ColumnValues::len);
        let odd = columns.iter().position(|column| column.len() != n_rows);
        match odd {
            Some(odd) => Err(DataError::option(
                &name,
                format!(
                    "column {:?} has {} rows, but {:?} has {n_rows}",
                    names[odd],
                    columns[odd].len(),
                    names[0]
                ),
            )),
            None => Ok(Self { name, part, names, columns, n_rows }),
        }
    }

    /// The rows that [`read_dataset`](super::read_dataset) takes with the same options, counted from 0: rows with missing
    /// cells may be left out, and there may be a largest number of rows.
    ///
    /// # Errors
    /// As [`read_dataset`](super::read_dataset).
    pub fn rows_in_use(&self, options: &ReadOptions) -> Result<Vec<usize>, DataError> {
        table::rows_in_use(self, options).map(|(rows, _)| rows)
    }

    pub(super) fn part(&self) -> Option<Part> {
        self.part
    }
}

impl TableSource for MemoryTable {
    fn file(&self) -> &Path {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.names
    }

    fn unreadable(&self, column: usize) -> Option<&str> {
        match &self.columns[column] {
            ColumnValues::Unreadable { problem, .. } => Some(problem),
            _ => None,
        }
    }

    fn visit(&self, wanted: &[bool], visit: &mut Visit<'_>) -> Result<usize, DataError> {
        for (index, column) in self.columns.iter().enumerate().filter(|(index, _)| wanted[*index]) {
            if let ColumnValues::Unreadable { problem, .. } = column {
                return Err(DataError::option(
                    &self.name,
                    format!("column {:?} {problem}; choose another", self.names[index]),
                ));
            }
            for row in 0..self.n_rows {
                visit(row, index, column.cell(row))?;
            }
        }
        Ok(self.n_rows)
    }
}

type Load = Box<dyn Fn(usize) -> NamedArray + Send + Sync>;

/// Arrays in memory. They are named as in a file of arrays: `x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`.
pub struct MemoryArrays {
    name: PathBuf,
    infos: Vec<ArrayInfo>,
    load: Load,
}

impl MemoryArrays {
    /// Arrays of the names and shapes in `infos`; `load` gives the one with an index, each when it is needed, so that
    /// no array is copied twice. `name` stands for a file name in messages.
    pub fn new(
        name: impl Into<PathBuf>,
        infos: Vec<ArrayInfo>,
        load: impl Fn(usize) -> NamedArray + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), infos, load: Box::new(load) }
    }
}

impl std::fmt::Debug for MemoryArrays {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MemoryArrays").field("infos", &self.infos).finish_non_exhaustive()
    }
}

impl ArrayStore for MemoryArrays {
    fn file(&self) -> &Path {
        &self.name
    }

    fn infos(&self) -> &[ArrayInfo] {
        &self.infos
    }

    fn load(&self, index: usize) -> Result<NamedArray, DataError> {
        let array = (self.load)(index);
        let info = &self.infos[index];
        if array.shape == info.shape && array.values.len() == info.shape.iter().product::<usize>() {
            Ok(array)
        } else {
            Err(DataError::option(&self.name, format!("array {:?} changed meanwhile", info.name)))
        }
    }
}
