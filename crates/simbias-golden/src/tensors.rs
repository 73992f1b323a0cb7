//! Tensors of a safetensors file as numbers of one type.

use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use safetensors::{Dtype, SafeTensors};

/// A safetensors file in memory.
#[derive(Clone, Debug)]
pub struct Tensors {
    file: String,
    bytes: Vec<u8>,
}

impl Tensors {
    /// The file with that name; every tensor is read when it is asked for.
    ///
    /// # Panics
    /// When the bytes are not a safetensors file.
    #[track_caller]
    pub(crate) fn new(file: &str, bytes: Vec<u8>) -> Self {
        let tensors = Self { file: file.into(), bytes };
        tensors.read();
        tensors
    }

    #[track_caller]
    fn read(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", self.file))
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.read().names().into_iter().map(String::from).collect();
        names.sort_unstable();
        names
    }

    /// The sorted names that end in `suffix`, without it: the names of a file's cases.
    pub fn prefixes(&self, suffix: &str) -> Vec<String> {
        let names = self.names();
        names.iter().filter_map(|name| name.strip_suffix(suffix).map(String::from)).collect()
    }

    /// Whether there is a tensor with that name.
    pub fn contains(&self, name: &str) -> bool {
        self.read().tensor(name).is_ok()
    }

    /// A tensor of floats or signed integers of 64 or 32 bits, of bytes or truth values, as 64-bit floats.
    ///
    /// # Panics
    /// When it is missing or has another type.
    #[track_caller]
    pub fn array(&self, name: &str) -> ArrayD<f64> {
        let tensors = self.read();
        let tensor =
            tensors.tensor(name).unwrap_or_else(|error| panic!("{}, {name}: {error}", self.file));
        let bytes = tensor.data();
        let values: Vec<f64> = match tensor.dtype() {
            Dtype::F64 => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            Dtype::F32 => {
                bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect()
            }
            Dtype::I64 => {
                bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f64).collect()
            }
            Dtype::I32 => {
                bytes.as_chunks().0.iter().map(|&b| f64::from(i32::from_le_bytes(b))).collect()
            }
            Dtype::U8 | Dtype::BOOL => bytes.iter().map(|&byte| f64::from(byte)).collect(),
            other => panic!("{}, {name}: unexpected type {other:?}", self.file),
        };
        ArrayD::from_shape_vec(tensor.shape(), values)
            .unwrap_or_else(|error| panic!("{}, {name}: {error}", self.file))
    }

    /// A tensor of two axes.
    ///
    /// # Panics
    /// As [`Self::array`], and for another number of axes.
    #[track_caller]
    pub fn matrix(&self, name: &str) -> Array2<f64> {
        let array = self.array(name);
        array.into_dimensionality::<Ix2>().unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A tensor of one axis.
    ///
    /// # Panics
    /// As [`Self::array`], and for another number of axes.
    #[track_caller]
    pub fn vector(&self, name: &str) -> Array1<f64> {
        let array = self.array(name);
        array.into_dimensionality::<Ix1>().unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The elements of a tensor of any number of axes, row after row.
    ///
    /// # Panics
    /// As [`Self::array`].
    #[track_caller]
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.array(name).into_raw_vec_and_offset().0
    }

    /// A vector of indices: class numbers, rows, permutations.
    ///
    /// # Panics
    /// As [`Self::vector`].
    #[track_caller]
    pub fn indices(&self, name: &str) -> Vec<u32> {
        self.vector(name).iter().map(|&value| value as u32).collect()
    }
}
