//! Block definitions applied to data: every selection becomes coordinates.

use std::collections::BTreeMap;

use simbias_data::transform::RadialBand;
use simbias_data::{Dataset, ImageShape};

use super::MatrixLoader;
use super::coordinates::AnyTransform;
use super::glob::glob_matches;
use super::indices::Span;
use super::spec::{BlockSpec, Channels};
use crate::propose::{correlation_clusters, grid, one_hot_groups};
use crate::{Block, RelianceError};

pub(super) struct Resolver<'a> {
    pub(super) data: &'a Dataset,
    pub(super) transform: &'a AnyTransform,
    pub(super) load: MatrixLoader<'a>,
}

impl Resolver<'_> {
    pub(super) fn resolve(&self, spec: &BlockSpec) -> Result<Vec<Block>, RelianceError> {
        match spec {
            BlockSpec::Columns { name, index, names, prefix } => {
                let mut columns = match index {
                    Some(index) => index.resolve(name)?,
                    None => Vec::new(),
                };
                for pattern in names {
                    columns.extend(self.matching(name, pattern)?);
                }
                if let Some(prefix) = prefix {
                    columns.extend(self.matching(name, &format!("{prefix}*"))?);
                }
                Ok(vec![Block::new(name, columns)])
            }
            BlockSpec::Region { name, rows, cols, channels } => self
                .region(name, rows.as_ref(), cols.as_ref(), channels.as_ref())
                .map(|block| vec![block]),
            BlockSpec::Grid { name, rows, cols } => grid(self.image(name)?, *rows, *cols, name),
            BlockSpec::Mask { name, file } => self.mask(name, file),
            BlockSpec::Band { name, low, high } => {
                self.band(name, RadialBand { low: *low, high: *high }).map(|block| vec![block])
            }
            BlockSpec::Bands { name, n } => {
                if *n == 0 {
                    return Err(RelianceError::BadSelection {
                        block: name.clone(),
                        problem: "0 bands select nothing; use 2 or more".into(),
                    });
                }
                RadialBand::partition(*n)
                    .into_iter()
                    .map(|band| {
                        let label = format!("{name} {:.2}–{:.2}", band.low, band.high);
                        self.band(&label, band)
                    })
                    .collect()
            }
            BlockSpec::Linear { name, coordinates, .. } => {
                Ok(vec![Block::new(name, coordinates.resolve(name)?)])
            }
            BlockSpec::Modality { name, tensors } => self.modality(name, tensors),
            BlockSpec::AutoCorrelation { threshold } => {
                self.untransformed("auto-correlation")?;
                correlation_clusters(self.data, *threshold)
            }
            BlockSpec::EachColumn => {
                self.untransformed("columns")?;
                Ok(one_hot_groups(self.data))
            }
        }
    }

    fn untransformed(&self, block: &str) -> Result<(), RelianceError> {
        if self.transform.transform().is_identity() {
            return Ok(());
        }
        Err(RelianceError::BadSelection {
            block: block.into(),
            problem:
                "this kind selects input columns, but a transform is set; name coordinates by index"
                    .into(),
        })
    }

    fn image(&self, block: &str) -> Result<ImageShape, RelianceError> {
        self.untransformed(block)?;
        self.data.layout.image_shape().ok_or_else(|| RelianceError::BadSelection {
            block: block.into(),
            problem: "the data are not images of shape [channels, height, width]".into(),
        })
    }

    fn matching(&self, block: &str, pattern: &str) -> Result<Vec<usize>, RelianceError> {
        self.untransformed(block)?;
        let names: Vec<String> =
            (0..self.data.n_features()).map(|c| self.data.layout.column_name(c)).collect();
        // The name of a column of the user's own means all that was made of it: categories, the hours of a date.
        let matches = |name: &str| {
            let of_date = name.strip_suffix(" (hour)");
            glob_matches(pattern, name) || of_date.is_some_and(|date| glob_matches(pattern, date))
        };
        let own = self.data.layout.column_groups();
        let of_own = |column: usize| {
            own.iter().any(|group| group.columns.contains(&column) && matches(&group.name))
        };
        let is_meant = |&column: &usize| matches(&names[column]) || of_own(column);
        let found: Vec<usize> = (0..names.len()).filter(is_meant).collect();
        if found.is_empty() {
            let mut shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
            if names.len() > shown.len() {
                shown.push("…");
            }
            return Err(RelianceError::UnknownColumn {
                block: block.into(),
                pattern: pattern.into(),
                available: shown.join(", "),
            });
        }
        Ok(found)
    }

    fn region(
        &self,
        name: &str,
        rows: Option<&Span>,
        cols: Option<&Span>,
        channels: Option<&Channels>,
    ) -> Result<Block, RelianceError> {
        let shape = self.image(name)?;
        let bad = |problem: String| RelianceError::BadSelection { block: name.into(), problem };
        let range = |given: Option<&Span>, what: &str, length: usize| match given {
            Some(span) => span.within(what, length).map_err(bad),
            None => Ok(0..length),
        };
        let rows = range(rows, "rows", shape.height)?;
        let cols = range(cols, "columns", shape.width)?;
        let channels = match channels {
            None => (0..shape.channels).collect(),
            Some(Channels::Text(text)) if text == "all" => (0..shape.channels).collect(),
            Some(Channels::Text(text)) => {
                return Err(bad(format!("channels {text:?} is neither \"all\" nor a list")));
            }
            Some(Channels::List(list)) => {
                if let Some(channel) = list.iter().find(|&&channel| channel >= shape.channels) {
                    return Err(bad(format!(
                        "channel {channel} is out of range; expected 0..{}",
                        shape.channels
                    )));
                }
                list.clone()
            }
        };
        let mut columns = Vec::new();
        for channel in channels {
            for row in rows.clone() {
                columns.extend(cols.clone().map(|col| shape.column(channel, row, col)));
            }
        }
        Ok(Block::new(name, columns))
    }

    fn mask(&self, name: &str, file: &str) -> Result<Vec<Block>, RelianceError> {
        let bad = |problem: String| RelianceError::BadSelection { block: name.into(), problem };
        let mask = (self.load)(file).map_err(bad)?;
        let n = self.transform.transform().n_coefficients();
        let repeats = match self.data.layout.image_shape() {
            _ if mask.len() == n => 1,
            Some(shape)
                if self.transform.transform().is_identity()
                    && mask.dim() == (shape.height, shape.width) =>
            {
                shape.channels
            }
            _ => {
                return Err(bad(format!(
                    "mask {file:?} has shape {:?}; expected {n} entries{}",
                    mask.shape(),
                    match self.data.layout.image_shape() {
                        Some(shape) => format!(" or [{}, {}]", shape.height, shape.width),
                        None => String::new(),
                    }
                )));
            }
        };
        let mut groups: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, &value) in mask.iter().enumerate() {
            if value.fract() != 0.0 || value.abs() > 1e9 {
                return Err(bad(format!(
                    "mask {file:?}: entry {index} is {value}; a mask holds whole numbers, 0 outside"
                )));
            }
            if value != 0.0 {
                let group = groups.entry(value as i64).or_default();
                group.extend((0..repeats).map(|channel| channel * mask.len() + index));
            }
        }
        if groups.is_empty() {
            return Err(RelianceError::EmptyBlock { block: name.into() });
        }
        let single = groups.len() == 1;
        Ok(groups
            .into_iter()
            .map(|(value, columns)| {
                let label = if single { name.to_string() } else { format!("{name} {value}") };
                Block::new(label, columns)
            })
            .collect())
    }

    fn band(&self, name: &str, band: RadialBand) -> Result<Block, RelianceError> {
        let columns = match self.transform {
            AnyTransform::Fft2(transform) => transform.band_columns(band),
            AnyTransform::Dct2(transform) => transform.band_columns(band),
            _ => {
                return Err(RelianceError::BadSelection {
                    block: name.into(),
                    problem: "bands need the transform fft2 or dct2".into(),
                });
            }
        };
        let columns = columns.map_err(|error| RelianceError::BadSelection {
            block: name.into(),
            problem: error.to_string(),
        })?;
        Ok(Block::new(name, columns))
    }

    fn modality(&self, name: &str, tensors: &[String]) -> Result<Vec<Block>, RelianceError> {
        self.untransformed(name)?;
        let mut columns = Vec::new();
        for tensor in tensors {
            let found = self.data.layout.tensors().iter().find(|spec| spec.name == *tensor);
            let spec = found.ok_or_else(|| {
                let known: Vec<&str> =
                    self.data.layout.tensors().iter().map(|spec| spec.name.as_str()).collect();
                RelianceError::BadSelection {
                    block: name.into(),
                    problem: format!("no input tensor {tensor:?}; there are {}", known.join(", ")),
                }
            })?;
            columns.extend(spec.offset..spec.offset + spec.n_features());
        }
        Ok(vec![Block::new(name, columns)])
    }
}
