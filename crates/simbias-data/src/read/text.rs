//! From the bytes of a text file to UTF-8.

use std::{borrow::Cow, path::Path};

use simbias_report::Caveat;

use crate::DataError;

/// Bytes looked at before a file is taken for text.
const LOOKED_AT: usize = 4096;

/// A file's text in UTF-8, and what had to be done for it.
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) note: Option<Caveat>,
}

/// Reads UTF-8, UTF-16 (with or without a byte order mark) and, when the bytes are neither, Windows-1252, the superset
/// of Latin-1 that European spreadsheets write.
pub(super) fn decode<'a>(file: &Path, bytes: &'a [u8]) -> Result<Decoded<'a>, DataError> {
    if let Some((is_little, rest)) = utf16(bytes) {
        let text = decode_utf16(file, rest, is_little)?;
        return checked(file, Decoded { text: text.into(), note: None });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(position) = bytes.iter().take(LOOKED_AT).position(is_control) {
        return Err(malformed(file, format!("byte {position} is not text")));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => checked(file, Decoded { text: text.into(), note: None }),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            // Accents that are whole in UTF-8 show that the file is UTF-8, and this place is damaged.
            if !valid.is_ascii() {
                return Err(malformed(file, format!("line {line} is damaged: it is not UTF-8")));
            }
            let note = Caveat::note(
                "encoding",
                format!(
                    "{file:?} is not UTF-8 (line {line}); it was read as Windows-1252, which contains Latin-1. If \
                     accents look wrong, save it as UTF-8."
                ),
            );
            let text: String = bytes.iter().map(|&byte| windows_1252(byte)).collect();
            checked(file, Decoded { text: text.into(), note: Some(note) })
        }
    }
}

fn checked<'a>(file: &Path, decoded: Decoded<'a>) -> Result<Decoded<'a>, DataError> {
    if decoded.text.trim().is_empty() {
        return Err(malformed(file, "it is empty"));
    }
    match decoded.text.bytes().take(LOOKED_AT).position(|byte| is_control(&byte)) {
        Some(position) => Err(malformed(file, format!("byte {position} is not text"))),
        None => Ok(decoded),
    }
}

fn is_control(byte: &u8) -> bool {
    *byte < 0x20 && !byte.is_ascii_whitespace()
}

/// Whether the bytes are UTF-16, which end comes first, and the bytes after the mark.
fn utf16(bytes: &[u8]) -> Option<(bool, &[u8])> {
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return Some((true, rest));
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return Some((false, rest));
    }
    // Without a mark: nearly every other byte of a Western text is zero.
    let looked = &bytes[..bytes.len().min(LOOKED_AT) / 2 * 2];
    let zeros =
        |first: usize| looked.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    let n_pairs = looked.len() / 2;
    let mostly = |count: usize| count * 10 > n_pairs * 8;
    match (zeros(0), zeros(1)) {
        _ if n_pairs < 4 => None,
        (0, odd) if mostly(odd) => Some((true, bytes)),
        (even, 0) if mostly(even) => Some((false, bytes)),
        _ => None,
    }
}

fn decode_utf16(file: &Path, bytes: &[u8], is_little: bool) -> Result<String, DataError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs
        .iter()
        .map(|&pair| if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err(malformed(file, "it begins as UTF-16 text, but is damaged or cut short")),
    }
}

/// A character of Windows-1252; the five unused bytes keep their value.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// A text table that cannot be read.
pub(super) fn malformed(file: &Path, problem: impl Into<String>) -> DataError {
    DataError::malformed(
        file,
        "table",
        problem,
        "expected text (UTF-8, UTF-16 or Latin-1) with a header line and as many cells in every line",
    )
}
