//! Lists and ranges of indices.

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
    fn ranges_of_more_columns_than_any_data_have_are_refused() {
        assert_eq!(parse_ranges("0, 4..6").unwrap(), [0, 4, 5]);
        for text in ["3..111111111", "5..5", "9..2"] {
            assert!(parse_ranges(text).is_err(), "{text}");
        }
        assert!(parse_ranges("0..9000000, 0..9000000").is_err(), "together they are too many");
    }
}
