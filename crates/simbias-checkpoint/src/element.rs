//! Stored number types of tensors, and their bytes as numbers.

use half::{bf16, f16};

use crate::blocks::BlockKind;

/// How one number of a tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float, 10 bits of fraction.
    F16,
    /// 16-bit float, 7 bits of fraction.
    BF16,
    /// 8-bit float, 4 bits of exponent and no infinity (the "FN" form of PyTorch).
    F8E4M3,
    /// 8-bit float, 5 bits of exponent.
    F8E5M2,
    /// Numbers that share a scale with their neighbours (GGUF).
    Block(BlockKind),
    /// Anything else, by name: integers, truth values, packed quantised weights.
    Other(&'static str),
}

/// Numbers of a tensor in C order, in the narrowest of two types that holds them exactly.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// All stored types but 64-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
}

impl Numbers {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number `index` as a 64-bit float.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::F32(values) => f64::from(values[index]),
            Self::F64(values) => values[index],
        }
    }

    /// How many are NaN or infinite, and the first of them.
    pub fn not_finite(&self) -> Option<(usize, usize)> {
        fn count<T: Copy>(values: &[T], is_finite: fn(T) -> bool) -> Option<(usize, usize)> {
            let first = values.iter().position(|&value| !is_finite(value))?;
            Some((values[first..].iter().filter(|&&value| !is_finite(value)).count(), first))
        }
        match self {
            Self::F32(values) => count(values, f32::is_finite),
            Self::F64(values) => count(values, f64::is_finite),
        }
    }

    /// The numbers that `bytes` hold as `element`, little-endian; `None` for types that are not floats and for bytes
    /// that are not whole pieces of it.
    pub fn from_le_bytes(element: Element, bytes: &[u8]) -> Option<Self> {
        let (piece_len, piece_bytes) = element.piece()?;
        if !bytes.len().is_multiple_of(piece_bytes) {
            return None;
        }
        let mut numbers = Self::with_capacity(element, bytes.len() / piece_bytes * piece_len);
        element.decode(bytes, &mut numbers);
        Some(numbers)
    }

    /// Little-endian bytes, in the type in which the numbers are held.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// All numbers as 32-bit floats, 64-bit ones rounded.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F32(values) => values,
            Self::F64(values) => values.into_iter().map(|value| value as f32).collect(),
        }
    }

    pub(crate) fn with_capacity(element: Element, n: usize) -> Self {
        match element {
            Element::F64 => Self::F64(Vec::with_capacity(n)),
            _ => Self::F32(Vec::with_capacity(n)),
        }
    }
}

impl Element {
    /// Name as safetensors or ggml write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::F8E4M3 => "F8_E4M3",
            Self::F8E5M2 => "F8_E5M2",
            Self::Block(kind) => kind.name(),
            Self::Other(name) => name,
        }
    }

    /// How many numbers and bytes the smallest decodable piece has; `None` for types that are not floats.
    pub const fn piece(self) -> Option<(usize, usize)> {
        match self {
            Self::F64 => Some((1, 8)),
            Self::F32 => Some((1, 4)),
            Self::F16 | Self::BF16 => Some((1, 2)),
            Self::F8E4M3 | Self::F8E5M2 => Some((1, 1)),
            Self::Block(kind) => Some((kind.len(), kind.n_bytes())),
            Self::Other(_) => None,
        }
    }

    /// Bytes of one element if elements are stored one by one; `None` for blocks and unknown types.
    pub const fn stored_bytes(self) -> Option<usize> {
        match self {
            Self::Block(_) => None,
            Self::Other(name) => match name.as_bytes() {
                b"BOOL" | b"U8" | b"I8" => Some(1),
                b"U16" | b"I16" => Some(2),
                b"U32" | b"I32" => Some(4),
                b"U64" | b"I64" | b"C64" => Some(8),
                _ => None,
            },
            _ => match self.piece() {
                Some((_, bytes)) => Some(bytes),
                None => None,
            },
        }
    }

    /// Spacing of neighbouring numbers in relation to their size, the "epsilon" of the stored type. For block
    /// types it is that of their scales, although the codes are coarser.
    pub const fn epsilon(self) -> f64 {
        match self {
            Self::F64 => f64::EPSILON,
            Self::F32 | Self::Other(_) => f32::EPSILON as f64,
            Self::F16 | Self::Block(_) => 9.765_625e-4,
            Self::BF16 => 7.812_5e-3,
            Self::F8E4M3 => 0.125,
            Self::F8E5M2 => 0.25,
        }
    }

    /// Whether numbers share scales, so that what is read is not what was trained.
    pub const fn is_quantised(self) -> bool {
        matches!(self, Self::Block(_))
    }

    /// Appends the numbers of `bytes`, whole pieces in little-endian order.
    pub(crate) fn decode(self, bytes: &[u8], into: &mut Numbers) {
        match into {
            Numbers::F64(values) => {
                let (chunks, _) = bytes.as_chunks();
                values.extend(chunks.iter().map(|&bytes| f64::from_le_bytes(bytes)));
            }
            Numbers::F32(values) => self.decode_f32(bytes, values),
        }
    }

    fn decode_f32(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F64 => {
                let (chunks, _) = bytes.as_chunks();
                values.extend(chunks.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32));
            }
            Self::F32 => {
                let (chunks, _) = bytes.as_chunks();
                values.extend(chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            }
            Self::F16 => {
                let (chunks, _) = bytes.as_chunks();
                values.extend(chunks.iter().map(|&bytes| f32::from(f16::from_le_bytes(bytes))));
            }
            Self::BF16 => {
                let (chunks, _) = bytes.as_chunks();
                values.extend(chunks.iter().map(|&bytes| f32::from(bf16::from_le_bytes(bytes))));
            }
            Self::F8E4M3 => values.extend(bytes.iter().map(|&byte| e4m3(byte))),
            Self::F8E5M2 => values.extend(bytes.iter().map(|&byte| e5m2(byte))),
            Self::Block(kind) => kind.decode(bytes, values),
            Self::Other(_) => {}
        }
    }

    /// Bytes of `numbers` in this type, rounded to nearest; `None` for types that cannot be written.
    pub(crate) fn encode(self, numbers: &Numbers) -> Option<Vec<u8>> {
        let n = numbers.len();
        let all = (0..n).map(|index| numbers.get(index));
        Some(match self {
            Self::F64 => all.flat_map(f64::to_le_bytes).collect(),
            Self::F32 => all.flat_map(|value| (value as f32).to_le_bytes()).collect(),
            Self::F16 => all.flat_map(|value| f16::from_f64(value).to_le_bytes()).collect(),
            Self::BF16 => all.flat_map(|value| bf16::from_f64(value).to_le_bytes()).collect(),
            Self::F8E4M3 => encode_f8(all, e4m3),
            Self::F8E5M2 => encode_f8(all, e5m2),
            Self::Block(_) | Self::Other(_) => return None,
        })
    }
}

/// Source: Micikevicius et al. 2022, *FP8 Formats for Deep Learning*.
fn e4m3(byte: u8) -> f32 {
    let (exponent, fraction) = (i32::from(byte >> 3 & 15), f32::from(byte & 7));
    let magnitude = match (exponent, byte & 7) {
        (15, 7) => f32::NAN,
        (0, _) => fraction * 2.0_f32.powi(-9),
        _ => (1.0 + fraction / 8.0) * 2.0_f32.powi(exponent - 7),
    };
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

/// The upper byte of a 16-bit float.
fn e5m2(byte: u8) -> f32 {
    f32::from(f16::from_bits(u16::from(byte) << 8))
}

/// The nearest of the 256 numbers, the even code on ties.
fn encode_f8(values: impl Iterator<Item = f64>, decode: fn(u8) -> f32) -> Vec<u8> {
    let mut positive: Vec<(f64, u8)> = (0..0x80_u8)
        .map(|code| (f64::from(decode(code)), code))
        .filter(|(value, _)| value.is_finite())
        .collect();
    positive.sort_by(|left, right| left.0.total_cmp(&right.0));
    let not_a_number = 0x7f_u8;
    values
        .map(|value| {
            if value.is_nan() {
                return not_a_number;
            }
            let sign = if value.is_sign_negative() { 0x80 } else { 0 };
            let above = positive.partition_point(|(number, _)| *number < value.abs());
            let code = match (above.checked_sub(1), positive.get(above)) {
                (Some(below), Some(&(high, high_code))) => {
                    let (low, low_code) = positive[below];
                    match (value.abs() - low).total_cmp(&(high - value.abs())) {
                        std::cmp::Ordering::Less => low_code,
                        std::cmp::Ordering::Greater => high_code,
                        std::cmp::Ordering::Equal if low_code % 2 == 0 => low_code,
                        std::cmp::Ordering::Equal => high_code,
                    }
                }
                (None, Some(&(_, code))) => code,
                (Some(below), None) => positive[below].1,
                (None, None) => not_a_number,
            };
            sign | code
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_eight_bit_float_survives_decoding_and_encoding() {
        for decode in [e4m3 as fn(u8) -> f32, e5m2] {
            for code in 0..=u8::MAX {
                let value = decode(code);
                if value.is_finite() {
                    assert_eq!(encode_f8([f64::from(value)].into_iter(), decode), [code]);
                }
            }
        }
        assert_eq!(e4m3(0x7e), 448.0);
        assert_eq!(e4m3(0x01), 2.0_f32.powi(-9));
        assert!(e4m3(0xff).is_nan());
        assert_eq!(e5m2(0x7b), 57344.0);
    }

    #[test]
    fn halfway_between_two_eight_bit_floats_the_even_code_wins() {
        // 17 lies between 16 (code 0x58) and 18 (0x59).
        assert_eq!(encode_f8([17.0, 17.1, -1e9].into_iter(), e4m3), [0x58, 0x59, 0xfe]);
    }
}
