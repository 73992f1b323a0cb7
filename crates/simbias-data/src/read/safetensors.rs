//! Hugging Face's `.safetensors`, read from the mapped file one tensor at a time.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use simbias_checkpoint::{ArrayInfo, ArrayValues, NamedArray};

use super::array::ArrayStore;
use crate::DataError;

/// An open file of tensors, in the order of their names.
pub(super) struct SafetensorsStore<'a> {
    file: PathBuf,
    tensors: SafeTensors<'a>,
    infos: Vec<ArrayInfo>,
}

/// Reads all tensors of a `.safetensors` file from memory, in the order of their names. `file` is for messages.
///
/// # Errors
/// Damaged files; element types other than floats of 16 to 64 bits, integers and truth values.
pub fn parse_safetensors(file: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, DataError> {
    let store = SafetensorsStore::new(file, bytes)?;
    (0..store.infos.len()).map(|index| store.load(index)).collect()
}

impl<'a> SafetensorsStore<'a> {
    pub(super) fn new(file: &Path, bytes: &'a [u8]) -> Result<Self, DataError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
            DataError::malformed(
                file,
                "safetensors",
                error.to_string(),
                "the file is cut short or of another format; export or fetch it again",
            )
        })?;
        let mut infos: Vec<ArrayInfo> = tensors
            .iter()
            .map(|(name, view)| ArrayInfo { name: name.into(), shape: view.shape().to_vec() })
            .collect();
        infos.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self { file: file.into(), tensors, infos })
    }
}

/// Little-endian values of `$type`.
macro_rules! numbers {
    ($data:expr, $type:ty) => {
        $data.chunks_exact(size_of::<$type>()).map(|bytes| {
            let mut array = [0; size_of::<$type>()];
            array.copy_from_slice(bytes);
            <$type>::from_le_bytes(array)
        })
    };
}

impl ArrayStore for SafetensorsStore<'_> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn infos(&self) -> &[ArrayInfo] {
        &self.infos
    }

    fn load(&self, index: usize) -> Result<NamedArray, DataError> {
        let info = &self.infos[index];
        let malformed = |problem: String| {
            DataError::malformed(
                &self.file,
                "safetensors",
                problem,
                "store that tensor as F32 or I64",
            )
        };
        let view = self.tensors.tensor(&info.name).map_err(|error| malformed(error.to_string()))?;
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F16 => ArrayValues::F32(numbers!(data, f16).map(f32::from).collect()),
            Dtype::BF16 => ArrayValues::F32(numbers!(data, bf16).map(f32::from).collect()),
            Dtype::F32 => ArrayValues::F32(numbers!(data, f32).collect()),
            Dtype::F64 => ArrayValues::F64(numbers!(data, f64).collect()),
            Dtype::U8 => ArrayValues::U8(data.to_vec()),
            Dtype::BOOL => {
                ArrayValues::Bool(data.iter().map(|&byte| u8::from(byte != 0)).collect())
            }
            Dtype::I8 => ArrayValues::I64(numbers!(data, i8).map(i64::from).collect()),
            Dtype::I16 => ArrayValues::I64(numbers!(data, i16).map(i64::from).collect()),
            Dtype::I32 => ArrayValues::I64(numbers!(data, i32).map(i64::from).collect()),
            Dtype::I64 => ArrayValues::I64(numbers!(data, i64).collect()),
            Dtype::U16 => ArrayValues::I64(numbers!(data, u16).map(i64::from).collect()),
            Dtype::U32 => ArrayValues::I64(numbers!(data, u32).map(i64::from).collect()),
            Dtype::U64 => ArrayValues::I64(
                numbers!(data, u64).map(i64::try_from).collect::<Result<_, _>>().map_err(|_| {
                    malformed(format!("a value of {:?} does not fit 63 bits", info.name))
                })?,
            ),
            other => {
                return Err(malformed(format!(
                    "tensor {:?} has element type {other:?}",
                    info.name
                )));
            }
        };
        Ok(NamedArray { name: info.name.clone(), shape: info.shape.clone(), values })
    }
}
