//! One cell of a table.

use std::borrow::Cow;

use super::date::Moment;

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
    /// A date, a time or both.
    Moment(Moment),
}

impl<'a> Cell<'a> {
    /// The text as it goes into a name.
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Raw(text) | Self::Text(text) => text.into(),
            Self::Number(value) => value.to_string().into(),
            Self::Moment(moment) => format!("{}", moment.days + moment.hour / 24.0).into(),
            Self::Missing | Self::Bytes(_) => "".into(),
        }
    }
}
