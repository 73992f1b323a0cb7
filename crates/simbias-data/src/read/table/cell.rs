//! One cell of a table and what it means.

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::read) enum Cell<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
    /// As written in a text file: its meaning depends on the rest of the column.
    Raw(&'a str),
    /// An encoded image.
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// A raw cell with its meaning: missing, number or text.
    pub(in crate::read) fn read(self) -> Self {
        match self {
            Self::Raw(raw) if is_missing(raw) => Self::Missing,
            Self::Raw(raw) => raw.parse().map_or(Self::Text(raw), Self::Number),
            Self::Number(value) if value.is_nan() => Self::Missing,
            other => other,
        }
    }

    /// The text as it goes into a name.
    pub(super) fn text(self) -> std::borrow::Cow<'a, str> {
        match self {
            Self::Raw(text) | Self::Text(text) => text.into(),
            Self::Number(value) => value.to_string().into(),
            Self::Missing | Self::Bytes(_) => "".into(),
        }
    }
}

fn is_missing(raw: &str) -> bool {
    matches!(
        raw,
        "" | "NA" | "N/A" | "na" | "n/a" | "NaN" | "nan" | "NAN" | "null" | "NULL" | "None" | "?"
    )
}
