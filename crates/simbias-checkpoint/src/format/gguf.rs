//! Headers of `.gguf` files.
//!
//! Source of the format: ggml, `docs/gguf.md` (versions 2 and 3): counts, key-value metadata, tensor
//! descriptions, padding, data. Axes are stored with the fastest first; here the last one varies fastest, as
//! everywhere else. llama.cpp interleaves the rows of query and key matrices for its rotary embedding, so those
//! are a permutation of the rows that other formats hold.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::{Format, OpenedFile};
use crate::blocks::BlockKind;
use crate::element::Element;
use crate::error::FileError;
use crate::tensor::{Place, TensorInfo, checked_elements};

/// Largest number of axes in ggml.
const MAX_AXES: u32 = 4;
/// Metadata arrays may be nested; deeper nesting counts as damage.
const MAX_DEPTH: usize = 4;
const DEFAULT_ALIGNMENT: u64 = 32;

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// Unsigned whole number.
    Unsigned(u64),
    /// Signed whole number.
    Signed(i64),
    /// Number.
    Float(f64),
    /// Truth value.
    Bool(bool),
    /// Text; bytes that are not UTF-8 are replaced.
    Text(String),
    /// Values of one kind.
    List(Vec<MetadataValue>),
}

impl MetadataValue {
    /// The value as a non-negative whole number.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(value) => Some(*value),
            Self::Signed(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The value as a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Unsigned(value) => Some(*value as f64),
            Self::Signed(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }
}

struct Header<'a> {
    file: &'a Path,
    reader: BufReader<File>,
    position: u64,
    n_bytes: u64,
}

impl Header<'_> {
    fn malformed(&self, problem: impl std::fmt::Display) -> FileError {
        FileError::malformed(
            self.file,
            "GGUF",
            format!("at byte {}, {problem}", self.position),
            "the file is cut short or damaged; fetch it again",
        )
    }

    fn take(&mut self, n: u64) -> Result<Vec<u8>, FileError> {
        if n > self.n_bytes - self.position {
            return Err(FileError::Truncated {
                file: self.file.into(),
                format: "GGUF",
                announced: self.position.checked_add(n),
                available: self.n_bytes,
            });
        }
        let mut bytes = vec![0; n as usize];
        self.reader.read_exact(&mut bytes).map_err(|source| FileError::Io {
            file: self.file.into(),
            action: "read",
            source,
        })?;
        self.position += n;
        Ok(bytes)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let mut number = [0; N];
        number.copy_from_slice(&self.take(N as u64)?);
        Ok(number)
    }

    fn u32(&mut self) -> Result<u32, FileError> {
        Ok(u32::from_le_bytes(self.number()?))
    }

    fn u64(&mut self) -> Result<u64, FileError> {
        Ok(u64::from_le_bytes(self.number()?))
    }

    fn text(&mut self) -> Result<String, FileError> {
        let n = self.u64()?;
        Ok(String::from_utf8_lossy(&self.take(n)?).into_owned())
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<MetadataValue, FileError> {
        use MetadataValue::{Bool, Float, List, Signed, Text, Unsigned};
        Ok(match kind {
            0 => Unsigned(self.number::<1>()?[0].into()),
            1 => Signed(i8::from_le_bytes(self.number()?).into()),
            2 => Unsigned(u16::from_le_bytes(self.number()?).into()),
            3 => Signed(i16::from_le_bytes(self.number()?).into()),
            4 => Unsigned(self.u32()?.into()),
            5 => Signed(i32::from_le_bytes(self.number()?).into()),
            6 => Float(f32::from_le_bytes(self.number()?).into()),
            7 => Bool(self.number::<1>()?[0] != 0),
            8 => Text(self.text()?),
            9 if depth < MAX_DEPTH => {
                let (kind, n) = (self.u32()?, self.u64()?);
                // Every element takes at least one byte, which bounds what a false count can ask for.
                if n > self.n_bytes - self.position {
                    return Err(self.malformed(format_args!("a list claims {n} values")));
                }
                let mut values = Vec::new();
                for _ in 0..n {
                    values.push(self.value(kind, depth + 1)?);
                }
                List(values)
            }
            10 => Unsigned(self.u64()?),
            11 => Signed(i64::from_le_bytes(self.number()?)),
            12 => Float(f64::from_le_bytes(self.number()?)),
            other => {
                return Err(self.malformed(format_args!("metadata has the unknown kind {other}")));
            }
        })
    }
}

pub(super) fn open(file: &Path) -> Result<OpenedFile, FileError> {
    let io = FileError::reading(file);
    let reader = File::open(file).map_err(io)?;
    let n_bytes = reader.metadata().map_err(io)?.len();
    let mut header = Header { file, reader: BufReader::new(reader), position: 0, n_bytes };
    header.take(4)?;
    let version = header.u32()?;
    if !(2..=3).contains(&version) {
        return Err(header.malformed(format_args!("version {version} is not 2 or 3")));
    }
    let (n_tensors, n_pairs) = (header.u64()?, header.u64()?);
    let mut metadata = Vec::new();
    for _ in 0..n_pairs {
        let key = header.text()?;
        let kind = header.u32()?;
        metadata.push((key, header.value(kind, 0)?));
    }
    let mut described = Vec::new();
    for _ in 0..n_tensors {
        let name = header.text()?;
        let n_axes = header.u32()?;
        if n_axes > MAX_AXES {
            return Err(header.malformed(format_args!("tensor {name:?} has {n_axes} axes")));
        }
        let mut shape = Vec::new();
        for _ in 0..n_axes {
            shape.push(header.u64()?);
        }
        shape.reverse();
        let (kind, offset) = (header.u32()?, header.u64()?);
        described.push((name, shape, kind, offset));
    }
    let alignment = metadata
        .iter()
        .find(|(key, _)| key == "general.alignment")
        .map_or(Some(DEFAULT_ALIGNMENT), |(_, value)| value.as_u64())
        .filter(|alignment| alignment.is_power_of_two() && *alignment <= 1 << 20)
        .ok_or_else(|| header.malformed("the alignment is not a power of two"))?;
    let data_start = header.position.next_multiple_of(alignment);
    let mut tensors = Vec::with_capacity(described.len());
    for (name, shape, kind, offset) in described {
        tensors.push(locate(&header, name, &shape, kind, data_start, offset)?);
    }
    Ok(OpenedFile { format: Format::Gguf, tensors, metadata })
}

fn locate(
    header: &Header<'_>,
    name: String,
    shape: &[u64],
    kind: u32,
    data_start: u64,
    offset: u64,
) -> Result<TensorInfo, FileError> {
    let element = element(kind);
    let lengths: Option<Vec<usize>> =
        shape.iter().map(|&length| usize::try_from(length).ok()).collect();
    let n = lengths.as_deref().and_then(checked_elements);
    let (Some(shape), Some(n)) = (lengths, n) else {
        return Err(
            header.malformed(format_args!("tensor {name:?} of {shape:?} is larger than memory"))
        );
    };
    let (piece_len, piece_bytes) = element.piece().unwrap_or((1, 0));
    if shape.last().is_some_and(|&length| length % piece_len != 0) {
        return Err(header.malformed(format_args!(
            "rows of tensor {name:?} ({shape:?}) are not a multiple of its blocks of {piece_len}"
        )));
    }
    let n_bytes = (n / piece_len).checked_mul(piece_bytes).map(|n_bytes| n_bytes as u64);
    let start = data_start.checked_add(offset);
    let end = start.zip(n_bytes).and_then(|(start, n_bytes)| start.checked_add(n_bytes));
    match (start, end) {
        (Some(start), Some(end)) if end <= header.n_bytes => {
            Ok(TensorInfo { name, shape, element, file: 0, place: Place::Contiguous { start } })
        }
        (_, end) => Err(FileError::Truncated {
            file: header.file.into(),
            format: "GGUF",
            announced: end,
            available: header.n_bytes,
        }),
    }
}

/// Numbers of ggml's types (`enum ggml_type`).
fn element(kind: u32) -> Element {
    match kind {
        0 => Element::F32,
        1 => Element::F16,
        2 => Element::Block(BlockKind::Q4_0),
        3 => Element::Block(BlockKind::Q4_1),
        6 => Element::Block(BlockKind::Q5_0),
        7 => Element::Block(BlockKind::Q5_1),
        8 => Element::Block(BlockKind::Q8_0),
        9 => Element::Other("Q8_1"),
        10 => Element::Block(BlockKind::Q2K),
        11 => Element::Block(BlockKind::Q3K),
        12 => Element::Block(BlockKind::Q4K),
        13 => Element::Block(BlockKind::Q5K),
        14 => Element::Block(BlockKind::Q6K),
        15 => Element::Other("Q8_K"),
        16 => Element::Other("IQ2_XXS"),
        17 => Element::Other("IQ2_XS"),
        18 => Element::Other("IQ3_XXS"),
        19 => Element::Other("IQ1_S"),
        20 => Element::Other("IQ4_NL"),
        21 => Element::Other("IQ3_S"),
        22 => Element::Other("IQ2_S"),
        23 => Element::Other("IQ4_XS"),
        24 => Element::Other("I8"),
        25 => Element::Other("I16"),
        26 => Element::Other("I32"),
        27 => Element::Other("I64"),
        28 => Element::F64,
        29 => Element::Other("IQ1_M"),
        30 => Element::BF16,
        34 => Element::Other("TQ1_0"),
        35 => Element::Other("TQ2_0"),
        39 => Element::Other("MXFP4"),
        _ => Element::Other("a type unknown to this version"),
    }
}
