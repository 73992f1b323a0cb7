//! Arrays of a `.npz` file as 64-bit floats.

use std::path::Path;

use simbias_checkpoint::parse_npz;

/// The arrays of a `.npz` file, flat, in the order of the file.
#[derive(Clone, Debug)]
pub struct Arrays(Vec<(String, Vec<f64>)>);

impl Arrays {
    /// The whole file with that name.
    ///
    /// # Panics
    /// When the bytes are not a `.npz` file, or an array does not hold numbers.
    #[track_caller]
    pub(crate) fn new(file: &str, bytes: &[u8]) -> Self {
        let arrays = parse_npz(Path::new(file), bytes).unwrap_or_else(|error| panic!("{error}"));
        let flat = arrays.into_iter().map(|array| {
            let Some(values) = array.to_f64() else {
                panic!("{file}, {}: not an array of numbers", array.name)
            };
            (array.name, values)
        });
        Self(flat.collect())
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
