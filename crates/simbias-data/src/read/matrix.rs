//! Files that hold one large matrix: outputs of a network, embeddings, losses over time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use simbias_checkpoint::{
    ArrayValues, Checkpoint, CheckpointError, NPY_MAGIC, NamedArray, Numbers,
};

use super::array::split_location;
use super::{content, parquet_matrix, read_array};
use crate::{DataError, RowSource};

/// A matrix in a file, or several of one shape stacked in one array.
///
/// Floats of `.npy` and `.safetensors` files stay on disk and are read a few rows at a time, whatever the size of the
/// file; other formats are read into memory as a whole.
#[derive(Clone, Debug)]
pub struct MatrixFile {
    file: PathBuf,
    storage: Arc<Storage>,
    n_stacked: Option<usize>,
    n_rows: usize,
    n_columns: usize,
    /// Row of the storage where this matrix begins.
    first_row: usize,
}

#[derive(Debug)]
enum Storage {
    OnDisk { checkpoint: Box<Checkpoint>, index: usize },
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl MatrixFile {
    /// Opens `FILE` or `FILE::ARRAY`: `.npy`, `.npz`, `.safetensors`, Parquet, or a table of numbers.
    ///
    /// An array has shape `[rows]`, `[rows, columns]` or `[matrices, rows, columns]`. Of a Parquet table the only column
    /// of lists is taken, or else all columns of numbers but those `without`.
    ///
    /// # Errors
    /// Missing or damaged files, several arrays and no name, arrays of other shapes and of other values than numbers.
    pub fn open(path: &Path, without: &[&str]) -> Result<Self, DataError> {
        let (file, name) = split_location(path);
        let head = content::open(&file)?;
        let is_safetensors = file.extension().is_some_and(|ending| ending == "safetensors");
        if head.starts_with(b"PAR1") {
            let array = parquet_matrix::read(&file, head, name.as_deref(), without)?;
            return Self::in_memory(&file, array);
        }
        if head.starts_with(NPY_MAGIC) || is_safetensors {
            drop(head);
            if let Some(matrix) = Self::on_disk(&file, name.as_deref())? {
                return Ok(matrix);
            }
        }
        Self::in_memory(&file, read_array(path)?)
    }

    /// `None` for arrays that can only be read as a whole.
    fn on_disk(file: &Path, name: Option<&str>) -> Result<Option<Self>, DataError> {
        let checkpoint = Checkpoint::open(file).map_err(unreadable)?;
        let names: Vec<String> =
            checkpoint.tensors().iter().map(|tensor| tensor.name.clone()).collect();
        let index = match name {
            Some(name) => names.iter().position(|other| other == name),
            None => (names.len() == 1).then_some(0),
        };
        // What is wrong with the name is told by the reader of whole arrays.
        let Some(index) = index.filter(|&index| checkpoint.has_parts(index)) else {
            return Ok(None);
        };
        let shape = checkpoint.tensors()[index].shape.clone();
        let storage = Storage::OnDisk { checkpoint: Box::new(checkpoint), index };
        Self::with_shape(file, &shape, storage).map(Some)
    }

    fn in_memory(file: &Path, array: NamedArray) -> Result<Self, DataError> {
        let shape = array.shape.clone();
        let storage = match array.values {
            ArrayValues::F32(values) => Storage::Single(values),
            _ => Storage::Double(array.to_f64().ok_or_else(|| {
                DataError::option(file, "it holds texts where numbers are expected")
            })?),
        };
        Self::with_shape(file, &shape, storage)
    }

    fn with_shape(file: &Path, shape: &[usize], storage: Storage) -> Result<Self, DataError> {
        let (n_stacked, n_rows, n_columns) = match *shape {
            [n_rows] => (None, n_rows, 1),
            [n_rows, n_columns] => (None, n_rows, n_columns),
            [n_stacked, n_rows, n_columns] => (Some(n_stacked), n_rows, n_columns),
            _ => {
                return Err(DataError::option(
                    file,
                    format!(
                        "the array has shape {shape:?}; expected [rows, columns] or [matrices, rows, columns]"
                    ),
                ));
            }
        };
        if shape.contains(&0) {
            return Err(DataError::option(
                file,
                format!("the array has shape {shape:?} and holds no numbers"),
            ));
        }
        if u32::try_from(n_rows).is_err() {
            return Err(DataError::option(
                file,
                format!("{n_rows} rows do not fit 32-bit indices; split the file"),
            ));
        }
        Ok(Self {
            file: file.into(),
            storage: Arc::new(storage),
            n_stacked,
            n_rows,
            n_columns,
            first_row: 0,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Number of matrices if the array has three axes.
    pub fn n_stacked(&self) -> Option<usize> {
        self.n_stacked
    }

    /// Matrix number `index` of the stack.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn of_stack(&self, index: usize) -> Self {
        let n = self.n_stacked.unwrap_or(1);
        assert!(index < n, "matrix {index} of {n}");
        Self { n_stacked: None, first_row: self.first_row + index * self.n_rows, ..self.clone() }
    }

    /// Whether rows are read from disk when they are needed.
    pub fn is_on_disk(&self) -> bool {
        matches!(*self.storage, Storage::OnDisk { .. })
    }

    /// The numbers from row `first` on.
    fn read<T: Number>(&self, first: usize, out: &mut [T]) -> Result<(), DataError> {
        assert!(out.len().is_multiple_of(self.n_columns), "whole rows are read");
        assert!(
            first + out.len() / self.n_columns <= self.n_rows,
            "there are {} rows",
            self.n_rows
        );
        let start = (self.first_row + first) * self.n_columns;
        match &*self.storage {
            Storage::Single(values) => fill(out, &values[start..start + out.len()], T::of_f32),
            Storage::Double(values) => fill(out, &values[start..start + out.len()], T::of_f64),
            Storage::OnDisk { checkpoint, index } => {
                match checkpoint.read_part(*index, start, out.len()).map_err(unreadable)? {
                    Numbers::F32(values) => fill(out, &values, T::of_f32),
                    Numbers::F64(values) => fill(out, &values, T::of_f64),
                }
            }
        }
        Ok(())
    }
}

fn fill<S: Copy, T>(out: &mut [T], values: &[S], convert: fn(S) -> T) {
    for (place, &value) in out.iter_mut().zip(values) {
        *place = convert(value);
    }
}

fn unreadable(error: CheckpointError) -> DataError {
    match error {
        CheckpointError::File(error) => DataError::File(error),
        CheckpointError::Unrecognised { path, problem } => {
            DataError::Unrecognised { path, problem }
        }
        other => DataError::Unrecognised { path: PathBuf::new(), problem: other.to_string() },
    }
}

/// A float of either precision.
trait Number: Copy {
    fn of_f32(value: f32) -> Self;
    fn of_f64(value: f64) -> Self;
}

impl Number for f32 {
    fn of_f32(value: f32) -> Self {
        value
    }

    fn of_f64(value: f64) -> Self {
        value as Self
    }
}

impl Number for f64 {
    fn of_f32(value: f32) -> Self {
        Self::from(value)
    }

    fn of_f64(value: f64) -> Self {
        value
    }
}

impl RowSource for MatrixFile {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn n_columns(&self) -> usize {
        self.n_columns
    }

    fn read_rows(&self, first: usize, out: &mut [f32]) -> Result<(), DataError> {
        self.read(first, out)
    }

    fn read_rows_f64(&self, first: usize, out: &mut [f64]) -> Result<(), DataError> {
        self.read(first, out)
    }
}
