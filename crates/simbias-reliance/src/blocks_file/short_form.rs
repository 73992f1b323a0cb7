//! The short form of a definition, for a command line.

use super::BlocksFile;
use super::indices::{Indices, Span};
use super::spec::{BlockSpec, band_name, default_correlation, grid_name};
use crate::RelianceError;

impl BlocksFile {
    /// Reads a short form: `grid:3x3`, `bands:4`, `correlation:0.7`, `columns`,
    /// `region:NAME=0..8,20..28;OTHER=..,0..4` as rectangles (rows, then columns of an image),
    /// or `NAME=0,3..7;OTHER=8..12` as named index lists. All ranges are half-open and begin at 0.
    ///
    /// # Errors
    /// Any other text; the message lists the known forms.
    pub fn from_short_form(text: &str) -> Result<Self, RelianceError> {
        let bad = |problem: String| RelianceError::BlockFile { problem };
        let one = |block: BlockSpec| Ok(Self { transform: None, blocks: vec![block] });
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "grid" => {
                let parsed = rest.split_once('x').and_then(|(rows, cols)| {
                    Some((rows.trim().parse().ok()?, cols.trim().parse().ok()?))
                });
                let (rows, cols) = parsed
                    .ok_or_else(|| bad(format!("{text:?}: write the grid as grid:ROWSxCOLUMNS")))?;
                one(BlockSpec::Grid { name: grid_name(), rows, cols })
            }
            "bands" => {
                let n = rest
                    .trim()
                    .parse()
                    .map_err(|_| bad(format!("{text:?}: write bands:NUMBER")))?;
                one(BlockSpec::Bands { name: band_name(), n })
            }
            "correlation" => {
                let threshold = if rest.is_empty() {
                    default_correlation()
                } else {
                    rest.trim()
                        .parse()
                        .map_err(|_| bad(format!("{text:?}: write correlation:THRESHOLD")))?
                };
                one(BlockSpec::AutoCorrelation { threshold })
            }
            "columns" if rest.is_empty() => one(BlockSpec::EachColumn),
            "region" => {
                let parts = rest.split(';').filter(|part| !part.trim().is_empty());
                let blocks = parts.map(region).collect::<Result<Vec<_>, _>>()?;
                if blocks.is_empty() {
                    return Err(bad_region(text));
                }
                Ok(Self { transform: None, blocks })
            }
            _ if text.contains('=') => {
                let mut blocks = Vec::new();
                for part in text.split(';').filter(|part| !part.trim().is_empty()) {
                    let (name, indices) = part
                        .split_once('=')
                        .ok_or_else(|| bad(format!("{part:?}: write NAME=INDICES")))?;
                    blocks.push(BlockSpec::Columns {
                        name: name.trim().into(),
                        index: Some(Indices::Text(indices.into())),
                        names: Vec::new(),
                        prefix: None,
                    });
                }
                Ok(Self { transform: None, blocks })
            }
            _ => Err(bad(format!(
                "{text:?} is neither an existing file nor one of grid:3x3, bands:4, correlation:0.7, \
                 columns, region:name=0..8,20..28, name=0,3..7;other=8..12"
            ))),
        }
    }
}

/// `NAME=ROWS,COLUMNS`.
fn region(text: &str) -> Result<BlockSpec, RelianceError> {
    let parts = text.split_once('=').and_then(|(name, spans)| {
        let (rows, cols) = spans.split_once(',')?;
        Some([name, rows, cols].map(str::trim))
    });
    let is_span = |text: &str| text.contains("..");
    match parts {
        Some([name, rows, cols]) if !name.is_empty() && is_span(rows) && is_span(cols) => {
            Ok(BlockSpec::Region {
                name: name.into(),
                rows: Some(Span::Text(rows.into())),
                cols: Some(Span::Text(cols.into())),
                channels: None,
            })
        }
        _ => Err(bad_region(text)),
    }
}

fn bad_region(text: &str) -> RelianceError {
    let problem =
        format!("{text:?}: write a region as NAME=ROWS,COLUMNS, such as logo=0..8,20..28");
    RelianceError::BlockFile { problem }
}
