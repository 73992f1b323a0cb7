//! One array with its shape, whatever file it came from.

use std::path::Path;

/// An array of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// Name inside the file; the file's stem when the file holds one array.
    pub name: String,
    /// Lengths of the axes; C order.
    pub shape: Vec<usize>,
    /// The values, C order.
    pub values: ArrayValues,
}

/// Values in the widest type that their stored type needs.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// 16-bit and 32-bit floats (also bfloat16).
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// All integers except unsigned bytes.
    I64(Vec<i64>),
    /// Unsigned bytes.
    U8(Vec<u8>),
    /// Truth values, 0 or 1.
    Bool(Vec<u8>),
    /// Texts.
    Texts(Vec<String>),
}

impl ArrayValues {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U8(values) | Self::Bool(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl NamedArray {
    /// The values as 64-bit floats; `None` for texts.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        Some(match &self.values {
            ArrayValues::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            ArrayValues::F64(values) => values.clone(),
            ArrayValues::I64(values) => values.iter().map(|&value| value as f64).collect(),
            ArrayValues::U8(values) | ArrayValues::Bool(values) => {
                values.iter().map(|&value| f64::from(value)).collect()
            }
            ArrayValues::Texts(_) => return None,
        })
    }

    /// The values as 32-bit floats, unscaled; `None` for texts.
    pub fn into_f32(self) -> Option<Vec<f32>> {
        Some(match self.values {
            ArrayValues::F32(values) => values,
            ArrayValues::F64(values) => values.into_iter().map(|value| value as f32).collect(),
            ArrayValues::I64(values) => values.into_iter().map(|value| value as f32).collect(),
            ArrayValues::U8(values) | ArrayValues::Bool(values) => {
                values.into_iter().map(f32::from).collect()
            }
            ArrayValues::Texts(_) => return None,
        })
    }

    /// Length of the first axis; 1 for a scalar.
    pub fn n_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }
}

/// What is known of an array before its values are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayInfo {
    /// Name inside the file.
    pub name: String,
    /// Lengths of the axes; C order.
    pub shape: Vec<usize>,
}

/// Number of values of `shape`; `None` if memory could not address them.
///
/// A zero axis does not excuse the others: their product must be addressable too, as NumPy demands.
pub fn n_values(shape: &[usize]) -> Option<usize> {
    let nonzero = shape
        .iter()
        .filter(|&&length| length > 0)
        .try_fold(1_usize, |product, &length| product.checked_mul(length))?;
    (nonzero <= isize::MAX as usize / 8).then_some(if shape.contains(&0) { 0 } else { nonzero })
}

/// Stem of the name of `file`, without both extensions of `.npy.gz`: the name of the array in a file of one array.
pub fn file_stem(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let end = name.find('.').filter(|&end| end > 0).unwrap_or(name.len());
    name[..end].to_string()
}
