//! Lists and ranges of indices.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use serde::Deserialize;

use crate::RelianceError;

/// Indices as a list, or as half-open ranges: `"1..50"`, `"0, 4..8"`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Indices {
    List(Vec<usize>),
    Text(String),
}

impl Indices {
    pub(super) fn resolve(&self, block: &str) -> Result<Vec<usize>, RelianceError> {
        match self {
            Self::List(indices) => Ok(indices.clone()),
            Self::Text(text) => parse_ranges(text)
                .map_err(|problem| RelianceError::BadSelection { block: block.into(), problem }),
        }
    }
}

/// Rows or columns of an image as a half-open range: `"8..16"`, `"8.."`, `"..16"` or `".."`, or as `[8, 16]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Span {
    Ends([usize; 2]),
    Text(String),
}

impl Span {
    /// The range within `length` rows or columns, which `what` names; a problem otherwise.
    pub(super) fn within(&self, what: &str, length: usize) -> Result<Range<usize>, String> {
        let bad = || {
            format!(
                "{self} is not a half-open range of {what} such as 8..16, 8.., ..16 or .. (the first {what} is 0)",
            )
        };
        let (low, high) = match self {
            Self::Ends([low, high]) => (*low, *high),
            Self::Text(text) => {
                let (low, high) = text.split_once("..").ok_or_else(bad)?;
                let end = |text: &str, open: usize| match text.trim() {
                    "" => Ok(open),
                    number => number.parse().map_err(|_| bad()),
                };
                (end(low, 0)?, end(high, length)?)
            }
        };
        if low >= high || high > length {
            return Err(format!(
                "{what} {low}..{high} are not inside the image, which has the {what} 0..{length}"
            ));
        }
        Ok(low..high)
    }
}

impl Display for Span {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ends([low, high]) => write!(formatter, "{low}..{high}"),
            Self::Text(text) => write!(formatter, "{text:?}"),
        }
    }
}

/// Maximum number of indices in a block, and largest index of a range; anything beyond is a mistake.
const MOST_INDICES: usize = 1 << 24;

fn parse_ranges(text: &str) -> Result<Vec<usize>, String> {
    let bad = |part: &str| {
        format!("{part:?} is neither an index nor a half-open range such as \"1..50\"")
    };
    let mut indices = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once("..") {
            Some((low, high)) => {
                let low: usize = low.trim().parse().map_err(|_| bad(part))?;
                let high: usize = high.trim().parse().map_err(|_| bad(part))?;
                let n = high.saturating_sub(low);
                if n == 0 || high > MOST_INDICES || indices.len() + n > MOST_INDICES {
                    return Err(format!("range {part:?} is empty or too long"));
                }
                indices.extend(low..high);
            }
            None => indices.push(part.parse().map_err(|_| bad(part))?),
        }
    }
    Ok(indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_may_be_open() {
        let span = |text: &str| Span::Text(text.into()).within("rows", 28);
        assert_eq!(span("8..16"), Ok(8..16));
        assert_eq!(span(" ..4"), Ok(0..4));
        assert_eq!(span("20.."), Ok(20..28));
        assert_eq!(span(".."), Ok(0..28));
        assert_eq!(Span::Ends([0, 28]).within("rows", 28), Ok(0..28));
        for text in ["8", "8-16", "a..b", "16..8", "0..29"] {
            let problem = span(text).unwrap_err();
            assert!(problem.contains("rows"), "{problem}");
        }
    }

    #[test]
    fn ranges_of_more_columns_than_any_data_have_are_refused() {
        assert_eq!(parse_ranges("0, 4..6").unwrap(), [0, 4, 5]);
        for text in ["3..111111111", "5..5", "9..2"] {
            assert!(parse_ranges(text).is_err(), "{text}");
        }
        assert!(parse_ranges("0..9000000, 0..9000000").is_err(), "together they are too many");
    }
}
