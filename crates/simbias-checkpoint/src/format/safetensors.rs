//! Headers of `.safetensors` files.
//!
//! Source of the format: Hugging Face, `safetensors/README.md`: eight bytes of header length, a JSON object of
//! names, the data. Unlike a general JSON reader this one refuses a name that occurs twice.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::{Format, OpenedFile};
use crate::element::Element;
use crate::error::FileError;
use crate::tensor::{Place, TensorInfo, checked_elements};

/// The reference implementation does not allow longer headers.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// One entry of a header.
#[derive(serde::Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Entries in the order of the file.
struct Entries(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries: Vec<(String, Entry)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format_args!("{name:?} occurs twice")));
                    }
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn malformed(file: &Path, problem: impl Into<String>) -> FileError {
    FileError::malformed(
        file,
        "safetensors",
        problem,
        "the file is cut short, damaged or of another format; fetch or export it again",
    )
}

pub(super) fn open(file: &Path) -> Result<OpenedFile, FileError> {
    let io = FileError::reading(file);
    let mut reader = File::open(file).map_err(io)?;
    let n_bytes = reader.metadata().map_err(io)?.len();
    let header = read_header(file, &mut reader, n_bytes)?;
    let tensors = parse_header(file, &header, n_bytes - 8 - header.len() as u64)?;
    Ok(OpenedFile { format: Format::Safetensors, tensors, metadata: Vec::new() })
}

/// The header's text, read from the beginning of a file of `n_bytes`.
pub(crate) fn read_header(
    file: &Path,
    reader: &mut impl Read,
    n_bytes: u64,
) -> Result<Vec<u8>, FileError> {
    let io = FileError::reading(file);
    if n_bytes < 8 {
        return Err(malformed(
            file,
            format!("it has {n_bytes} bytes, but the header alone needs more"),
        ));
    }
    let mut length = [0; 8];
    reader.read_exact(&mut length).map_err(io)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(malformed(
            file,
            format!("a header of {length} bytes, at most {MAX_HEADER_BYTES} are allowed"),
        ));
    }
    if length > n_bytes - 8 {
        return Err(FileError::Truncated {
            file: file.into(),
            format: "safetensors",
            announced: Some(length),
            available: n_bytes - 8,
        });
    }
    let mut header = vec![0; length as usize];
    reader.read_exact(&mut header).map_err(io)?;
    Ok(header)
}

/// Tensors of a header, where `n_data_bytes` bytes of data follow it.
///
/// # Errors
/// Text that is not a header, repeated names, and ranges that do not fit the types and shapes or the file.
pub fn parse_header(
    file: &Path,
    header: &[u8],
    n_data_bytes: u64,
) -> Result<Vec<TensorInfo>, FileError> {
    let Entries(entries) = serde_json::from_slice(header)
        .map_err(|error| malformed(file, format!("the header cannot be read ({error})")))?;
    let data_start = 8 + header.len() as u64;
    entries
        .into_iter()
        .map(|(name, entry)| {
            let [begin, end] = entry.data_offsets;
            if end > n_data_bytes {
                return Err(FileError::Truncated {
                    file: file.into(),
                    format: "safetensors",
                    announced: Some(end),
                    available: n_data_bytes,
                });
            }
            let shape = entry
                .shape
                .iter()
                .map(|&length| usize::try_from(length).ok())
                .collect::<Option<Vec<usize>>>();
            let (element, n_bits) = element(&entry.dtype)
                .ok_or_else(|| malformed(file, format!("tensor {name:?} has type {:?}", entry.dtype)))?;
            let expected = shape
                .as_deref()
                .and_then(checked_elements)
                .and_then(|n| n.checked_mul(n_bits))
                .map(|bits| bits.div_ceil(8) as u64);
            let (Some(shape), Some(expected)) = (shape, expected) else {
                return Err(malformed(
                    file,
                    format!("tensor {name:?} of shape {:?} is larger than memory", entry.shape),
                ));
            };
            let start = data_start.checked_add(begin);
            let (true, Some(start)) = (begin.checked_add(expected) == Some(end), start) else {
                return Err(malformed(
                    file,
                    format!(
                        "tensor {name:?} of type {} and shape {shape:?} needs {expected} bytes, its range is \
                         {begin}..{end}",
                        entry.dtype
                    ),
                ));
            };
            let place = Place::Contiguous { start };
            Ok(TensorInfo { name, shape, element, file: 0, place })
        })
        .collect()
}

/// Type and bits of one element.
fn element(dtype: &str) -> Option<(Element, usize)> {
    Some(match dtype {
        "F64" => (Element::F64, 64),
        "F32" => (Element::F32, 32),
        "F16" => (Element::F16, 16),
        "BF16" => (Element::BF16, 16),
        "F8_E4M3" => (Element::F8E4M3, 8),
        "F8_E5M2" => (Element::F8E5M2, 8),
        "F4" => (Element::Other("F4"), 4),
        "F6_E2M3" => (Element::Other("F6_E2M3"), 6),
        "F6_E3M2" => (Element::Other("F6_E3M2"), 6),
        "F8_E8M0" => (Element::Other("F8_E8M0"), 8),
        "BOOL" => (Element::Other("BOOL"), 8),
        "U8" => (Element::Other("U8"), 8),
        "I8" => (Element::Other("I8"), 8),
        "I16" => (Element::Other("I16"), 16),
        "U16" => (Element::Other("U16"), 16),
        "I32" => (Element::Other("I32"), 32),
        "U32" => (Element::Other("U32"), 32),
        "I64" => (Element::Other("I64"), 64),
        "U64" => (Element::Other("U64"), 64),
        "C64" => (Element::Other("C64"), 64),
        _ => return None,
    })
}
