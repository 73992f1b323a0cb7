//! NumPy's `.npy`: a small text header, then the values in C or Fortran order.
//!
//! Source of the format: NumPy, "NEP 1 - A simple file format for NumPy arrays" (versions 1 to 3).

use std::path::Path;

use half::f16;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::array::{ArrayInfo, ArrayValues, NamedArray, file_stem, n_values};
use crate::error::FileError;

/// First bytes of every `.npy` file.
pub const NPY_MAGIC: &[u8] = b"\x93NUMPY";
/// Largest number of axes that NumPy allows.
const MAX_AXES: usize = 64;
/// NumPy itself refuses longer headers.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// What a `.npy` header says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    kind: Kind,
    /// Bytes of one element.
    item_size: usize,
    big_endian: bool,
    fortran_order: bool,
    pub(crate) shape: Vec<usize>,
    /// First byte of the values.
    data_start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
    Bool,
    /// UTF-32.
    Unicode,
    /// Zero-padded bytes.
    Bytes,
}

/// Reads one `.npy` file from memory. `file` is for messages and the array's name.
///
/// # Errors
/// Damaged or cut files; complex, date, structured and pickled values.
pub fn parse_npy(file: &Path, bytes: &[u8]) -> Result<NamedArray, FileError> {
    let header = parse_header(file, bytes)?;
    let data = &bytes[header.data_start..];
    let n_bytes = data_bytes(file, &header, data.len() as u64)?;
    let values = decode_values(file, &header, &data[..n_bytes])?;
    Ok(NamedArray { name: file_stem(file), shape: header.shape, values })
}

/// Name and shape of the array of a `.npy` file, of which `bytes` hold at least the header.
///
/// # Errors
/// Damaged headers; complex, date, structured and pickled values.
pub fn npy_info(file: &Path, bytes: &[u8]) -> Result<ArrayInfo, FileError> {
    Ok(ArrayInfo { name: file_stem(file), shape: parse_header(file, bytes)?.shape })
}

/// Bytes of the values, of which `available` are present.
fn data_bytes(file: &Path, header: &Header, available: u64) -> Result<usize, FileError> {
    let n_bytes = n_values(&header.shape).and_then(|n| n.checked_mul(header.item_size));
    n_bytes.filter(|&n_bytes| n_bytes as u64 <= available).ok_or_else(|| FileError::Truncated {
        file: file.into(),
        format: "npy",
        announced: n_bytes.map(|n_bytes| n_bytes as u64),
        available,
    })
}

/// What a `.npy` header says about its values.
pub(crate) struct NpyHeader {
    pub(crate) shape: Vec<usize>,
    pub(crate) is_float: bool,
    /// Bytes of one value.
    pub(crate) item_size: usize,
    /// First byte of the values if they are little-endian and in C order, so that parts can be read alone.
    pub(crate) plain_start: Option<u64>,
}

/// Reads the header at the beginning of `bytes`, which may end after it; the whole file has `n_bytes`.
pub(crate) fn npy_header(file: &Path, bytes: &[u8], n_bytes: u64) -> Result<NpyHeader, FileError> {
    let header = parse_header(file, bytes)?;
    data_bytes(file, &header, n_bytes.saturating_sub(header.data_start as u64))?;
    let Header { kind, item_size, big_endian, fortran_order, shape, data_start } = header;
    let is_plain = !big_endian && (!fortran_order || shape.len() < 2);
    let plain_start = is_plain.then_some(data_start as u64);
    Ok(NpyHeader { shape, is_float: kind == Kind::Float, item_size, plain_start })
}

fn malformed(file: &Path, problem: impl Into<String>) -> FileError {
    FileError::malformed(file, "npy", problem, "write it again with numpy.save")
}

/// Reads the header at the beginning of `bytes`, which may end after it.
pub(crate) fn parse_header(file: &Path, bytes: &[u8]) -> Result<Header, FileError> {
    let Some(rest) = bytes.strip_prefix(NPY_MAGIC) else {
        return Err(malformed(file, "it does not begin with \\x93NUMPY"));
    };
    let (text_start, text_len) = match *rest {
        [1, _, low, high, ..] => (10, u16::from_le_bytes([low, high]) as usize),
        [2 | 3, _, a, b, c, d, ..] => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        [major, minor, ..] => {
            return Err(malformed(
                file,
                format!("format version {major}.{minor} is not 1, 2 or 3"),
            ));
        }
        _ => return Err(malformed(file, "it ends inside the header")),
    };
    if text_len > MAX_HEADER_BYTES {
        return Err(malformed(
            file,
            format!("a header of {text_len} bytes, at most {MAX_HEADER_BYTES} are allowed"),
        ));
    }
    let data_start = text_start + text_len;
    let text = bytes
        .get(text_start..data_start)
        .and_then(|text| std::str::from_utf8(text).ok())
        .ok_or_else(|| malformed(file, "it ends inside the header, or the header is not text"))?;
    let fields = parse_fields(text).ok_or_else(|| {
        malformed(
            file,
            format!("the header {:?} does not name a plain type, order and shape", text.trim()),
        )
    })?;
    if fields.shape.len() > MAX_AXES {
        return Err(malformed(
            file,
            format!("{} axes, at most {MAX_AXES} are allowed", fields.shape.len()),
        ));
    }
    let (kind, item_size, big_endian) = parse_type(&fields.descr).ok_or_else(|| {
        malformed(
            file,
            format!(
                "values of type {:?}; readable are floats of 16 to 64 bits, integers, truth values and texts",
                fields.descr
            ),
        )
    })?;
    let fortran_order = fields.fortran_order;
    Ok(Header { kind, item_size, big_endian, fortran_order, shape: fields.shape, data_start })
}

struct Fields {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// The Python dictionary `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse_fields(text: &str) -> Option<Fields> {
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    let mut rest = text.trim().strip_prefix('{')?;
    loop {
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return after.trim().is_empty().then_some(Fields {
                descr: descr?,
                fortran_order: fortran_order?,
                shape: shape?,
            });
        }
        let (key, after) = quoted(rest)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" => {
                let (word, after) = quoted(value)?;
                descr = Some(word.to_string());
                rest = after;
            }
            "fortran_order" => {
                let (is_fortran, after) = match value.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, value.strip_prefix("False")?),
                };
                fortran_order = Some(is_fortran);
                rest = after;
            }
            "shape" => {
                let (inside, after) = value.strip_prefix('(')?.split_once(')')?;
                let lengths = inside.split(',').map(str::trim).filter(|length| !length.is_empty());
                // Python 2 wrote long integers with an L.
                let parsed = lengths.map(|length| length.trim_end_matches('L').parse().ok());
                shape = Some(parsed.collect::<Option<Vec<usize>>>()?);
                rest = after;
            }
            _ => return None,
        }
    }
}

/// A quoted word at the beginning of `text`, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|&c| c == '\'' || c == '"')?;
    text[1..].split_once(quote)
}

/// Kind, bytes of one element, and whether the most significant byte comes first.
fn parse_type(descr: &str) -> Option<(Kind, usize, bool)> {
    let mut letters = descr.chars();
    let big_endian = match letters.next()? {
        '<' | '|' | '=' => false,
        '>' => true,
        _ => return None,
    };
    let letter = letters.next()?;
    let size: usize = letters.as_str().parse().ok()?;
    let kind = match (letter, size) {
        ('f', 2 | 4 | 8) => Kind::Float,
        ('i', 1 | 2 | 4 | 8) => Kind::Signed,
        ('u', 1 | 2 | 4 | 8) => Kind::Unsigned,
        ('b', 1) => Kind::Bool,
        ('U', 1..=65536) => return Some((Kind::Unicode, size * 4, big_endian)),
        ('S', 1..=65536) => Kind::Bytes,
        _ => return None,
    };
    Some((kind, size, big_endian))
}

/// Reads `$n` bytes at a time as `$type`, in the file's byte order.
macro_rules! numbers {
    ($data:expr, $header:expr, $type:ty) => {
        $data.chunks_exact(size_of::<$type>()).map(|bytes| {
            let mut array = [0; size_of::<$type>()];
            array.copy_from_slice(bytes);
            if $header.big_endian {
                <$type>::from_be_bytes(array)
            } else {
                <$type>::from_le_bytes(array)
            }
        })
    };
}

fn decode_values(file: &Path, header: &Header, data: &[u8]) -> Result<ArrayValues, FileError> {
    let shape = &header.shape;
    let fortran = header.fortran_order;
    Ok(match (header.kind, header.item_size) {
        (Kind::Float, 2) => ArrayValues::F32(ordered(
            numbers!(data, header, f16).map(f32::from).collect(),
            shape,
            fortran,
        )),
        (Kind::Float, 4) => {
            ArrayValues::F32(ordered(numbers!(data, header, f32).collect(), shape, fortran))
        }
        (Kind::Float, _) => {
            ArrayValues::F64(ordered(numbers!(data, header, f64).collect(), shape, fortran))
        }
        (Kind::Unsigned, 1) => ArrayValues::U8(ordered(data.to_vec(), shape, fortran)),
        (Kind::Bool, _) => ArrayValues::Bool(ordered(
            data.iter().map(|&byte| u8::from(byte != 0)).collect(),
            shape,
            fortran,
        )),
        (Kind::Unicode, size) => {
            let texts = data.chunks_exact(size).map(|item| {
                numbers!(item, header, u32)
                    .take_while(|&code| code != 0)
                    .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect::<String>()
            });
            ArrayValues::Texts(ordered(texts.collect(), shape, fortran))
        }
        (Kind::Bytes, size) => {
            let texts = data.chunks_exact(size).map(|item| {
                let end = item.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                String::from_utf8_lossy(&item[..end]).into_owned()
            });
            ArrayValues::Texts(ordered(texts.collect(), shape, fortran))
        }
        (kind, size) => {
            let values: Vec<i64> = match (kind, size) {
                (Kind::Signed, 1) => numbers!(data, header, i8).map(i64::from).collect(),
                (Kind::Signed, 2) => numbers!(data, header, i16).map(i64::from).collect(),
                (Kind::Signed, 4) => numbers!(data, header, i32).map(i64::from).collect(),
                (Kind::Signed, _) => numbers!(data, header, i64).collect(),
                (_, 2) => numbers!(data, header, u16).map(i64::from).collect(),
                (_, 4) => numbers!(data, header, u32).map(i64::from).collect(),
                _ => numbers!(data, header, u64)
                    .map(i64::try_from)
                    .collect::<Result<_, _>>()
                    .map_err(|_| malformed(file, "an unsigned number does not fit 63 bits"))?,
            };
            ArrayValues::I64(ordered(values, shape, fortran))
        }
    })
}

/// C order, from Fortran order when `fortran` is set.
fn ordered<T: Clone>(values: Vec<T>, shape: &[usize], fortran: bool) -> Vec<T> {
    if !fortran || shape.len() < 2 || values.is_empty() {
        return values;
    }
    let array = ArrayD::from_shape_vec(IxDyn(shape).f(), values)
        .expect("the header's shape was checked against the number of values");
    array.as_standard_layout().iter().cloned().collect()
}
