//! Named tensors: where they lie, and how their numbers are read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::array::n_values;
use crate::element::{Element, Numbers};
use crate::error::{CheckpointError, FileError};

/// Bytes read and decoded at a time.
const PIECE_BYTES: usize = 1 << 20;

/// What is known of a tensor before its numbers are read.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    /// Name in the file.
    pub name: String,
    /// Lengths of the axes, the last one varying fastest.
    pub shape: Vec<usize>,
    /// Stored type.
    pub element: Element,
    /// Index of its file in [`Checkpoint::files`](crate::Checkpoint::files).
    pub file: usize,
    pub(crate) place: Place,
}

impl TensorInfo {
    /// Number of elements.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether both names stand for the same stored numbers, as with tied weights.
    pub fn is_same_storage(&self, other: &Self) -> bool {
        self.file == other.file && self.shape == other.shape && self.place == other.place
    }
}

/// Where the numbers of a tensor lie in their file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// In C order from this byte on.
    Contiguous { start: u64 },
    /// A view into a storage that begins at `start`: element `i` along axis `k` lies `strides[k]·i` elements
    /// further. The view lies inside the storage.
    Strided { start: u64, offset: usize, strides: Vec<usize> },
    /// An `.npy` file, by itself or as an entry of an archive.
    Array { entry: Option<usize> },
}

/// Tensors with names that can be read one at a time: a [`Checkpoint`](crate::Checkpoint) on disk, or a
/// [`SafetensorsImage`](crate::SafetensorsImage) in memory.
pub trait TensorSource {
    /// All tensors, in the order of the files. Names are distinct.
    fn tensors(&self) -> &[TensorInfo];

    /// The numbers of tensor `index` of [`tensors`](Self::tensors), in C order.
    ///
    /// # Errors
    /// Types that are not floats, and what the system says.
    fn read(&self, index: usize) -> Result<Numbers, CheckpointError>;
}

/// Number of elements; `None` if memory could not address them as 64-bit numbers.
pub(crate) fn checked_elements(shape: &[usize]) -> Option<usize> {
    n_values(shape)
}

/// How many numbers and bytes each piece of `tensor` has, in a file of `format`.
///
/// # Errors
/// Types that are not floats.
pub(crate) fn pieces(
    file: &Path,
    format: &'static str,
    tensor: &TensorInfo,
) -> Result<(usize, usize), FileError> {
    tensor.element.piece().ok_or_else(|| {
        FileError::malformed(
            file,
            format,
            format!("tensor {:?} has element type {}", tensor.name, tensor.element.name()),
            "only floats and ggml's block types can be read; packed integer weights must be \
             restored to floats by the tool that packed them",
        )
    })
}

/// `n_pieces` pieces of `element` from byte `start` on.
pub(crate) fn read_run(
    file: &Path,
    start: u64,
    element: Element,
    n_pieces: usize,
    piece_bytes: usize,
) -> Result<Numbers, FileError> {
    let io = FileError::reading(file);
    let mut reader = File::open(file).map_err(io)?;
    reader.seek(SeekFrom::Start(start)).map_err(io)?;
    let piece_len = element.piece().map_or(1, |(len, _)| len);
    let mut numbers = Numbers::with_capacity(element, n_pieces * piece_len);
    let pieces_at_once = (PIECE_BYTES / piece_bytes).max(1);
    let mut buffer = vec![0_u8; pieces_at_once.min(n_pieces) * piece_bytes];
    let mut left = n_pieces;
    while left > 0 {
        let now = left.min(pieces_at_once);
        let bytes = &mut buffer[..now * piece_bytes];
        reader.read_exact(bytes).map_err(io)?;
        element.decode(bytes, &mut numbers);
        left -= now;
    }
    Ok(numbers)
}

/// Number of elements from the first to the last that a view touches.
pub(crate) fn strided_extent(shape: &[usize], strides: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    1 + shape.iter().zip(strides).map(|(&length, &stride)| (length - 1) * stride).sum::<usize>()
}

/// The elements of a view in C order.
pub(crate) fn gather(run: &Numbers, shape: &[usize], strides: &[usize]) -> Numbers {
    fn pick<T: Copy>(run: &[T], shape: &[usize], strides: &[usize]) -> Vec<T> {
        let n: usize = shape.iter().product();
        let mut picked = Vec::with_capacity(n);
        let mut position = vec![0_usize; shape.len()];
        for _ in 0..n {
            let at: usize =
                position.iter().zip(strides).map(|(index, stride)| index * stride).sum();
            picked.push(run[at]);
            for axis in (0..shape.len()).rev() {
                position[axis] += 1;
                if position[axis] < shape[axis] {
                    break;
                }
                position[axis] = 0;
            }
        }
        picked
    }
    match run {
        Numbers::F32(values) => Numbers::F32(pick(values, shape, strides)),
        Numbers::F64(values) => Numbers::F64(pick(values, shape, strides)),
    }
}
