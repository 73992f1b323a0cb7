//! Arrays of a `.npz` file as 64-bit floats.

use std::io::{self, Cursor, Read};

use npyz::{DType, NpyFile, TypeChar};
use zip::ZipArchive;

/// The arrays of a `.npz` file, flat, in the order of the file.
#[derive(Clone, Debug)]
pub struct Arrays(Vec<(String, Vec<f64>)>);

impl Arrays {
    /// The whole file with that name.
    ///
    /// # Panics
    /// When the bytes are not a `.npz` file, or an array holds neither floats nor integers.
    #[track_caller]
    pub(crate) fn new(file: &str, bytes: Vec<u8>) -> Self {
        let mut archive =
            ZipArchive::new(Cursor::new(bytes)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let n_arrays = archive.len();
        let read = |index| {
            let entry = archive.by_index(index).unwrap_or_else(|error| panic!("{file}: {error}"));
            let name = entry.name().unwrap_or_else(|error| panic!("{file}: {error}")).into_owned();
            let values = values(entry).unwrap_or_else(|error| panic!("{file}, {name}: {error}"));
            (name.trim_end_matches(".npy").to_string(), values)
        };
        Self((0..n_arrays).map(read).collect())
    }

    /// The elements of the array with that name, row after row.
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.iter().find(|(found, _)| *found == name).map(|(_, values)| values)
    }

    /// Name and elements of every array.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

/// The elements as 64-bit floats, whatever the stored width.
fn values(entry: impl Read) -> io::Result<Vec<f64>> {
    let array = NpyFile::new(entry)?;
    let DType::Plain(kind) = array.dtype() else {
        return Err(io::Error::other("an array of records"));
    };
    Ok(match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => array.into_vec()?,
        (TypeChar::Float, 4) => array.into_vec::<f32>()?.into_iter().map(f64::from).collect(),
        (TypeChar::Int, 8) => array.into_vec::<i64>()?.into_iter().map(|v| v as f64).collect(),
        (TypeChar::Int, 4) => array.into_vec::<i32>()?.into_iter().map(f64::from).collect(),
        _ => return Err(io::Error::other(format!("unexpected type {kind}"))),
    })
}
